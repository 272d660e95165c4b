#include "svctool/files/staging.h"

#include "greyd/base/files.h"
#include "greyd/base/place.h"

namespace grey::svctool {
namespace {

// Also a link that leads nowhere.
bool has_name(const std::string& path) {
  const auto status = status_of_name(path);
  return status || status.error().number == 0;
}

}  // namespace

Result<void> stays_within(const Destdir& below, const TargetPath& path) {
  const std::string& destdir = below.directory();
  if (below.is_this_machine() || !has_name(destdir)) return {};
  const auto root = resolve(destdir);
  if (!root) return tl::make_unexpected(root.error());
  std::string there = below.at(path);
  while (there.size() > destdir.size() && !has_name(there)) there = directory_of(there);
  if (there.size() <= destdir.size()) return {};
  // One that leads nowhere on this machine may well do so on the other.
  const auto resolved = resolve(there);
  if (!resolved) return failure("--destdir: " + resolved.error().text);
  if (*root == "/" || resolved->starts_with(*root + "/") || *resolved == *root) return {};
  return failure("--destdir: " + there + " leads out of it, to " + *resolved);
}

}  // namespace grey::svctool
