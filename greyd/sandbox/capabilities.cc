#include "greyd/sandbox/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "greyd/base/files.h"

namespace grey::sandbox {
namespace {

tl::unexpected<Error> cannot(const char* what) {
  return tl::make_unexpected(system_error("give up", what, errno));
}

bool is_none(const __user_cap_data_struct& set) {
  return set.permitted == 0 && set.effective == 0 && set.inheritable == 0;
}

}  // namespace

Result<void> give_up_bounding_set() {
  // The kernel may know more of them than its header here did.
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EPERM) return {};  // root of a container, say, without CAP_SETPCAP
    return cannot("the bounding set of capabilities");
  }
  return {};
}

Result<void> give_up_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2]{};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return cannot("capabilities");
  // Ambient ones go with the permitted ones.
  if (::syscall(SYS_capset, &header, none) == 0) return {};
  const int error = errno;
  // Who has none may be forbidden to say so: by a unit that svctool wrote in its early days.
  __user_cap_data_struct own[2]{};
  if (::syscall(SYS_capget, &header, own) == 0 && is_none(own[0]) && is_none(own[1])) return {};
  errno = error;
  return cannot("capabilities");
}

}  // namespace grey::sandbox
