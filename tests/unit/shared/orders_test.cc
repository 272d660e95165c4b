// What is said to one daemon holds for all that share its state: with a real Redis.
#include "greyd/shared/orders.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/temporary_directory.h"
#include "tests/unit/shared/plain_store.h"

using namespace grey;
using shared::Order;
using shared::Orders;
using testing::PlainStore;
using testing::RedisServer;

namespace {

constexpr Seconds kNow = 1'700'000'000;

struct Daemon {
  Daemon(const RedisServer& redis, const std::string& name) : store(redis) {
    ServiceSettings settings;
    settings.context_file = directory / "context";
    service.emplace(
        settings, HashKey{}, background, [](auto, const auto&) {}, counters);
    REQUIRE(service->load(kNow, 100));
    orders.emplace(*service, store, name, order_counters);
  }
  void tick(Seconds now) {
    orders->tick(now);
    while (orders->busy()) orders->work();
  }
  wire::Reason ask(Seconds now, const std::string& client) {
    const std::string datagram = "I" + client + '\0' + "Fa@x" + '\0' + "Tb@y" + '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    wire::Reason reason{};
    service->decide({&query, 1}, now,
                    [&](std::size_t, const Decided& decided) { reason = decided.reason; });
    return reason;
  }
  void allow(const char* entry, Seconds at) {
    service->entries().change(
        [&](Entries& entries) {
          return entries.put({Entry::Kind::allow, entry, at, {}, "uid:0"});
        },
        [](const auto&) {});
    orders->say({Order::Kind::allow, at, "uid:0", {}, entry, {}});
  }
  void unlist(const char* entry, Seconds at) {
    service->entries().change(
        [&](Entries& entries) -> Result<void> {
          (void)entries.remove(entry);
          return {};
        },
        [](const auto&) {});
    orders->say({Order::Kind::unlist, at, "uid:0", {}, entry, {}});
  }

  testing::TemporaryDirectory directory;
  InlineBackground background;
  Counters counters;
  shared::OrderCounters order_counters;
  PlainStore store;
  std::optional<Service> service;
  std::optional<Orders> orders;
};

struct Fixture {
  RedisServer redis;
  Daemon a{redis, "a"}, b{redis, "b"};
};

SavedRecord triplet(const char* client) {
  return {RecordClass::waiting, 0, 0, Client(*Ip::parse(client)), "a@x", "b@y"};
}

}  // namespace

TEST_CASE("orders read like this, and are read back") {
  Order forget{Order::Kind::forget, kNow, "uid:0@mx1", {}, {}, {}};
  forget.records.client = "192.0.2.0/24";
  forget.records.sender = "*@x";
  CHECK(
      to_text(forget) ==
      R"({"order":"forget","at":1700000000,"by":"uid:0@mx1","client":"192.0.2.0/24","sender":"*@x"})");
  const auto read = shared::read_order(to_text(forget));
  REQUIRE(read);
  CHECK(read->records.client == "192.0.2.0/24");
  CHECK_FALSE(read->records.recipient);
  const Order allow{Order::Kind::allow, kNow, "uid:0", {}, "to:a b@x", kNow + 5};
  const auto again = shared::read_order(to_text(allow));
  REQUIRE(again);
  CHECK(again->entry == "to:a b@x");
  CHECK(again->until == kNow + 5);
  for (const char* text : {"", "{}", "[]", R"({"order":"dance","at":1,"by":"x"})",
                           R"({"order":"forget","at":1,"by":"x"})",
                           R"({"order":"allow","at":-1,"by":"x","entry":"y"})",
                           R"({"order":"allow","at":1,"entry":"y"})",
                           R"({"order":"forget","at":1,"by":"x","client":"y","entry":"z"})",
                           R"({"order":"unlist","at":1,"by":"x","entry":7})"}) {
    CAPTURE(text);
    CHECK_FALSE(shared::read_order(text));
  }
}

TEST_CASE_FIXTURE(Fixture,
                  "what is allowed at one is allowed at the other, and unlisted likewise") {
  a.tick(kNow);
  b.tick(kNow);
  a.allow("192.0.2.1", kNow);
  b.tick(kNow + 1);
  CHECK(b.ask(kNow + 1, "192.0.2.1") == wire::Reason::whitelisted);
  b.service->entries().entries().for_each([](const Entry& entry) { CHECK(entry.by == "uid:0@a"); });
  b.unlist("192.0.2.1", kNow + 2);
  a.tick(kNow + 3);
  CHECK(a.ask(kNow + 3, "192.0.2.1") == wire::Reason::new_triplet);
}

TEST_CASE_FIXTURE(Fixture, "who comes later, or was away, learns what holds") {
  a.allow("192.0.2.1", kNow);
  a.tick(kNow);
  a.allow("192.0.2.2", kNow + 1);
  a.unlist("192.0.2.1", kNow + 2);
  a.tick(kNow + 2);
  b.allow("192.0.2.3", kNow + 3);
  b.tick(kNow + 4);
  CHECK(b.ask(kNow + 4, "192.0.2.1") == wire::Reason::new_triplet);
  CHECK(b.ask(kNow + 4, "192.0.2.2") == wire::Reason::whitelisted);
  a.tick(kNow + 5);
  CHECK(a.ask(kNow + 5, "192.0.2.3") == wire::Reason::whitelisted);
}

TEST_CASE_FIXTURE(Fixture, "what was unlisted elsewhere while one was away stays so") {
  a.allow("192.0.2.1", kNow);
  a.tick(kNow);
  b.tick(kNow);
  b.store.set_up(false);
  b.orders->join();
  a.unlist("192.0.2.1", kNow + 10);
  a.tick(kNow + 10);
  b.store.set_up(true);
  b.tick(kNow + 11);
  b.tick(kNow + 12);
  CHECK(b.ask(kNow + 12, "192.0.2.1") == wire::Reason::new_triplet);
  CHECK(a.ask(kNow + 12, "192.0.2.1") == wire::Reason::new_triplet);
}

TEST_CASE_FIXTURE(Fixture, "what is forgotten at one is forgotten at all, up to that time") {
  b.ask(kNow, "192.0.2.1");
  b.ask(kNow, "198.51.100.1");
  b.ask(kNow + 20, "192.0.2.2");
  a.tick(kNow);
  b.tick(kNow);
  Order order{Order::Kind::forget, kNow + 10, "uid:0", {}, {}, {}};
  order.records.client = "192.0.2.0/24";
  a.orders->say(order);
  b.tick(kNow + 21);
  CHECK(b.service->greylist().table().size() == 2);
  CHECK(b.orders->forgotten(triplet("192.0.2.1")) == kNow + 10);
  CHECK(a.orders->forgotten(triplet("192.0.2.1")) == kNow + 10);
  CHECK(b.orders->forgotten(triplet("198.51.100.1")) == 0);
  b.tick(kNow + 8 * 86400);
  CHECK(b.orders->forgotten(triplet("192.0.2.1")) == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "an order that was given while the store was away is said when it is back") {
  a.tick(kNow);
  a.store.set_up(false);
  a.allow("192.0.2.1", kNow + 1);
  a.tick(kNow + 2);
  a.store.set_up(true);
  a.tick(kNow + 3);
  b.tick(kNow + 4);
  CHECK(b.ask(kNow + 4, "192.0.2.1") == wire::Reason::whitelisted);
}
