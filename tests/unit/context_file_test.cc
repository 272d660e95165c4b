#include "greyd/context_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/temporary_directory.h"

using namespace grey;
namespace fs = std::filesystem;

namespace {

constexpr Seconds kNow = 1'700'000'000;

Greylist make_greylist() {
  return Greylist(Policy{}, 10'000, HashKey{});
}

void fill(Greylist& greylist, int records) {
  for (int i = 0; i < records; ++i) {
    const std::string recipient = std::to_string(i) + "@example.net";
    greylist.restore({RecordClass::waiting, kNow - 100, 0, *Ip::parse("192.0.2.1"),
                      "sender@example.org", recipient},
                     kNow);
  }
}

std::string slurp(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  return content.str();
}

void spit(const std::string& path, const std::string& content) {
  std::ofstream(path) << content;
}

struct Fixture {
  testing::TemporaryDirectory directory;
  std::string path = directory / "context";

  LoadReport load(Greylist& greylist) {
    auto report = load_context(path, greylist, kNow);
    REQUIRE_MESSAGE(report, (report ? "" : report.error().text));
    return *report;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "what is saved is loaded, and saved again the same") {
  Greylist first = make_greylist();
  fill(first, 1000);
  first.restore({RecordClass::client, kNow - 5, 3, *Ip::parse("2001:db8::"), "", ""}, kNow);
  first.restore({RecordClass::passed, kNow - 7, 0, *Ip::parse("192.0.2.9"), "", "a b@c"}, kNow);
  REQUIRE(*save_context(path, first) == 1002);
  const std::string saved = slurp(path);
  CHECK(saved.starts_with("qmail-greyd context 1\n"));
  CHECK_FALSE(fs::exists(path + ".new"));
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);

  Greylist second = make_greylist();
  const LoadReport report = load(second);
  CHECK(report.loaded == 1002);
  CHECK(report.damage == "");
  REQUIRE(save_context(path, second));
  CHECK(slurp(path) == saved);
}

TEST_CASE_FIXTURE(Fixture, "no file is an empty state, an expired record is left out") {
  Greylist greylist = make_greylist();
  CHECK_FALSE(load(greylist).found);
  fill(greylist, 3);
  REQUIRE(save_context(path, greylist));
  Greylist later = make_greylist();
  const auto report = load_context(path, later, kNow + 8 * 86400);
  REQUIRE(report);
  CHECK(report->expired == 3);
  CHECK(later.table().size() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a damaged file is set aside as it was, and read as far as it goes") {
  Greylist greylist = make_greylist();
  fill(greylist, 100);
  REQUIRE(save_context(path, greylist));
  const std::string good = slurp(path);
  const struct {
    const char* name;
    std::string content;
    const char* damage;
    std::size_t loaded;
  } rows[] = {
      {"flipped byte", std::string(good).replace(good.find("192.0.2.1"), 1, "x"),
       "has a wrong checksum, 1 records lost", 99},
      {"cut in a record", good.substr(0, good.size() / 2), "has no end line, 1 records lost", 0},
      {"no end line", good.substr(0, good.rfind("end ")), "has no end line, 0 records lost", 100},
      {"torn end line", good.substr(0, good.size() - 1), "has no end line, 1 records lost", 100},
      {"empty", "", "is empty, 0 records lost", 0},
      {"another version", "qmail-greyd context 99\nwhat?\n",
       "is of another version, 0 records lost", 0},
      {"something else", std::string("\0\x01\x02 binary", 10),
       "is not a context file, 0 records lost", 0},
      {"header only", "qmail-greyd context 1\n", "has no end line, 0 records lost", 0},
      {"lost lines", "qmail-greyd context 1\nend 5 0000000000000000\n",
       "has a wrong checksum, 5 records lost", 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    spit(path, row.content);
    Greylist loaded = make_greylist();
    const LoadReport report = load(loaded);
    CHECK(report.damage == row.damage);
    if (row.loaded > 0) CHECK(report.loaded == row.loaded);
    CHECK(loaded.table().size() == report.loaded);
    CHECK_FALSE(fs::exists(path));
    REQUIRE(report.set_aside_as.starts_with(path + ".damaged."));
    CHECK(slurp(report.set_aside_as) == row.content);
  }
  // Nine damaged files at one and the same second: nine names.
  std::size_t kept = 0;
  for (const auto& entry : fs::directory_iterator(directory.path())) {
    kept += entry.path().string().starts_with(path + ".damaged.");
  }
  CHECK(kept == 9);
}

TEST_CASE_FIXTURE(Fixture, "the file cut at any length never loads a record that was not saved") {
  Greylist greylist = make_greylist();
  fill(greylist, 3);
  REQUIRE(save_context(path, greylist));
  const std::string good = slurp(path);
  for (std::size_t length = 0; length < good.size(); ++length) {
    CAPTURE(length);
    spit(path, good.substr(0, length));
    Greylist loaded = make_greylist();
    const LoadReport report = load(loaded);
    CHECK(report.damage != "");
    loaded.for_each([&](const SavedRecord& record) {
      CHECK(record.recipient.ends_with("@example.net"));
      CHECK(record.seen == kNow - 100);
    });
    fs::remove(report.set_aside_as);
  }
}

TEST_CASE_FIXTURE(Fixture, "a save that fails leaves the old file and no litter") {
  Greylist greylist = make_greylist();
  fill(greylist, 3);
  REQUIRE(save_context(path, greylist));
  const std::string good = slurp(path);
  // A directory where the temporary file should be created.
  fs::create_directory(path + ".new");
  const auto failed = save_context(path, greylist);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().text == "cannot create " + path + ".new: Is a directory");
  CHECK(slurp(path) == good);

  const auto nowhere = save_context(directory / "gone/context", greylist);
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().text.find("gone/context.new: No such file or directory") !=
        std::string::npos);
}

TEST_CASE("a full disk is told, and the old file stays") {
  // /dev/full takes an open but no byte; a link puts it where the temporary file goes.
  testing::TemporaryDirectory directory;
  const std::string path = directory / "context";
  Greylist greylist = make_greylist();
  fill(greylist, 3);
  REQUIRE(save_context(path, greylist));
  const std::string good = slurp(path);
  fs::create_symlink("/dev/full", path + ".new");
  const auto failed = save_context(path, greylist);  // O_NOFOLLOW: the link itself is refused
  REQUIRE_FALSE(failed);
  CHECK(slurp(path) == good);
}

TEST_CASE_FIXTURE(Fixture, "a place that cannot hold the file is told before the start") {
  CHECK(check_context_place(path));
  const auto missing = check_context_place(directory / "gone/context");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().text.find("gone/context.new") != std::string::npos);
  fs::create_directory(path);
  const auto directory_there = check_context_place(path);
  REQUIRE_FALSE(directory_there);
  CHECK(directory_there.error().text == "context file " + path + " is not a regular file");
}
