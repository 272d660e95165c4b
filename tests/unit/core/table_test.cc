#include "greyd/core/table.h"

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <random>
#include <string>

using namespace grey;

TEST_CASE("a record is found by its whole key, and only by that") {
  Table table(100, HashKey{1});
  const auto ref = table.insert({"alpha", 7, RecordClass::waiting, 0});
  CHECK(table.find("alpha") == ref);
  CHECK(table.find("alph") == 0);
  CHECK(table.find("") == 0);
  const RecordView view = table.view(ref);
  CHECK(view.key == "alpha");
  CHECK(view.seen == 7);
  CHECK(view.record_class == RecordClass::waiting);
  table.erase(ref);
  CHECK(table.find("alpha") == 0);
  CHECK(table.size() == 0);
}

TEST_CASE("the table agrees with a map through random inserts, changes, erasures and evictions") {
  struct Expected {
    Seconds seen;
    RecordClass record_class;
    unsigned passes;
    std::uint8_t mark = 0;  // of what waits
  };
  for (unsigned seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    constexpr std::size_t kBound = 3000, kClientBound = kBound - kBound / 16;
    Table table(kBound, HashKey{std::uint8_t(seed)});
    std::map<std::string, Expected> model;
    for (int step = 0; step < 60'000; ++step) {
      std::string key = std::to_string(random() % 5000);
      key.resize(key.size() + random() % 3 * 40, 'x');
      const auto ref = table.find(key);
      const auto expected = model.find(key);
      REQUIRE((ref != 0) == (expected != model.end()));
      const auto record_class = RecordClass(random() % 5);
      const auto given = std::uint8_t(random());
      // What waits has a mark instead, which is gone when it is updated.
      const bool waits = record_class == RecordClass::waiting;
      const std::uint8_t passes = waits ? 0 : given;
      if (ref == 0) {
        // A client beyond the clients' room takes the place of the oldest ones; else, where the
        // table is full, the head of the lowest class that has any goes.
        std::size_t clients = table.count(RecordClass::client);
        auto client = table.oldest(RecordClass::client);
        for (; record_class == RecordClass::client && clients >= kClientBound; --clients) {
          model.erase(std::string(table.view(client).key));
          client = table.next_younger(client);
        }
        for (RecordOrder order = 0; model.size() == kBound; ++order) {
          const auto oldest = table.oldest(order);
          if (oldest != 0) model.erase(std::string(table.view(oldest).key));
        }
        table.insert({key, step, record_class, given});
        model[key] = {step, record_class, passes, 0};
      } else if (random() % 3 == 0) {
        table.erase(ref);
        model.erase(expected);
      } else {
        CHECK(table.view(ref).seen == expected->second.seen);
        CHECK(table.view(ref).record_class == expected->second.record_class);
        CHECK(table.view(ref).passes == expected->second.passes);
        if (expected->second.record_class == RecordClass::waiting) {
          CHECK(table.mark(ref) == expected->second.mark);
        }
        table.update(ref, record_class, step, given);
        expected->second = {step, record_class, passes, 0};
        if (waits) CHECK(table.mark(ref) == 0);
        if (waits && random() % 2 == 0) table.set_mark(ref, expected->second.mark = given);
      }
      REQUIRE(table.size() == model.size());
    }
    // Each list is in order of its stamps, and together they hold every record.
    std::size_t listed = 0;
    for (std::size_t c = 0; c < kRecordClasses; ++c) {
      Seconds last = -1;
      for (auto ref = table.oldest(RecordClass(c)); ref != 0; ref = table.next_younger(ref)) {
        CHECK(table.view(ref).seen > last);
        last = table.view(ref).seen;
        CHECK(table.find(table.view(ref).key) == ref);
        ++listed;
      }
    }
    CHECK(listed == model.size());
  }
}

TEST_CASE("a hundred thousand records are all found after the splits they cause") {
  Table table(1'000'000, HashKey{3});
  for (int i = 0; i < 100'000; ++i) {
    table.insert({"key-" + std::to_string(i), i, RecordClass::waiting, 0});
  }
  for (int i = 0; i < 100'000; ++i) {
    const auto ref = table.find("key-" + std::to_string(i));
    REQUIRE(ref != 0);
    REQUIRE(table.view(ref).seen == i);
  }
}

TEST_CASE("memory freed is used again") {
  Table table(10'000, HashKey{4});
  const auto fill = [&](int round) {
    for (int i = 0; i < 10'000; ++i) {
      table.insert(
          {std::to_string(round * 10'000 + i) + std::string(50, 'k'), i, RecordClass::waiting, 0});
    }
  };
  fill(1);
  const std::size_t once = table.memory();
  for (int round = 2; round < 20; ++round) fill(round);
  CHECK(table.memory() <= once + once / 4);
  CHECK(table.evictions() == 180'000);
}

TEST_CASE("a walk in slices visits every record that stays as it is, whatever happens to others") {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Table table(100'000, HashKey{});
    std::map<std::string, bool> stays;  // by key: untouched since the walk began
    for (int i = 0; i < 500; ++i) {
      const std::string key = std::to_string(i);
      table.insert({key, i, RecordClass(random() % 5), 0});
      stays[key] = true;
    }
    std::map<std::string, int> visits;
    Table::Cursor cursor(table);
    cursor.start();
    Table::Cursor beside(table);  // another one, which must not disturb it
    std::size_t slices = 0;
    while (cursor.walk(1 + random() % 20,
                       [&](const RecordView& view) { ++visits[std::string(view.key)]; })) {
      REQUIRE(++slices < 10'000);
      if (random() % 4 == 0) beside.start();
      beside.walk(random() % 50, [](const RecordView& view) { REQUIRE(!view.key.empty()); });
      for (int n = 0; n < 10; ++n) {
        const std::string key = std::to_string(random() % 700);
        const auto ref = table.find(key);
        stays[key] = false;
        if (ref == 0) {
          table.insert({key, 1, RecordClass(random() % 5), 0});
        } else if (random() % 2 == 0) {
          table.erase(ref);
        } else {
          table.update(ref, RecordClass(random() % 5), 2, 0);
        }
      }
    }
    for (const auto& [key, stayed] : stays) {
      if (stayed) CHECK(visits[key] == 1);
    }
  }
}

TEST_CASE("free blocks that are all too small do not stop a table that is empty again") {
  Table table(100, HashKey{6});  // one chunk
  for (int round = 0; round < 3; ++round) {
    for (std::size_t size = 8; size <= 1000; size += 331) {
      for (int i = 0; i < 70'000; ++i) {
        table.erase(table.insert({std::string(size, 'k'), 1, RecordClass::waiting, 0}));
        if (i % 50 == 0)
          table.insert({std::to_string(i) + std::string(size, 'x'), 1, RecordClass::passed, 0});
      }
      while (const auto ref = table.oldest(RecordClass::passed)) table.erase(ref);
    }
  }
  CHECK(table.size() == 0);
}

TEST_CASE("whatever is left at the end of a chunk, nothing is written behind it") {
  // Records of 130 units of 8 bytes leave 30 of a first chunk (two are never used).
  constexpr std::size_t kLargest = 130, kLargestInAChunk = 1008, kLeft = 30;
  const auto key = [](std::size_t number, std::size_t units) {
    std::string text = std::to_string(number);
    text.resize((units - 2) * 8 - 1, 'x');
    return text;
  };
  for (std::size_t units = 4; units <= kLeft; ++units) {
    CAPTURE(units);
    for (const std::size_t chunks : {1, 2}) {
      CAPTURE(chunks);
      Table table(chunks * 8192, HashKey{9});
      for (std::size_t i = 0; i < kLargestInAChunk; ++i) {
        table.insert({key(i, kLargest), 1, RecordClass::passed, 0});
      }
      table.insert({key(kLargestInAChunk, units), 1, RecordClass::waiting, 0});
      // There is no room for this one but in the other chunk, or where the oldest are.
      const std::string last = key(kLargestInAChunk + 1, kLeft + 1);
      table.insert({last, 2, RecordClass::waiting, 0});
      CHECK(table.view(table.find(last)).seen == 2);
      CHECK((table.evictions() > 0) == (chunks == 1));
    }
  }
}

TEST_CASE("no mix of sizes grows the table beyond its bytes, and known clients outlast it") {
  constexpr std::size_t kRecords = 40'000;
  Table table(kRecords, HashKey{5});
  for (int i = 0; i < 100; ++i) {
    table.insert({"client-" + std::to_string(i), 1, RecordClass::client, std::uint8_t(i)});
    table.insert({"passed-" + std::to_string(i), 1, RecordClass::passed, 0});
  }
  Table::Cursor cursor(table);
  cursor.start();
  std::mt19937 random(3);
  int number = 0;
  for (std::size_t size = 12; size <= 900; size += 8) {
    for (int i = 0; i < 3'000; ++i) {
      std::string key = std::to_string(number++);
      key.resize(std::max(key.size(), size), 'k');
      table.insert({key, number, RecordClass::waiting, 0});
      if (random() % 4 == 0) table.erase(table.oldest(RecordClass::waiting));
      if (i % 100 == 0)
        cursor.walk(10, [](const RecordView& view) { REQUIRE(view.key.size() > 0); });
    }
  }
  CHECK(table.memory() < kRecords * (Table::kBytesPerRecord + 24) + (1u << 20));
  CHECK(table.evictions() > 0);
  CHECK(table.size() > 1'000);
  // All is still in order: every record is found, each list is whole and goes both ways.
  std::size_t listed = 0;
  for (std::size_t c = 0; c < kRecordClasses; ++c) {
    Seconds last = 0;
    for (auto ref = table.oldest(RecordClass(c)); ref != 0; ref = table.next_younger(ref)) {
      REQUIRE(table.find(table.view(ref).key) == ref);
      REQUIRE(table.view(ref).seen >= last);
      last = table.view(ref).seen;
      ++listed;
    }
  }
  CHECK(listed == table.size());
  for (int i = 0; i < 100; ++i) {
    const auto ref = table.find("client-" + std::to_string(i));
    REQUIRE(ref != 0);
    CHECK(table.view(ref).passes == i);
    CHECK(table.find("passed-" + std::to_string(i)) != 0);
  }
}
