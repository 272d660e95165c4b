// The command line of svctool becomes one request.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/error.h"
#include "svctool/plan/requests.h"

namespace grey::svctool {

// `arguments` without the program's name. Misuse is one line that names the option. The values of a
// ServiceRequest and of greyip are checked.
Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

// What a service was installed with, from the content of its .options.
Result<ServiceRequest> parse_options_file(std::string_view content);

}  // namespace grey::svctool
