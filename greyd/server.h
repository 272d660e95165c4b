// The event loop: UDP queries in, answers out, signals and timers. The only user of libev.
#pragma once

#include <spdlog/logger.h>

#include <memory>

#include "greyd/error.h"
#include "greyd/files.h"
#include "greyd/log.h"
#include "greyd/options.h"
#include "greyd/service.h"

namespace grey {

// `service`, `pipe` and `logger` must outlive the server. Not movable: libev keeps pointers to it.
class Server {
 public:
  // `socket` from bind_udp. `allow`: who may ask.
  Server(const Options& options, NetworkSet allow, Fd socket, Service& service, LogPipe& pipe,
         spdlog::logger& logger);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Serves until SIGTERM or SIGINT, then saves. The exit code.
  int run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Loopback and the addresses of this host's interfaces.
NetworkSet local_networks();

}  // namespace grey
