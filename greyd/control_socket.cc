#include "greyd/control_socket.h"

#include <utility>

#include "greyd/base/files.h"
#include "greyd/few_descriptors.h"
#include "greyd/privileges.h"

namespace grey {

Result<ControlSocket> open_control_socket(const Options& options, std::optional<gid_t> group) {
  constexpr mode_t kOwner = 0600, kOwnerAndGroup = 0660;
  ControlSocket socket;
  const GroupOnLoan loan(group);
  if (options.control.empty()) return socket;
  if (loan.error() != 0) {
    return tl::make_unexpected(
        system_error("give " + options.control + " to group", options.control_group, loan.error()));
  }
  if (!options.control_given && has_few_descriptors()) {
    socket.warning =
        "no control socket: " + few_descriptors_text() + " (--control asks for it all the same)";
    return socket;
  }
  auto listener = Listener::open({options.control, {}}, group ? kOwnerAndGroup : kOwner);
  if (listener) {
    socket.listener.emplace(std::move(*listener));
  } else if (options.control_given) {
    return tl::make_unexpected(listener.error());
  } else {
    socket.warning = listener.error().text + "; greyctl cannot ask (see --control)";
  }
  return socket;
}

}  // namespace grey
