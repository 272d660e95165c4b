#include "greyd/shared/store_key.h"

#include <sodium.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>

#include "greyd/base/files.h"

namespace grey::shared {

Result<HashKey> read_store_key(const std::string& path) {
  const auto fault = [&](std::string_view what) {
    return failure("the store's key, " + path + ": " + std::string(what));
  };
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return tl::make_unexpected(system_error("read the store's key,", path, errno));
  }
  if (!S_ISREG(status.st_mode)) return fault("no regular file");
  if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    return fault("anybody may read it, or write there: chmod o= it");
  }
  if (status.st_size > 64) return fault("is not 32 hexadecimal digits");
  const auto text = read_file(path);
  if (!text) return tl::make_unexpected(text.error());
  std::string digits = text->value_or("");
  if (digits.ends_with('\n')) digits.pop_back();
  if (digits.ends_with('\r')) digits.pop_back();
  HashKey key{};
  std::size_t size = 0;
  const bool good = digits.size() == 2 * key.size() &&
                    ::sodium_hex2bin(key.data(), key.size(), digits.data(), digits.size(), nullptr,
                                     &size, nullptr) == 0 &&
                    size == key.size();
  if (!good) return fault("is not 32 hexadecimal digits");
  return key;
}

}  // namespace grey::shared
