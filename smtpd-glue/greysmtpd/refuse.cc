#include "smtpd-glue/greysmtpd/refuse.h"

#include <errno.h>
#include <poll.h>

#include "smtpd-glue/greysmtpd/descriptor.h"
#include "smtpd-glue/libgreylist/deadline.h"

namespace grey::smtp {
namespace {

// Waits until `deadline` for one descriptor.
bool ready(int fd, short events, const Deadline& deadline) {
  for (;;) {
    pollfd polled{fd, events, 0};
    const int count = poll(&polled, 1, deadline.left_ms());
    if (count >= 0 || errno != EINTR) return count > 0;
  }
}

// False when the client takes nothing any more.
bool write_all(std::string& bytes, int fd, const Deadline& deadline) {
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
  const auto deadline = Deadline::after(limit_ms);
  const auto last_words = Deadline::after(limit_ms + limit_ms / 10);
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
    if (deadline.passed()) session.time_is_up();
  }
}

}  // namespace grey::smtp
