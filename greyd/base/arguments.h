// What both command lines have to look for before CLI11 reads them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace grey {

// "--name" for the first argument "--name=" with nothing after it, for whose value CLI11 would take
// the next argument; empty when there is none.
inline std::string_view option_without_value(const std::vector<std::string>& arguments) {
  for (const std::string_view argument : arguments) {
    if (argument.starts_with("--") && argument.find('=') + 1 == argument.size()) {
      return argument.substr(0, argument.size() - 1);
    }
  }
  return {};
}

}  // namespace grey
