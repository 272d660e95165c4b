// Judges a daemon that runs by what it was started with: settings, lists and sockets that are not
// those of the files now. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "svctool/daemon/judge_log.h"
#include "svctool/daemon/probe.h"
#include "svctool/plan/findings.h"

namespace grey::svctool {

// What a daemon was started with, by the variables of a service.
using StartValues = std::map<std::string, std::string, std::less<>>;

// From its command line. Nothing when that is not one that the service's `run` makes, as its
// operator has another one.
std::optional<StartValues> start_values(const std::vector<std::string>& command_line,
                                        bool use_greydaemon);

// `set`: what the files say. A variable that `run` does not pass on is not compared.
void judge_start_values(const StartValues& set, const StartValues& started,
                        const std::string& service, Findings& findings);

// A list, its text or its cdb. Times are seconds since 1970.
struct ListFacts {
  std::string path;
  double changed_at = 0;
};

// What has the lists read again.
struct Commands {
  std::string reload, restart;
};

// `started_at`: when the daemon was; absent: it does not run.
void judge_lists(const std::vector<ListFacts>& lists, std::optional<double> started_at,
                 const LogNews& news, const Commands& commands, Findings& findings);

// A place where mail servers ask.
struct MtaFacts {
  std::string place;
  std::string other;              // who else has it; empty: nobody
  std::optional<MtaProbe> probe;  // absent: the daemon that runs was not started with it
};
void judge_mta(const std::vector<MtaFacts>& places, const std::string& service,
               const std::string& log, Findings& findings);

}  // namespace grey::svctool
