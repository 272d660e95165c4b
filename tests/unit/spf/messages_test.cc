#include "greyd/spf/messages.h"

#include <doctest/doctest.h>

#include <string>

namespace grey::spf {
namespace {

TEST_CASE("a question and an answer are what they were when they are read") {
  const auto question = read_question("Q 17 example.com");
  REQUIRE(question);
  CHECK(question->id == 17);
  CHECK(question->domain == "example.com");
  const std::string text = "A 17 example.com whole 3600 192.0.2.0/24 2001:db8::/32";
  const auto message = read_message(text);
  REQUIRE(message);
  const auto* answer = std::get_if<DomainAnswer>(&*message);
  REQUIRE(answer);
  CHECK(answer->flattened.networks.size() == 2);
  CHECK(to_text(*message) == text);
  for (const char* other : {"U", "T cannot read it", "D 9", "D -1", "A 0 a.b no-record 600",
                            "A 1 a.b temporary 600", "A 1 a.b too-many-terms 86400 192.0.2.1/32"}) {
    CAPTURE(other);
    CHECK(read_message(other));
  }
}

TEST_CASE("what is not exactly so is no message") {
  for (const char* text :
       {"", "U ", "u", "A", "A 17", "A 17 example.com", "A 17 example.com whole",
        "A 17 example.com whole 599", "A 17 example.com whole 86401", "A 17 example.com whole -600",
        "A 17 example.com while 600", "A 017 example.com whole 600", "A 17 Example.com whole 600",
        "A 17 nodot whole 600", "A 4294967296 example.com whole 600", "A 17 example.com whole 600 ",
        "A 17 example.com whole  600", "A 17 example.com whole 600 192.0.2.0/24 ",
        // not fit
        "A 17 example.com whole 600 10.0.0.0/11", "A 17 example.com whole 600 0.0.0.0/0",
        "A 17 example.com whole 600 2001:d00::/31", "A 17 example.com whole 600 ::/64",
        "A 17 example.com whole 600 192.0.2.1/24", "A 17 example.com whole 600 192.0.2.1",
        "A 17 example.com whole 600 192.0.2.0/33", "A 17 example.com whole 600 ::ffff:1.2.3.0/120",
        // not in order, twice, one in the other
        "A 17 example.com whole 600 192.0.2.4/32 192.0.2.1/32",
        "A 17 example.com whole 600 192.0.2.1/32 192.0.2.1/32",
        "A 17 example.com whole 600 192.0.2.0/24 192.0.2.7/32",
        "A 17 example.com whole 600 2001:db8::/32 192.0.2.1/32",
        // none is what it has
        "A 17 example.com no-record 600 192.0.2.1/32",
        "A 17 example.com temporary 600 192.0.2.1/32", "T", "T ", "T two\nlines", "T \x80", "D",
        "D x", "D 9 ", "Q 17 example.com"}) {
    CAPTURE(text);
    CHECK_FALSE(read_message(text));
  }
  CHECK_FALSE(read_message("T " + std::string(kMaxTrouble + 1, 'x')));
  CHECK_FALSE(read_message("T " + std::string(kMaxMessage, 'x')));
  for (const char* text : {"", "Q", "Q 1", "Q 1 ", "Q 1 nodot", "Q x a.b", "Q 1 A.b", "Q 1 a.b.",
                           "Q 1 a.b c", "Q  1 a.b", "Q 01 a.b"}) {
    CAPTURE(text);
    CHECK_FALSE(read_question(text));
  }
}

TEST_CASE("of more networks than there may be nothing is taken") {
  std::string text = "A 1 example.com whole 600";
  for (unsigned i = 0; i < kMaxNetworks; ++i) {
    text += " 10." + std::to_string(i / 128) + "." + std::to_string(2 * (i % 128)) + ".0/24";
  }
  CHECK(read_message(text));
  CHECK_FALSE(read_message(text + " 192.0.2.1/32"));
}

}  // namespace
}  // namespace grey::spf
