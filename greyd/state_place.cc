#include "greyd/state_place.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "greyd/files.h"

namespace grey {
namespace {

Result<void> check_regular(const std::string& path) {
  struct stat status {};
  for (const char* suffix : {"", ".journal", ".journal.old"}) {
    const std::string name = path + suffix;
    if (::stat(name.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
      return failure("context file " + name + " is not a regular file");
    }
  }
  return {};
}

}  // namespace

Result<void> check_state_place(const std::string& path) {
  if (auto regular = check_regular(path); !regular) return regular;
  const std::string probe = path + ".new";
  const Fd fd(::open(probe.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return tl::make_unexpected(system_error("write context file, create", probe, errno));
  ::unlink(probe.c_str());
  return {};
}

Result<void> check_state_access(const std::string& path) {
  if (auto regular = check_regular(path); !regular) return regular;
  // As a start opens them.
  constexpr struct {
    const char* suffix;
    int flags;
  } kFiles[] = {{"", O_RDONLY},
                {".journal", O_RDWR | O_NOFOLLOW},
                {".journal.old", O_RDONLY},
                {".lock", O_WRONLY | O_NOFOLLOW},
                {".new", O_WRONLY | O_NOFOLLOW}};
  for (const auto& file : kFiles) {
    const std::string name = path + file.suffix;
    const Fd fd(::open(name.c_str(), file.flags | O_NONBLOCK | O_CLOEXEC));
    if (!fd && errno != ENOENT) return tl::make_unexpected(system_error("open", name, errno));
  }
  const std::string directory = directory_of(path);
  if (::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return {};
  return tl::make_unexpected(system_error("make files in", directory, errno));
}

}  // namespace grey
