// What is said to one daemon holds for all that share its state: with a real Redis.
#include "greyd/shared/orders.h"

#include <doctest/doctest.h>

#include <ctime>
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
  void block(const char* entry, Seconds at, std::optional<Seconds> until = {}) {
    service->entries().change(
        [&](Entries& entries) {
          return entries.put({Entry::Kind::block, entry, at, until, "uid:0"});
        },
        [](const auto&) {});
    orders->say({Order::Kind::block, at, "uid:0", {}, entry, until});
  }
  void forget(const char* client, Seconds at) {
    Order order{Order::Kind::forget, at, "uid:0", {}, {}, {}};
    order.records.client = client;
    orders->say(order);
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
  // What both have of an entry: "allow 1700000000", or nothing.
  std::string entry(Daemon& of, const char* text) {
    const Entry* const found = of.service->entries().entries().find(text);
    if (found == nullptr) return "";
    return (found->kind == Entry::Kind::allow ? "allow " : "block ") +
           std::to_string(found->since - kNow);
  }
  std::string both(const char* text) {
    const std::string at_a = entry(a, text), at_b = entry(b, text);
    return at_a == at_b ? at_a : at_a + " at a, " + at_b + " at b";
  }
  void cut(Daemon& one) {
    one.store.set_up(false);
    one.orders->join();
  }
  void tick_both(Seconds now) {
    for (int i = 0; i < 2; ++i) {
      a.tick(now);
      b.tick(now);
    }
  }

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

TEST_CASE_FIXTURE(Fixture, "of what two say who cannot hear each other the later stands at both") {
  for (const bool a_is_heard_first : {true, false}) {
    CAPTURE(a_is_heard_first);
    const char* const entry = a_is_heard_first ? "192.0.2.1" : "192.0.2.2";
    a.allow(entry, kNow);
    tick_both(kNow);
    cut(a);
    cut(b);
    a.allow(entry, kNow + 10);
    b.unlist(entry, kNow + 20);
    Daemon& first = a_is_heard_first ? a : b;
    Daemon& second = a_is_heard_first ? b : a;
    first.store.set_up(true);
    first.tick(kNow + 30);
    second.store.set_up(true);
    tick_both(kNow + 31);
    CHECK(both(entry) == "");
  }
}

TEST_CASE_FIXTURE(Fixture, "and of what is said in one second one of the two, the same at both") {
  for (const bool a_is_heard_first : {true, false}) {
    CAPTURE(a_is_heard_first);
    const char* const entry = a_is_heard_first ? "192.0.2.1" : "192.0.2.2";
    cut(a);
    cut(b);
    a.allow(entry, kNow);
    b.block(entry, kNow);
    (a_is_heard_first ? a : b).store.set_up(true);
    tick_both(kNow + 1);
    (a_is_heard_first ? b : a).store.set_up(true);
    tick_both(kNow + 2);
    CHECK(both(entry) == "block 0");
  }
}

TEST_CASE_FIXTURE(Fixture, "of what one says in one second the last stands") {
  tick_both(kNow);
  a.allow("192.0.2.1", kNow);
  a.unlist("192.0.2.1", kNow);
  a.allow("192.0.2.1", kNow);
  tick_both(kNow + 1);
  CHECK(entry(a, "192.0.2.1") == "allow 0");
  CHECK(entry(b, "192.0.2.1") == "allow 2");
  a.unlist("192.0.2.1", kNow + 1);
  tick_both(kNow + 2);
  CHECK(both("192.0.2.1") == "");
}

TEST_CASE_FIXTURE(Fixture, "whose clock is behind has the last word, too") {
  tick_both(kNow);
  a.allow("192.0.2.1", kNow + 20);
  tick_both(kNow + 20);
  b.unlist("192.0.2.1", kNow + 1);
  tick_both(kNow + 21);
  CHECK(both("192.0.2.1") == "");
}

TEST_CASE_FIXTURE(Fixture, "an entry is what it names, however it is written") {
  a.allow("192.0.2.0/24", kNow);
  tick_both(kNow);
  b.unlist("192.0.2.*", kNow + 1);
  tick_both(kNow + 2);
  CHECK(both("192.0.2.0/24") == "");
  // Nor does it come back to who hears all anew.
  cut(a);
  cut(b);
  a.store.set_up(true);
  b.store.set_up(true);
  tick_both(kNow + 3);
  CHECK(both("192.0.2.0/24") == "");
}

TEST_CASE_FIXTURE(Fixture, "an entry that is over when it is heard has ended what was before it") {
  a.block("192.0.2.1", kNow);
  tick_both(kNow);
  cut(b);
  a.block("192.0.2.1", kNow + 10, kNow + 20);
  a.tick(kNow + 11);
  b.store.set_up(true);
  b.tick(kNow + 30);
  CHECK(entry(b, "192.0.2.1") == "");
}

TEST_CASE_FIXTURE(Fixture, "what is no order is counted, and those behind it are heard") {
  tick_both(kNow);
  const std::string big(10'000'000, 'x');
  const auto add = [&](const std::string& field, const std::string& value) {
    b.store.say({"XADD", "{greyd}:orders", "*", field, value});
  };
  add("order", "\x00\xff{");
  add("order", big);
  add("disorder", R"({"order":"allow","at":1,"by":"x","entry":"192.0.2.9"})");
  add("order", R"({"order":"allow","at":1,"by":"x","entry":"no entry of a list"})");
  add("order", R"({"order":"forget","at":1700000000,"by":"x","client":"no client/77"})");
  b.store.say({"HSET", "{greyd}:entries", "x", "garbage", "y", big, "z", "1 1 0 " + big});
  a.allow("192.0.2.1", kNow + 1);
  tick_both(kNow + 1);
  CHECK(both("192.0.2.1") == "allow 1");
  CHECK(b.order_counters.refused == 5);
  CHECK(b.service->entries().entries().size() == 1);
  CHECK(b.orders->forgotten(triplet("192.0.2.1")) == 0);
  cut(b);
  b.store.set_up(true);
  b.tick(kNow + 2);
  CHECK(b.order_counters.refused == 5 + 5 + 3);
  CHECK(both("192.0.2.1") == "allow 1");
}

TEST_CASE_FIXTURE(Fixture, "a store that has lost all is told what was ordered") {
  tick_both(kNow);
  a.allow("192.0.2.1", kNow);
  a.forget("192.0.2.0/24", kNow);
  tick_both(kNow + 1);
  Daemon late(redis, "late");
  cut(a);
  a.store.say({"FLUSHALL"});
  a.store.set_up(true);
  a.tick(kNow + 2);
  late.tick(kNow + 3);
  CHECK(entry(late, "192.0.2.1") == "allow 0");
  CHECK(late.orders->forgotten(triplet("192.0.2.1")) == kNow);
}

TEST_CASE_FIXTURE(Fixture, "what was not said yet is said by the next run") {
  a.allow("192.0.2.1", kNow);
  tick_both(kNow);
  CHECK(a.orders->unsaid().empty());
  const auto version = a.orders->unsaid_version();
  cut(a);
  a.unlist("192.0.2.1", kNow + 1);
  a.forget("192.0.2.0/24", kNow + 1);
  CHECK(a.orders->unsaid_version() != version);
  std::vector<Order> unsaid = a.orders->unsaid();
  REQUIRE(unsaid.size() == 2);
  CHECK(to_text(unsaid[0]) ==
        R"({"order":"unlist","at":1700000001,"by":"uid:0@a","entry":"192.0.2.1"})");
  a.orders.emplace(*a.service, a.store, "a", a.order_counters);
  a.orders->restore(std::move(unsaid));
  CHECK(a.orders->unsaid().size() == 2);
  CHECK(a.orders->forgotten(triplet("192.0.2.1")) == kNow + 1);
  a.store.set_up(true);
  tick_both(kNow + 2);
  CHECK(both("192.0.2.1") == "");
  CHECK(b.orders->forgotten(triplet("192.0.2.1")) == kNow + 1);
  CHECK(a.orders->unsaid().empty());
}

TEST_CASE_FIXTURE(Fixture, "a call that comes to nothing leaves its order to be said") {
  tick_both(kNow);
  a.store.lose(1, true);
  a.allow("192.0.2.1", kNow);
  CHECK(a.orders->unsaid().size() == 1);
  tick_both(kNow + 1);
  CHECK(a.orders->unsaid().empty());
  CHECK(both("192.0.2.1") == "allow 0");
  a.store.lose(1, true);
  a.forget("192.0.2.0/24", kNow);
  tick_both(kNow + 2);
  CHECK(a.orders->unsaid().empty());
  CHECK(b.orders->forgotten(triplet("192.0.2.1")) == kNow);
  CHECK(b.store.say({"XLEN", "{greyd}:orders"}).at(0) == "2");  // none of them twice
}

TEST_CASE_FIXTURE(Fixture, "a client that was noted just after its forgetting has been forgotten") {
  const auto client = [](Seconds seen) {
    SavedRecord record = triplet("192.0.2.1");
    record.record_class = RecordClass::client;
    record.sender = record.recipient = {};
    record.seen = seen;
    record.passes = 3;
    return record;
  };
  const SavedRecord noted = client(kNow + 2), earned = client(kNow + 300);
  b.service->import({&noted, 1}, kNow + 2);
  a.forget("192.0.2.1", kNow);
  tick_both(kNow + 3);
  CHECK(b.service->greylist().table().size() == 0);
  CHECK(noted.seen <= a.orders->forgotten(noted));
  CHECK(earned.seen > a.orders->forgotten(earned));
  CHECK(a.orders->forgotten(triplet("192.0.2.1")) == kNow);
}

TEST_CASE_FIXTURE(Fixture, "who comes later hears what was said before the stream was cut") {
  tick_both(kNow);
  a.forget("192.0.2.0/24", kNow);
  a.block("192.0.2.9", kNow);
  a.store.say({"DEL", "{greyd}:orders"});
  Daemon late(redis, "late");
  late.tick(kNow + 1);
  CHECK(entry(late, "192.0.2.9") == "block 0");
  CHECK(late.orders->forgotten(triplet("192.0.2.1")) == kNow);
  // A week later it has no meaning any more, and is taken out.
  Daemon last(redis, "last");
  last.tick(kNow + 8 * 86400);
  CHECK(last.orders->forgotten(triplet("192.0.2.1")) == 0);
  CHECK(a.store.say({"HLEN", "{greyd}:entries"}).at(0) == "1");
}

TEST_CASE_FIXTURE(Fixture, "orders about more entries than can be leave memory bounded") {
  tick_both(kNow);
  b.store.say({"EVAL",
               "for i = 1, 25000 do redis.call('XADD', KEYS[1], '*', 'order', string.format("
               "'{\"order\":\"unlist\",\"at\":1700000000,\"by\":\"x\",\"entry\":\"10.%d.%d.1\"}', "
               "math.floor(i / 250), i % 250)) end",
               "1", "{greyd}:orders"});
  for (int i = 0; i < 6; ++i) b.tick(kNow + 1);
  CHECK(b.order_counters.dropped == 5000);
  a.allow("192.0.2.1", kNow + 2);
  tick_both(kNow + 2);
  CHECK(both("192.0.2.1") == "allow 2");
}

TEST_CASE_FIXTURE(Fixture, "a stream that does not end is heard a bounded part of at each tick") {
  tick_both(kNow);
  const auto flood = [&](const char* order, int stamp) {
    b.store.say(
        {"EVAL",
         "for i = 1, 30000 do redis.call('XADD', KEYS[1], '*', 'order', string.format(ARGV[1], "
         "tonumber(ARGV[2]), i % 100)) end",
         "1", "{greyd}:orders", order, std::to_string(stamp)});
  };
  // No orders.
  flood("%d %d", 0);
  int calls = b.store.calls();
  b.tick(kNow + 1);
  CHECK(b.store.calls() == calls + int(Orders::kMostPages));
  CHECK(b.order_counters.refused == 100 * Orders::kMostPages);
  calls = b.store.calls();
  for (int i = 0; i < 100; ++i) CHECK(b.orders->heard());  // nor by who asks
  CHECK(b.store.calls() == calls);
  b.tick(kNow + 2);
  CHECK(b.order_counters.refused == 30'000);
  // Those that change entries: fewer pages.
  flood(R"({"order":"allow","at":%d,"by":"x","entry":"10.0.0.%d"})", kNow + 2);
  calls = b.store.calls();
  b.tick(kNow + 3);
  CHECK(b.service->entries().entries().size() == 100);
  CHECK(b.store.calls() > calls);
  CHECK(b.store.calls() <= calls + int(Orders::kMostPages));
}

TEST_CASE_FIXTURE(Fixture, "ten thousand orders are heard within moments") {
  tick_both(kNow);
  for (int i = 0; i < 5000; ++i) {
    const std::string address = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    const std::string allow =
        R"({"order":"allow","at":1700000000,"by":"x","entry":")" + address + "\"}";
    const std::string forget =
        R"({"order":"forget","at":1700000000,"by":"x","client":")" + address + "\"}";
    b.store.say({"XADD", "{greyd}:orders", "*", "order", allow});
    b.store.say({"XADD", "{greyd}:orders", "*", "order", forget});
  }
  b.ask(kNow, "10.0.19.249");
  for (int i = 0; i < 3; ++i) b.tick(kNow + 1);
  CHECK(b.service->entries().entries().size() == 5000);
  CHECK(b.service->greylist().table().size() == 0);
  CHECK(b.order_counters.heard == 10'000);
  b.tick(kNow + 2);
  CHECK(b.order_counters.dropped == 0);
  const int calls = b.store.calls();
  b.tick(kNow + 3);
  CHECK(b.store.calls() == calls + 1);
}

TEST_CASE("who was away believes the store again when it has heard what was forgotten meanwhile") {
  Fixture f;
  f.tick_both(kNow);
  CHECK(f.b.orders->heard());
  f.cut(f.b);
  f.b.tick(kNow + 1);
  f.a.forget("192.0.2.1", kNow + 1);
  f.a.tick(kNow + 1);
  CHECK(!f.b.orders->heard());
  f.b.store.set_up(true);
  CHECK(f.b.orders->heard());  // who asks does not wait for the next tick
  CHECK(f.b.orders->forgotten(triplet("192.0.2.1")) == kNow + 1);
}

// ---- clocks
// --------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(Fixture, "what was ordered by a clock that was ahead is of when it is said") {
  cut(a);
  a.forget("192.0.2.0/24", kNow + 2400);
  a.allow("192.0.2.9", kNow + 7200);
  a.store.set_up(true);
  tick_both(kNow);
  CHECK(b.orders->forgotten(triplet("192.0.2.1")) == kNow);
  CHECK(a.orders->forgotten(triplet("192.0.2.1")) == kNow);
  CHECK(both("192.0.2.9") == "allow 0");
  // So what others order then is not in vain.
  b.unlist("192.0.2.9", kNow + 10);
  tick_both(kNow + 11);
  CHECK(both("192.0.2.9") == "");
  Daemon late(redis, "late");
  late.tick(kNow + 12);
  CHECK(entry(late, "192.0.2.9") == "");
  CHECK(late.orders->forgotten(triplet("192.0.2.1")) == kNow);
}

TEST_CASE_FIXTURE(Fixture, "so is what an earlier run has left, in its entries or to be said") {
  a.service->entries().change(
      [&](Entries& entries) {
        return entries.put({Entry::Kind::block, "192.0.2.1", kNow + 86400, {}, "uid:0"});
      },
      [](const auto&) {});
  Order forget{Order::Kind::forget, kNow + 86400, "uid:0@a", {}, {}, {}};
  forget.records.client = "192.0.2.2";
  a.orders->restore({forget, {Order::Kind::unlist, kNow + 86400, "uid:0@a", {}, "192.0.2.3", {}}});
  tick_both(kNow);
  CHECK(both("192.0.2.1") == "block 0");
  CHECK(b.orders->forgotten(triplet("192.0.2.2")) == kNow);
  b.allow("192.0.2.3", kNow + 1);
  b.allow("192.0.2.1", kNow + 1);
  tick_both(kNow + 2);
  CHECK(both("192.0.2.1") == "allow 1");
  CHECK(both("192.0.2.3") == "allow 1");
}

TEST_CASE_FIXTURE(Fixture,
                  "one that somebody has said all the same does not stand over later ones") {
  tick_both(kNow);
  const Seconds real = Seconds(::time(nullptr));
  const auto put = [&](const std::string& entry, const std::string& order) {
    a.store.say({"HSET", "{greyd}:entries", *Entries::key_of(entry),
                 std::to_string(real + 86400) + " 1 0 " + order});
    a.store.say({"XADD", "{greyd}:orders", "*", "order", order});
  };
  const std::string at = R"(","at":)" + std::to_string(real + 86400) + R"(,"by":"x",")";
  put("192.0.2.1", R"({"order":"allow)" + at + R"(entry":"192.0.2.1"})");
  a.store.say({"XADD", "{greyd}:orders", "*", "order",
               R"({"order":"forget)" + at + R"(client":"192.0.2.0/24"})"});
  put("192.0.2.5", "junk");
  tick_both(real);
  const Seconds forgotten = b.orders->forgotten(triplet("192.0.2.1"));
  CHECK(forgotten <= real);
  CHECK(forgotten >= real - 3600);
  CHECK(forgotten == a.orders->forgotten(triplet("192.0.2.1")));
  CHECK(entry(a, "192.0.2.1").starts_with("allow"));
  b.block("192.0.2.1", real + 10);
  b.block("192.0.2.5", real + 10);
  tick_both(real + 11);
  CHECK(both("192.0.2.1") == "block " + std::to_string(real + 10 - kNow));
  Daemon late(redis, "late");
  late.tick(real + 12);
  CHECK(entry(late, "192.0.2.1") == both("192.0.2.1"));
  CHECK(entry(late, "192.0.2.5") == both("192.0.2.1"));
}

// ---- a store that does not do as it is told
// --------------------------------------------------------

TEST_CASE_FIXTURE(Fixture, "an order that the stream refuses is not said, and heard later") {
  tick_both(kNow);
  a.store.say({"XADD", "{greyd}:orders", "18446744073709551615-18446744073709551615", "x", "y"});
  a.allow("192.0.2.1", kNow);
  CHECK(a.orders->unsaid().size() == 1);
  a.store.say({"DEL", "{greyd}:orders"});
  tick_both(kNow + 1);
  CHECK(a.orders->unsaid().empty());
  CHECK(both("192.0.2.1") == "allow 0");
}

TEST_CASE_FIXTURE(Fixture, "orders that cannot be heard, or said, are trouble that is known") {
  using Trouble = Orders::Trouble;
  tick_both(kNow);
  CHECK(a.orders->trouble() == Trouble::none);
  a.store.say({"LPUSH", "{greyd}:orders", "x"});
  for (Seconds now = kNow + 1; now < kNow + 20; ++now) a.tick(now);
  CHECK_FALSE(a.orders->heard());
  CHECK(a.orders->trouble() == Trouble::unheard);
  const int calls = a.store.calls();
  for (int i = 0; i < 100; ++i) a.orders->heard();
  CHECK(a.store.calls() == calls);  // who asks does not ask that again and again
  a.store.say({"DEL", "{greyd}:orders"});
  a.tick(kNow + 20);
  CHECK(a.orders->heard());
  CHECK(a.orders->trouble() == Trouble::none);
  // Who comes anew needs the last orders as well.
  a.store.say({"LPUSH", "{greyd}:entries", "x"});
  Daemon late(redis, "late");
  for (Seconds now = kNow; now < kNow + 8; ++now) late.tick(now);
  CHECK(late.orders->trouble() == Trouble::unheard);
  a.allow("192.0.2.1", kNow + 21);
  for (Seconds now = kNow + 21; now < kNow + 40; ++now) a.tick(now);
  CHECK(a.orders->trouble() == Trouble::unsaid);
  late.store.set_up(false);
  late.tick(kNow + 9);
  CHECK(late.orders->trouble() == Trouble::none);  // it is away
}

TEST_CASE_FIXTURE(Fixture, "who is cut off again and again, and hears never, knows of it as well") {
  using Trouble = Orders::Trouble;
  a.store.say({"LPUSH", "{greyd}:entries", "x"});
  for (Seconds now = kNow; now < kNow + 20; ++now) {
    a.store.set_up(now % 2 == 0);
    a.tick(now);
  }
  a.store.set_up(true);
  CHECK(a.orders->trouble() == Trouble::unheard);
  a.store.say({"DEL", "{greyd}:entries"});
  a.tick(kNow + 20);
  CHECK(a.orders->trouble() == Trouble::none);
}

TEST_CASE_FIXTURE(Fixture, "what is heard comes in pieces that a slow link carries in time") {
  tick_both(kNow);
  const std::string by(3500, 'x');
  b.store.say({"EVAL",
               "for i = 1, 250 do redis.call('XADD', KEYS[1], '*', 'order', "
               "string.format(ARGV[1], i)) end",
               "1", "{greyd}:orders",
               R"({"order":"allow","at":1700000000,"by":")" + by + R"(","entry":"10.0.0.%d"})"});
  b.tick(kNow + 1);
  CHECK(b.orders->heard());
  CHECK(b.order_counters.heard + b.order_counters.refused == 250);
  CHECK(b.store.longest_answer() >= 16 << 10);
  CHECK(b.store.longest_answer() < 20 << 10);
}

// ---- many
// ----------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(Fixture, "a client stays forgotten when thousands are, and each is looked up") {
  b.ask(kNow, "198.51.100.1");
  a.forget("198.51.100.1", kNow);
  for (int i = 0; i < 9000; ++i) {
    const std::string client = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    a.forget(client.c_str(), kNow);
  }
  for (int i = 0; i < 3; ++i) tick_both(kNow + 1);
  Daemon late(redis, "late");
  for (int i = 0; i < 3; ++i) late.tick(kNow + 1);
  for (Daemon* const of : {&a, &b, &late}) {
    CHECK(of->orders->forgotten(triplet("198.51.100.1")) == kNow);
    CHECK(of->orders->forgotten(triplet("10.0.35.249")) == kNow);
    CHECK(of->orders->forgotten(triplet("10.0.36.1")) == 0);
    CHECK(of->order_counters.dropped == 0);
  }
  CHECK(b.service->greylist().table().size() == 0);
}

TEST_CASE_FIXTURE(Fixture, "forgets that come faster than they are done wait to be heard") {
  b.ask(kNow, "10.0.0.1");
  b.ask(kNow, "10.0.99.249");
  for (int i = 0; i < 25'000; ++i) {
    const std::string client = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    b.store.say({"XADD", "{greyd}:orders", "*", "order",
                 R"({"order":"forget","at":1700000000,"by":"x","client":")" + client + "\"}"});
  }
  for (Seconds now = kNow; now < kNow + 10; ++now) b.tick(now);
  CHECK(b.orders->heard());
  CHECK(b.service->greylist().table().size() == 0);
  CHECK(b.order_counters.dropped == 15'000);
}

TEST_CASE("a forget by client is kept by what its records are stored as") {
  Fixture f;
  f.a.tick(kNow);
  f.a.forget("::ffff:192.0.2.1", kNow);
  f.a.forget("2001:db8::1", kNow);
  f.a.forget("mail.example", kNow);
  Order both{Order::Kind::forget, kNow, "uid:0", {}, {}, {}};
  both.records.client = "192.0.2.2";
  both.records.sender = "*@x";
  f.a.orders->say(both);
  const auto forgotten = [&](const Client& client, std::string_view sender) {
    const Policy& policy = f.a.service->greylist().policy();
    SavedRecord record{RecordClass::waiting, 0, 0, client, sender, "b@y"};
    if (client.has_address()) {
      record.client = client.ip.client_network(policy.ipv4_prefix, policy.ipv6_prefix);
    }
    return f.a.orders->forgotten(record) == kNow;
  };
  CHECK(forgotten(Client(*Ip::parse("192.0.2.1")), "a@z"));
  CHECK(forgotten(Client(*Ip::parse("2001:db8::1")), "a@z"));
  CHECK(forgotten(Client::named("mail.example"), "a@z"));
  CHECK(forgotten(Client(*Ip::parse("192.0.2.2")), "a@x"));
  CHECK_FALSE(forgotten(Client(*Ip::parse("198.51.100.2")), "a@x"));
  CHECK_FALSE(forgotten(Client::named("mail2.example"), "a@x"));
}
