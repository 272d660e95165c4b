#include "greyd/store/store_password.h"

#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <string_view>

#include "greyd/base/files.h"

namespace grey {

Result<std::string> read_store_password(const std::string& path) {
  const auto fault = [&](std::string_view what) {
    return failure("the store's password, " + path + ": " + std::string(what));
  };
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return tl::make_unexpected(system_error("read the store's password,", path, errno));
  }
  if (!S_ISREG(status.st_mode)) return fault("no regular file");
  if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    return fault("anybody may read it, or write there: chmod o= it");
  }
  if (status.st_size > off_t(kMaxStorePassword + 1)) return fault("it is too long");
  Result<std::optional<std::string>> text = read_file(path);
  if (!text) return tl::make_unexpected(text.error());
  if (!*text) return tl::make_unexpected(system_error("read the store's password,", path, ENOENT));
  std::string password = std::move(**text);
  if (password.ends_with('\n')) password.pop_back();
  if (password.ends_with('\r')) password.pop_back();
  if (password.empty()) return fault("it is empty");
  if (password.size() > kMaxStorePassword) return fault("it is too long");
  if (password.find_first_of(std::string_view("\n\r\0", 3)) != std::string::npos) {
    return fault("it has more than one line");
  }
  return password;
}

}  // namespace grey
