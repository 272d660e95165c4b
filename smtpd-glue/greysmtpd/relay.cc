#include "smtpd-glue/greysmtpd/relay.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "smtpd-glue/greysmtpd/descriptor.h"
#include "smtpd-glue/libgreylist/deadline.h"

namespace grey::smtp {
namespace {

class Relay {
 public:
  Relay(SmtpSession& session, RelayFds fds, const Decide& decide, const RelayLimits& limits)
      : session_(session), fds_(fds), decide_(decide), limits_(limits) {}

  void run() {
    while (!finished()) {
      watch();
      const int ready = poll(polled_.data(), polled_.size(), timeout());
      if (ready == 0) time_is_up();
      if (ready <= 0) continue;
      if (is_due(kServer, POLLIN)) read_server();
      if (is_due(kClientIn, POLLIN)) read_client();
      if (is_due(kServer, POLLOUT)) write_server();
      if (is_due(kClientOut, POLLOUT)) write_client();
    }
    end_server_input();
  }

 private:
  enum { kClientIn, kClientOut, kServer, kPolled };

  bool finished() const { return server_ended_ && (client_gone_ || session_.to_client.empty()); }

  // Which descriptors are of interest. Those that are not must not be polled at all: POLLHUP is
  // reported whether asked for or not.
  void watch() {
    const bool corked = session_.waiting() && !server_ended_ && !cork_is_out_ &&
                        session_.to_client.size() < limits_.cork;
    const bool client_has_room = session_.to_client.size() < limits_.buffer;
    // The session answers some commands by itself: a client that does not read its answers is not
    // read either.
    const bool read_client = !client_ended_ && !server_ended_ && !session_.handed_over() &&
                             client_has_room && from_client_.size() < limits_.buffer &&
                             session_.to_server.size() < limits_.buffer;
    const bool write_client = !session_.to_client.empty() && !corked;
    const bool read_server = !server_ended_ && client_has_room;
    const bool write_server = !session_.to_server.empty();
    set(kClientIn, fds_.client_in, read_client ? POLLIN : 0);
    set(kClientOut, fds_.client_out, write_client ? POLLOUT : 0);
    set(kServer, fds_.server, (read_server ? POLLIN : 0) | (write_server ? POLLOUT : 0));
  }

  void set(int index, int fd, int events) {
    polled_[std::size_t(index)] = {events != 0 ? fd : -1, short(events), 0};
  }

  // A hang-up or an error is found out by the read or the write that was wanted.
  bool is_due(int index, short event) const {
    const pollfd& polled = polled_[std::size_t(index)];
    return (polled.events & event) != 0 &&
           (polled.revents & (event | POLLHUP | POLLERR | POLLNVAL)) != 0;
  }

  enum class Timer : std::uint8_t { none, cork, doubt, stall };

  Timer due_timer() const {
    if (polled_[kClientOut].fd >= 0) return Timer::stall;
    if (!session_.to_client.empty()) return Timer::cork;
    return session_.in_doubt() && !from_client_.empty() ? Timer::doubt : Timer::none;
  }

  int span(Timer timer) const {
    switch (timer) {
      case Timer::none:
        break;
      case Timer::cork:
        return limits_.cork_ms;
      case Timer::doubt:
        return limits_.doubt_ms;
      case Timer::stall:
        return limits_.stall_ms;
    }
    return 0;
  }

  int timeout() {
    const Timer due = due_timer();
    if (due != timer_) {
      deadline_ = Deadline::after(span(due));
      timer_ = due;
    }
    return due == Timer::none ? -1 : deadline_.left_ms();
  }

  void time_is_up() {
    const Timer up = std::exchange(timer_, Timer::none);
    if (up == Timer::stall) return lose_client();
    if (up == Timer::cork) {
      cork_is_out_ = true;
      return;
    }
    session_.give_up();
    advance();
  }

  void read_client() {
    char buffer[65536];
    const std::size_t room = std::min(sizeof buffer, limits_.buffer - from_client_.size());
    const ssize_t got = read_once(fds_.client_in, buffer, room);
    if (got < 0 && would_block(errno)) return;
    std::string_view bytes(buffer, std::size_t(std::max<ssize_t>(got, 0)));
    // A message goes the short way.
    if (from_client_.empty()) bytes.remove_prefix(session_.from_client(bytes));
    from_client_.append(bytes);
    client_ended_ = got <= 0;
    if (got > 0 && !greeted_) session_.client_spoke_early();
    advance();
  }

  void read_server() {
    char buffer[65536];
    const ssize_t got = read_once(fds_.server, buffer, sizeof buffer);
    if (got < 0 && would_block(errno)) return;
    if (got > 0) {
      session_.from_server({buffer, std::size_t(got)});
    } else {
      session_.server_closed();
      server_ended_ = true;
    }
    advance();
  }

  // Gives the session what it will take now, and asks when it asks.
  void advance() {
    for (;;) {
      from_client_.erase(0, session_.from_client(from_client_));
      if (!session_.asking()) break;
      write_before_asking();
      const std::string reply = decide_(session_.question());
      if (reply.empty()) {
        session_.accept();
      } else {
        session_.defer(reply);
      }
    }
    if (client_gone_) session_.to_client.clear();
    if (server_input_ended_) {
      session_.to_server.clear();
    } else {
      write_server();
    }
  }

  // An answer may take its time, and a client that pipelines has commands that are answered
  // already. What cannot be written now is left to the loop, and so are errors.
  void write_before_asking() {
    pollfd client{fds_.client_out, POLLOUT, 0};
    if (session_.to_client.empty() || poll(&client, 1, 0) != 1 || client.revents != POLLOUT) return;
    send_to_client();
  }

  // As write(2); poll(2) has announced that it takes something.
  ssize_t send_to_client() {
    const ssize_t sent = write_once(fds_.client_out, session_.to_client);
    if (sent < 0) return sent;
    greeted_ = greeted_ || sent > 0;
    session_.to_client.erase(0, std::size_t(sent));
    if (session_.to_client.empty()) cork_is_out_ = false;
    timer_ = Timer::none;  // it listens: its time begins anew
    return sent;
  }

  bool server_wants_no_more() const {
    return session_.closed() || (client_ended_ && from_client_.empty());
  }

  void write_server() {
    const std::string_view rest = std::string_view(session_.to_server).substr(server_written_);
    const ssize_t sent = rest.empty() ? 0 : write_once(fds_.server, rest);
    if (sent < 0 && would_block(errno)) return;
    server_written_ += sent < 0 ? 0 : std::size_t(sent);
    if (sent < 0) session_.close();  // it reads no more; what it still has to say will be read
    if (sent < 0 || server_written_ == session_.to_server.size()) {
      session_.to_server.clear();
      server_written_ = 0;
    }
    if (server_wants_no_more() && session_.to_server.empty()) end_server_input();
  }

  void write_client() {
    if (send_to_client() < 0 && !would_block(errno)) lose_client();
  }

  // Nobody will read replies any more. What was received is still carried out, as a server would.
  void lose_client() {
    client_gone_ = true;
    client_ended_ = true;
    advance();
  }

  void end_server_input() {
    if (!std::exchange(server_input_ended_, true)) shutdown(fds_.server, SHUT_WR);
  }

  SmtpSession& session_;
  RelayFds fds_;
  const Decide& decide_;
  const RelayLimits& limits_;
  std::string from_client_;  // not yet taken by the session
  // A server reads in small pieces: what is written is removed from to_server when all of it is.
  std::size_t server_written_ = 0;
  bool client_ended_ = false;
  bool client_gone_ = false;
  bool greeted_ = false;  // the client has got something
  bool server_input_ended_ = false;
  bool server_ended_ = false;
  bool cork_is_out_ = false;  // what waits for the client has waited long enough
  Timer timer_ = Timer::none;
  Deadline deadline_;
  std::array<pollfd, kPolled> polled_{};
};

}  // namespace

void relay(SmtpSession& session, RelayFds fds, const Decide& decide, const RelayLimits& limits) {
  Relay(session, fds, decide, limits).run();
}

}  // namespace grey::smtp
