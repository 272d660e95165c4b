#include "svctool/cli/prefix.h"

#include <filesystem>
#include <string_view>
#include <system_error>

#include "svctool/cli/default_prefix.h"

namespace grey::svctool {

std::string own_prefix() {
  constexpr std::string_view kInstalled = "/sbin/svctool";
  std::error_code ignored;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  if (!self.ends_with(kInstalled) || self == kInstalled) return kDefaultPrefix;
  return self.substr(0, self.size() - kInstalled.size());
}

}  // namespace grey::svctool
