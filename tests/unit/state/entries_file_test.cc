#include "greyd/state/entries_file.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "greyd/base/files.h"
#include "tests/temporary_directory.h"

using namespace grey;

namespace {

constexpr Seconds kNow = 1'700'000'000;

Entries some() {
  Entries entries;
  REQUIRE(entries.put({Entry::Kind::allow, "192.0.2.0/24", kNow, kNow + 60, "uid:0"}));
  REQUIRE(entries.put({Entry::Kind::block, "to:user@example.com", kNow, {}, "uid:1000"}));
  return entries;
}

}  // namespace

TEST_CASE("entries come back from their text as they were") {
  const std::string text = to_text(some());
  CHECK(text ==
        "qmail-greyd entries 1\n"
        "# allow|block made until by entry; written by the daemon: use greyctl\n"
        "allow 1700000000 1700000060 uid:0 192.0.2.0/24\n"
        "block 1700000000 - uid:1000 to:user@example.com\n"
        "end 2\n");
  const ReadEntries read = read_entries(text);
  CHECK(read.bad.empty());
  CHECK(to_text(read.entries) == text);
  CHECK(read_entries(to_text(Entries())).bad.empty());
}

TEST_CASE("a text that is cut anywhere is known to be damaged, and its good lines are read") {
  const std::string text = to_text(some());
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    CAPTURE(size);
    const ReadEntries read = read_entries(text.substr(0, size));
    CHECK_FALSE(read.bad.empty());
    CHECK(read.entries.size() <= 2);
  }
}

TEST_CASE("each kind of damage is said by its line") {
  const std::string head = "qmail-greyd entries 1\n";
  const auto bad = [&](const std::string& rest) { return read_entries(head + rest).bad; };
  CHECK(bad("nonsense\nend 0\n") == "2: is no entry");
  CHECK(bad("allow x - uid:0 192.0.2.1\nend 1\n") == "2: is no entry");
  CHECK(bad("allow 1 x uid:0 192.0.2.1\nend 1\n") == "2: is no entry");
  CHECK(bad("allow 1 - uid:0 192.0.2.1 more\nend 1\n") == "2: is no entry");
  CHECK(bad("allow 1 - uid:0 nonsense\nend 1\n").starts_with("2: not an address"));
  CHECK(bad("end 1\n") == "2: the number of entries is another");
  CHECK(bad("end 0\nallow 1 - uid:0 192.0.2.1\n") == "3: more behind the end");
  CHECK(read_entries("hello\nend 0\n").bad == "1: is not 'qmail-greyd entries 1'");
}

TEST_CASE("a damaged file gets a second name before anything replaces it") {
  const testing::TemporaryDirectory directory;
  const std::string path = directory / "context.entries";
  const std::string text = to_text(some());
  const std::string damaged = text.substr(0, text.size() - 7);  // without its end
  REQUIRE(save_entries(path, damaged));
  std::string note;
  const auto entries = load_entries(path, kNow, note);
  REQUIRE(entries);
  CHECK(entries->size() == 2);
  const std::string kept = path + ".damaged.1700000000";
  CHECK(note == path + ":5: has no end line; kept as " + kept + ", 2 entries could be read");
  REQUIRE(save_entries(path, text));
  CHECK(read_file(kept).value() == damaged);
}

TEST_CASE("of no file there are no entries; one that cannot be read is an error") {
  const testing::TemporaryDirectory directory;
  std::string note;
  CHECK(load_entries(directory / "none", kNow, note).value().size() == 0);
  CHECK(note.empty());
  CHECK_FALSE(load_entries(directory.path(), kNow, note));  // a directory
}
