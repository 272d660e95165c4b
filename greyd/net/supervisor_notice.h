// Tells who supervises this process how it stands: systemd by datagrams to $NOTIFY_SOCKET, s6 by a
// newline on a descriptor. Where neither asks, everything here does nothing.
//
// Sources: sd_notify(3) and systemd.service(5) for the fields, and for the watchdog that half of
// WATCHDOG_USEC is the time to call in; s6's "notification-fd" page for the newline. One datagram
// each is all there is to the protocol, so no library is taken for it.
//
// Nothing blocks, throws or fails: a supervisor that does not read is not told.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/base/error.h"
#include "greyd/base/files.h"

namespace grey {

class SupervisorNotice {
 public:
  // What the environment says; absent where a variable is unset.
  struct Environment {
    std::optional<std::string> socket;         // NOTIFY_SOCKET: a path, or @ and an abstract name
    std::optional<std::string> watchdog_usec;  // WATCHDOG_USEC
    std::optional<std::string> watchdog_process;  // WATCHDOG_PID: whom the former is for
  };
  // Reads it, and takes the three out, so that no child speaks for this process.
  static Environment take_environment();

  SupervisorNotice() = default;  // tells nobody
  // `descriptor`: where a newline says "ready", for s6; absent: nowhere. It is closed then. An
  // error names what cannot be used.
  static Result<SupervisorNotice> make(const Environment& environment,
                                       std::optional<int> descriptor);

  // Each may be called at any time, in any order, and again.
  void ready(std::string_view status);
  // `monotonic`: CLOCK_MONOTONIC, taken after the signal was; systemd waits for ready() behind it.
  void reloading(std::chrono::microseconds monotonic);
  void stopping();
  void status(std::string_view text);  // one line, for `systemctl status`
  // A start or an end takes so much longer from now on.
  void extend_timeout(std::chrono::microseconds more);
  void alive();  // for the watchdog

  // How often alive() is to be called. Absent: no watchdog is set for this process.
  std::optional<std::chrono::microseconds> alive_every() const { return alive_every_; }

 private:
  void send(std::string_view fields) const;

  Fd socket_;
  sockaddr_un address_{};
  socklen_t address_size_ = 0;
  Fd descriptor_;
  std::optional<std::chrono::microseconds> alive_every_;
};

}  // namespace grey
