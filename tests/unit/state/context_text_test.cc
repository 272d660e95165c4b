// What the fuzzer has found, and what no daemon's test would notice. The forms themselves are
// tested with their files, in state_files_test.cc.
#include "greyd/state/context_text.h"

#include <doctest/doctest.h>

using namespace grey;
using namespace std::string_literals;

namespace {

ContextContent read(const std::string& text, std::string& senders) {
  return read_context(text,
                      [&](const SavedRecord& record) { senders.append(record.sender) += ' '; });
}

}  // namespace

TEST_CASE("a comment is no record, in a damaged file either") {
  const std::string lines = "# a comment\nW 1699999000 192.0.2.1 a b\n";
  for (const char* const header : {"qmail-greyd context 1\n", "qmail-greyd context 9\n", "x\n"}) {
    CAPTURE(header);
    std::string senders;
    CHECK(read(header + lines, senders).records == 1);
    CHECK(senders == "a ");
  }
}

TEST_CASE("a greydaemon line with a NUL is no record: no address has one") {
  std::string senders;
  const ContextContent content =
      read("G 1699999000 192.0.2.1 a b\nG 1699999000 192.0.2.1 c\0 d\n"s, senders);
  CHECK(senders == "a ");
  CHECK(content.bad == 1);
}

TEST_CASE(
    "an IndiMail file whose first record is bad loses that one, and ours loses no line to CRs") {
  const std::string good = std::string("192.0.2.1\0a@x\0", 14) + std::string("5\0Tb@y\0", 7) +
                           std::string("1700000000\0\1\n", 13);
  for (const std::string& bad : {std::string("\0", 1) + good.substr(1), good.substr(5), "\n" + good,
                                 "unknown" + good.substr(9)}) {
    std::size_t records = 0;
    const ContextContent content =
        read_context(bad + good + good, [&](const SavedRecord&) { ++records; });
    CHECK(content.form == ContextForm::indimail);
    CHECK(records >= 2);
    CHECK(content.damage != "");
  }
  std::size_t records = 0;
  read_context(
      "qmail-greyd context 1\r\nC 1700000000 1 192.0.2.1\r\nW 1700000000 192.0.2.1 a b\r\n",
      [&](const SavedRecord& record) { records += record.recipient == "b" || record.passes == 1; });
  CHECK(records == 2);
}
