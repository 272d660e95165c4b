// Tells who supervises this process how it stands: systemd by datagrams to $NOTIFY_SOCKET, s6 by a
// newline on a descriptor. Where neither asks, everything here does nothing.
//
// Sources: sd_notify(3) and systemd.service(5) for the fields, and for the watchdog that half of
// WATCHDOG_USEC is the time to call in; s6's "notification-fd" page for the newline. One datagram
// each is all there is to the protocol, so no library is taken for it.
//
// Nothing that is told blocks or fails: a supervisor that does not read is not told.
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

  // It tells nobody but for whom these two name. After an error it is as it was before.

  // systemd, if `environment` names it. An error when it cannot be reached there.
  Result<void> tell_systemd(const Environment& environment);
  // s6, which has left us `descriptor`: where a newline says "ready". It is closed then. An error
  // when nobody has left it: that is said by the first files that a process opens itself, so this
  // is to be called before there are any.
  Result<void> tell_s6(int descriptor);

  // Each may be called at any time, in any order, and again.

  // False: systemd has too much to read at the moment, and waits for this; call it again later.
  bool ready(std::string_view status);
  // `monotonic`: CLOCK_MONOTONIC, taken after the signal was; systemd waits for ready() behind it.
  void reloading(std::chrono::microseconds monotonic);
  void stopping();
  void status(std::string_view text);  // one line, for `systemctl status`
  // A start or an end takes so much longer from now on.
  void extend_timeout(std::chrono::microseconds more);
  void alive();  // for the watchdog

  // Whether anybody hears more than ready().
  bool tells_systemd() const { return bool(socket_); }
  // How often alive() is to be called, a millisecond at least. Absent: no watchdog is set for this
  // process.
  std::optional<std::chrono::microseconds> alive_every() const { return alive_every_; }

 private:
  bool send(std::string_view fields) const;  // false: it would have to wait

  Fd socket_;
  sockaddr_un address_{};
  socklen_t address_size_ = 0;
  Fd descriptor_;
  std::optional<std::chrono::microseconds> alive_every_;
};

}  // namespace grey
