#include "greyd/imports/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

namespace grey::imports {
namespace {

constexpr int kOpen = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

std::string below(const std::string& top, const Directory::Path& path) {
  return path.empty() ? top : top + "/" + to_string(path);
}

// Nothing, and errno, where it is not there.
std::optional<DirectoryEntry> entry_of(int directory, const char* name) {
  struct stat status {};
  if (::fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  DirectoryEntry entry;
  entry.name = name;
  if (S_ISREG(status.st_mode)) entry.kind = DirectoryEntry::Kind::file;
  if (S_ISDIR(status.st_mode)) entry.kind = DirectoryEntry::Kind::directory;
  entry.empty = status.st_size == 0;
  entry.mtime = status.st_mtime;
  entry.atime = status.st_atime;
  return entry;
}

}  // namespace

std::string to_string(const Directory::Path& path) {
  std::string text;
  for (const std::string& name : path) {
    if (!text.empty()) text += '/';
    text += name;
  }
  return text;
}

Result<DiskDirectory> DiskDirectory::open(const std::string& path) {
  Fd fd(::open(path.c_str(), kOpen));
  if (!fd) return tl::make_unexpected(system_error("read", path, errno));
  return DiskDirectory(std::move(fd), path);
}

Result<void> DiskDirectory::list(const Path& path,
                                 const std::function<bool(const DirectoryEntry&)>& visit) {
  const auto error = [&](int number) {
    return tl::make_unexpected(system_error("read", below(path_, path), number));
  };
  // A descriptor of its own, so that lists within lists do not move each other's place.
  Fd fd(::openat(fd_.get(), ".", kOpen));
  for (const std::string& name : path) {
    if (!fd) break;
    fd = Fd(::openat(fd.get(), name.c_str(), kOpen | O_NOFOLLOW));
  }
  if (!fd) {
    if (errno == ENOENT && !path.empty()) return {};
    return error(errno);
  }
  const std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(::dup(fd.get())));
  if (!directory) return error(errno);
  for (;;) {
    errno = 0;
    const dirent* const found = ::readdir(directory.get());
    if (found == nullptr) break;
    const std::string_view name = found->d_name;
    if (name == "." || name == "..") continue;
    const auto entry = entry_of(fd.get(), found->d_name);
    if (!entry && errno != ENOENT) return error(errno);
    if (entry && !visit(*entry)) return {};
  }
  if (errno != 0) return error(errno);
  return {};
}

}  // namespace grey::imports
