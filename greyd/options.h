// The daemon's command line, checked, as plain values. See qmail-greyd(8).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/base/log_format.h"
#include "greyd/base/settings_table.h"
#include "greyd/base/store_url.h"
#include "greyd/core/policy.h"
#include "greyd/fronts/admission.h"
#include "greyd/lists/network_set.h"
#include "greyd/net/listener.h"
#include "greyd/state/sync.h"
#include "greyd/wire/endpoint.h"

namespace CLI {
class App;
}

namespace grey {

enum class SandboxUse { on, off };
enum class Verbosity { errors = 0, decisions = 1, state = 2, records = 3 };

struct Options {
  Policy policy;
  Endpoint listen;
  std::string context_file;  // absolute, or relative to the working directory
  std::string whitelist;     // empty: none
  std::string blacklist;     // empty: none
  std::string rules;         // empty: none
  Sync sync = Sync::second;
  Seconds save_interval = 5 * 60;
  Seconds free_interval = 5 * 60;
  std::size_t max_records = 2'000'000;
  Verbosity verbosity = Verbosity::decisions;
  LogFormat log_format = LogFormat::plain;
  std::string user;  // empty: stay who we are
  // Who may ask. Absent: loopback and this host's own addresses.
  std::optional<NetworkSet> allow;
  std::vector<ListenAddress> mta_addresses;         // empty: no policy requests are taken
  std::vector<ListenAddress> submission_addresses;  // likewise, of servers for our own users
  std::string mta_text;        // of a deferral, see MtaWords; empty: the default
  std::string control;         // the control socket's path; empty: there is none
  bool control_given = false;  // else it is beside the context file, and can be done without
  std::string control_group;   // may use it, too; empty: none
  // Where s6 waits for a newline (SupervisorNotice::tell_s6). Absent: nobody does.
  std::optional<int> notification_fd;
  std::optional<StoreUrl> store;    // by which others share the state; absent: nobody does
  std::string store_password_file;  // empty: no password
  std::string store_key_file;       // of a store
  std::string key_file;             // of who asks by UDP; empty: there are no keys
  RequireKey require_key = RequireKey::remote;  // of no meaning without
  SandboxUse sandbox = SandboxUse::on;  // what is given up once it has what it needs, see confine.h
  bool look_ups = true;  // networks of domains are looked up, by a process of its own
  std::string resolver;  // whom that asks: "192.0.2.1@53"; empty: who is in resolv.conf
  bool check = false;    // say whether a start would do, instead of one
};

// Those of both.
inline std::vector<ListenAddress> policy_places(const Options& options) {
  std::vector<ListenAddress> all = options.mta_addresses;
  all.insert(all.end(), options.submission_addresses.begin(), options.submission_addresses.end());
  return all;
}

// What the command line asked for instead of a run: text for standard output, then exit 0.
struct Information {
  std::string text;
};

struct CommandLine {
  Options options;
  std::optional<Information> information;
};

// The form of the log that they ask for, of arguments that may be wrong elsewhere: what is wrong is
// said in it, too.
LogFormat log_format_in(const std::vector<std::string>& arguments);

// `arguments` are argv. `control_directory` is $CONTROLDIR, empty when unset.
Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments,
                                       const std::string& control_directory);

// Shows the table of options, for what is written from it.
void look_at_options(const std::function<void(const CLI::App&)>& look);

}  // namespace grey
