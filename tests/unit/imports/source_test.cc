// A path of whatever kind, read as an import does, and what is said of it.
#include "greyd/imports/source.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "greyd/core/greylist.h"
#include "greyd/imports/judge.h"
#include "greyd/imports/tally.h"
#include "tests/temporary_directory.h"
#include "tests/unit/imports/read_items.h"

using namespace grey;
using namespace grey::imports;
namespace fs = std::filesystem;

namespace {

constexpr Seconds kNow = 1795690000;  // of the samples' day, two hours behind

// As the command for the administrator does it, into a table and entries.
struct Import {
  explicit Import(const Policy& policy) : greylist(policy, 10000, HashKey{}) {}

  Result<void> read(const std::string& path, std::optional<Form> form = std::nullopt) {
    const auto good = read_source(path, form, imports::testing::settings(), [](const Item&) {});
    if (!good) return tl::make_unexpected(good.error());
    tally = {};
    const auto again = read_source(path, form, imports::testing::settings(),
                                   [this](const Item& item) { take(item); });
    REQUIRE(again.has_value());
    tally.add(again->sums);
    return {};
  }

  void take(const Item& item) {
    Judged judged = judge(item, greylist.policy(), kNow);
    if (const auto* skip = std::get_if<Skip>(&judged)) {
      tally.skipped(item, skip->reason);
    } else if (auto* entry = std::get_if<Entry>(&judged)) {
      REQUIRE(entries.put(std::move(*entry)).has_value());
      tally.took_entry();
    } else if (greylist.import(std::get<SavedRecord>(judged), kNow) == Greylist::Import::taken) {
      tally.took_record();
    } else {
      tally.had();
    }
  }

  Greylist greylist;
  Entries entries;
  Tally tally;
};

std::string data(const std::string& name) {
  return TEST_DATA "/data/imports/" + name;
}

}  // namespace

TEST_CASE("an import says what it took and why it did not take the rest, and twice is once") {
  Import import{Policy{}};
  const std::string path = data("both_databases.sql");
  REQUIRE(import.read(path).has_value());
  const std::string rest =
      "expired: 2\n"
      "skipped: 3, it names no client\n"
      "  " +
      path +
      ":97\n"
      "  " +
      path +
      ":139\n"
      "  " +
      path +
      ":243: joe@example.net\n"
      "skipped: 1, its client is no address\n"
      "  " +
      path +
      ":245: localhost\n"
      "skipped: 1, it names no sender or no recipient\n"
      "  " +
      path +
      ":98: joe@example.net\n"
      "skipped: 1, its network is wider than a client under the policy\n"
      "  " +
      path +
      ":242: 192.0.2.0/24 net@b.example joe@example.net\n"
      "skipped: 1, it names more than one of client, sender and recipient\n"
      "  " +
      path +
      ":239: 192.0.2.7\n"
      "counted there: 25 blocked, 10 passed\n";
  CHECK(import.tally.text() == "taken: 11 records, 14 entries\nnewer here: 1\n" + rest);
  REQUIRE(import.read(path).has_value());
  CHECK(import.tally.records() == 0);
}

TEST_CASE("a tree under the policy of its prefix, and under another") {
  grey::testing::TemporaryDirectory place;
  const auto touch = [&](const std::string& path, Seconds mtime, Seconds atime) {
    fs::create_directories(fs::path(place / path).parent_path());
    const Fd fd(::open((place / path).c_str(), O_WRONLY | O_CREAT, 0600));
    const timespec times[2] = {{atime, 0}, {mtime, 0}};
    REQUIRE(::futimens(fd.get(), times) == 0);
  };
  touch("192/000/002", kNow - 90000, kNow - 300);
  touch("192/000/003", kNow - 300, kNow - 300);
  touch("192/000/004", kNow - 90000, kNow - 90000);
  Policy by_network;
  by_network.ipv4_prefix = 24;
  Import same(by_network), other{Policy{}};
  REQUIRE(same.read(place.path()).has_value());
  CHECK(same.tally.text() == "taken: 2 records, 0 entries\nnewer here: 0\nexpired: 1\n");
  REQUIRE(other.read(place.path()).has_value());
  CHECK(other.tally.text() ==
        "taken: 0 records, 1 entries\nnewer here: 0\nexpired: 1\n"
        "skipped: 1, its network is wider than a client under the policy\n  " +
            (place / "192/000/003") + ": 192.0.3.0/24\n");
}

TEST_CASE("a directory of logs is read file by file") {
  Import import{Policy{}};
  Policy later;
  const auto read =
      read_source(data("multilog"), std::nullopt, imports::testing::settings(), [](const Item&) {});
  REQUIRE(read.has_value());
  CHECK(read->form == Form::multilog);
  CHECK(read->other_lines == 9);
}

TEST_CASE("a log that was compressed is not passed over") {
  grey::testing::TemporaryDirectory place;
  std::ofstream(place / "current") << "@400000006b08467a14bd595c a line of something else\n";
  const std::string name = "@400000006b08467a14bd595c.s";
  std::ofstream(place / name) << "\x1f\x8b\x08 and so on";
  const auto read =
      read_source(place.path(), std::nullopt, imports::testing::settings(), [](const Item&) {});
  REQUIRE_FALSE(read);
  CHECK(read.error().text == place / name + " is compressed: unpack it first");
}

TEST_CASE("a name that a stranger gave a file is shown as a word") {
  CHECK(to_string(imports::Place{"010/001/a\033[31m\nimport: taken: 9", 0}) ==
        "010/001/a%1B[31m%0Aimport:%20taken:%209");
  const std::string deep = "/" + std::string(300, 'd') + "/dump.sql";
  CHECK(to_string(imports::Place{deep, 7}) == deep + ":7");
}

TEST_CASE("how far a file has been read is said on the way") {
  grey::testing::TemporaryDirectory place;
  const std::string line = "TRAPPED|192.0.2.1|1700000000\n";
  std::string text;
  while (text.size() < 2'000'000) text += line;
  std::ofstream(place / "spamdb") << text;
  std::uint64_t last = 0, times = 0;
  REQUIRE(read_source(
      place / "spamdb", std::nullopt, imports::testing::settings(), [](const Item&) {},
      [&](std::uint64_t octets, std::uint64_t of) {
        CHECK(octets > last);
        CHECK(of == text.size());
        last = octets;
        ++times;
      }));
  CHECK(last == text.size());
  CHECK(times > 3);
}

TEST_CASE("what cannot be imported is one line, and nothing has changed") {
  grey::testing::TemporaryDirectory place;
  const auto error_of = [&](const std::string& path, std::optional<Form> form = std::nullopt) {
    Import import{Policy{}};
    const auto read = import.read(path, form);
    REQUIRE_FALSE(read.has_value());
    CHECK(import.greylist.table().size() == 0);
    CHECK(import.entries.size() == 0);
    CHECK(read.error().exit_code == kExitSystemFailure);
    CHECK(read.error().text.find('\n') == std::string::npos);
    std::string text = read.error().text;
    for (std::size_t at; (at = text.find(place.path())) != std::string::npos;) {
      text.replace(at, place.path().size(), "DIR");
    }
    return text;
  };
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(place / name, std::ios::binary) << text;
    return place / name;
  };
  CHECK(error_of(place / "gone") == "cannot open DIR/gone: No such file or directory");
  fs::create_symlink("loop", place / "loop");
  CHECK(error_of(place / "loop") == "cannot open DIR/loop: Too many levels of symbolic links");
  REQUIRE(::mkfifo((place / "pipe").c_str(), 0600) == 0);
  CHECK(error_of(place / "pipe") == "DIR/pipe is no regular file, and could be read only once");
  CHECK(error_of("/dev/null") == "/dev/null is no regular file, and could be read only once");
  CHECK(error_of(write("empty", "")) == "DIR/empty is empty");
  CHECK(error_of(write("what", "what?\n")) == "DIR/what is none of the forms that import reads");
  fs::create_directory(place / "strangers");
  for (int i = 0; i < 2000; ++i) write("strangers/" + std::to_string(i), "x");
  CHECK(error_of(place / "strangers") ==
        "DIR/strangers is a directory of none of the forms that import reads");
  CHECK(error_of(place / "strangers", Form::mysql) == "DIR/strangers is a directory");
  CHECK(error_of(place / "what", Form::jgreylist) == "DIR/what is not a directory");
  CHECK(error_of(data("spamdb.txt"), Form::postgrey).ends_with(":1: is not where a dump begins"));
  // A good beginning of a file whose end is bad.
  const std::string good = imports::testing::sample("mysqldump.sql");
  CHECK(error_of(write("cut.sql", good.substr(0, good.size() / 2))) ==
        "DIR/cut.sql:87: the dump ends within a string that begins in line 87");
  CHECK(error_of(write("spamdb", imports::testing::sample("spamdb.txt") + "what\n")) ==
        "DIR/spamdb:11: is no line of spamdb");
  CHECK(error_of(write("context", "qmail-greyd context 1\nC 1700000000 1 192.0.2.1\nx\n"))
            .starts_with("DIR/context"));
}
