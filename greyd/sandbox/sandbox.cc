#include "greyd/sandbox/sandbox.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>

#include "greyd/sandbox/capabilities.h"
#include "greyd/sandbox/landlock.h"
#include "greyd/sandbox/system_calls.h"

namespace grey::sandbox {
namespace {

std::optional<FileId> id_behind(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileId{status.st_dev, status.st_ino};
}

// Whether the kernel has no such thing, or whoever runs this process keeps it from it.
bool is_lack(int error) {
  return error == ENOSYS || error == EOPNOTSUPP || error == EINVAL || error == EPERM;
}

std::string why_not(const std::string& what, int error) {
  return error == EPERM ? what + " is forbidden to this process (by a unit, or a container)"
                        : "no " + what + " in this kernel";
}

}  // namespace

std::string Sandbox::replaced() const {
  for (const Known& known : known_) {
    if (id_behind(known.path) != known.id) return known.path;
  }
  return {};
}

Result<Sandbox> enter(const Needs& needs) {
  Sandbox sandbox;
  // Its file is read once, and may be out of reach then.
  ::tzset();
  if (auto given_up = give_up_capabilities(); !given_up) {
    return tl::make_unexpected(given_up.error());
  }
  errno = 0;
  const int version = landlock_version();
  if (version < 0) {
    return tl::make_unexpected(system_error("ask for", "Landlock", -version));
  }
  if (version == 0) {
    sandbox.lacks_.push_back(why_not("Landlock", errno) +
                             ": which files can be reached is left to their permissions");
  } else {
    if (auto restricted = restrict_files(needs, version); !restricted) {
      return tl::make_unexpected(restricted.error());
    }
    for (const auto* directories : {&needs.keeps, &needs.reads}) {
      for (const std::string& path : *directories) {
        if (const auto id = id_behind(path)) sandbox.known_.push_back({path, *id});
      }
    }
  }
  if (auto restricted = restrict_system_calls(needs); !restricted) {
    if (!is_lack(restricted.error().number)) return tl::make_unexpected(restricted.error());
    sandbox.lacks_.push_back(why_not("seccomp", restricted.error().number) +
                             ": no system call is given up");
  }
  return sandbox;
}

}  // namespace grey::sandbox
