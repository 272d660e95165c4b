#include "svctool/daemon/strangers.h"

#include "svctool/daemon/service_state.h"

namespace grey::svctool {

bool is_daemon_now(const Suite& suite, const std::string& service, pid_t pid) {
  const auto now = service_state(suite, service);
  return pid != 0 && now && now->up && now->pid == pid;
}

std::optional<Holder> find_stranger(const Suite& suite, const std::string& service,
                                    Transport transport, const Endpoint& endpoint) {
  auto holder = find_holder(transport, endpoint);
  // In this order: who came since is seen by the second look.
  if (holder && is_daemon_now(suite, service, holder->pid)) return std::nullopt;
  return holder;
}

}  // namespace grey::svctool
