#include "greyd/state/kept_files.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>

#include "greyd/base/files.h"
#include "greyd/base/mapped_file.h"

namespace grey {
namespace {

bool same_content(const std::string& path, const std::string& other) {
  struct stat here {
  }, there{};
  if (::stat(path.c_str(), &here) != 0 || ::lstat(other.c_str(), &there) != 0) return false;
  if (!S_ISREG(there.st_mode) || here.st_size != there.st_size) return false;
  if (here.st_dev == there.st_dev && here.st_ino == there.st_ino) return true;
  const auto text = MappedFile::open(path);
  const auto other_text = MappedFile::open(other);
  return text && other_text && text->text() == other_text->text();
}

// Another file that holds what `path` does, of those whose names begin with `family`.
std::optional<std::string> kept_before(const std::string& path, const std::string& family) {
  const std::string directory = directory_of(path);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(directory.c_str()), &::closedir);
  if (!entries) return {};
  const std::string start = family.substr(family.rfind('/') + 1);
  const std::string before = family.substr(0, family.size() - start.size());
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (name.starts_with(start) && same_content(path, before + name)) return before + name;
  }
  return {};
}

}  // namespace

Result<std::string> keep_aside(const std::string& path, const std::string& name,
                               const std::string& family) {
  std::string kept = kept_before(path, family).value_or("");
  if (kept.empty()) {
    kept = free_name(name);
    if (::link(path.c_str(), kept.c_str()) != 0) {
      // A file of another user's, or a file system without links: a copy will do.
      const auto content = read_file(path);
      if (!content) return tl::make_unexpected(content.error());
      if (auto copied = replace_file(kept, content->value_or(""), {0600, {}, {}}); !copied) {
        return tl::make_unexpected(copied.error());
      }
    }
  }
  // The name must be there before the file's own name is given to another.
  if (const int error = sync_parent(path)) {
    return tl::make_unexpected(system_error("sync the directory of", kept, error));
  }
  return kept;
}

}  // namespace grey
