// The supervision suites, and what each calls the things that a service needs. All that differs
// between them stands in one table; what has to know a suite asks here.
//
// daemontools, runit and s6 start the same service directory: `run`, `log/run`, `down`, a directory
// of variables. A machine may have only one of them, so the scripts use that one's programs.
// systemd starts a unit, which has its settings in one file and its log in the journal.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace grey::svctool {

struct Suite {
  std::string_view name;        // of --supervise
  std::string_view servicedir;  // where services are unless --servicedir says
  std::string_view scanner;     // program that starts what is in a directory; empty: systemd
  bool scanner_works_there;     // it changes into that directory; else that is its argument

  // Words in a script, and what follows them.
  std::string_view envdir;        // directory of variables
  std::string_view memory_limit;  // bytes
  std::string_view as_user;       // user
  std::string_view logger;        // nothing: the whole command, of LOGDIR, LOGSIZE, LOGCOUNT

  // Commands.
  std::string_view restart;  // the service follows: the daemon saves, exits and is started again
  std::string_view start;    // the service follows: a daemon that was put down is started
  std::string_view reload;   // the service follows: the daemon reads its lists again
  std::string_view rescan;   // SERVICEDIR follows; empty: the scanner finds new services by itself
};

std::span<const Suite> suites();
const Suite& daemontools();

// Null: none has this name.
const Suite* find_suite(std::string_view name);

bool is_systemd(const Suite& suite);

// For the operator: "svc -t /service/greylist.1999", or "systemctl restart greylist.1999.service".
std::string restart_command(const Suite& suite, const std::string& service);

std::string start_command(const Suite& suite, const std::string& service);

// That has the daemon read its lists again.
std::string reload_command(const Suite& suite, const std::string& service);

// Of the service directory `service`: "greylist.1999.service", and where systemd looks for it.
std::string unit_name(const std::string& service);
std::string unit_path(const std::string& service);

}  // namespace grey::svctool
