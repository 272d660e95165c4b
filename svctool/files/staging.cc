#include "svctool/files/staging.h"

#include <sys/stat.h>

#include "greyd/base/files.h"
#include "svctool/util/place.h"

namespace grey::svctool {
namespace {

bool is_there(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

}  // namespace

Result<void> stays_within(const Destdir& below, const TargetPath& path) {
  const std::string& destdir = below.directory();
  if (below.is_this_machine() || !is_there(destdir)) return {};
  const auto root = resolve(destdir);
  if (!root) return tl::make_unexpected(root.error());
  std::string there = below.at(path);
  while (there.size() > destdir.size() && !is_there(there)) there = directory_of(there);
  if (there.size() <= destdir.size()) return {};
  // One that leads nowhere on this machine may well do so on the other.
  const auto resolved = resolve(there);
  if (!resolved) return failure("--destdir: " + resolved.error().text);
  if (*root == "/" || resolved->starts_with(*root + "/") || *resolved == *root) return {};
  return failure("--destdir: " + there + " leads out of it, to " + *resolved);
}

}  // namespace grey::svctool
