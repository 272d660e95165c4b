// What supervises a service, told and asked whether it is there: supervise(8) of daemontools, and
// what runit and s6 have in its place, through the fifos in the directory `supervise` of the
// service; what has none of these by its commands. Which order is what stands in suite.h.
#pragma once

#include <string>
#include <string_view>

#include "greyd/base/error.h"
#include "svctool/plan/suite.h"

namespace grey::svctool {

bool is_supervised(const std::string& service);

// Whether this process is not allowed to find that out.
bool is_supervision_hidden(const std::string& service);

// Whether a suite that has no scanner runs this machine.
bool runs_here(const Suite& suite);

// Runs a command of a suite, `last` behind its words.
Result<void> run_words(std::string_view words, const std::string& last = {});

// Where the suite runs and has files of its own: has it read them again.
Result<void> reread_own_files(const Suite& suite);

// Gives the order, such as tell(suite, suite.restart, service).
Result<void> tell(const Suite& suite, const Order& order, const std::string& service);

// The same of an order that starts the daemon, where one that does not come to answer is no error:
// the supervisor tries again, and what is wrong is found by who looks (report_answer).
Result<void> tell_to_start(const Suite& suite, const Order& order, const std::string& service);

constexpr int kStopSeconds = 300;  // a daemon with many records saves for a while

// Ends the daemon, then what writes its log, and what supervises both. The supervisor's scanner
// must not see the service any more, or it starts it again. Where there is none, also its start at
// boot ends. An error when one of them does not end within five minutes.
Result<void> stop_service(const Suite& suite, const std::string& service);

// Tells the supervisor, as svc(8) does: each letter is a command ("d" down, "x" exit).
Result<void> tell_supervisor(const std::string& service, const std::string& commands);

// Waits until no supervisor runs there. False when `seconds` have passed.
bool wait_until_unsupervised(const std::string& service, int seconds);

}  // namespace grey::svctool
