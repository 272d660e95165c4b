#include "greyd/service/entries_keeper.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/state/entries_file.h"
#include "tests/temporary_directory.h"
#include "tests/unit/late_background.h"

using namespace grey;

namespace {

constexpr Seconds kNow = 1'700'000'000;

EntriesKeeper::Change put(Entry::Kind kind, const char* text, std::optional<Seconds> until = {}) {
  return [=](Entries& entries) { return entries.put({kind, text, kNow, until, "uid:0"}); };
}

struct Fixture {
  bool allows(const char* client) {
    Lists lists;
    keeper->put_in(lists);
    return lists.allowed.has_client(*Ip::parse(client));
  }
  std::string file() { return read_file(path).value().value_or(""); }
  EntriesKeeper::Done tell(const char* name) {
    return [this, name](const Result<void>& outcome) {
      told += std::string(name) + (outcome ? "+ " : "- ");
    };
  }

  testing::TemporaryDirectory directory;
  std::string path = directory / "context.entries";
  testing::LateBackground background;
  std::unique_ptr<EntriesKeeper> keeper = std::make_unique<EntriesKeeper>(path, background);
  std::string told;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a change is on the disk, then in force, and then it is told") {
  int changed = 0;
  keeper->on_change([&] { ++changed; });
  keeper->change(put(Entry::Kind::allow, "192.0.2.1"), tell("one"));
  CHECK(told.empty());
  CHECK_FALSE(allows("192.0.2.1"));
  background.one();
  CHECK(told == "one+ ");
  CHECK(changed == 1);
  CHECK(allows("192.0.2.1"));
  CHECK(file().find("192.0.2.1") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "what comes while one is written is written next, together") {
  keeper->change(put(Entry::Kind::allow, "192.0.2.1"), tell("one"));
  keeper->change(put(Entry::Kind::allow, "192.0.2.2"), tell("two"));
  keeper->change(put(Entry::Kind::allow, "nonsense"), tell("bad"));
  keeper->change(put(Entry::Kind::block, "192.0.2.1"), tell("three"));
  background.one();
  CHECK(told == "one+ bad- ");
  CHECK(allows("192.0.2.1"));
  background.one();
  CHECK(told == "one+ bad- two+ three+ ");
  CHECK(background.jobs.empty());
  CHECK_FALSE(allows("192.0.2.1"));
  CHECK(allows("192.0.2.2"));
}

TEST_CASE_FIXTURE(Fixture, "who is told of a fault may ask for the next change at once") {
  keeper->change(put(Entry::Kind::allow, "192.0.2.1"), tell("one"));
  const auto ask_again = [this](const Result<void>&) {
    told += "bad- ";
    keeper->change(put(Entry::Kind::allow, "192.0.2.2"), tell("two"));
  };
  keeper->change(put(Entry::Kind::allow, "nonsense"), ask_again);
  keeper->change(put(Entry::Kind::allow, "192.0.2.3"), tell("three"));
  background.drain();
  CHECK(told == "one+ bad- three+ two+ ");
  for (const char* client : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) CHECK(allows(client));
  for (const char* client : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) {
    CHECK(file().find(client) != std::string::npos);
  }
  // The same where the disk is not waited for.
  InlineBackground at_once;
  EntriesKeeper other(path, at_once);
  std::string note;
  REQUIRE(other.load(kNow, note));
  std::string order;
  other.change(put(Entry::Kind::allow, "nonsense"), [&](const Result<void>&) {
    other.change(put(Entry::Kind::allow, "192.0.2.4"),
                 [&](const auto& done) { order += done ? "four+ " : "four- "; });
  });
  CHECK(order == "four+ ");
  CHECK(other.entries().size() == 4);
}

TEST_CASE_FIXTURE(Fixture, "what cannot be written is not in force, and the next may be") {
  std::filesystem::create_directory(path);  // no file can have its name
  keeper->change(put(Entry::Kind::allow, "192.0.2.1"), tell("one"));
  background.drain();
  CHECK(told == "one- ");
  CHECK_FALSE(allows("192.0.2.1"));
  std::filesystem::remove(path);
  keeper->change(put(Entry::Kind::allow, "192.0.2.2"), tell("two"));
  background.drain();
  CHECK(told == "one- two+ ");
  CHECK_FALSE(allows("192.0.2.1"));
  CHECK(allows("192.0.2.2"));
}

TEST_CASE_FIXTURE(Fixture, "an entry ends by itself, also one that ended while nobody ran") {
  keeper->change(put(Entry::Kind::allow, "192.0.2.1", kNow + 60), tell("one"));
  keeper->change(put(Entry::Kind::allow, "192.0.2.2", kNow + 90), tell("two"));
  background.drain();
  CHECK(keeper->expire(kNow + 59) == 0);
  CHECK(keeper->expire(kNow + 60) == 1);
  CHECK_FALSE(allows("192.0.2.1"));
  CHECK(allows("192.0.2.2"));
  keeper = std::make_unique<EntriesKeeper>(path, background);
  std::string note;
  REQUIRE(keeper->load(kNow + 100, note));
  CHECK(keeper->expire(kNow + 100) == 2);
  CHECK_FALSE(allows("192.0.2.2"));
}

TEST_CASE_FIXTURE(Fixture, "who matched leads to the entry, with its age and by whom") {
  keeper->change(put(Entry::Kind::block, "192.0.2.9"), tell("one"));
  keeper->change(put(Entry::Kind::allow, "192.0.2.0/24"), tell("two"));
  background.drain();
  Lists lists;
  keeper->put_in(lists);
  const Matched matched = lists.allowed.find_client(*Ip::parse("192.0.2.1"));
  const Entry* const entry = keeper->entry_of(Entry::Kind::allow, matched);
  REQUIRE(entry != nullptr);
  CHECK(entry->text == "192.0.2.0/24");
  CHECK(entry->by == "uid:0");
  CHECK(keeper->entry_of(Entry::Kind::allow, Matched()) == nullptr);
}

TEST_CASE_FIXTURE(Fixture, "a keeper that has gone is not told of what is written") {
  keeper->change(put(Entry::Kind::allow, "192.0.2.1"), tell("one"));
  keeper.reset();
  background.drain();
  CHECK(told.empty());
  CHECK(file().find("192.0.2.1") != std::string::npos);
}
