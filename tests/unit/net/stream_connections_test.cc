// Who goes when stream connections are too many or hold too much, without a server: the sources are
// the test's, the descriptors are real.
#include "greyd/net/stream_connections.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <vector>

using namespace grey;

namespace {

using Connection = StreamConnections::Connection;

class Fixture {
 public:
  explicit Fixture(std::size_t most) : connections(most, 10, epoll_.get()) {}

  Connection& add(const char* address, unsigned now = 0) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    peers_.emplace_back(ends[1]);
    const Endpoint peer{*Ip::parse(address), 25};
    Connection* added = connections.add(connections.new_id(), Fd(ends[0]), peer,
                                        StreamSourceKey::of_address(peer.ip), now);
    REQUIRE(added != nullptr);
    return *added;
  }

 private:
  Fd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  std::vector<Fd> peers_;

 public:
  StreamConnections connections;
};

}  // namespace

TEST_CASE("a source is an IPv4 address, an IPv6 network of one host, or a user") {
  const auto key = [](const char* text) { return StreamSourceKey::of_address(*Ip::parse(text)); };
  CHECK(key("192.0.2.1") != key("192.0.2.2"));
  CHECK(key("::ffff:192.0.2.1") == key("192.0.2.1"));
  CHECK(key("2001:db8::1") == key("2001:db8::ffff:1"));
  CHECK(key("2001:db8::1") != key("2001:db8:0:1::1"));
  CHECK(StreamSourceKey::of_user(0) != StreamSourceKey::of_user(1));
  CHECK(StreamSourceKey::of_user(0) != key("::"));
}

TEST_CASE("the source with most loses its oldest, whoever comes") {
  Fixture f(100);
  Connection& first = f.add("192.0.2.1");
  Connection& second = f.add("192.0.2.1", 1);
  f.add("192.0.2.1", 2);
  Connection& other = f.add("192.0.2.2");
  CHECK(f.connections.to_make_room(&other) == &first);
  CHECK(f.connections.to_make_room(nullptr) == &first);
  Connection& newest = f.add("192.0.2.1", 3);
  CHECK(f.connections.to_make_room(&newest) == &first);
  f.connections.move(first, true, 1);
  CHECK(f.connections.to_make_room(&newest) == &second);
  second.due = 1;
  CHECK(f.connections.to_make_room(&newest) == &first);
}

TEST_CASE("among equals the newcomer's own source gives way, but not the newcomer") {
  Fixture f(100);
  Connection& own = f.add("192.0.2.1", 5);
  Connection& others = f.add("192.0.2.2", 1);
  f.add("192.0.2.2", 2);
  Connection& newcomer = f.add("192.0.2.1", 6);
  CHECK(f.connections.to_make_room(&newcomer) == &own);
  Connection& alone = f.add("192.0.2.3", 7);
  Connection* goes = f.connections.to_make_room(&alone);
  CHECK((goes == &own || goes == &others));
}

TEST_CASE("whatever thousands of connections of others do, one within its share stays") {
  constexpr std::size_t kMost = 200;
  Fixture f(kMost);
  std::vector<StreamConnections::Id> stay;
  for (int i = 0; i < 20; ++i) stay.push_back(f.add("192.0.2.100").id);
  std::vector<std::string> hostile;
  for (int i = 0; i < 8; ++i) hostile.push_back("192.0.2." + std::to_string(i));
  for (unsigned i = 0; i < 2000; ++i) {
    Connection& newcomer = f.add(hostile[i % 3 == 0 ? i % hostile.size() : 0].c_str(), i);
    if (i % 5 == 0) f.connections.move(newcomer, true, i);
    while (f.connections.overfull()) {
      Connection* goes = f.connections.to_make_room(&newcomer);
      REQUIRE(goes != nullptr);
      REQUIRE(goes != &newcomer);
      f.connections.close(*goes);
    }
    REQUIRE(f.connections.size() <= kMost);
  }
  for (const auto id : stay) CHECK(f.connections.find(id) != nullptr);
}

TEST_CASE("what is decided does not go, and who has its share does not go instead") {
  Fixture f(10);
  Connection& a = f.add("192.0.2.1");
  Connection& b = f.add("192.0.2.1");
  Connection& other = f.add("192.0.2.2");
  a.due = b.due = 1;
  CHECK(f.connections.to_make_room(nullptr) == nullptr);
  other.due = 1;
  b.due = 0;
  CHECK(f.connections.to_make_room(nullptr) == &b);
}

TEST_CASE("memory is taken from who holds most, from what is busy first") {
  Fixture f(100);
  Connection& small = f.add("192.0.2.1");
  Connection& idle = f.add("192.0.2.2");
  Connection& busy = f.add("192.0.2.2", 1);
  CHECK(f.connections.to_free_memory() == nullptr);
  f.connections.set_held(small, 1000);
  f.connections.set_held(idle, 500);
  f.connections.move(busy, true, 2);
  f.connections.set_held(busy, 501);
  CHECK(f.connections.held() == 2001);
  CHECK(f.connections.to_free_memory() == &busy);
  f.connections.close(busy);
  CHECK(f.connections.to_free_memory() == &small);
  f.connections.close(small);
  f.connections.close(idle);
  CHECK(f.connections.held() == 0);
  CHECK(f.connections.sources() == 0);
  CHECK(f.connections.to_free_memory() == nullptr);
  CHECK(f.connections.to_make_room(nullptr) == nullptr);
}

TEST_CASE("sources count for what they take of descriptors") {
  Fixture f(40);
  for (int i = 0; i < 25; ++i) f.add(("192.0.2." + std::to_string(i)).c_str());
  CHECK_FALSE(f.connections.overfull());
  f.add("192.0.2.25");
  CHECK(f.connections.overfull());
}

TEST_CASE("so many descriptors are enough for all the connections that they are said to be") {
  for (std::size_t descriptors = 2; descriptors < 200; ++descriptors) {
    CAPTURE(descriptors);
    const std::size_t most = StreamConnections::most_within(descriptors);
    CHECK(most + StreamConnections::free_sources(most) <= descriptors);
    CHECK(most + 1 + StreamConnections::free_sources(most + 1) > descriptors);
  }
  CHECK(StreamConnections::most_within(0) == 1);
}

TEST_CASE("where there are more sources than room, who has waited longest goes for who comes") {
  Fixture f(4);
  std::vector<Connection*> all;
  for (int i = 0; i < 3; ++i) {
    all.push_back(&f.add(("192.0.2." + std::to_string(i)).c_str(), unsigned(i)));
  }
  REQUIRE_FALSE(f.connections.overfull());
  for (unsigned i = 3; i < 20; ++i) {
    Connection& newcomer = f.add(("192.0.2." + std::to_string(i)).c_str(), i);
    REQUIRE(f.connections.overfull());
    REQUIRE(f.connections.to_make_room(&newcomer) == all[i - 3]);
    f.connections.close(*all[i - 3]);
    all.push_back(&newcomer);
  }
}

TEST_CASE("those whose time has run out are told in bounded number") {
  Fixture f(100);
  const auto old = f.add("192.0.2.1", 0).id;
  Connection& busy = f.add("192.0.2.1", 0);
  f.connections.move(busy, true, 5);
  const auto other = f.add("192.0.2.2", 1).id;
  f.add("192.0.2.2", 9);
  using Ids = std::vector<StreamConnections::Id>;
  CHECK(f.connections.expired(false, 9, 10, 5) == Ids{old, other});
  CHECK(f.connections.expired(false, 9, 10, 1) == Ids{old});
  CHECK(f.connections.expired(true, 5, 10, 5) == Ids{busy.id});
  CHECK(f.connections.expired(true, 6, 10, 5).empty());
}
