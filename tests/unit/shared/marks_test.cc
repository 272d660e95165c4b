// What was forgotten by command, however many commands there were: by the same marks as one would
// find by comparing each.
#include "greyd/shared/marks.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "greyd/base/counters.h"
#include "tests/temporary_directory.h"

using namespace grey;
using shared::Marks;
using shared::Order;

namespace {

constexpr Seconds kNow = 1'764'172'800;

struct Fixture {
  Fixture() {
    ServiceSettings settings;
    settings.context_file = directory / "context";
    service.emplace(
        settings, HashKey{}, background, [](auto, const auto&) {}, counters);
    marks.emplace(*service);
  }

  void forget(const RecordFilter::Wanted& what, Seconds at) {
    Order order{Order::Kind::forget, at, "uid:0", what, {}, {}};
    REQUIRE(marks->obey(order));
    given.push_back(order);
  }
  // By all orders that were given, of those that are as late the one.
  Seconds obviously(const SavedRecord& record) const {
    Seconds last = 0;
    for (const Order& order : given) {
      const auto filter = RecordFilter::of(order.records, service->greylist().policy());
      Seconds at = order.at;
      if (record.record_class == RecordClass::client) {
        at += std::min(service->greylist().policy().min_resend, Marks::kReach);
      }
      if (filter->matches(record)) last = std::max(last, at);
    }
    return last;
  }

  testing::TemporaryDirectory directory;
  InlineBackground background;
  Counters counters;
  std::optional<Service> service;
  std::optional<Marks> marks;
  std::vector<Order> given;
};

SavedRecord triplet(const char* client, const char* sender, const char* recipient) {
  SavedRecord record;
  record.client = *Ip::parse(client);
  record.sender = sender;
  record.recipient = recipient;
  record.record_class = RecordClass::waiting;
  record.seen = kNow;
  return record;
}

RecordFilter::Wanted of(std::optional<std::string> client, std::optional<std::string> sender,
                        std::optional<std::string> recipient) {
  RecordFilter::Wanted wanted;
  wanted.client = std::move(client);
  wanted.sender = std::move(sender);
  wanted.recipient = std::move(recipient);
  return wanted;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture,
                  "a sender is forgotten as soon as the command has come, and after others") {
  const SavedRecord spam = triplet("192.0.2.1", "spam@x.example", "b@here.example");
  CHECK(marks->forgotten(spam) == 0);
  forget(of({}, "spam@x.example", {}), kNow);
  CHECK(marks->forgotten(spam) == kNow);
  forget(of({}, {}, "b@*"), kNow + 1);
  CHECK(marks->forgotten(spam) == kNow + 1);
  forget(of({}, "spam@x.example", {}), kNow + 2);
  CHECK(marks->forgotten(spam) == kNow + 2);
  marks->correct(kNow + 1, kNow);
  CHECK(marks->forgotten(spam) == kNow + 1);
  marks->expire(kNow + 1);
  CHECK(marks->forgotten(spam) == kNow + 1);
  marks->expire(kNow + 2);
  CHECK(marks->forgotten(spam) == 0);
}

TEST_CASE_FIXTURE(Fixture, "any marks forget of any records what comparing each would") {
  std::mt19937 random(3);
  const auto one_of = [&](const auto& list) { return list[random() % std::size(list)]; };
  const char* const clients[] = {"192.0.2.1", "192.0.2.2", "198.51.100.7"};
  const char* const addresses[] = {"a@x.example", "b@x.example", "a@y.example", ""};
  const char* const patterns[] = {
      "a@x.example", "A@X.example", "*@x.example", "a@*", "*y*", "?@*", ""};
  const char* const networks[] = {"192.0.2.0/24", "192.0.2.1", "0.0.0.0/0", "mx.example.com"};
  Seconds at = kNow;
  int dead = 0;
  for (int round = 0; round < 3000; ++round) {
    if (round % 10 == 0) {
      RecordFilter::Wanted what;
      while (!what.client && !what.sender && !what.recipient) {
        if (random() % 2 == 0) what.client = one_of(networks);
        if (random() % 2 == 0) what.sender = one_of(patterns);
        if (random() % 2 == 0) what.recipient = one_of(patterns);
      }
      forget(what, ++at);
    }
    SavedRecord record = triplet(one_of(clients), one_of(addresses), one_of(addresses));
    if (random() % 4 == 0) {
      record.record_class = RecordClass::client;
      record.sender = record.recipient = {};
    }
    const Seconds forgotten = marks->forgotten(record);
    REQUIRE(forgotten == obviously(record));
    dead += forgotten > 0;
  }
  CHECK(dead > 1000);
}

TEST_CASE_FIXTURE(Fixture, "what is here of any marks is forgotten as by comparing each") {
  std::mt19937 random(5);
  const auto one_of = [&](const auto& list) { return list[random() % std::size(list)]; };
  const char* const clients[] = {"192.0.2.1", "192.0.3.1", "198.51.100.7"};
  const char* const addresses[] = {"a@x.example", "B@x.example", "a@y.example", "c@z.example", ""};
  const char* const patterns[] = {"a@x.example", "b@X.example", "a@Y.example", "*@z.example", ""};
  const char* const networks[] = {"192.0.2.0/24", "192.0.3.1"};
  REQUIRE(service->load(kNow, 100));
  std::size_t gone = 0, left = 0;
  for (Seconds at = kNow; at < kNow + 300 * 100; at += 100) {
    for (int i = 0; i < 10; ++i) {
      const std::string datagram = std::string("I") + one_of(clients) + '\0' + "F" +
                                   one_of(addresses) + '\0' + "Tr@here.example" + '\0';
      wire::Query query;
      REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
      service->decide({&query, 1}, at + Seconds(random() % 3), [](std::size_t, const Decided&) {});
    }
    const auto all = [&] {
      std::vector<std::pair<std::string, bool>> records;  // whether it is to be dead
      Greylist::Walk walk(service->walk());
      walk.start();
      while (service->forget(walk, 100, [&](const SavedRecord& record) {
        records.emplace_back(to_string(record.client) + " " + std::string(record.sender) + " " +
                                 std::string(record.recipient),
                             record.seen <= obviously(record));
        return false;
      })) {
      }
      return records;
    };
    RecordFilter::Wanted what;
    while (!what.client && !what.sender) {
      if (random() % 3 == 0) what.client = one_of(networks);
      if (random() % 3 != 0) what.sender = one_of(patterns);
    }
    forget(what, at + 1);
    std::vector<std::string> living, is_left;
    for (const auto& [record, dead] : all()) {
      if (!dead) living.push_back(record);
      gone += dead;
    }
    while (marks->busy()) marks->work();
    for (const auto& [record, dead] : all()) is_left.push_back(record);
    std::sort(living.begin(), living.end());
    std::sort(is_left.begin(), is_left.end());
    REQUIRE(is_left == living);
    left += is_left.size();
  }
  CHECK(gone > 100);
  CHECK(left > 100);
}
