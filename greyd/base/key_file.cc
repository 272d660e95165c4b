#include "greyd/base/key_file.h"

#include "greyd/base/files.h"

namespace grey {

Result<wire::KeyRing> read_keys(const std::string& path) {
  wire::KeyRing ring;
  const auto fault = wire::read_key_file(path.c_str(), ring);
  if (!fault) return ring;
  if (fault->error_number != 0) {
    return tl::make_unexpected(system_error("read the keys,", path, fault->error_number));
  }
  const std::string line = fault->line > 0 ? ":" + std::to_string(fault->line) : "";
  return failure(path + line + ": " + fault->what);
}

}  // namespace grey
