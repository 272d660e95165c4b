#include "greyd/indimail_context.h"

#include <doctest/doctest.h>

#include <vector>

#include "greyd/record_text.h"

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

TEST_CASE("an IndiMail context file is told by its first record, and its triplets wait") {
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
        "IndiMail's, status 0: 1, 1: 1, 10: 1; whatever their status, its triplets count as "
        "waiting");
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
