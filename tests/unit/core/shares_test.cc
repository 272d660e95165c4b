// Shares of the table, on real keys: who is evicted, and that the counts are exact.
#include "greyd/core/shares.h"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "greyd/core/greylist.h"
#include "greyd/core/key.h"
#include "greyd/core/table.h"

using namespace grey;

namespace {

constexpr auto kTriplet = Shares::Kind::triplet, kClient = Shares::Kind::client;
const Ip kMx = Ip::from_v4(0x0a000001), kOtherMx = Ip::from_v4(0x0a000002);

std::string triplet(const Ip& client, const std::string& sender) {
  KeyBuilder keys{Policy()};
  keys.envelope(client, sender);
  return std::string(keys.triplet("to@example.org"));
}

std::string client_key(const Ip& client) {
  KeyBuilder keys{Policy()};
  keys.envelope(client, {});
  return std::string(keys.client());
}

Table::Ref put(Table& table, const std::string& key, RecordClass record_class, const Ip& asker) {
  return table.insert({key, 1, record_class, 1}, table.hash(key), asker);
}

// Records of each list, weighed.
std::uint64_t weight_within(const Table& table) {
  std::uint64_t weight = 0;
  for (RecordOrder order = 0; order < kRecordClasses; ++order) {
    for (auto ref = table.oldest(order); ref != 0; ref = table.next_younger(ref)) {
      weight += Shares::weight_of(16 + table.view(ref).key.size());
    }
  }
  return weight;
}

}  // namespace

TEST_CASE("counts are exact after any history") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::size_t room = seed % 2 == 0 ? 800 : 5000;
    Table table(room, HashKey{std::uint8_t(seed)});
    std::map<std::string, Ip> asked_by;  // of each that came within, when it did
    const auto is_within = [&](Table::Ref ref) { return !is_over_share(table.order(ref)); };
    const auto ask = [&] {
      return random() % 4 == 0 ? Ip() : Ip::from_v4(std::uint32_t(1 + random() % 3));
    };
    for (int step = 0; step < 20'000; ++step) {
      const Ip client = Ip::from_v4(std::uint32_t((random() % 5) << 8 | random() % 40));
      const bool is_client = random() % 3 == 0;
      std::string sender = std::to_string(random() % 60);
      if (random() % 8 == 0) sender.resize(sender.size() + random() % 300, 'x');
      const std::string key = is_client ? client_key(client) : triplet(client, sender);
      const auto record_class = is_client ? RecordClass::client : RecordClass(random() % 3);
      const Ip asker = ask();
      const auto ref = table.find(key);
      if (ref == 0) {
        const auto stored = table.insert({key, step, record_class, 1}, table.hash(key), asker);
        if (is_within(stored)) asked_by[key] = asker;
      } else if (random() % 3 == 0) {
        table.erase(ref);
      } else {
        const bool was_within = is_within(ref);
        table.update(ref, record_class, step, 1, asker);
        CHECK((!was_within || is_within(ref)));  // never put out
        if (!was_within && is_within(ref)) asked_by[key] = asker;
      }
      if (step % 5'000 == 0) table.sort_by_age();
      if (step % 500 != 0) continue;
      std::map<std::pair<std::uint32_t, Shares::Kind>, std::uint64_t> networks;
      std::map<std::pair<Ip, Shares::Kind>, std::uint64_t> askers;
      for (RecordOrder order = 0; order < kRecordClasses; ++order) {
        for (auto at = table.oldest(order); at != 0; at = table.next_younger(at)) {
          const std::string_view stored = table.view(at).key;
          const auto weight = Shares::weight_of(16 + stored.size());
          const auto kind = class_of(order) == RecordClass::client ? kClient : kTriplet;
          networks[{std::uint8_t(stored[3]), kind}] += weight;
          askers[{asked_by.at(std::string(stored)), kind}] += weight;
        }
      }
      const Shares& shares = table.shares();
      for (std::uint32_t network = 0; network < 5; ++network) {
        for (const auto kind : {kTriplet, kClient}) {
          const auto load =
              shares.load_of(client_key(Ip::from_v4(network << 8)), kind, Shares::kNobody, 1);
          const std::uint64_t expected = networks[{network, kind}];
          CHECK(shares.held(load) == expected);
          CHECK(expected <= shares.network_share(kind));
          for (std::uint32_t mx = 1; mx <= 3; ++mx) {
            const Ip of = Ip::from_v4(mx);
            CHECK(shares.held(of, kind) == askers[{of, kind}]);
          }
        }
      }
    }
  }
}

TEST_CASE("what one network sends without measure makes room for itself alone") {
  constexpr std::size_t kRoom = 20'000;
  Table table(kRoom, HashKey{1});
  std::vector<std::string> others;
  for (std::uint32_t i = 0; i < 5'000; ++i) {
    const Ip of = Ip::from_v4(0x0b000000 + i * 256);
    others.push_back(triplet(of, "a@example.com"));
    put(table, others.back(), RecordClass::waiting, kMx);
    others.push_back(client_key(of));
    put(table, others.back(), RecordClass::client, kMx);
  }
  const auto flood = [&](RecordClass record_class, std::size_t size) {
    for (int i = 0; i < 100'000; ++i) {
      std::string sender = std::to_string(int(record_class)) + "-" + std::to_string(i);
      sender.resize(std::max(sender.size(), size), 'x');
      put(table, triplet(Ip::from_v4(0xc0000200u + i % 256), sender), record_class, kMx);
    }
  };
  SUBCASE("new triplets") {
    flood(RecordClass::waiting, 0);
  }
  SUBCASE("long ones") {
    flood(RecordClass::waiting, 300);
  }
  SUBCASE("of many sizes") {
    for (const std::size_t size : {300, 20, 150, 250}) flood(RecordClass::waiting, size);
  }
  SUBCASE("accepted bounces") {
    flood(RecordClass::bounce, 0);
  }
  SUBCASE("triplets that have passed") {
    flood(RecordClass::passed, 0);
  }
  CHECK(table.evictions() > 80'000);
  CHECK(table.evictions() == table.evictions_over_share());
  std::size_t lost = 0;
  for (const std::string& key : others) lost += table.find(key) == 0;
  CHECK(lost == 0);
}

// The sanitizers are ten times slower, and find what there is in fewer.
#ifdef NDEBUG
constexpr int kFlood = 5'000'000;
#else
constexpr int kFlood = 300'000;
#endif

TEST_CASE(
    "a /24 that sends 5 million new triplets pushes out no one, and a real client of it passes") {
  constexpr Seconds kNow = 1'700'000'000;
  Greylist greylist(Policy(), 50'000, HashKey{11});
  const Lists lists;
  std::string datagram;
  const auto ask = [&](const Ip& client, const std::string& sender, Seconds now) {
    datagram.assign("I").append(to_string(client)).append(1, '\0');
    datagram.append("F").append(sender).append(1, '\0').append("Tb@example.net");
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    query.asker = kMx;
    return greylist.decide(query, lists, now).reason;
  };
  const auto other = [](std::uint32_t i) { return Ip::from_v4(0x0b000000 + i * 256); };
  const auto known = [](std::uint32_t i) { return Ip::from_v4(0x14000000 + i * 256); };
  const Ip real = Ip::from_v4(0xc00002fe);
  for (std::uint32_t i = 0; i < 1'000; ++i) ask(known(i), "a@example.org", kNow);
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    REQUIRE(ask(known(i), "a@example.org", kNow + 300) == wire::Reason::passed);
  }
  for (std::uint32_t i = 0; i < 10'000; ++i) ask(other(i), "a@example.org", kNow + 300);
  for (int i = 0; i < kFlood; ++i) {
    if (i == kFlood - 20'000) ask(real, "real@example.org", kNow + 300);
    ask(Ip::from_v4(0xc0000200u + std::uint32_t(i) % 250), std::to_string(i), kNow + 300);
  }
  CHECK(ask(real, "real@example.org", kNow + 600) == wire::Reason::passed);
  CHECK(ask(real, "another@example.org", kNow + 600) == wire::Reason::known);
  std::size_t lost = 0;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    lost += ask(other(i), "a@example.org", kNow + 301) != wire::Reason::early;
  }
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    lost += ask(known(i), "new@example.org", kNow + 301) != wire::Reason::known;
  }
  CHECK(lost == 0);
  CHECK(greylist.table().evictions() > std::uint64_t(kFlood) - 50'000);
  CHECK(greylist.table().evictions() == greylist.table().evictions_over_share());
}

TEST_CASE("accepted bounces of one network push out nobody's waiting triplets") {
  constexpr Seconds kNow = 1'700'000'000;
  Greylist greylist(Policy(), 5'000, HashKey{12});
  const auto restore = [&](RecordClass record_class, const Ip& client, const std::string& to) {
    SavedRecord record;
    record.record_class = record_class;
    record.seen = kNow;
    record.client = client;
    record.recipient = to;
    CHECK(greylist.import(record, kNow) == Greylist::Import::taken);
  };
  for (std::uint32_t i = 0; i < 2'000; ++i) {
    restore(RecordClass::waiting, Ip::from_v4(0x0b000000 + i * 256), "b@example.net");
  }
  for (int i = 0; i < 20'000; ++i) {
    restore(RecordClass::bounce, Ip::from_v4(0xc0000201u), std::to_string(i));
  }
  CHECK(greylist.table().count(RecordClass::waiting) == 2'000);
}

TEST_CASE("of what is over, what has passed outlasts what waits") {
  Table table(1'000, HashKey{2});
  const auto of = [](int i) { return triplet(Ip::from_v4(0xc0000201u), std::to_string(i)); };
  for (int i = 0; i < 900; ++i) put(table, of(i), RecordClass::waiting, kMx);
  const auto late = table.find(of(899));
  REQUIRE(is_over_share(table.order(late)));
  table.update(late, RecordClass::passed, 2, 0, kMx);
  for (int i = 900; i < 20'000; ++i) put(table, of(i), RecordClass::waiting, kMx);
  CHECK(table.find(of(899)) != 0);
  CHECK(table.find(of(898)) == 0);
}

TEST_CASE("known clients go for known clients only, and leave a sixteenth to triplets") {
  constexpr std::uint32_t kRoom = 16'000;
  Table table(kRoom, HashKey{3});
  const auto of = [](std::uint32_t i) { return Ip::from_v4(0x0b000000 + i * 256); };
  for (std::uint32_t i = 0; i < 2 * kRoom; ++i) {
    put(table, client_key(of(i)), RecordClass::client, kMx);
  }
  CHECK(table.count(RecordClass::client) == kRoom - kRoom / 16);
  CHECK(table.find(client_key(of(2 * kRoom - 1))) != 0);
  for (std::uint32_t i = 0; i < 5 * kRoom; ++i) {
    put(table, triplet(of(i), "a@example.com"), RecordClass::waiting, kMx);
  }
  CHECK(table.count(RecordClass::client) == kRoom - kRoom / 16);
  CHECK(table.count(RecordClass::waiting) == kRoom / 16);
}

TEST_CASE("a million distinct clients are over nobody's share, and the counts stay as large") {
  constexpr std::uint32_t kClients = 1'000'000;
  Table table(kClients / 4, HashKey{4});
  const std::size_t memory = table.shares().memory();
  for (std::uint32_t i = 0; i < kClients; ++i) {
    put(table, triplet(Ip::from_v4(0x0b000000 + i * 256), "a@example.com"), RecordClass::waiting,
        kMx);
  }
  CHECK(table.over_share() == 0);
  CHECK(table.evictions() == kClients - kClients / 4);
  CHECK(table.shares().memory() == memory);
  CHECK(weight_within(table) == kClients / 4);
}

TEST_CASE("networks that fill their shares make few others look full, whoever chose them") {
  constexpr std::size_t kRoom = 1'000'000;
  Shares shares(kRoom, kRoom, kRoom, HashKey{5});
  const auto load = [&](std::uint32_t i, std::uint32_t weight) {
    return shares.load_of(client_key(Ip::from_v4(i * 256)), kTriplet, Shares::kNobody, weight);
  };
  for (std::uint32_t i = 0; i < Shares::kParts; ++i) {
    shares.add(load(i, std::uint32_t(shares.network_share(kTriplet))));
    CHECK_FALSE(shares.has_room(load(i, 1)));
  }
  std::size_t hit = 0;
  for (std::uint32_t i = 1'000; i < 1'000 + 1'000'000; ++i) hit += !shares.has_room(load(i, 1));
  CHECK(hit < 60);  // 15 on average
}

TEST_CASE("which networks share a count is the key's to say") {
  std::vector<std::array<std::uint16_t, 2>> cells;
  for (const std::uint8_t secret : std::array<std::uint8_t, 2>{1, 2}) {
    const Shares shares(1'000, 1'000, 1'000, HashKey{secret});
    cells.push_back(
        shares.load_of(client_key(Ip::from_v4(0x0b000000)), kTriplet, Shares::kNobody, 1).cells);
  }
  CHECK(cells[0] != cells[1]);
}

TEST_CASE("a network is a /24 or a /48, and a host where a network would hold strangers") {
  const Shares shares(1'000, 1'000, 1'000, HashKey{6});
  const auto cells = [&](const char* address) {
    return shares.load_of(client_key(*Ip::parse(address)), kTriplet, Shares::kNobody, 1).cells;
  };
  CHECK(cells("192.0.2.1") == cells("192.0.2.254"));
  CHECK(cells("192.0.2.1") != cells("192.0.3.1"));
  CHECK(cells("2001:db8:1:2::1") == cells("2001:db8:1:ffff::1"));
  CHECK(cells("2001:db8:1::1") != cells("2001:db8:2::1"));
  CHECK(cells("64:ff9b::c000:201") != cells("64:ff9b::c633:6401"));
}

TEST_CASE("a lone asker may hold the whole room, one of several an equal part of it") {
  Table table(32'000, HashKey{7});
  std::uint32_t next = 0;
  const auto ask = [&](const Ip& asker) {
    return put(table, triplet(Ip::from_v4(0x0b000000 + next++ * 256), "a"), RecordClass::waiting,
               asker);
  };
  SUBCASE("alone") {
    for (int i = 0; i < 50'000; ++i) ask(kMx);
    CHECK(table.over_share() == 0);
    CHECK(table.size() == 32'000);
  }
  SUBCASE("one of two gone wrong") {
    std::vector<std::string> good;
    for (int i = 0; i < 10'000; ++i) good.emplace_back(table.view(ask(kOtherMx)).key);
    for (int i = 0; i < 200'000; ++i) ask(kMx);
    // Beside the flood the other one goes on, and comes to its half.
    for (int i = 0; i < 5'000; ++i) {
      good.emplace_back(table.view(ask(kOtherMx)).key);
      for (int n = 0; n < 10; ++n) ask(kMx);
    }
    std::size_t lost = 0;
    for (const std::string& key : good) lost += table.find(key) == 0;
    CHECK(lost == 0);
    CHECK(table.shares().held(kOtherMx, kTriplet) == 15'000);
    CHECK(table.shares().held(kMx, kTriplet) == 16'000);
    CHECK(table.evictions() == table.evictions_over_share());
  }
  SUBCASE("one that was alone and has filled the room gives way to another") {
    for (int i = 0; i < 50'000; ++i) ask(kMx);
    std::vector<std::string> good;
    for (int i = 0; i < 10'000; ++i) {
      good.emplace_back(table.view(ask(kOtherMx)).key);
      for (int n = 0; n < 10; ++n) ask(kMx);
    }
    std::size_t lost = 0;
    for (const std::string& key : good) lost += table.find(key) == 0;
    CHECK(lost == 0);
  }
}

TEST_CASE("askers beyond the places are counted together, and get one when it is free") {
  Shares shares(1'000'000, 1'000'000, 1'000, HashKey{8});
  const auto load = [](Shares::Asker asker) { return Shares::Load{kTriplet, {}, false, asker, 1}; };
  std::map<Shares::Asker, int> places;
  std::vector<Shares::Load> loads;
  for (std::uint32_t i = 1; i <= 5'000; ++i) {
    loads.push_back(load(shares.place_of(Ip::from_v4(i))));
    shares.add(loads.back());
    ++places[loads.back().asker];
  }
  CHECK(places.size() == Shares::kAskers + 1);
  CHECK(places[Shares::kOthers] == 5'000 - int(Shares::kAskers));
  CHECK(places.count(Shares::kNobody) == 0);
  for (const auto& each : loads) shares.remove(each);
  CHECK(shares.place_of(Ip::from_v4(5'000)) != Shares::kOthers);
  CHECK(shares.asker_share(kTriplet, 1) == 1'000'000);  // nobody holds anything
}

TEST_CASE("what is restored in a walk's order is within and over as it was") {
  Table table(5'000, HashKey{9}), restored(5'000, HashKey{10});
  for (int i = 0; i < 4'000; ++i) {
    const Ip of = Ip::from_v4(0x0b000000 + std::uint32_t(i % 20) * 256);
    put(table, triplet(of, std::to_string(i)), RecordClass::waiting, kMx);
  }
  Table::Cursor cursor(table);
  cursor.start();
  cursor.walk(SIZE_MAX, [&](const RecordView& view) { restored.insert(view); });
  CHECK(table.over_share() > 1'000);
  REQUIRE(restored.over_share() == table.over_share());
  for (auto ref = table.oldest(RecordClass::waiting); ref != 0; ref = table.next_younger(ref)) {
    CHECK_FALSE(is_over_share(restored.order(restored.find(table.view(ref).key))));
  }
}
