// What the fuzzer has found, and what no daemon's test would notice. The forms themselves are
// tested with their files, in state_files_test.cc.
#include "greyd/context_text.h"

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
