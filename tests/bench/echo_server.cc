// The limit to compare with: a server that answers each datagram with two bytes and does nothing
// else, with the daemon's own socket and batches.
// usage: echo_server PORT
#include <poll.h>

#include <cstdio>
#include <cstdlib>

#include "greyd/net/udp_socket.h"

int main(int argc, char** argv) {
  using namespace grey;
  if (argc != 2) {
    std::fputs("usage: echo_server PORT\n", stderr);
    return kExitMisuse;
  }
  const auto socket = bind_udp({Ip::from_v4(0x7f000001), std::uint16_t(std::atoi(argv[1]))});
  if (!socket) {
    std::fprintf(stderr, "%s\n", socket.error().text.c_str());
    return socket.error().exit_code;
  }
  DatagramBatch batch;
  for (;;) {
    pollfd readable{socket->get(), POLLIN, 0};
    ::poll(&readable, 1, -1);
    while (const std::size_t received = batch.receive(socket->get())) {
      for (std::size_t i = 0; i < received; ++i) batch.answer(i, "\1\2");
      batch.send_answers(socket->get());
      if (received < DatagramBatch::kSize) break;
    }
  }
}
