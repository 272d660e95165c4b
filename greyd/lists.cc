#include "greyd/lists.h"

#include <cerrno>

#include "greyd/files.h"

namespace grey {
namespace {

Result<AddressList> load(const std::string& path) {
  if (path.empty()) return AddressList();
  const auto text = read_file(path);
  if (!text) return tl::make_unexpected(text.error());
  if (!*text) return tl::make_unexpected(system_error("open", path, ENOENT));
  return AddressList::parse(**text, path);
}

}  // namespace

Result<Lists> load_lists(const std::string& whitelist, const std::string& blacklist) {
  auto white = load(whitelist);
  if (!white) return tl::make_unexpected(white.error());
  auto black = load(blacklist);
  if (!black) return tl::make_unexpected(black.error());
  return Lists{std::move(*white), std::move(*black)};
}

}  // namespace grey
