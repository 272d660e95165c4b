// The supervision suites: one table, in which each says what it calls the things that a service
// needs, which files it starts a service from, and how it is told and asked. Pure: what is told
// and asked is data here, who does it is supervision.h and service_state.h. What has to know a
// suite asks for what it needs to know ("does it keep the log?"), never for a suite's name; so one
// more suite is one more row, and the functions that the row names.
//
// daemontools, runit and s6 start the same service directory: `run`, `log/run`, `down`, a directory
// of variables. A machine may have only one of them, so the scripts use that one's programs.
// systemd starts a unit, which has its settings in one file and its log in the journal.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "svctool/plan/service_status.h"
#include "svctool/plan/write_access.h"

namespace grey::svctool {

struct Plan;
class PlanBuilder;
struct ServiceRequest;

// What a suite is told of one service.
struct Order {
  std::string_view words;         // the command that does it; the service follows
  std::string_view letters = {};  // what that writes to supervise/control; empty: it is run
};

struct Suite {
  std::string_view name;        // of --supervise
  std::string_view servicedir;  // where services are unless --servicedir says
  std::string_view scanner;     // program that starts what is in a directory; empty: there is none,
                                // and the suite is told of each service
  bool scanner_works_there;     // it changes into that directory; else that is its argument
  std::string_view leaves;      // in a service directory that it has supervised, and no other does;
                                // empty: nothing of its own
  std::string_view runs_where;  // directory that is there while a suite without a scanner runs

  // Words in a script, and what follows them. Empty: the suite sees to that before it starts `run`.
  std::string_view envdir;        // directory of variables
  std::string_view memory_limit;  // bytes
  std::string_view as_user;       // user
  std::string_view logger;        // nothing: the whole command, of LOGDIR, LOGSIZE, LOGCOUNT

  // A descriptor that `run` inherits, and where a newline says that the daemon answers; this is
  // also the content of the file `notification-fd` that makes it so. Empty: there is none.
  std::string_view notification_fd;

  // Files, and what names the service.
  void (*add_files)(const ServiceRequest&, Plan&, PlanBuilder&);  // all that it is started from
  std::string_view settings_file;  // below the service directory; empty: a file each in variables/
  std::string (*known_as)(const std::string& service);   // in commands
  std::string (*own_file)(const std::string& service);   // outside that directory; null: none
  std::string (*service_of)(std::string_view own_file);  // from its text; empty: another's
  std::string_view log_keeper;  // empty: the service's own logger, below LOGDIR
  std::string_view show_log;    // of log_keeper; the service follows
  std::string_view log_news;    // likewise: its newest part, with the time of each line

  // Orders; the daemon saves before it ends.
  Order restart;             // it ends and is started again
  Order start;               // one that was put down is started
  Order reload;              // it reads its lists again
  Order put_down;            // it ends until it is started
  Order end;                 // for good, with what supervises it
  std::string_view rescan;   // SERVICEDIR follows; empty: the scanner finds new services by itself
  std::string_view reread;   // nothing: own files have changed
  std::string_view install;  // the service follows: it is new, and to be started

  // Whether it is started at boot. Empty: it is, unless a file `down` is in its directory.
  std::string_view is_enabled;       // exits 0; the service follows
  std::string_view enable, disable;  // likewise

  // Questions: a file below the service directory, or a command that the service follows.
  std::string_view state_file, state_words;
  std::optional<ServiceState> (*parse_state)(std::string_view);
  std::string_view access_words;  // empty: every file of the service's user can be written
  WriteAccess (*parse_access)(std::string_view);
};

std::span<const Suite> suites();
const Suite& daemontools();

// Null: none has this name.
const Suite* find_suite(std::string_view name);

// It finds services by looking into a directory, and each has a supervisor of its own, which is
// told through the fifo supervise/control.
inline bool has_scanner(const Suite& suite) {
  return !suite.scanner.empty();
}
// `run` is started as the service's user and below its memory limit; else `run` sees to both.
inline bool sets_user(const Suite& suite) {
  return suite.as_user.empty();
}
// There is no log service.
inline bool keeps_log(const Suite& suite) {
  return suite.logger.empty();
}

// "svscan, runsvdir, s6-svscan and systemd": what may run.
std::string names_of_what_runs();

// Words for the operator: "svc -t /service/greylist.1999", or "systemctl restart
// greylist.1999.service".
std::string command(const Suite& suite, std::string_view words, const std::string& service);
std::string restart_command(const Suite& suite, const std::string& service);
std::string start_command(const Suite& suite, const std::string& service);
std::string reload_command(const Suite& suite, const std::string& service);

// The same for a program to run: each word, and what follows them.
std::vector<std::string> arguments_of(std::string_view words, const std::string& last = {});

// Where a variable is, for the operator; its name follows: "/variables/", or "/environment, ".
std::string place_of_variable(const Suite& suite, bool of_log);

// Where the suite itself has a file of the service; empty: nowhere.
std::string own_file_of(const Suite& suite, const std::string& service);

}  // namespace grey::svctool
