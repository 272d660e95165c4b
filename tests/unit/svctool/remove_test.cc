#include "svctool/verbs/remove.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "greyd/base/files.h"
#include "svctool/daemon/supervision.h"
#include "tests/temporary_directory.h"

using namespace grey::svctool;
namespace fs = std::filesystem;

namespace {

// A service with a supervisor that takes commands and never ends: this test, at the other end of
// the fifos.
struct Stubborn {
  grey::testing::TemporaryDirectory home;
  std::string service = home / "greylist.1";
  grey::Fd control, ok;

  Stubborn() {
    fs::create_directories(service + "/supervise");
    std::ofstream(service + "/.options") << "--greylist=1\n";
    control = fifo("control");
    ok = fifo("ok");
  }
  grey::Fd fifo(const std::string& name) {
    const std::string path = service + "/supervise/" + name;
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    return grey::Fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  }
  std::string told() {
    char bytes[16];
    const ssize_t got = ::read(control.get(), bytes, sizeof bytes);
    return {bytes, std::size_t(got > 0 ? got : 0)};
  }
};

}  // namespace

TEST_CASE("a supervisor is seen and told through its fifos") {
  Stubborn stubborn;
  CHECK(is_supervised(stubborn.service) == true);
  CHECK(tell_supervisor(stubborn.service, "dx"));
  CHECK(stubborn.told() == "dx");
  CHECK_FALSE(wait_until_unsupervised(stubborn.service, 0));
  stubborn.ok.reset();
  CHECK(is_supervised(stubborn.service) == true);  // as under s6, which has no `ok`
  stubborn.control.reset();
  CHECK(is_supervised(stubborn.service) == false);
  CHECK(wait_until_unsupervised(stubborn.service, 0));
  CHECK_FALSE(tell_supervisor(stubborn.service, "dx"));
}

TEST_CASE("a service whose supervisor cannot be told to end is put back") {
  Stubborn stubborn;
  fs::remove(stubborn.service + "/supervise/control");
  const std::string link = stubborn.home / "link";
  fs::create_symlink(stubborn.service, link);
  for (const std::string& name : {stubborn.service, link}) {
    CAPTURE(name);
    const auto removed = remove_service(name, false);
    REQUIRE_FALSE(removed);
    CHECK(removed.error().text.starts_with(name + ": "));
    CHECK(removed.error().text.find("/supervise/control: No such file") != std::string::npos);
    CHECK(fs::exists(name + "/.options"));
  }
  CHECK(fs::is_symlink(link));
  // Nothing else is there, hidden or not.
  CHECK(std::distance(fs::directory_iterator(stubborn.home.path()), fs::directory_iterator()) == 2);
}

TEST_CASE("a page is not removed with a daemon's service that is not there, or is no such") {
  grey::testing::TemporaryDirectory home;
  const std::string service = home / "greylist.1", page = service + ".serve";
  fs::create_directories(page);
  std::ofstream(page + "/.options") << "--greylist=1\n--serve=127.0.0.1@9119\n--serve-only\n";
  for (const bool dry_run : {true, false}) CHECK_FALSE(remove_service(service, dry_run));
  CHECK(fs::exists(page + "/.options"));
  fs::create_directories(service);
  CHECK_FALSE(remove_service(service, false));
  CHECK(fs::exists(page + "/.options"));
  std::ofstream(service + "/.options") << "--greylist=1\n";
  CHECK(remove_service(service, false));
  CHECK_FALSE(fs::exists(page));
  CHECK_FALSE(fs::exists(service));
}

TEST_CASE("a directory that svctool did not make is not removed") {
  Stubborn stubborn;
  fs::remove(stubborn.service + "/.options");
  CHECK_FALSE(remove_service(stubborn.service, false));
  CHECK_FALSE(remove_service(stubborn.service, true));
  CHECK(stubborn.told().empty());
  CHECK(fs::exists(stubborn.service + "/supervise"));
}
