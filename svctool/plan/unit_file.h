// What systemd reads: a unit, and the file of settings that it hands to the daemon's run script as
// environment. See systemd.exec(5). Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace grey::svctool {

struct Unit {
  enum class Of { daemon, page } of = Of::daemon;
  std::string description;
  std::string after;                  // a unit that is started before; empty: none
  std::string user;                   // empty: one that systemd makes for it alone
  std::string group;                  // whose members may use the control socket; empty: none
  std::string identifier;             // of its lines in the journal
  std::string script;                 // what is started
  std::string environment_file;       // its settings
  std::vector<std::string> writable;  // directories; the rest of the file system is read-only
  std::vector<std::string> readable;  // other paths that the daemon needs
  std::string memory;                 // bytes; empty: no limit
  bool low_port = false;              // under 1024, for which a user needs a capability
};

std::string unit_file(const Unit& unit);

// Of the service directory `service`: "greylist.1999.service", and where systemd looks for it.
std::string unit_name(const std::string& service);
std::string unit_path(const std::string& service);

// The service directory of a unit that svctool wrote; empty: it is another's.
std::string service_of_unit(std::string_view unit);

using Variables = std::vector<std::pair<std::string, std::string>>;

// A line NAME=VALUE for each.
// REQUIRES: no value has a control character.
std::string environment_file(const Variables& variables);

// The same of a file that an operator may have edited; what is no such line is left out. A value
// may be in quotes of either kind. It ends with its line: systemd would go on after a backslash.
Variables parse_environment(std::string_view content);

}  // namespace grey::svctool
