// The command line of svctool becomes one request.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "greyd/error.h"
#include "svctool/service_dir.h"

namespace grey::svctool {

// How, whatever is asked for.
struct Manner {
  std::string destdir;
  bool dry_run = false;      // only say what would change
  bool nooverwrite = false;  // an existing service directory is an error
  bool force = false;        // replace a different GREYIP
};

struct ServiceGreyip {
  std::string service;
  std::string greyip;  // empty: none any more
};

struct RuleGreyip {
  std::string file;
  std::string match;   // address of the rule; empty: the one for everyone else
  std::string greyip;  // empty: none any more
};

// FILE.cdb from the list FILE.
struct ListCdb {
  std::string file;
};

// --help or --version.
struct PrintText {
  std::string text;
};

struct CommandLine {
  std::variant<PrintText, ServiceRequest, ServiceGreyip, RuleGreyip, ListCdb> request;
  Manner manner;
};

// `arguments` without the program's name. Misuse is one line that names the option. The values of a
// ServiceRequest and of greyip are checked.
Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

}  // namespace grey::svctool
