// A TCP port of 127.0.0.1 that was free.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <cstdint>
#include <utility>

#include "greyd/base/files.h"
#include "greyd/net/socket_address.h"

namespace grey::testing {

struct LoopbackSocket {
  LoopbackSocket() {
    const auto prepare = [](int, int, bool) { return true; };
    Result<Fd> bound = bind_socket({Ip::from_v4(0x7f000001), 0}, SOCK_STREAM, prepare);
    REQUIRE(bound);
    fd = std::move(*bound);
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = to_endpoint(reinterpret_cast<sockaddr&>(address)).port;
  }
  Fd fd;  // bound to it
  std::uint16_t port = 0;
};

}  // namespace grey::testing
