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
  ContextForm form = ContextForm::qmail_greyd;

  LoadReport load(Greylist& greylist) {
    auto report = load_context(path, form, greylist, kNow);
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
  REQUIRE(*save_context(path, form, first) == 1002);
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
  REQUIRE(save_context(path, form, second));
  CHECK(slurp(path) == saved);
}

TEST_CASE_FIXTURE(Fixture, "no file is an empty state, an expired record is left out") {
  Greylist greylist = make_greylist();
  CHECK(load(greylist).loaded == 0);
  fill(greylist, 3);
  REQUIRE(save_context(path, form, greylist));
  Greylist later = make_greylist();
  const auto report = load_context(path, form, later, kNow + 8 * 86400);
  REQUIRE(report);
  CHECK(report->expired == 3);
  CHECK(later.table().size() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a damaged file is set aside as it was, and read as far as it goes") {
  Greylist greylist = make_greylist();
  fill(greylist, 100);
  REQUIRE(save_context(path, form, greylist));
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
    REQUIRE(report.kept_as.starts_with(path + ".damaged."));
    CHECK(slurp(report.kept_as) == row.content);
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
  REQUIRE(save_context(path, form, greylist));
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
    fs::remove(report.kept_as);
  }
}

TEST_CASE_FIXTURE(Fixture, "a save that fails leaves the old file and no litter") {
  Greylist greylist = make_greylist();
  fill(greylist, 3);
  REQUIRE(save_context(path, form, greylist));
  const std::string good = slurp(path);
  // A directory where the temporary file should be created.
  fs::create_directory(path + ".new");
  const auto failed = save_context(path, form, greylist);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().text == "cannot create " + path + ".new: Is a directory");
  CHECK(slurp(path) == good);

  const auto nowhere = save_context(directory / "gone/context", form, greylist);
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().text.find("gone/context.new: No such file or directory") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a full disk is told, and the old file stays") {
  Greylist greylist = make_greylist();
  fill(greylist, 3);
  REQUIRE(save_context(path, form, greylist));
  const std::string good = slurp(path);
  fs::create_symlink("/dev/full", path + ".new");
  const auto failed = save_context(path, form, greylist);  // O_NOFOLLOW: the link itself is refused
  REQUIRE_FALSE(failed);
  CHECK(slurp(path) == good);
}

TEST_CASE_FIXTURE(Fixture, "greydaemon's save file is read, kept, and written in either form") {
  const std::string saved =
      "I 1699999000 192.0.2.1\n"
      "I 1600000000 192.0.2.77\n"
      "G 1699999100 192.0.2.2 a@example.org b@example.net\n"
      "G 1699999200 192.0.2.2 . list-owner=x@example.net\n"
      "G 1699999300 192.0.2.2 x y@example.org b@example.net\n";
  spit(path, saved);
  Greylist greylist = make_greylist();
  const LoadReport report = load(greylist);
  CHECK(report.loaded == 4);
  CHECK(report.expired == 1);
  CHECK(report.damage == "");
  CHECK(report.kept_as == path + ".imported");
  CHECK(slurp(path) == saved);  // still there until the first save
  REQUIRE(*save_context(path, form, greylist) == 4);
  CHECK(slurp(path + ".imported") == saved);
  CHECK(slurp(path).find("W 1699999300 192.0.2.2 x%20y@example.org b@example.net\n") !=
        std::string::npos);
  CHECK(slurp(path).find("C 1699999000 1 192.0.2.1\n") != std::string::npos);

  form = ContextForm::greydaemon;
  Greylist again = make_greylist();
  CHECK(load(again).loaded == 4);
  again.restore({RecordClass::waiting, kNow, 0, *Ip::parse("192.0.2.2"), "a", "c d@e"}, kNow);
  REQUIRE(save_context(path, form, again));
  const std::string written = slurp(path);
  CHECK(written ==
        "G 1699999100 192.0.2.2 a@example.org b@example.net\n"
        "G 1699999200 192.0.2.2 . list-owner=x@example.net\n"
        "G 1699999300 192.0.2.2 x y@example.org b@example.net\n"
        "G 1700000000 192.0.2.2 a c%20d@e\n"
        "I 1699999000 192.0.2.1\n");
  Greylist third = make_greylist();
  const LoadReport same_form = load(third);
  CHECK(same_form.loaded == 5);
  CHECK(same_form.kept_as == "");
  REQUIRE(save_context(path, form, third));
  CHECK(slurp(path) == written);
}

TEST_CASE_FIXTURE(Fixture, "a damaged greydaemon file is set aside, its good lines are loaded") {
  form = ContextForm::greydaemon;
  const std::string damaged = "I 1699999000 192.0.2.1\nwhat?\nG 1699999100 192.0.2.2 a b\nG 16999";
  spit(path, damaged);
  Greylist greylist = make_greylist();
  const LoadReport report = load(greylist);
  CHECK(report.loaded == 2);
  CHECK(report.damage == "has lines that are no records, 2 records lost");
  CHECK(slurp(report.kept_as) == damaged);
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
