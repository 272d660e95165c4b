// The event loop: calls the fronts when there is something to do, and keeps signals and timers. The
// only user of libev.
#pragma once

#include <spdlog/logger.h>

#include <memory>

#include "greyd/background_thread.h"
#include "greyd/error.h"
#include "greyd/log.h"
#include "greyd/options.h"
#include "greyd/policy_server.h"
#include "greyd/service.h"
#include "greyd/udp_front.h"

namespace grey {

// For those who call what takes a time as an argument: since 1970, and one that is never set.
Seconds wall_clock();
Seconds monotonic_clock();

// Where this process's one event loop is woken from another thread.
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  void wake();  // from any thread: the server delivers what the background has done

 private:
  friend class Server;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// All arguments by reference must outlive the server. Not movable: libev keeps pointers to it.
class Server {
 public:
  // `background` calls loop.wake(). `policy`: null when no policy requests are taken.
  Server(EventLoop& loop, const Options& options, UdpFront& udp, Service& service,
         BackgroundThread& background, PolicyServer* policy, LogPipe& pipe, spdlog::logger& logger);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Serves until SIGTERM or SIGINT, then saves. The exit code.
  int run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grey
