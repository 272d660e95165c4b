// The settings of a greylisting service (greyd/base/settings_table.h) as svctool takes them: by its
// own options, and checked.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "greyd/base/error.h"
#include "greyd/base/settings_table.h"

namespace grey::svctool {

using grey::Kind;
using grey::Setting;

// By option name. Holds every setting that has a value.
using Values = std::map<std::string, std::string, std::less<>>;

// The daemon's: each has an option here, a variable and a flag of the daemon's.
std::span<const Setting> settings();
// By svctool's option. Null: there is none.
const Setting* find_setting(std::string_view option);

// A file that the operator writes and the daemon reads; made when it is missing.
struct OperatorFile {
  std::string_view option, variable;
  bool list;  // FILE.local and cdbs beside it are part of it
};
constexpr OperatorFile kOperatorFiles[] = {
    {"whitelist", "WHITELIST", true}, {"blacklist", "BLACKLIST", true}, {"rules", "RULES", false}};

// Files of the operator's that the daemon reads once, and nobody else may: a secret is in them, so
// they are never made, copied or shown.
constexpr std::string_view kSecretFiles[] = {"store-password-file", "store-key-file",
                                             "key-file"};  // options

// Those of a service that are no daemon's: its memory limit, and the files of its log.
const Setting& memory_setting();
const Setting& log_size_setting();
const Setting& log_count_setting();

// What is wrong with a value, for whoever says of what: "'x' is not a number of minutes from 0 to
// 1000000". Empty: nothing.
std::string value_fault(const Setting& setting, std::string_view value);
// With greydaemon, whose rules leave no choice of some.
std::string greydaemon_fault(const Setting& setting, std::string_view value);
// Of --serve, an address and port. A page has no port that is meant when none is named.
std::string serve_fault(std::string_view value);
// As a one-line file; see check_line().
std::string line_fault(std::string_view value);

// Nothing, or misuse that names the option and what it takes.
Result<void> check_value(const Setting& setting, std::string_view value);

// Misuse when greydaemon, whose rules leave no choice of some, does not take the value.
Result<void> check_greydaemon_value(const Setting& setting, std::string_view value);

// Misuse when of the settings of a state that is shared, or of keys, one lacks another. `value`:
// what each is, empty: not set; `name`: what it is called where that was said.
using SettingText = std::function<std::string(const Setting&)>;
Result<void> check_sharing(const SettingText& value, const SettingText& name);

// DRY_RUN as `run` takes it.
bool is_dry_run(std::string_view value);

// A value that a one-line file read by envdir(8) can hold: envdir takes the first line and drops
// white space at its end.
Result<void> check_line(std::string_view option, std::string_view value);

}  // namespace grey::svctool
