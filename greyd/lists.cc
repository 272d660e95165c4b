#include "greyd/lists.h"

#include <unistd.h>

#include <cerrno>

#include "greyd/files.h"
#include "greyd/list_cdb.h"

namespace grey {
namespace {

Result<AddressList> load(const std::string& path) {
  if (path.empty()) return AddressList();
  const auto text = read_list_file(path);
  if (!text) return tl::make_unexpected(text.error());
  const std::string cdb = path + ".cdb";
  const bool has_cdb = ::access(cdb.c_str(), F_OK) == 0;
  if (!*text && !has_cdb) return tl::make_unexpected(system_error("open", path, ENOENT));
  auto list = AddressList::parse(text->value_or(""), path);
  if (!list || !has_cdb) return list;
  auto lookup = open_list_cdb(cdb);
  if (!lookup) return tl::make_unexpected(lookup.error());
  list->add_lookup(std::move(*lookup));
  return list;
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
