// libgreylist tells what ours have sent: what goes out, to whom, and when nothing does.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "greyd/wire/key_field.h"
#include "greyd/wire/wire.h"
#include "smtpd-glue/libgreylist/greylist.h"
#include "tests/temporary_directory.h"
#include "tests/unit/libgreylist/udp_daemon.h"
#include "tests/unit/wire/signed_query.h"

using namespace grey;
using namespace std::string_literals;
using test::Daemon;

namespace {

// Takes what comes and never answers. What has come is there after received().
struct Listening {
  std::atomic<std::size_t> count = 0;
  Daemon daemon{[this](const std::string&, int) {
    ++count;
    return Daemon::Answers{};
  }};

  // Datagrams on loopback are there when they have been sent; the reader's thread takes some time.
  const std::vector<std::string>& received(std::size_t at_least) {
    for (int i = 0; i < 4000 && count < at_least; ++i) usleep(5000);
    daemon.stop();
    return daemon.received();
  }
};

greylist_options options_for(const std::string& servers) {
  greylist_options options;
  greylist_options_init(&options);
  options.servers = servers.c_str();
  return options;
}

int tell(const greylist_options& options, const std::string& ours, const std::string& theirs) {
  return greylist_sent(&options, ours.c_str(), theirs.data(), theirs.size());
}

}  // namespace

TEST_CASE("each server is told, once, and nobody is waited for") {
  Listening one, other;
  const std::string servers = one.daemon.address() + "," + other.daemon.address();
  CHECK(tell(options_for(servers), "joe@here.example", "Tann@x.example\0Tbob@y.example\0"s) == 0);
  const std::string expected = "Rjoe@here.example\0Tann@x.example\0Tbob@y.example\0\0"s;
  CHECK(one.received(1) == std::vector<std::string>{expected});
  CHECK(other.received(1) == std::vector<std::string>{expected});
}

TEST_CASE("where there is nothing to tell, or nobody, nothing goes out") {
  Listening one;
  const std::string servers = one.daemon.address();
  const greylist_options good = options_for(servers);
  const std::string theirs = "Tann@x.example\0"s, none;
  CHECK(tell(good, "", theirs) == -1);
  CHECK(greylist_sent(&good, nullptr, theirs.data(), theirs.size()) == -1);
  CHECK(tell(good, "joe@here.example", none) == -1);
  CHECK(tell(good, "joe@here.example", "T" + std::string(321, 'x') + '\0') == -1);
  CHECK(tell(good, std::string(321, 'x'), theirs) == -1);
  CHECK(greylist_sent(&good, "joe@here.example", nullptr, 0) == -1);
  for (const char* const bad : {"", "no address", "127.0.0.1@0x"}) {
    const std::string text = bad;
    CHECK(tell(options_for(text), "joe@here.example", theirs) == -1);
  }
  greylist_options bad_key = good;
  bad_key.key.state = GREYLIST_KEY_BAD;
  CHECK(tell(bad_key, "joe@here.example", theirs) == -1);
  CHECK(tell(good, "last@here.example", theirs) == 0);
  CHECK(one.received(1).size() == 1);
}

TEST_CASE("many recipients go in several datagrams, each within the size, and under the key") {
  const wire::Key key = testing::key_of("mx1");
  Listening one;
  const std::string servers = one.daemon.address();
  greylist_options options = options_for(servers);
  options.max_data = 2000;
  options.key.state = GREYLIST_KEY_SET;
  key.id().copy(options.key.id, sizeof options.key.id);
  std::copy(key.secret.begin(), key.secret.end(), options.key.secret);
  std::string theirs;
  std::set<std::string> expected, told;
  for (int i = 0; i < 2100; ++i) {
    const std::string address = std::to_string(i) + "@x.example";
    theirs += 'T' + address + '\0';
    expected.insert(address);
  }
  CHECK(tell(options, "joe@here.example", theirs) == 0);
  for (const std::string& datagram : one.received(15)) {
    CHECK(datagram.size() <= 2000);
    wire::KeyField field;
    REQUIRE(wire::find_key_field(datagram, field) == wire::Fault::none);
    CHECK(wire::is_same(field.mac, wire::mac_of(key.secret, field.covered)));
    wire::Sent sent;
    REQUIRE(wire::tells_sent(datagram));
    REQUIRE(wire::parse_sent(datagram, sent) == wire::Fault::none);
    CHECK(sent.ours == "joe@here.example");
    for (const std::string_view address : sent.theirs) told.emplace(address);
  }
  CHECK(told.size() > 1000);  // (a busy machine may lose some)
  CHECK(std::includes(expected.begin(), expected.end(), told.begin(), told.end()));
}

TEST_CASE("GREYREPLIES says whether a front tells") {
  Listening one;
  const std::string theirs = "Tann@x.example\0"s;
  setenv("GREYIP", one.daemon.address().c_str(), 1);
  const auto tell_front = [&] {
    return greylist_tell_sent("front", "joe@here.example", theirs.data(), theirs.size());
  };
  for (const char* const value : {"", "0", "yes", "11"}) {
    setenv("GREYREPLIES", value, 1);
    CHECK(tell_front() == 0);
  }
  unsetenv("GREYREPLIES");
  CHECK(tell_front() == 0);
  setenv("GREYREPLIES", "1", 1);
  CHECK(tell_front() == 0);
  CHECK(greylist_tell_sent("front", "", theirs.data(), theirs.size()) == 0);
  CHECK(one.received(1).size() == 1);
  unsetenv("GREYIP");
  CHECK(tell_front() == 0);  // off
  unsetenv("GREYREPLIES");
}
