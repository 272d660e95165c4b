// The settings of a greylisting service, in one table. The command line, the files below
// variables/, the arguments in `run`, the checks and --help are all made from it, so a setting is
// added by adding a line.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "greyd/error.h"
#include "greyd/limits.h"

namespace grey::svctool {

enum class Kind {
  number,    // in `range`
  choice,    // one of the words in `choices`, separated by '|'
  networks,  // addresses or CIDR networks, separated by commas
  file,      // relative to the control directory
  places,    // addresses with a port, or absolute paths, separated by commas
  deferral,  // what a client is told, see policy_request.h
};

struct Setting {
  std::string_view option;    // of svctool, without the dashes
  std::string_view variable;  // the file below variables/, and the shell's name for it in `run`
  std::string_view flag;      // of the daemon, under both its names
  Kind kind = Kind::number;
  std::string_view initial;  // written when not given; empty: the daemon's own default rules
  std::string_view unit;
  std::string_view help;
  Range range;
  std::string_view choices;
  std::string_view greydaemon_value = {};  // the one that greydaemon's rules have; empty: any
};

// By option name. Holds every setting that has a value.
using Values = std::map<std::string, std::string, std::less<>>;

std::span<const Setting> settings();
const Setting* find_setting(std::string_view option);

// Those of a service that are no daemon's: its memory limit, and the files of its log.
const Setting& memory_setting();
const Setting& log_size_setting();
const Setting& log_count_setting();
constexpr long kLeastMemory = 64 << 20;  // bytes; below that the daemon does not start

// Nothing, or misuse that names the option and what it takes.
Result<void> check_value(const Setting& setting, std::string_view value);

// Misuse when greydaemon, whose rules leave no choice of some, does not take the value.
Result<void> check_greydaemon_value(const Setting& setting, std::string_view value);

// DRY_RUN as `run` takes it.
bool is_dry_run(std::string_view value);

// A value that a one-line file read by envdir(8) can hold: envdir takes the first line and drops
// white space at its end.
Result<void> check_line(std::string_view option, std::string_view value);

}  // namespace grey::svctool
