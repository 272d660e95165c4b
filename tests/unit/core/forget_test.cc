// Records that are forgotten by command, and lists whose entries were made by one.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "greyd/core/greylist.h"
#include "greyd/state/record_text.h"

using namespace grey;

namespace {

constexpr Seconds kNow = 1'700'000'000;

struct Noted : Changes {
  void note(const SavedRecord& change) noexcept override { append_record(text, change); }
  std::string text;
};

Decided decide(Greylist& greylist, const std::string& datagram, Seconds now,
               const Lists& lists = {}) {
  wire::Query query;
  REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
  return greylist.decide(query, lists, now);
}
std::string datagram(std::string_view client, std::string_view recipient) {
  return "I" + std::string(client) + '\0' + "Fa@x" + '\0' + "T" + std::string(recipient) + '\0';
}
std::set<std::string> lines_of(const Greylist& greylist) {
  std::set<std::string> lines;
  greylist.for_each([&](const SavedRecord& record) {
    std::string line;
    append_record(line, record);
    lines.insert(line);
  });
  return lines;
}
AddressList list_of(const char* text, const char* name) {
  return AddressList::parse(text, name).value();
}

}  // namespace

TEST_CASE("what is forgotten is gone, each is a change, and the others stay") {
  Greylist greylist(Policy{}, 1000, HashKey{});
  Noted noted;
  greylist.note_changes_in(&noted);
  for (int i = 0; i < 50; ++i) {
    const std::string to = std::to_string(i) + "@y";
    decide(greylist, datagram(i % 2 == 0 ? "192.0.2.1" : "192.0.2.2", to), kNow);
  }
  decide(greylist, datagram("192.0.2.1", "0@y"), kNow + 300);  // it is known now
  noted.text.clear();
  Greylist::Walk walk(greylist);
  walk.start();
  int slices = 1;
  std::size_t seen = 0;
  const auto of_the_first = [&](const SavedRecord& record) {
    ++seen;
    return record.client == Client(*Ip::parse("192.0.2.1"));
  };
  while (greylist.forget(walk, 7, of_the_first)) ++slices;
  CHECK(slices == 8);
  CHECK(seen == 51);
  const auto left = lines_of(greylist);
  CHECK(left.size() == 25);
  for (const std::string& line : left) CHECK(line.find("192.0.2.2") != std::string::npos);
  CHECK(noted.text.find("F 1700000300 192.0.2.1\n") != std::string::npos);
  CHECK(noted.text.find("F 1700000000 192.0.2.1 a@x 2@y\n") != std::string::npos);
  CHECK(noted.text.find("192.0.2.2") == std::string::npos);
  CHECK(decide(greylist, datagram("192.0.2.1", "0@y"), kNow + 400).reason ==
        wire::Reason::new_triplet);
}

TEST_CASE("the changes that say so bring another state to the same, twice as well as once") {
  Greylist greylist(Policy{}, 1000, HashKey{}), other(Policy{}, 1000, HashKey{});
  Noted noted;
  greylist.note_changes_in(&noted);
  for (const char* to : {"1@y", "2@y"}) decide(greylist, datagram("192.0.2.1", to), kNow);
  decide(greylist, datagram("192.0.2.1", "1@y"), kNow + 300);
  Greylist::Walk walk(greylist);
  walk.start();
  greylist.forget(walk, 100, [](const SavedRecord& record) { return record.recipient != "2@y"; });
  CHECK(lines_of(greylist).size() == 1);
  for (int twice = 0; twice < 2; ++twice) {
    RecordReader reader;
    std::string_view text = noted.text;
    while (!text.empty()) {
      const SavedRecord* record = reader.read(text.substr(0, text.find('\n')));
      REQUIRE(record != nullptr);
      other.replay(*record, kNow + 301);
      text.remove_prefix(text.find('\n') + 1);
    }
    CHECK(lines_of(other) == lines_of(greylist));
  }
}

TEST_CASE("an entry that was made by command counts as one of the file") {
  Greylist greylist(Policy{}, 1000, HashKey{});
  Lists lists;
  lists.allowed = list_of("192.0.2.0/24\nto:post@y\n", "entries");
  lists.blocked = list_of("192.0.2.66\nspam@x\n", "entries");
  lists.whitelist = list_of("198.51.100.1\nto:abuse@y\n", "white");
  lists.blacklist = list_of("203.0.113.1\n192.0.2.77\n", "black");
  const auto reason = [&](const std::string& query) {
    return decide(greylist, query, kNow, lists).reason;
  };
  CHECK(reason(datagram("192.0.2.1", "b@y")) == wire::Reason::whitelisted);
  CHECK(reason(datagram("192.0.2.66", "b@y")) == wire::Reason::blacklisted);
  CHECK(reason(datagram("192.0.2.77", "b@y")) == wire::Reason::blacklisted);  // the file's
  CHECK(reason(datagram("198.51.100.1", "b@y")) == wire::Reason::whitelisted);
  CHECK(reason(datagram("203.0.113.1", "b@y")) == wire::Reason::blacklisted);
  CHECK(reason(datagram("203.0.113.9", "post@y")) == wire::Reason::whitelisted);
  CHECK(reason(datagram("203.0.113.9", "b@y")) == wire::Reason::new_triplet);
  const Decided by_command = decide(greylist, datagram("192.0.2.1", "b@y"), kNow, lists);
  CHECK(by_command.matched.file() == "entries");
  CHECK(by_command.matched.line == 1);
}

TEST_CASE("under all, recipients may be named by the file and by command, one each") {
  Policy policy;
  policy.recipients = RecipientRule::all;
  Greylist greylist(policy, 1000, HashKey{});
  Lists lists;
  lists.allowed = list_of("to:post@y\n", "entries");
  lists.whitelist = list_of("to:abuse@y\n", "white");
  const std::string both = datagram("192.0.2.1", "post@y") + "Tabuse@y" + '\0';
  CHECK(decide(greylist, both, kNow, lists).reason == wire::Reason::whitelisted);
  const std::string three = both + "Tb@y" + '\0';
  CHECK(decide(greylist, three, kNow, lists).reason == wire::Reason::new_triplet);
  CHECK(lines_of(greylist).size() == 1);  // that of the third alone
}
