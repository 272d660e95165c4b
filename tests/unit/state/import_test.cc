// Records that are imported while the daemon runs: they are in the journal before anybody hears of
// them, and a death loses none.
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "greyd/state/record_text.h"
#include "greyd/state/state_files.h"
#include "tests/temporary_directory.h"

using namespace grey;
using Import = Greylist::Import;

namespace {

constexpr Seconds kNow = 1'700'000'000;
constexpr Seconds kHour = 3600, kDay = 86400;

std::string lines_of(const Greylist& greylist) {
  std::string lines;
  greylist.for_each([&](const SavedRecord& record) { append_record(lines, record); });
  return lines;
}

// A daemon's state; when it goes, it goes without a save.
struct Daemon {
  explicit Daemon(const std::string& path)
      : files(
            path, ContextForm::qmail_greyd, Sync::never, greylist, background,
            [](StateFiles::Level, const std::string& text) { FAIL(text); }, counters) {
    REQUIRE(files.load(kNow).has_value());
  }
  Greylist greylist{Policy{}, 1000, HashKey{}};
  InlineBackground background;
  StateCounters counters;
  StateFiles files;
};

SavedRecord triplet(RecordClass record_class, Seconds age) {
  return {record_class, kNow - age, 0, *Ip::parse("192.0.2.1"), "a@example.org", "b@example.net"};
}

// Small alphabets, so that many come to one key.
SavedRecord random_record(std::mt19937& random) {
  static const std::string kAddresses[] = {"", "a@x.org", "A@X.org", "b@x.org",
                                           std::string(400, 'l') + "@x.org"};
  SavedRecord record;
  record.record_class = RecordClass(random() % 5);
  record.seen = kNow - Seconds(random() % (9 * kDay)) + kHour;
  record.client = Ip::from_v4(0xc0000200 + std::uint32_t(random() % 4));
  if (is_of_client(record.record_class)) {
    record.passes = 1 + unsigned(random() % 300);
  } else {
    record.sender = kAddresses[random() % 5];
    record.recipient = kAddresses[random() % 5];
  }
  return record;
}

}  // namespace

TEST_CASE("what is imported is taken once, and what counts for more stands") {
  Greylist greylist({}, 1000, HashKey{});
  CHECK(greylist.import(triplet(RecordClass::waiting, 60), kNow) == Import::taken);
  CHECK(greylist.import(triplet(RecordClass::waiting, 60), kNow) == Import::had);
  CHECK(greylist.import(triplet(RecordClass::waiting, kHour), kNow) == Import::taken);
  CHECK(greylist.import(triplet(RecordClass::passed, kDay), kNow) == Import::taken);
  CHECK(greylist.import(triplet(RecordClass::waiting, 60), kNow) == Import::had);
  CHECK(greylist.import(triplet(RecordClass::passed, 7 * kDay), kNow) == Import::over);
  greylist.set_expiry(Expiry::suspended);
  CHECK(greylist.import(triplet(RecordClass::passed, 7 * kDay), kNow) == Import::had);
}

TEST_CASE("a daemon that dies after an import has all of it from its journal") {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    testing::TemporaryDirectory directory;
    const std::string path = directory / "context";
    std::mt19937 random(seed);
    std::string before;
    {
      Daemon daemon(path);
      std::size_t taken = 0;
      for (int i = 0; i < 120; ++i) {
        taken += daemon.greylist.import(random_record(random), kNow) == Import::taken;
        if (i % 10 == 0) daemon.files.commit();
      }
      CHECK(taken > 20);
      daemon.files.commit();
      before = lines_of(daemon.greylist);
    }
    Daemon again(path);
    REQUIRE_MESSAGE(lines_of(again.greylist) == before, "seed " << seed);
  }
}

TEST_CASE("an import of the same records again changes nothing and adds nothing to the journal") {
  struct Counted : Changes {
    void note(const SavedRecord& change) noexcept override {
      ++count;
      stored &= change.change == Change::stored;
    }
    std::size_t count = 0;
    bool stored = true;
  } changes;
  Greylist greylist({}, 1000, HashKey{});
  greylist.note_changes_in(&changes);
  const auto import_all = [&] {
    std::mt19937 random(7);
    std::size_t taken = 0;
    for (int i = 0; i < 200; ++i) {
      taken += greylist.import(random_record(random), kNow) == Import::taken;
    }
    return taken;
  };
  const std::size_t taken = import_all();
  CHECK(changes.count == taken);
  CHECK(changes.stored);
  const std::string lines = lines_of(greylist);
  CHECK(import_all() == 0);
  CHECK(lines_of(greylist) == lines);
  CHECK(changes.count == taken);
}
