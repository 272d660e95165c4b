#include "greyd/state/state_place.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace grey {

namespace {

// 0 or an errno.
int check_directory(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return errno;
  return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
}

Result<void> check_names(const std::string& path) {
  for (const char* suffix : {"", ".journal", ".journal.old", ".lock", ".new", ".entries", ".totals",
                             ".store", ".orders", ".networks"}) {
    const std::string name = path + suffix;
    struct stat status {};
    // The context file itself may be a link; the others are made here.
    const int result =
        *suffix == '\0' ? ::stat(name.c_str(), &status) : ::lstat(name.c_str(), &status);
    if (result != 0 && (errno == ENAMETOOLONG || errno == ELOOP)) {
      return tl::make_unexpected(system_error("open", name, errno));
    }
    if (result == 0 && S_ISLNK(status.st_mode)) {
      return tl::make_unexpected(system_error("open", name, ELOOP));
    }
    if (result == 0 && !S_ISREG(status.st_mode)) {
      return failure("context file " + name + " is not a regular file");
    }
  }
  return {};
}

}  // namespace

Result<void> check_state_place(const std::string& path) {
  if (const int error = check_directory(directory_of(path))) {
    return tl::make_unexpected(system_error("write context file, create", path + ".new", error));
  }
  return check_names(path);
}

Result<std::string> check_state_access(const std::string& path) {
  const std::string directory = directory_of(path);
  if (const int error = check_directory(directory)) {
    return tl::make_unexpected(system_error("make files in", directory, error));
  }
  if (auto names = check_names(path); !names) return tl::make_unexpected(names.error());
  const auto opens = [](const std::string& name, int flags) {
    const Fd fd(::open(name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    return fd || errno == ENOENT;
  };
  const Fd context(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!context && errno != ENOENT) return tl::make_unexpected(system_error("open", path, errno));
  for (const char* suffix : {".journal", ".journal.old", ".lock"}) {
    const std::string name = path + suffix;
    if (!opens(name, O_RDONLY)) return tl::make_unexpected(system_error("open", name, errno));
  }
  for (const char* suffix : {".journal", ".lock", ".new"}) {
    const std::string name = path + suffix;
    if (!opens(name, O_WRONLY)) return system_error("write", name, errno).text;
  }
  // Read as well: it is opened, to be synced.
  const int need = R_OK | W_OK | X_OK;
  if (::faccessat(AT_FDCWD, directory.c_str(), need, AT_EACCESS) == 0) return std::string();
  return system_error("make files in", directory, errno).text;
}

Result<Fd> create_state_file(const std::string& path) {
  // A new file, and not what lies there: a link to another's file, or a pipe that nobody reads.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return tl::make_unexpected(system_error("create", path, errno));
  }
  // 0600: who writes to whom is nobody else's business.
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return tl::make_unexpected(system_error("create", path, errno));
  // What the umask of who started us has taken away; no reason to go on without.
  (void)!::fchmod(fd.get(), 0600);
  return fd;
}

}  // namespace grey
