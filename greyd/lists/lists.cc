#include "greyd/lists/lists.h"

#include <sys/stat.h>

#include <cerrno>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/lists/list_cdb.h"

namespace grey {
namespace {

constexpr const char* kLocal = ".local";
constexpr const char* kCdb = ".cdb";

// Also a link that leads nowhere, so that it is an error and not an empty list.
bool is_there(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return true;
  return errno != ENOENT && errno != ENAMETOOLONG;
}

Result<void> add_cdb(AddressList& list, const std::string& path) {
  auto lookup = open_list_cdb(path);
  if (!lookup) return tl::make_unexpected(lookup.error());
  list.add_lookup(std::move(*lookup), path);
  return {};
}

Result<AddressList> load(const std::string& path) {
  if (path.empty()) return AddressList();
  std::vector<std::string> files = {path};
  if (is_there(path + kLocal) || is_there(path + kLocal + kCdb)) files.push_back(path + kLocal);

  std::vector<std::string> contents;
  std::vector<ListText> texts;
  for (const std::string& file : files) {
    auto content = read_list_file(file);
    if (!content) return tl::make_unexpected(content.error());
    if (!*content && !is_there(file + kCdb)) {
      return tl::make_unexpected(system_error("open", file, ENOENT));
    }
    contents.push_back(std::move(*content).value_or(""));
  }
  for (std::size_t i = 0; i < files.size(); ++i) texts.push_back({contents[i], files[i]});
  auto list = AddressList::parse(texts);
  if (!list) return list;
  for (const std::string& file : files) {
    if (!is_there(file + kCdb)) continue;
    if (auto added = add_cdb(*list, file + kCdb); !added) {
      return tl::make_unexpected(added.error());
    }
  }
  return list;
}

Result<RuleList> load_rules(const std::string& path, const RuleLimits& limits) {
  if (path.empty()) return RuleList();
  const auto content = read_list_file(path);
  if (!content) return tl::make_unexpected(content.error());
  if (!*content) return tl::make_unexpected(system_error("open", path, ENOENT));
  return RuleList::parse(**content, path, limits);
}

}  // namespace

Result<Lists> load_lists(const ListFiles& files) {
  auto white = load(files.whitelist);
  if (!white) return tl::make_unexpected(white.error());
  if (const Matched trap = white->a_trap()) {
    return failure(trap.file() + ":" + std::to_string(trap.line) +
                   ": a trap belongs on the blacklist");
  }
  auto black = load(files.blacklist);
  if (!black) return tl::make_unexpected(black.error());
  auto rules = load_rules(files.rules, files.limits);
  if (!rules) return tl::make_unexpected(rules.error());
  Lists lists{std::move(*white), std::move(*black)};
  lists.rules = std::move(*rules);
  return lists;
}

}  // namespace grey
