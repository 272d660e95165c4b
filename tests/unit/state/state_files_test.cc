#include "greyd/state/state_files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <utility>

#include "greyd/state/journal_text.h"
#include "greyd/state/record_text.h"
#include "greyd/state/state_place.h"
#include "tests/temporary_directory.h"

using namespace grey;
namespace fs = std::filesystem;

namespace {

constexpr Seconds kNow = 1'700'000'000;

std::string slurp(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  return content.str();
}

void spit(const std::string& path, const std::string& content) {
  std::ofstream(path) << content;
}

std::string zeroed(std::string text, std::size_t from, std::size_t to) {
  std::fill(text.begin() + std::ptrdiff_t(from), text.begin() + std::ptrdiff_t(to), '\0');
  return text;
}

SavedRecord waiting(const std::string& recipient, Seconds seen = kNow - 100) {
  return {RecordClass::waiting, seen, 0, *Ip::parse("192.0.2.1"), "sender@example.org", recipient,
          Change::stored};
}

// A greylist with its files, as the daemon has them.
struct Store {
  InlineBackground background;
  Greylist greylist;
  std::vector<std::string> errors, infos;
  StateCounters counters;
  StateFiles files;

  explicit Store(const std::string& path, ContextForm form = ContextForm::qmail_greyd,
                 const Policy& policy = {})
      : greylist(policy, 10'000, HashKey{}),
        files(
            path, form, Sync::always, greylist, background,
            [this](StateFiles::Level level, const std::string& text) {
              (level == StateFiles::Level::error ? errors : infos).push_back(text);
            },
            counters) {}

  LoadReport load(Seconds now = kNow) {
    auto report = files.load(now);
    REQUIRE_MESSAGE(report, (report ? "" : report.error().text));
    return *report;
  }
  void fill(int records) {
    for (int i = 0; i < records; ++i) {
      const std::string recipient = std::to_string(i) + "@example.net";
      greylist.restore(waiting(recipient), kNow);
    }
  }
  // A query as it comes in, committed.
  wire::Reason ask(const std::string& recipient, Seconds now = kNow,
                   const std::string& sender = "a@x") {
    const wire::Reason reason = decide(recipient, now, sender);
    files.commit();
    return reason;
  }
  wire::Reason decide(const std::string& recipient, Seconds now, const std::string& sender) {
    const std::string datagram =
        "I192.0.2.7" + std::string(1, '\0') + "F" + sender + '\0' + "T" + recipient + '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    return greylist.decide(query, Lists{}, now).reason;
  }
  void save() {
    files.start_save();
    while (files.saving()) files.save_slice(7);
  }
  std::string text() const {
    std::string out;
    greylist.for_each([&](const SavedRecord& record) { append_record(out, record); });
    return out;
  }
};

struct Fixture {
  testing::TemporaryDirectory directory;
  std::string path = directory / "context";
  std::string journal = path + ".journal";
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "what is saved is loaded, and saved again the same") {
  {
    Store first(path);
    first.load();
    first.fill(1000);
    first.greylist.restore({RecordClass::client, kNow - 5, 3, *Ip::parse("2001:db8::"), "", ""},
                           kNow);
    first.greylist.restore({RecordClass::passed, kNow - 7, 0, *Ip::parse("192.0.2.9"), "", "a b@c"},
                           kNow);
    REQUIRE(*first.files.save_all() == 1002);
  }
  const std::string saved = slurp(path);
  CHECK(saved.starts_with("qmail-greyd context 1\n"));
  CHECK_FALSE(fs::exists(path + ".new"));
  CHECK_FALSE(fs::exists(journal));
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);

  Store second(path);
  const LoadReport report = second.load();
  CHECK(report.records == 1002);
  CHECK(report.notes.empty());
  second.save();  // in slices: the same text
  CHECK(second.errors.empty());
  CHECK(second.infos == std::vector<std::string>{"saved 1002 records in " + path});
  CHECK(slurp(path) == saved);
}

TEST_CASE_FIXTURE(Fixture, "while a long load or save comes further, it says so") {
  constexpr int kRecords = 9000;
  int words = 0;
  const auto said = [&] { return std::exchange(words, 0); };
  const auto count = [&] { ++words; };
  Store first(path);
  first.files.tell_progress(count);
  first.load();
  CHECK(said() == 1);  // it begins
  for (int i = 0; i < kRecords; ++i) first.decide(std::to_string(i) + "@y", kNow, "a@x");
  first.files.commit();
  CHECK(said() == 0);  // that is not long
  fs::copy(journal, path + "2.journal");
  REQUIRE(first.files.save_all());
  CHECK(said() >= 1 + kRecords / 4096);
  fs::copy(path, path + "3");
  for (const std::string& of_one : {path + "2", path + "3"}) {  // a journal; a context file
    CAPTURE(of_one);
    Store second(of_one);
    second.files.tell_progress(count);
    second.load();
    CHECK(second.greylist.table().size() == kRecords);
    CHECK(said() >= 1 + kRecords / 4096);
  }
}

TEST_CASE_FIXTURE(Fixture, "no file is an empty state, an expired record is left out") {
  {
    Store store(path);
    CHECK(store.load().records == 0);
    store.fill(3);
    REQUIRE(store.files.save_all());
  }
  Store later(path);
  CHECK(later.load(kNow + 8 * 86400).expired == 3);
  CHECK(later.greylist.table().size() == 0);
}

TEST_CASE_FIXTURE(Fixture, "what was answered is there after a death, saved or not") {
  std::string before;
  {
    Store store(path);
    store.load();
    CHECK(store.ask("b@y") == wire::Reason::new_triplet);
    CHECK(store.ask("b@y", kNow + 300) == wire::Reason::passed);
    CHECK(store.ask("c@y", kNow + 300) == wire::Reason::known);
    before = store.text();
  }  // the process ends here, without a save
  CHECK_FALSE(fs::exists(path));
  Store again(path);
  const LoadReport report = again.load(kNow + 300);
  CHECK(report.records == 0);
  CHECK(report.changes == 3);
  CHECK(report.notes.empty());
  CHECK(again.text() == before);
  CHECK(again.ask("d@y", kNow + 301) == wire::Reason::known);
}

TEST_CASE_FIXTURE(Fixture, "an accepted bounce stays accepted for six hours") {
  {
    Store store(path);
    store.load();
    CHECK(store.ask("b@y", kNow, "") == wire::Reason::new_triplet);
    CHECK(store.ask("b@y", kNow + 300, "") == wire::Reason::bounce);
  }
  Store again(path);
  again.load(kNow + 300);
  CHECK(again.ask("b@y", kNow + 301, "") == wire::Reason::bounce);
  CHECK(again.ask("b@y", kNow + 300 + 6 * 3600, "") == wire::Reason::new_triplet);
}

TEST_CASE_FIXTURE(Fixture, "wherever it dies during a save, the state is whole") {
  // Random traffic goes on while a snapshot is written in slices of one record; at each step the
  // files are copied as they are, which is what a death leaves, and loaded.
  std::mt19937 random(5);
  Policy policy;
  policy.timeout = 999;  // seconds: so that every second's refresh is noted
  policy.resend_window = 900;
  Store store(path, ContextForm::qmail_greyd, policy);
  store.load();
  Seconds now = kNow;
  const auto traffic = [&] {
    now += Seconds(random() % 12);
    store.ask(std::to_string(random() % 30) + "@y", now, random() % 4 == 0 ? "" : "a@x");
  };
  for (int i = 0; i < 40; ++i) traffic();
  std::size_t deaths = 0;
  for (int save = 0; save < 4; ++save) {
    store.files.start_save();
    for (bool more = true; more; more = store.files.saving()) {
      traffic();
      testing::TemporaryDirectory copy;
      fs::copy(directory.path(), copy.path(), fs::copy_options::recursive);
      Store loaded(copy / "context", ContextForm::qmail_greyd, policy);
      CHECK(loaded.load(now).notes.empty());
      // As sets: a journal may list records of one second in another order.
      const auto sorted = [](const Store& of) {
        std::istringstream lines(of.text());
        std::vector<std::string> result;
        for (std::string line; std::getline(lines, line);) result.push_back(line);
        std::sort(result.begin(), result.end());
        return result;
      };
      store.greylist.expire(now, SIZE_MAX);
      loaded.greylist.expire(now, SIZE_MAX);
      REQUIRE(sorted(loaded) == sorted(store));
      ++deaths;
      store.files.save_slice(1);
    }
    CHECK(store.errors.empty());
    CHECK_FALSE(fs::exists(journal + ".old"));
  }
  CHECK(deaths > 20);
}

TEST_CASE_FIXTURE(Fixture, "the journal cut at any length holds each batch whole or not at all") {
  {
    Store store(path);
    store.load();
    for (int i = 0; i < 5; ++i) store.ask(std::to_string(i) + "@y");
  }
  const std::string whole = slurp(journal);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    spit(journal, whole.substr(0, length));
    auto store = std::make_unique<Store>(path);
    const LoadReport report = store->load();
    CHECK(report.changes <= 5);
    CHECK(report.changes == store->greylist.table().size());
    const bool at_a_border = length == 0 || whole.substr(0, length) == kJournalHeader ||
                             (whole[length - 1] == '\n' &&
                              whole.rfind("\n= ", length - 2) == whole.rfind('\n', length - 2));
    CHECK(report.notes.empty() == at_a_border);
    // What comes after follows a whole batch.
    store->ask("after@y");
    store.reset();
    Store again(path);
    CHECK(again.load().notes.empty());
    CHECK(again.greylist.table().size() == report.changes + 1);
    fs::remove(path);
  }
}

TEST_CASE_FIXTURE(Fixture,
                  "a damaged journal is set aside, and what can be read is saved at once") {
  {
    Store store(path);
    store.load();
    for (int i = 0; i < 5; ++i) store.ask(std::to_string(i) + "@y");
  }
  const std::string good = slurp(journal);
  const std::string batches = good.substr(kJournalHeader.size());
  const struct {
    const char* name;
    std::string content;
    const char* note;
    std::size_t records;
  } rows[] = {
      {"flipped byte in an address", std::string(good).replace(good.find("2@y"), 1, "x"),
       "has 1 batches with a wrong checksum; changes that were answered may be lost", 5},
      {"flipped letter of a line", std::string(good).replace(good.find("W ", 60), 1, "?"),
       "has 1 batches with a wrong checksum, 1 lines cannot be read; changes that were answered",
       4},
      {"the last third is zeros", zeroed(good, good.size() - good.size() / 3, good.size()),
       "has a damaged end, 1 lines cannot be read; changes that were answered may be lost", 3},
      {"a part in the middle is zeros", zeroed(good, good.size() / 3, good.size() / 2),
       "has 1 batches with a wrong checksum, 1 lines cannot be read; changes", 3},
      {"a batch that was begun, then zeros", good + "W 17000" + std::string(4096, '\0'),
       "has a damaged end, 1 lines cannot be read; changes", 5},
      {"half a line before the next one", good.substr(0, good.size() - 35) + batches,
       "has 1 batches with a wrong checksum, 1 lines cannot be read; changes", 5},
      {"half a checksum before the next line", good.substr(0, good.size() - 53) + batches,
       "has 2 batches with a wrong checksum; changes", 5},
      {"zeros where it begins", zeroed(good, 0, 30), "has a damaged first line, 1 lines", 4},
      {"zeros alone", std::string(4096, '\0'), "is not a journal of this version", 0},
      {"another version", "qmail-greyd journal 9\n", "is not a journal of this version", 0},
      {"something else", "hello\n", "is not a journal of this version", 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    fs::remove(path);
    spit(journal, row.content);
    Store store(path);
    const LoadReport report = store.load();
    REQUIRE(report.notes.size() == 1);
    CHECK(report.notes[0].find(row.note) != std::string::npos);
    CHECK(store.greylist.table().size() == row.records);
    const std::string aside = report.notes[0].substr(report.notes[0].rfind(' ') + 1);
    CHECK(slurp(aside) == row.content);
    CHECK(slurp(path).find("end " + std::to_string(row.records)) != std::string::npos);
    CHECK(slurp(journal) == kJournalHeader);
  }
}

TEST_CASE_FIXTURE(Fixture,
                  "a damaged context file is set aside as it was, and read as far as it goes") {
  {
    Store store(path);
    store.load();
    store.fill(100);
    REQUIRE(store.files.save_all());
  }
  const std::string good = slurp(path);
  const struct {
    const char* name;
    std::string content;
    const char* damage;
    std::size_t records;
  } rows[] = {
      {"flipped byte", std::string(good).replace(good.find("192.0.2.1"), 1, "x"),
       "has a wrong checksum, 99 of the 100 records that its end names are read", 99},
      {"cut in a record", good.substr(0, good.size() / 2),
       "has no end line, at least 1 records lost", 48},
      {"no end line", good.substr(0, good.rfind("end ")),
       "has no end line, 100 records read, how many are lost is not known", 100},
      {"torn end line", good.substr(0, good.size() - 1),
       "has no end line, 100 records read, how many are lost is not known", 100},
      {"zeros in the middle", zeroed(good, good.size() / 2, good.size() / 2 + 500),
       "has a wrong checksum, 91 of the 100 records that its end names are read", 91},
      {"the last third is zeros", zeroed(good, good.size() - good.size() / 3, good.size()),
       "has no end line, at least 1 records lost", 65},
      {"damaged first line", "X" + good.substr(1), "has a damaged first line, at least 1 records",
       100},
      {"empty", "", "is empty", 0},
      {"another version", "qmail-greyd context 99\nwhat?\n", "is of another version", 0},
      {"something else", std::string("\0\x01\x02 binary", 10), "is not a context file", 0},
      {"header only", "qmail-greyd context 1\n",
       "has no end line, 0 records read, how many are lost is not known", 0},
      {"lost lines", "qmail-greyd context 1\nend 5 0000000000000000\n",
       "has a wrong checksum, 0 of the 5 records that its end names are read", 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    spit(path, row.content);
    Store loaded(path);
    const LoadReport report = loaded.load();
    REQUIRE(report.notes.size() == 1);
    CHECK(report.notes[0].find(row.damage) != std::string::npos);
    CHECK(report.records == row.records);
    CHECK(loaded.greylist.table().size() == report.records);
    const std::string aside = report.notes[0].substr(report.notes[0].rfind(' ') + 1);
    REQUIRE(aside.starts_with(path + ".damaged."));
    CHECK(slurp(aside) == row.content);
    CHECK(slurp(path).find("end " + std::to_string(row.records)) != std::string::npos);
  }
  // Twelve damaged files at one and the same second: twelve names.
  std::size_t kept = 0;
  for (const auto& entry : fs::directory_iterator(directory.path())) {
    kept += entry.path().string().starts_with(path + ".damaged.");
  }
  CHECK(kept == 12);
}

TEST_CASE_FIXTURE(Fixture, "the context file cut at any length never loads what was not saved") {
  std::string good;
  {
    Store store(path);
    store.load();
    store.fill(3);
    REQUIRE(store.files.save_all());
    good = slurp(path);
  }
  for (std::size_t length = 0; length < good.size(); ++length) {
    CAPTURE(length);
    spit(path, good.substr(0, length));
    Store loaded(path);
    CHECK(loaded.load().notes.size() == 1);
    loaded.greylist.for_each([&](const SavedRecord& record) {
      CHECK(record.recipient.ends_with("@example.net"));
      CHECK(record.seen == kNow - 100);
    });
  }
}

TEST_CASE_FIXTURE(Fixture,
                  "a save that fails leaves the old file and the journals, and is made good") {
  Store store(path);
  store.load();
  store.ask("1@y");
  store.save();
  const std::string good = slurp(path);
  // A directory where the temporary file should be created: the simplest of faults.
  fs::create_directory(path + ".new");
  store.ask("2@y");
  store.files.tick(100);
  store.save();
  REQUIRE(store.errors.size() == 1);
  CHECK(store.errors[0] ==
        "cannot create " + path + ".new: Is a directory; trying again in a minute");
  CHECK(slurp(path) == good);
  store.ask("3@y");
  {
    testing::TemporaryDirectory copy;
    fs::copy(directory.path(), copy.path(), fs::copy_options::recursive);
    Store died(copy / "context");
    died.load();
    CHECK(died.greylist.table().size() == 3);
  }
  store.files.tick(159);
  CHECK(store.errors.size() == 1);
  fs::remove(path + ".new");
  store.files.tick(160);
  while (store.files.saving()) store.files.save_slice(100);
  CHECK(store.errors.size() == 1);
  CHECK_FALSE(fs::exists(journal + ".old"));
  CHECK(slurp(path).find("end 3 ") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "greydaemon's save file is read, kept, and written in either form") {
  const std::string saved =
      "I 1699999000 192.0.2.1\n"
      "I 1600000000 192.0.2.77\n"
      "G 1699999100 192.0.2.2 a@example.org b@example.net\n"
      "G 1699999200 192.0.2.2 . list-owner=x@example.net\n"
      "G 1699999300 192.0.2.2 y@example.org b@example.net\n"
      "G 1699999400 unknown a@example.org b@example.net\n";
  spit(path, saved);
  {
    Store store(path);
    const LoadReport report = store.load();
    CHECK(report.records == 5);
    CHECK(report.expired == 1);
    REQUIRE(report.notes.size() == 1);
    CHECK(report.notes[0] ==
          "context file " + path + " is in another form; it is kept as " + path + ".imported");
    CHECK(slurp(path + ".imported") == saved);
    CHECK(slurp(path).find("W 1699999400 =unknown a@example.org b@example.net\n") !=
          std::string::npos);
    CHECK(slurp(path).find("C 1699999000 1 192.0.2.1\n") != std::string::npos);
  }
  {
    Store store(path, ContextForm::greydaemon);
    CHECK(store.load().records == 5);
    store.greylist.restore({RecordClass::waiting, kNow, 0, *Ip::parse("192.0.2.2"), "a", "c d@e"},
                           kNow);
    REQUIRE(store.files.save_all());
  }
  const std::string written = slurp(path);
  CHECK(written ==
        "G 1699999100 192.0.2.2 a@example.org b@example.net\n"
        "G 1699999200 192.0.2.2 . list-owner=x@example.net\n"
        "G 1699999300 192.0.2.2 y@example.org b@example.net\n"
        "G 1699999400 unknown a@example.org b@example.net\n"
        "G 1700000000 192.0.2.2 a cd@e\n"
        "I 1699999000 192.0.2.1\n");
  Store third(path, ContextForm::greydaemon);
  const LoadReport same_form = third.load();
  CHECK(same_form.records == 6);
  CHECK(same_form.notes.empty());
  REQUIRE(third.files.save_all());
  CHECK(slurp(path) == written);
}

TEST_CASE_FIXTURE(Fixture, "IndiMail's context file is read, kept, and written in our form") {
  using namespace std::string_literals;
  const std::string saved = "192.0.2.2\0a@example.org\0"s +
                            "30\0Tb@example.net\0Tc@example.net\0"s + "1699999000\0\2\n"s +
                            "192.0.2.3\0\0"s + "3\0Td\0"s + "1600000000\0\1\n"s;
  spit(path, saved);
  Store store(path);
  const LoadReport report = store.load();
  CHECK(report.records == 2);
  CHECK(report.expired == 1);
  REQUIRE(report.notes.size() == 1);
  CHECK(report.notes[0] == "context file " + path +
                               " is in another form (IndiMail's: 0 triplets that have passed, 3 "
                               "that wait); it is kept as " +
                               path + ".imported");
  CHECK(slurp(path + ".imported") == saved);
  CHECK(slurp(path).find("W 1699999000 192.0.2.2 a@example.org c@example.net\n") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "an imported file that is in no order expires in order") {
  spit(path,
       "G 1699999300 192.0.2.2 a b3\nG 1699999100 192.0.2.2 a b1\nG 1800000000 192.0.2.2 a b4\n"
       "G 1699999200 192.0.2.2 a b2\r\n");
  Store store(path);
  CHECK(store.load().records == 4);
  Seconds last = 0;
  store.greylist.for_each([&](const SavedRecord& record) {
    CHECK(record.seen >= last);
    last = record.seen;
  });
  store.greylist.expire(kNow + 8 * 86400, 100);
  CHECK(store.greylist.table().size() == 1);  // the one of the future
}

TEST_CASE_FIXTURE(Fixture, "a damaged greydaemon file is set aside, its good lines are loaded") {
  const std::string damaged = "I 1699999000 192.0.2.1\nwhat?\nG 1699999100 192.0.2.2 a b\nG 16999";
  spit(path, damaged);
  Store store(path, ContextForm::greydaemon);
  const LoadReport report = store.load();
  CHECK(report.records == 2);
  REQUIRE(report.notes.size() == 1);
  CHECK(report.notes[0].find(
            "has lines that are no records, the first in line 2, at least 2 records lost") !=
        std::string::npos);
}

TEST_CASE("records put back later are those put back at once") {
  for (const int records : {0, 1, 31, 32, 33, 500}) {
    CAPTURE(records);
    Greylist at_once({}, 1000, HashKey{}), later({}, 1000, HashKey{});
    for (int i = 0; i < records; ++i) {
      // Some come twice, the second one seen earlier or later; some are over.
      const std::string recipient = std::to_string(i % 40 < 20 ? i : i - 7) + "@example.net";
      const Seconds seen = i % 11 == 0 ? 0 : kNow - i * 37 % 500;
      const bool good = at_once.restore(waiting(recipient, seen), kNow);
      CHECK(later.restore_later(waiting(recipient, seen), kNow) == good);
    }
    later.restore_pending();
    std::string texts[2];
    at_once.for_each([&](const SavedRecord& record) { append_record(texts[0], record); });
    later.for_each([&](const SavedRecord& record) { append_record(texts[1], record); });
    CHECK(texts[0] == texts[1]);
    CHECK(later.table().size() == at_once.table().size());
  }
}

TEST_CASE_FIXTURE(Fixture, "two daemons do not share one context file") {
  Store first(path);
  first.load();
  Store second(path);
  const auto report = second.files.load(kNow);
  REQUIRE_FALSE(report);
  CHECK(report.error().text == "context file " + path + " is in use by another daemon");
}

TEST_CASE_FIXTURE(Fixture, "a place that cannot hold the files is told before the start") {
  CHECK(check_state_place(path));
  const auto missing = check_state_place(directory / "gone/context");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().text.find("gone/context.new") != std::string::npos);
  fs::create_directory(journal);
  const auto directory_there = check_state_place(path);
  REQUIRE_FALSE(directory_there);
  CHECK(directory_there.error().text == "context file " + journal + " is not a regular file");
}

TEST_CASE_FIXTURE(Fixture, "files that a start could not open are told, and nothing is made") {
  const auto found = [this] {
    const auto access = check_state_access(path);
    return access ? std::string() : access.error().text;
  };
  CHECK(found() == "");
  CHECK(fs::is_empty(directory.path()));
  Store daemon(path);  // that runs is no hindrance
  daemon.load();
  CHECK(found() == "");
  CHECK(check_state_access(directory / "gone/context").error().text ==
        "cannot make files in " + (directory / "gone") + ": No such file or directory");
  fs::create_symlink("elsewhere", path + ".new");
  CHECK(found().find("cannot open " + path + ".new: ") == 0);
  fs::remove(path + ".new");
  fs::create_directory(path);
  CHECK(found() == "context file " + path + " is not a regular file");
}
