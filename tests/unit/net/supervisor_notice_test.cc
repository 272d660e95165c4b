#include "greyd/net/supervisor_notice.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/temporary_directory.h"

using namespace std::chrono_literals;
using grey::Fd;
using grey::SupervisorNotice;

namespace {

// A supervisor's end of it.
class Listener {
 public:
  explicit Listener(std::string place)
      : place_(std::move(place)), fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, place_.data(), place_.size());
    if (place_[0] == '@') address.sun_path[0] = '\0';
    const auto size = socklen_t(offsetof(sockaddr_un, sun_path) + place_.size());
    REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
  }
  const std::string& place() const { return place_; }
  // The next one; empty when there is none.
  std::string told() const {
    char text[512];
    const ssize_t size = ::recv(fd_.get(), text, sizeof text, 0);
    return size < 0 ? std::string() : std::string(text, std::size_t(size));
  }

 private:
  std::string place_;
  Fd fd_;
};

SupervisorNotice make(const SupervisorNotice::Environment& environment,
                      std::optional<int> descriptor = {}) {
  auto notice = SupervisorNotice::make(environment, descriptor);
  REQUIRE_MESSAGE(notice, notice.error().text);
  return std::move(*notice);
}

}  // namespace

TEST_CASE("systemd is told of a start, a reload and an end, a datagram each") {
  const grey::testing::TemporaryDirectory directory;
  const Listener systemd(directory.path() + "/notify");
  SupervisorNotice notice = make({systemd.place(), {}, {}});
  notice.extend_timeout(30s);
  CHECK(systemd.told() == "EXTEND_TIMEOUT_USEC=30000000");
  notice.ready("12 records");
  CHECK(systemd.told() == "READY=1\nSTATUS=12 records");
  notice.reloading(5s);
  CHECK(systemd.told() == "RELOADING=1\nMONOTONIC_USEC=5000000");
  notice.status("a text\nREADY=1");
  CHECK(systemd.told() == "STATUS=a text READY=1");
  notice.stopping();
  CHECK(systemd.told() == "STOPPING=1");
  notice.alive();
  CHECK(systemd.told() == "WATCHDOG=1");
  CHECK(systemd.told().empty());
}

TEST_CASE("an abstract name is one without its NUL") {
  const Listener systemd("@qmail-greyd-test-" + std::to_string(::getpid()));
  make({systemd.place(), {}, {}}).stopping();
  CHECK(systemd.told() == "STOPPING=1");
}

TEST_CASE("where nobody asks nothing is told, and nothing fails") {
  SupervisorNotice notice;
  notice.ready("");
  notice.alive();
  CHECK_FALSE(notice.alive_every());
  make({"", "30000000", {}}).ready("");
  make({"/nowhere/at/all", {}, {}}).ready("");  // one that has ended since
}

TEST_CASE("a supervisor that does not read holds nobody up") {
  const grey::testing::TemporaryDirectory directory;
  const Listener systemd(directory.path() + "/notify");
  SupervisorNotice notice = make({systemd.place(), {}, {}});
  for (int i = 0; i < 10'000; ++i) notice.alive();
  CHECK(systemd.told() == "WATCHDOG=1");
}

TEST_CASE("s6 is told by a newline and the end of the file, once") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const Fd reader(ends[0]);
  SupervisorNotice notice = make({}, ends[1]);
  notice.status("nothing of it");
  notice.ready("12 records");
  notice.ready("again");
  char text[8];
  CHECK(::read(reader.get(), text, sizeof text) == 1);
  CHECK(text[0] == '\n');
  CHECK(::read(reader.get(), text, sizeof text) == 0);
}

TEST_CASE("the watchdog wants half of its time, of the process that it is for") {
  const grey::testing::TemporaryDirectory directory;
  const Listener systemd(directory.path() + "/notify");
  const std::string own = std::to_string(::getpid()), other = std::to_string(::getpid() + 1);
  const auto every = [&](std::optional<std::string> limit, std::optional<std::string> process) {
    return make({systemd.place(), limit, process}).alive_every();
  };
  CHECK(every("30000000", own) == 15s);
  CHECK(every("30000000", {}) == 15s);
  CHECK_FALSE(every("30000000", other));
  CHECK_FALSE(every({}, own));
  for (const char* bad : {"", "0", "-1", "30s", "99999999999999999999"}) {
    CHECK_FALSE(every(bad, own));
  }
}

TEST_CASE("what cannot be used is named") {
  const auto error = [](const SupervisorNotice::Environment& environment,
                        std::optional<int> descriptor) {
    const auto notice = SupervisorNotice::make(environment, descriptor);
    REQUIRE_FALSE(notice);
    CHECK(notice.error().exit_code == grey::kExitMisuse);
    return notice.error().text;
  };
  CHECK(error({"relative", {}, {}}, {}).starts_with("NOTIFY_SOCKET: relative "));
  CHECK(error({std::string(200, '/'), {}, {}}, {}).starts_with("NOTIFY_SOCKET:"));
  CHECK(error({}, 1).starts_with("descriptor 1 "));
  CHECK(error({}, 999).starts_with("descriptor 999 "));
  const Fd read_only(::open("/dev/null", O_RDONLY));
  CHECK(error({}, read_only.get()).starts_with("descriptor "));
}

TEST_CASE("the environment is taken, so that no child speaks for this process") {
  ::setenv("NOTIFY_SOCKET", "/run/notify", 1);
  ::setenv("WATCHDOG_USEC", "10", 1);
  ::unsetenv("WATCHDOG_PID");
  const auto taken = SupervisorNotice::take_environment();
  CHECK(taken.socket == "/run/notify");
  CHECK(taken.watchdog_usec == "10");
  CHECK_FALSE(taken.watchdog_process);
  CHECK(::getenv("NOTIFY_SOCKET") == nullptr);
}
