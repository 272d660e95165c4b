// Where greyctl asks: the control socket's file, made as the command line has it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "greyd/base/error.h"
#include "greyd/net/listener.h"
#include "greyd/options.h"

namespace grey {

struct ControlSocket {
  std::optional<Listener> listener;
  std::string warning;  // why there is none, though nobody has said so
};

// Owned by who this is, and `group` where there is one. An error where a socket that was asked for
// cannot be had; the one beside the context file can be done without. As Listener::open() it is to
// be called before there are threads.
Result<ControlSocket> open_control_socket(const Options& options, std::optional<gid_t> group);

}  // namespace grey
