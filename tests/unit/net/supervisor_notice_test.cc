#include "greyd/net/supervisor_notice.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

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
    char text[5000];
    const ssize_t size = ::recv(fd_.get(), text, sizeof text, 0);
    return size < 0 ? std::string() : std::string(text, std::size_t(size));
  }

 private:
  std::string place_;
  Fd fd_;
};

SupervisorNotice make(const SupervisorNotice::Environment& environment) {
  SupervisorNotice notice;
  const auto found = notice.tell_systemd(environment);
  REQUIRE_MESSAGE(found, (found ? "" : found.error().text));
  return notice;
}

std::string error(const grey::Result<void>& result) {
  return result ? "no error" : result.error().text;
}

}  // namespace

TEST_CASE("systemd is told of a start, a reload and an end, a datagram each") {
  const grey::testing::TemporaryDirectory directory;
  const Listener systemd(directory / "notify");
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

TEST_CASE("a status line is one line of text, whatever is in it, and not too long for systemd") {
  const grey::testing::TemporaryDirectory directory;
  const Listener systemd(directory / "notify");
  SupervisorNotice notice = make({systemd.place(), {}, {}});
  const auto shown = [&](const std::string& text) {
    notice.status(text);
    return systemd.told().substr(std::string("STATUS=").size());
  };
  CHECK(shown("\x1b[2J\r\t\x7f.") == " [2J   .");
  CHECK(shown(std::string(10'000, 'x')) == std::string(1000, 'x'));
  CHECK(shown(std::string(998, 'x') + "\u00e4y") == std::string(998, 'x') + "\u00e4");
  CHECK(shown(std::string(999, 'x') + "\u00e4y") == std::string(999, 'x'));
  CHECK(shown(std::string(997, 'x') + "\U0001f4e7y") == std::string(997, 'x'));
  CHECK(shown(std::string(5000, '\x80')).size() <= 1000);  // no UTF-8 at all
}

TEST_CASE("an abstract name is one without its NUL") {
  const Listener systemd("@qmail-greyd-test-" + std::to_string(::getpid()));
  make({systemd.place(), {}, {}}).stopping();
  CHECK(systemd.told() == "STOPPING=1");
}

TEST_CASE("where nobody asks nothing is told, and nothing fails") {
  SupervisorNotice notice;
  CHECK(notice.ready(""));
  notice.alive();
  CHECK_FALSE(notice.alive_every());
  CHECK_FALSE(notice.tells_systemd());
  CHECK_FALSE(make({"", "30000000", {}}).tells_systemd());
  CHECK_FALSE(make({"", "30000000", {}}).alive_every());
}

TEST_CASE("one that has ended is told nothing, and another in its place everything") {
  const grey::testing::TemporaryDirectory directory;
  const std::string place = directory / "notify";
  std::optional<Listener> systemd(std::in_place, place);
  SupervisorNotice notice = make({place, {}, {}});
  systemd.reset();
  CHECK(notice.ready("to nobody"));  // nor is that to be done again
  ::unlink(place.c_str());
  notice.alive();
  systemd.emplace(place);
  notice.status("of a new one");
  CHECK(systemd->told() == "STATUS=of a new one");
}

TEST_CASE("a supervisor that does not read holds nobody up") {
  const grey::testing::TemporaryDirectory directory;
  const Listener systemd(directory / "notify");
  SupervisorNotice notice = make({systemd.place(), {}, {}});
  for (int i = 0; i < 10'000; ++i) notice.alive();
  CHECK_FALSE(notice.ready("again, later"));
  while (systemd.told() == "WATCHDOG=1") {
  }
  CHECK(notice.ready("later"));
  CHECK(systemd.told() == "READY=1\nSTATUS=later");
}

TEST_CASE("s6 is told by a newline and the end of the file, once") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const Fd reader(ends[0]);
  SupervisorNotice notice;
  REQUIRE(notice.tell_s6(ends[1]));
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
  const Listener systemd(directory / "notify");
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
  CHECK(every("1", own) == 1ms);  // the loop has other things to do
}

TEST_CASE("what cannot be used is named, and the other one is told all the same") {
  const grey::testing::TemporaryDirectory directory;
  const Listener systemd(directory / "notify");
  SupervisorNotice notice = make({systemd.place(), {}, {}});
  const auto place_error = [&](const std::string& place) {
    return error(notice.tell_systemd({place, "1000000", {}}));
  };
  CHECK(place_error("relative").starts_with("NOTIFY_SOCKET: relative "));
  CHECK(place_error(std::string(200, '/')).starts_with("NOTIFY_SOCKET: ///"));
  CHECK(place_error("@" + std::string(107, 'x')).starts_with("NOTIFY_SOCKET: @xxx"));
  CHECK(place_error("vsock:2:1234").starts_with("NOTIFY_SOCKET: vsock:2:1234 is neither"));
  CHECK(place_error("/nowhere/at/all") ==
        "cannot reach NOTIFY_SOCKET /nowhere/at/all: No such file or directory");
  CHECK(place_error("@qmail-greyd-nobody") ==
        "cannot reach NOTIFY_SOCKET @qmail-greyd-nobody: Connection refused");
  std::ofstream(directory / "file") << "no socket";
  CHECK(place_error(directory / "file").ends_with(": Connection refused"));

  CHECK(error(notice.tell_s6(1)).starts_with("descriptor 1 is no pipe that was left open"));
  CHECK(error(notice.tell_s6(999)).starts_with("descriptor 999 is no pipe that was left open"));
  CHECK(error(notice.tell_s6(-1)).starts_with("descriptor -1 is no pipe that was left open"));
  const Fd file(::open((directory / "file").c_str(), O_WRONLY));  // of who has started us
  CHECK(error(notice.tell_s6(file.get())).starts_with("descriptor "));
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const Fd reader(ends[0]), writer(ends[1]);
  CHECK(error(notice.tell_s6(reader.get())).starts_with("descriptor "));
  REQUIRE(::fcntl(writer.get(), F_SETFD, FD_CLOEXEC) == 0);  // not inherited, but opened since
  CHECK(error(notice.tell_s6(writer.get())).starts_with("descriptor "));

  CHECK(notice.ready("all the same"));
  CHECK(systemd.told() == "READY=1\nSTATUS=all the same");
  CHECK_FALSE(notice.alive_every());
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
