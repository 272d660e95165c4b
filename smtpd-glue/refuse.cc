#include "smtpd-glue/refuse.h"

#include <errno.h>
#include <poll.h>

#include <algorithm>
#include <chrono>

#include "smtpd-glue/descriptor.h"

namespace grey::smtp {
namespace {

using Clock = std::chrono::steady_clock;

// Waits until `deadline` for one descriptor.
bool ready(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd polled{fd, events, 0};
    const int count = poll(&polled, 1, int(std::max<long long>(left, 0)));
    if (count >= 0 || errno != EINTR) return count > 0;
  }
}

// False when the client takes nothing any more.
bool write_all(std::string& bytes, int fd, Clock::time_point deadline) {
  while (!bytes.empty()) {
    if (!ready(fd, POLLOUT, deadline)) return false;
    const ssize_t sent = write_once(fd, bytes);
    if (sent < 0 && would_block(errno)) continue;
    if (sent < 0) return false;
    bytes.erase(0, std::size_t(sent));
  }
  return true;
}

}  // namespace

void refuse(RefusalSession& session, int client_in, int client_out, int limit_ms) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(limit_ms);
  const auto last_words = deadline + std::chrono::milliseconds(limit_ms / 10);
  while (write_all(session.to_client, client_out, last_words) && !session.closed()) {
    if (!ready(client_in, POLLIN, deadline)) {
      session.time_is_up();
      continue;
    }
    char buffer[RefusalSession::kMaxRead];
    const ssize_t got = read_once(client_in, buffer, sizeof buffer);
    if (got < 0 && would_block(errno)) continue;
    if (got <= 0) return;
    session.from_client({buffer, std::size_t(got)});
    if (Clock::now() >= deadline) session.time_is_up();
  }
}

}  // namespace grey::smtp
