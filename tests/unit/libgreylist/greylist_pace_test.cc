// When libgreylist asks, on a clock of the test's: poll() lets the time pass, and send() and recv()
// do what the servers of each case do.
#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "smtpd-glue/libgreylist/greylist.h"

namespace {

std::int64_t now_ms;
std::vector<std::int64_t> sent_ms;  // when each datagram was sent, or tried
bool refuses;                       // nobody listens, else nobody answers
bool babbles;                       // what is no answer comes without end
int received;                       // datagrams of that
int descriptor;                     // that was sent on
std::vector<std::size_t> sizes;     // of what was sent, or tried
std::size_t largest;                // that can be sent; 0: any

std::vector<std::int64_t> times_of_questions(const char* servers, unsigned timeout_ms,
                                             int recipient_count = 1) {
  now_ms = 0;
  sent_ms.clear();
  sizes.clear();
  received = 0;
  greylist_options options;
  greylist_options_init(&options);
  options.servers = servers;
  options.timeout_ms = timeout_ms;
  std::string recipients;
  for (int i = 0; i < recipient_count; ++i) recipients += std::string("Tb@example.net", 15);
  const greylist_query query{"192.0.2.1", nullptr, "a@example.org", recipients.data(),
                             recipients.size()};
  const greylist_result result = greylist_ask(&options, &query);
  CHECK(result.error == (refuses ? GREYLIST_UNREACHABLE : GREYLIST_SILENT));
  CHECK(now_ms >= timeout_ms);
  CHECK(now_ms <= timeout_ms + 2);
  return sent_ms;
}

// Each wait is rounded up to the next millisecond.
void check_times(const std::vector<std::int64_t>& times, const std::vector<std::int64_t>& wanted) {
  REQUIRE(times.size() == wanted.size());
  for (std::size_t i = 0; i < times.size(); ++i) {
    CAPTURE(i);
    CHECK(times[i] >= wanted[i]);
    CHECK(times[i] <= wanted[i] + std::int64_t(i));
  }
}

const std::vector<std::int64_t> kThreeSeconds{0,    100,  300,  550,  800,  1050, 1300,
                                              1550, 1800, 2050, 2300, 2550, 2800};

}  // namespace

extern "C" int clock_gettime(clockid_t, timespec* time) noexcept {
  *time = {now_ms / 1000, now_ms % 1000 * 1'000'000};
  return 0;
}
extern "C" int poll(pollfd* polled, nfds_t count, int timeout) {
  for (nfds_t i = 0; i < count; ++i) polled[i].revents = babbles ? POLLIN : 0;
  if (babbles) return int(count);
  now_ms += timeout;
  return 0;
}
extern "C" int __poll_chk(pollfd* polled, nfds_t count, int timeout, std::size_t) {
  return poll(polled, count, timeout);
}
extern "C" ssize_t recv(int, void*, std::size_t, int) {
  errno = EAGAIN;
  if (!babbles || ++received > 1'000'000) return -1;  // who reads on for ever is to end
  if (received % 1000 == 0) ++now_ms;
  return 5;
}
extern "C" ssize_t __recv_chk(int fd, void* buffer, std::size_t size, std::size_t, int flags) {
  return recv(fd, buffer, size, flags);
}
extern "C" ssize_t send(int fd, const void*, std::size_t size, int) {
  descriptor = fd;
  sizes.push_back(size);
  if (largest > 0 && size > largest) {
    errno = EMSGSIZE;
    return -1;
  }
  sent_ms.push_back(now_ms);
  if (!refuses) return ssize_t(size);
  errno = ECONNREFUSED;
  return -1;
}

TEST_CASE("a server that is silent is asked again soon, up to the end") {
  refuses = false;
  check_times(times_of_questions("127.0.0.1@9", 3000), kThreeSeconds);
}

TEST_CASE("a server that refuses is tried again soon, up to the end: it may be starting") {
  refuses = true;
  check_times(times_of_questions("127.0.0.1@9", 3000), kThreeSeconds);
}

TEST_CASE("of two silent servers each has half of the time") {
  refuses = false;
  check_times(times_of_questions("127.0.0.1@9,127.0.0.2@9", 1000), {0, 100, 300, 500, 600, 800});
}

TEST_CASE("with two servers that refuse a round is both of them") {
  refuses = true;
  check_times(times_of_questions("127.0.0.1@9,127.0.0.2@9", 600),
              {0, 0, 100, 100, 300, 300, 550, 550});
}

TEST_CASE("however little time is left, asking again is paced") {
  refuses = true;
  for (unsigned timeout_ms = 2; timeout_ms < 99; ++timeout_ms) {
    CAPTURE(timeout_ms);
    check_times(times_of_questions("127.0.0.1@9,127.0.0.2@9", timeout_ms), {0, 0});
  }
}

TEST_CASE("a server that babbles without end is left at the deadline") {
  refuses = false;
  babbles = true;
  const auto times = times_of_questions("127.0.0.1@9", 500);
  babbles = false;
  CHECK(received < 600'000);
  check_times(times, {0, 100, 300});
}

TEST_CASE("no socket takes the place of a standard descriptor that is closed") {
  refuses = false;
  for (const int closed : {1, 2, 3}) {  // 0; 0 and 1; 0 to 2
    CAPTURE(closed);
    int before[3];
    for (int fd = 0; fd < closed; ++fd) {
      before[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
      close(fd);
    }
    times_of_questions("127.0.0.1@9", 50);
    for (int fd = 0; fd < closed; ++fd) {
      dup2(before[fd], fd);
      close(before[fd]);
    }
    CHECK(descriptor > STDERR_FILENO);
  }
}

TEST_CASE("a long question is asked briefly when the whole gets no answer: fragments may be lost") {
  refuses = false;
  check_times(times_of_questions("127.0.0.1@9", 1000, 500), {0, 100, 300, 550, 800});
  REQUIRE(sizes.size() == 5);
  CHECK(sizes[0] > 7500);
  CHECK(sizes[1] > 7500);
  for (std::size_t i = 2; i < sizes.size(); ++i) {
    CHECK(sizes[i] <= 1232);
    CHECK(sizes[i] > 1200);
  }
  times_of_questions("127.0.0.1@9,127.0.0.2@9", 1000, 500);
  CHECK(sizes.back() <= 1232);
  times_of_questions("127.0.0.1@9", 1000);  // one recipient: always the same
  CHECK(sizes.back() == sizes.front());
}

TEST_CASE("a question that the system does not send is asked briefly at once") {
  refuses = false;
  largest = 1400;
  check_times(times_of_questions("127.0.0.1@9", 500, 500), {0, 100, 300});
  largest = 0;
  REQUIRE(sizes.size() == 4);
  CHECK(sizes[0] > 7500);
  for (std::size_t i = 1; i < sizes.size(); ++i) CHECK(sizes[i] <= 1232);
}
