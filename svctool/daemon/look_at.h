// Looks at what a check judges: a daemon's files, its ports, its log. Changes nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "svctool/daemon/judge_log.h"
#include "svctool/daemon/judge_running.h"
#include "svctool/daemon/judge_state.h"
#include "svctool/plan/service_request.h"

namespace grey::svctool {

// A service as it is set now, and the process of its daemon when one is known to run.
struct Seen {
  const ServiceRequest& request;
  const std::string& service;
  pid_t daemon = 0;
  std::optional<StartValues> started = {};  // absent: not known, or not as `run` starts it
};
Seen see(const ServiceRequest& request, const std::string& service, pid_t daemon);

// What its files say of each variable that a daemon is started with.
StartValues values_set(const Seen& seen);

StateFacts look_at_state(const Seen& seen);

// What the newest part of the log says.
LogNews look_at_news(const Suite& suite, const std::string& service);

// Those that the settings name, whether or not the daemon that runs was started with them.
std::vector<MtaFacts> look_at_mta(const Seen& seen);
// Who has one of them, without asking: as judge_mta() would say it. Empty: nobody else.
std::string find_mta_holder(const Seen& seen);
// The same of places that are about to be set.
std::string find_mta_holder(const Seen& seen, const std::string& places);

// Its lists and their cdbs, those that are there.
std::vector<ListFacts> look_at_lists(const Seen& seen);
// The file of the keys of who asks, which is read again with the lists. Nothing in it is read here.
std::vector<ListFacts> look_at_keys(const Seen& seen);
// The files of its store's password and key. Nothing in them is read.
std::vector<ListFacts> look_at_secrets(const Seen& seen);

// What has a daemon that is to run as another user go on with the state that is there: the
// commands, one after the other. Empty: its files are that user's, or none is there. "": root.
// `runs`: a daemon does, so that there will be what its end leaves, a snapshot without a journal.
std::string hand_over_state(const std::string& service, const std::string& user, bool runs);

// Seconds since 1970, when the daemon was started. Absent: it does not run.
std::optional<double> started_at(const Seen& seen);

// What statvfs(3) says for who is not root. Nothing when it says nothing.
std::optional<Room> room_of(const std::string& directory);

}  // namespace grey::svctool
