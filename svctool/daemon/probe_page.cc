#include "svctool/daemon/probe_page.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "greyd/base/files.h"
#include "svctool/daemon/address.h"
#include "svctool/util/lines.h"
#include "svctool/util/number.h"

namespace grey::svctool {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{10};  // it asks its daemon first
constexpr std::size_t kMostAnswer = 16384;
constexpr std::string_view kRequest =
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\nConnection: close\r\n\r\n";

bool wait_for(int fd, short events, Clock::time_point end) {
  pollfd waiting{fd, events, 0};
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    const int ready = ::poll(&waiting, 1, int(std::max<std::int64_t>(0, left.count())));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

PageProbe silent(std::string why) {
  return {0, std::move(why)};
}

PageProbe late() {
  return silent("no answer within " + std::to_string(kPatience.count()) + " seconds");
}

}  // namespace

// "HTTP/1.1 503 Service Unavailable", header fields, an empty line, and text.
PageProbe parse_page_answer(const std::string& answer) {
  const std::string_view status = first_line(answer);
  const std::size_t space = status.find(' ');
  const auto code = status.starts_with("HTTP/1.") && space != status.npos
                        ? parse_number<int>(status.substr(space + 1, 3))
                        : std::nullopt;
  if (!code) return silent("what answers there is no web server");
  PageProbe probe{*code, "HTTP " + std::to_string(*code)};
  if (const std::size_t body = answer.find("\r\n\r\n"); body != answer.npos) {
    std::string line(first_line(std::string_view(answer).substr(body + 4)));
    std::erase_if(line, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (!line.empty()) probe.outcome = line.substr(0, 200);
  }
  return probe;
}

PageProbe probe_page(const Endpoint& listen) {
  const Endpoint endpoint = listen.ip.is_any() ? Endpoint{Endpoint{}.ip, listen.port} : listen;
  const auto end = Clock::now() + kPatience;
  const Address address = address_of(endpoint);
  const Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return silent(std::strerror(errno));
  if (connect_to(fd.get(), address) != 0) {
    if (errno != EINPROGRESS) return silent(std::strerror(errno));
    int error = 0;
    socklen_t size = sizeof error;
    if (!wait_for(fd.get(), POLLOUT, end)) return late();
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return silent(std::strerror(error));
  }
  if (::send(fd.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0) {
    return silent(std::strerror(errno));
  }
  std::string answer;
  while (answer.size() < kMostAnswer) {
    char chunk[4096];
    if (!wait_for(fd.get(), POLLIN, end)) return late();
    const ssize_t got = ::recv(fd.get(), chunk, sizeof chunk, 0);
    if (got < 0) return silent(std::strerror(errno));
    if (got == 0) break;
    answer.append(chunk, std::size_t(got));
  }
  return parse_page_answer(answer);
}

}  // namespace grey::svctool
