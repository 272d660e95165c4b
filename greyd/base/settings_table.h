// The settings of a greylisting service: one table, in which name, default, unit, limits, help and
// meaning of each stand once. The daemon's command line and its help, svctool's and its checks, the
// files below variables/ and the arguments in `run` are made from it, and both man pages are
// checked against it (settings_manual_test). A setting is added by adding a row. Pure data: no
// command line library, no check that needs more than the row.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace grey {

// Of numbers, in the setting's unit. Both ends belong to it.
struct Range {
  std::int64_t low = 0, high = 0;

  constexpr bool holds(std::int64_t number) const { return low <= number && number <= high; }
};

enum class Kind {
  number,    // decimal, in `range`
  choice,    // one of the words in `choices`
  networks,  // addresses or CIDR networks, separated by commas
  file,      // relative to the control directory
  places,    // addresses with a port, or absolute paths, separated by commas
  deferral,  // what a client is told, see deferral.h
  user,      // a user's name
  server,    // one address, with a port or not
  store,     // where several daemons keep one state, see store_url.h
};

struct Setting {
  // Names. Two programs that came from elsewhere have their own for one thing.
  std::string_view name;      // of the daemon, without dashes; empty: it has no such option
  std::string_view letter;    // of the daemon: "-m"; empty: none
  std::string_view option;    // of svctool, without dashes; empty: it has no such option
  std::string_view alias;     // of svctool, IndiMail's; empty: none
  std::string_view variable;  // the file below variables/; empty: none

  // What it takes.
  Kind kind = Kind::number;
  std::string_view unit;      // in words: "minutes"; also svctool's name for the value
  std::string_view argument;  // the daemon's name for the value: "MINUTES"
  Range range;
  std::string_view choices;  // separated by '|'

  // What it is when it is not given.
  std::string_view standard;      // the daemon's default as a value; empty: none
  std::string_view otherwise;     // what holds without a value, in words; empty: nothing to say
  std::string_view greydaemon;    // the default of greydaemon's rules; empty: the same
  bool greydaemon_fixed = false;  // which leave no choice; without a default: there is none of it
  bool greydaemon_zero = false;   // where 0 stands for the default, too
  std::string_view initial;  // what svctool writes; empty: nothing, and the daemon's default rules

  // What it means: in the words of each program's help.
  std::string_view help;          // of the daemon
  std::string_view svctool_help;  // of svctool
};

// Daemon's and svctool's first, in the order of svctool's help and of `run`; then the daemon's
// alone, then those of what svctool sets around the daemon (memory, log).
std::span<const Setting> all_settings();
// Those that svctool passes to the daemon.
std::span<const Setting> service_settings();

constexpr std::string_view kNoControl = "none";   // of --control: there is no socket
constexpr std::uint16_t kDefaultMtaPort = 10023;  // of --policy, as postgrey(8) has it

// By the daemon's name. REQUIRES: there is one.
const Setting& setting_named(std::string_view name);

// How `run` gives it to the daemon: "-m", or "--max-records" where there is no letter.
std::string flag_of(const Setting& setting);

// "from 1 to 400000000"
std::string text_of(const Range& range);

// Whether greydaemon's rules have no such thing.
inline bool is_not_greydaemons(const Setting& setting) {
  return setting.greydaemon_fixed && setting.greydaemon.empty();
}

// The daemon's default as a number. REQUIRES: Kind::number, and a default.
std::int64_t standard_number(const Setting& setting);
// The same of greydaemon's rules.
std::int64_t greydaemon_number(const Setting& setting);

// Of Kind::choice.
bool is_choice(const Setting& setting, std::string_view word);

// The help of the daemon with its default: "a retry before this age is early (5)".
std::string daemon_help(const Setting& setting);

}  // namespace grey
