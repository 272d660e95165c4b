#include "greyd/base/text.h"

#include <doctest/doctest.h>

#include "greyd/state/record_text.h"

using namespace grey;

namespace {
std::string word(std::string_view bytes) {
  std::string out;
  append_word(out, bytes);
  return out;
}
}  // namespace

TEST_CASE("any bytes become one printable word and come back") {
  const struct {
    const char* bytes;
    const char* word;
  } rows[] = {{"", "<>"},
              {"a@example.org", "a@example.org"},
              {"\"x y\"@example.org", "\"x%20y\"@example.org"},
              {"100%", "100%25"},
              {"<>", "%3C>"},
              {"a,b", "a%2Cb"},
              {"line\nfeed\r\t", "line%0Afeed%0D%09"},
              {"\xc3\xa4@example.org", "%C3%A4@example.org"},
              {"\x7f", "%7F"}};
  for (const auto& row : rows) {
    CAPTURE(row.word);
    CHECK(word(row.bytes) == row.word);
    CHECK(read_word(row.word) == row.bytes);
  }
  for (int c = 1; c < 256; ++c) {
    const std::string one(1, char(c));
    CHECK(read_word(word(one)) == one);
  }
}

TEST_CASE("what is not such a word is refused") {
  for (const char* bad : {"", "a b", "%", "%2", "%zz", "%00", "%2c", "a\nb", "<", "\xff", "a,b"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_word(bad));
  }
}

TEST_CASE("records are lines that a person can read") {
  std::string out;
  append_record(out,
                {RecordClass::waiting, 1700000000, 0, *Ip::parse("192.0.2.1"), "a@x.org", "b@y"});
  append_record(out, {RecordClass::passed, 1700000001, 0, *Ip::parse("2001:db8::"), "", "c d@y"});
  append_record(out, {RecordClass::client, 1700000002, 3, *Ip::parse("192.0.2.1"), "", ""});
  CHECK(out ==
        "W 1700000000 192.0.2.1 a@x.org b@y\n"
        "P 1700000001 2001:db8:: <> c%20d@y\n"
        "C 1700000002 3 192.0.2.1\n");
  RecordReader reader;
  const SavedRecord* record = reader.read("P 1700000001 2001:db8:: <> c%20d@y");
  REQUIRE(record != nullptr);
  CHECK(record->record_class == RecordClass::passed);
  CHECK(record->seen == 1700000001);
  CHECK(to_string(record->client) == "2001:db8::");
  CHECK(record->sender == "");
  CHECK(record->recipient == "c d@y");
  record = reader.read("C 1700000002 3 192.0.2.1");
  REQUIRE(record != nullptr);
  CHECK(record->passes == 3);
}

TEST_CASE("a line that is no record is refused") {
  RecordReader reader;
  for (const char* bad :
       {"", "X 1 192.0.2.1 a b", "W", "W 1", "W x 192.0.2.1 a b", "W -1 192.0.2.1 a b",
        "W 1 192.0.2 a b", "W 1 192.0.2.1 a", "W 1 192.0.2.1 a b c", "W 1 192.0.2.1 a ",
        "W 1 192.0.2.1  a b", "C 1 192.0.2.1", "C 1 -3 192.0.2.1", "C 1 3 192.0.2.1 x",
        "W 1 192.0.2.1 a%0 b", "W  1 192.0.2.1 a b", "WW 1 192.0.2.1 a b"}) {
    CAPTURE(bad);
    CHECK(reader.read(bad) == nullptr);
  }
}
