#include "greyd/state/indimail_context.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <vector>

#include "greyd/state/record_text.h"

using namespace grey;
using namespace std::string_literals;

namespace {

// A record as IndiMail's daemon writes it.
std::string record(const std::string& client, const std::string& sender,
                   const std::string& recipients, const std::string& time = "1699999000",
                   char status = 1) {
  return client + '\0' + sender + '\0' + std::to_string(recipients.size()) + '\0' + recipients +
         time + '\0' + status + '\n';
}

const std::string kOne = record("192.0.2.1", "a@example.org", "Tb@example.net\0"s);

struct Read {
  ContextContent content;
  std::string records;
};

Read read(const std::string& text) {
  Read result;
  result.content =
      read_context(text, [&](const SavedRecord& saved) { append_record(result.records, saved); });
  return result;
}

}  // namespace

TEST_CASE("an IndiMail context file is told by its first record") {
  const Read result = read(
      kOne + record("2001:db8::7", "", "Tb@example.net\0Tc d@example.net\0"s, "1699999500", '\n') +
      record("::ffff:192.0.2.9", "line\nfeed@example.org", "Tx\0"s, "1699999600", '\0'));
  CHECK(result.content.form == ContextForm::indimail);
  CHECK(result.content.damage == "");
  CHECK(result.content.records == 4);
  CHECK(result.records ==
        "W 1699999000 192.0.2.1 a@example.org b@example.net\n"
        "W 1699999500 2001:db8::7 <> b@example.net\n"
        "W 1699999500 2001:db8::7 <> c%20d@example.net\n"
        "W 1699999600 192.0.2.9 line%0Afeed@example.org x\n");
  CHECK(result.content.remark ==
        "IndiMail's: 0 triplets that have passed, 4 that wait; 2 of these have a status that is "
        "not known");
}

TEST_CASE("of IndiMail's records those of status 4 and 5 have passed, and all others wait") {
  std::string text, expected;
  for (int status = 0; status < 256; ++status) {
    const std::string sender = std::to_string(status) + "@example.org";
    text += record("192.0.2.1", sender, "Tb@example.net\0"s, "1699999000", char(status));
    expected += status == 4 || status == 5 ? "P" : "W";
    expected += " 1699999000 192.0.2.1 " + sender + " b@example.net\n";
  }
  const Read result = read(text);
  CHECK(result.records == expected);
  CHECK(result.content.damage == "");
  CHECK(result.content.remark ==
        "IndiMail's: 2 triplets that have passed, 254 that wait; 250 of these have a status that "
        "is not known");
}

TEST_CASE("a file that IndiMail's daemon wrote, with a record of each status") {
  std::ifstream file(TEST_DATA "/data/indimail-context-all-statuses.bin", std::ios::binary);
  const Read result = read(std::string(std::istreambuf_iterator<char>(file), {}));
  CHECK(result.content.damage == "");
  CHECK(result.records ==
        "W 1795473239 192.0.2.2 s@example.org joe@example.net\n"
        "W 1795518239 192.0.2.3 s@example.org joe@example.net\n"
        "P 1795473839 192.0.2.4 s@example.org joe@example.net\n"
        "P 1795473939 192.0.2.5 s@example.org joe@example.net\n"
        "W 1795473839 192.0.2.6 <> joe@example.net\n"
        "P 1795473839 192.0.2.7 s@example.org joe@example.net\n"
        "P 1795473839 192.0.2.7 s@example.org jim@example.net\n"
        "W 1795518339 192.0.2.1 s@example.org joe@example.net\n"
        "W 1795518339 192.0.2.8 s@example.org joe@example.net\n");
  CHECK(result.content.remark == "IndiMail's: 4 triplets that have passed, 5 that wait");
}

TEST_CASE("a record that cannot be read costs itself alone") {
  const std::string last = record("192.0.2.3", "z@example.org", "Ty@example.net\0"s);
  const std::string good =
      "W 1699999000 192.0.2.1 a@example.org b@example.net\n"
      "W 1699999000 192.0.2.3 z@example.org y@example.net\n";
  const std::vector<std::pair<const char*, std::string>> table = {
      {"no address", record("192.0.2.256", "s", "Tr\0"s)},
      {"no recipients' length", "192.0.2.2\0s\0x\0Tr\0"s + "1\0\1\n"s},
      {"a length beyond the file", "192.0.2.2\0s\0"s + "99999999999\0Tr\0"s + "1\0\1\n"s},
      {"a negative length", "192.0.2.2\0s\0"s + "-3\0Tr\0"s + "1\0\1\n"s},
      {"recipients without their T", record("192.0.2.2", "s", "r\0"s)},
      {"recipients without a NUL", record("192.0.2.2", "s", "Tr")},
      {"no time", record("192.0.2.2", "s", "Tr\0"s, "")},
      {"a time before 1970", record("192.0.2.2", "s", "Tr\0"s, "-1")},
      {"a line in between", "what?\n"},
      {"several line ends in what is lost", "wh\na\nt?\n"},
  };
  for (const auto& [what, bad] : table) {
    CAPTURE(what);
    const Read result = read(kOne + bad + last);
    CHECK(result.records == good);
    CHECK(result.content.bad == 1);
    CHECK(result.content.damage == "has lines that are no records, the first in line 2");
  }
}

TEST_CASE("an IndiMail file cut anywhere gives the records before the cut") {
  const std::string text = kOne + kOne;
  for (std::size_t size = kOne.size(); size <= text.size(); ++size) {
    CAPTURE(size);
    const Read result = read(text.substr(0, size));
    const bool whole = size == kOne.size() || size == text.size();
    CHECK(result.content.records == size / kOne.size());
    CHECK(result.content.damage.empty() == whole);
  }
}

TEST_CASE("what only resembles an IndiMail file is none") {
  for (const std::string& text :
       {"192.0.2.1\0"s, "x" + kOne, kOne.substr(0, kOne.size() - 1), "\0\0\0\0\0\n"s}) {
    CHECK_FALSE(is_indimail_context(text));
  }
}
