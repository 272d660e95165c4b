#include "greyd/wire/wire.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace grey::wire;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

std::vector<std::string> recipients(const Query& query) {
  std::vector<std::string> result;
  for (const auto recipient : query.recipients) result.emplace_back(recipient);
  return result;
}

using List = std::vector<std::string>;

}  // namespace

TEST_CASE("a query is a client, a sender and recipients") {
  Query query;
  REQUIRE(parse("I192.0.2.1\0Fa@example.org\0Tb@example.net\0Tc@example.net\0\0"sv, query) ==
          Fault::none);
  CHECK(to_string(query.client) == "192.0.2.1");
  CHECK(query.sender == "a@example.org");
  CHECK(query.client_name == "");
  CHECK(query.recipients.size() == 2);
  CHECK(recipients(query) == List{"b@example.net", "c@example.net"});
}

TEST_CASE("all endings in the field are answered") {
  for (const auto text : {"I::1\0F\0Tx@y\0\0"sv, "I::1\0F\0Tx@y\0"sv, "I::1\0F\0Tx@y"sv,
                          "I::1\0F\0Tx@y\0\0garbage\0Tz"sv}) {
    Query query;
    REQUIRE(parse(text, query) == Fault::none);
    CHECK(query.sender == "");
    CHECK(recipients(query) == List{"x@y"});
    CHECK(query.recipients.size() == 1);
  }
}

TEST_CASE("unknown fields after the sender are skipped, a name is kept") {
  Query query;
  REQUIRE(parse("I::1\0Fa\0Y1\0Tb\0Nmx.example.org\0Ztt\0T\0Tc\0\0"sv, query) == Fault::none);
  CHECK(recipients(query) == List{"b", "", "c"});
  CHECK(query.client_name == "mx.example.org");
}

TEST_CASE("H is what the client has said in HELO, and E that it spoke before it was greeted") {
  const struct {
    std::string_view datagram;
    std::optional<std::string_view> helo;
    bool early;
  } rows[] = {{"I::1\0Fa\0Tb\0Hmx.example.org\0E\0\0"sv, "mx.example.org", true},
              {"I::1\0Fa\0E\0Tb\0"sv, {}, true},
              {"I::1\0Fa\0H\0Tb\0"sv, "", false},
              {"I::1\0Fa\0Tb\0Hx"sv, "x", false},
              {"I::1\0FHE\0THE\0NHE\0"sv, {}, false},
              {"I::1\0Fa\0Tb\0\0Hx\0E\0"sv, {}, false}};
  Query query;  // one for all: nothing of the last may stay
  for (const auto& row : rows) {
    CAPTURE(row.datagram);
    REQUIRE(parse(row.datagram, query) == Fault::none);
    CHECK(query.helo == row.helo);
    CHECK(query.spoke_early == row.early);
    CHECK(query.recipients.size() == 1);
  }
  const std::string long_one = "I::1" + "\0Fa\0Tb\0H"s + std::string(1000, 'h') + '\0';
  REQUIRE(parse(long_one, query) == Fault::none);
  CHECK(query.helo == std::string(kMaxHelo, 'h'));
}

TEST_CASE("a query is a probe when a P field says so, and not when another field has a P") {
  const struct {
    std::string_view datagram;
    bool probe;
  } rows[] = {{"I::1\0Fa\0Tb\0P\0\0"sv, true},     {"I::1\0Fa\0P\0Tb\0"sv, true},
              {"I::1\0Fa\0Tb\0P"sv, true},         {"I::1\0Fa\0Tb\0"sv, false},
              {"I::1\0FP\0TP\0NP\0XP\0"sv, false}, {"I::1\0Fa\0Tb\0\0P\0"sv, false}};
  Query query;  // one for all: nothing of the last may stay
  for (const auto& row : rows) {
    CAPTURE(row.datagram);
    REQUIRE(parse(row.datagram, query) == Fault::none);
    CHECK(query.probe == row.probe);
    CHECK(query.recipients.size() == 1);
  }
  CHECK(parse("I::1\0Fa\0P\0"sv, query) == Fault::no_recipient);
}

TEST_CASE("a bad datagram is named by its fault") {
  const struct {
    std::string_view datagram;
    Fault fault;
  } bad[] = {
      {""sv, Fault::empty},
      {"\0"sv, Fault::no_client},
      {"Fa\0Tb\0"sv, Fault::no_client},
      {"i1.2.3.4\0Fa\0Tb\0"sv, Fault::no_client},
      {"I"sv, Fault::bad_client},
      {"I\0Fa\0Tb\0"sv, Fault::bad_client},
      {"I1.2.3\0Fa\0Tb\0"sv, Fault::bad_client},
      {"I1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20\0Fa\0Tb\0"sv, Fault::bad_client},
      {"I1.2.3.4"sv, Fault::no_sender},
      {"I1.2.3.4\0"sv, Fault::no_sender},
      {"I1.2.3.4\0\0Fa\0Tb\0"sv, Fault::no_sender},
      {"I1.2.3.4\0Tb\0Fa\0"sv, Fault::no_sender},
      {"I1.2.3.4\0F"sv, Fault::no_recipient},
      {"I1.2.3.4\0Fa\0"sv, Fault::no_recipient},
      {"I1.2.3.4\0Fa\0\0Tb\0"sv, Fault::no_recipient},
      {"I1.2.3.4\0Fa\0Xb\0"sv, Fault::no_recipient},
  };
  for (const auto& row : bad) {
    CAPTURE(to_string(row.fault));
    Query query;
    CHECK(parse(row.datagram, query) == row.fault);
  }
}

TEST_CASE("a query cut at any length is either a fault or a shorter query") {
  const auto whole = "I192.0.2.1\0Fa@example.org\0Tb@example.net\0Nhost\0Tc@example.net\0\0"sv;
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    CAPTURE(length);
    const std::string cut(whole.substr(0, length));  // its own memory: ASan sees an overrun
    Query query;
    const Fault fault = parse(cut, query);
    if (length < 26) CHECK(fault != Fault::none);
    if (length < 27) continue;
    REQUIRE(fault == Fault::none);
    CHECK(recipients(query).size() == query.recipients.size());
    CHECK(query.recipients.size() == (length > 47 ? 2 : 1));
  }
}

TEST_CASE("of thousands of recipients in a datagram those that are too many are not asked about") {
  std::string datagram("I192.0.2.1\0F\0"s);
  std::size_t count = 0;
  while (datagram.size() + 20 < kMaxDatagram) {
    datagram += "Tu@x.org\0"s;
    ++count;
  }
  datagram += "Qtag\0"s;
  Query query;
  REQUIRE(parse(datagram, query) == Fault::none);
  CHECK(query.recipients.size() == kMaxRecipients);
  CHECK(recipients(query).size() == kMaxRecipients);
  CHECK(query.unasked == count - kMaxRecipients);
  CHECK(query.tag == "tag");
}

TEST_CASE("each reason has its verdict and its two bytes") {
  const struct {
    Reason reason;
    const char* name;
    int first, second;
  } rows[] = {{Reason::new_triplet, "new", 0, 1},
              {Reason::early, "early", 0, 2},
              {Reason::stale, "stale", 0, 3},
              {Reason::error, "error", 0, 4},
              {Reason::blacklisted, "blacklisted", 0, 5},
              {Reason::whitelisted, "whitelisted", 1, 1},
              {Reason::known, "known", 1, 2},
              {Reason::passed, "passed", 1, 3},
              {Reason::bounce, "bounce", 1, 4}};
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK(to_string(row.reason) == row.name);
    CHECK(int(verdict_of(row.reason)) == row.first);
    CHECK(to_answer(row.reason).bytes[0] == row.first);
    CHECK(to_answer(row.reason).bytes[1] == row.second);
    CHECK(to_answer(row.reason).size == 2);
  }
}

TEST_CASE("X anywhere after the sender asks for the text, and is no recipient") {
  const struct {
    std::string_view datagram;
    bool wants_text, wants_wait;
  } rows[] = {
      {"I192.0.2.1\0Fa@x\0Tb@x\0X\0\0"sv, true, false},
      {"I192.0.2.1\0Fa@x\0Tb@x\0Nhost\0W\0X\0Q123\0"sv, true, true},
      {"I192.0.2.1\0Fa@x\0X\0Tb@x\0"sv, true, false},
      {"I192.0.2.1\0Fa@x\0Tb@x\0X"sv, true, false},
      {"I192.0.2.1\0Fa@x\0Tb@x\0\0X\0"sv, false, false},
      {"I192.0.2.1\0FX\0TX\0NX\0QX\0W\0"sv, false, true},
  };
  for (const auto& row : rows) {
    Query query;
    query.wants_text = !row.wants_text;  // of a query before
    REQUIRE(parse(row.datagram, query) == Fault::none);
    CHECK(query.wants_text == row.wants_text);
    CHECK(query.wants_wait == row.wants_wait);
    CHECK(query.recipients.size() == 1);
  }
}

TEST_CASE("an answer with a text has four octets of wait before it, and the tag behind") {
  const auto bytes = [](const AnswerWithText& answer) {
    return std::string(answer.bytes, answer.size);
  };
  AnswerWithText answer(Reason::early, 0x01020304, "later, in %t");
  CHECK(bytes(answer) == "\0\2\1\2\3\4later, in %t"s);
  CHECK(wait_in(bytes(answer)) == 0x01020304);
  answer.append("0123456789abcdef");
  CHECK(bytes(answer) == "\0\2\1\2\3\4later, in %t0123456789abcdef"s);

  CHECK(bytes({Reason::blacklisted, 0, "x"}) == "\0\5\0\0\0\0x"s);
  CHECK(wait_in("\0\5\0\0\0\0x"s) == 0);
  // What should not be is cut, and nothing is overrun.
  AnswerWithText longest(Reason::early, 1, std::string(10'000, 'x'));
  CHECK(bytes(longest) == "\0\2\0\0\0\1"s + std::string(kMaxText, 'x'));
  longest.append("0123456789abcdefghij");
  CHECK(bytes(longest) == "\0\2\0\0\0\1"s + std::string(kMaxText, 'x') + "0123456789abcdef");
}

TEST_CASE("W anywhere after the sender asks for the wait, and is no recipient") {
  const struct {
    std::string_view datagram;
    bool wants_wait;
  } rows[] = {
      {"I192.0.2.1\0Fa@x\0Tb@x\0W\0\0"sv, true},  {"I192.0.2.1\0Fa@x\0Tb@x\0Nhost\0W\0\0"sv, true},
      {"I192.0.2.1\0Fa@x\0W\0Tb@x\0"sv, true},    {"I192.0.2.1\0Fa@x\0Tb@x\0W"sv, true},
      {"I192.0.2.1\0Fa@x\0Tb@x\0\0W\0"sv, false}, {"I192.0.2.1\0FW\0TW\0NW\0\0"sv, false},
  };
  for (const auto& row : rows) {
    Query query;
    query.wants_wait = !row.wants_wait;  // of a query before
    REQUIRE(parse(row.datagram, query) == Fault::none);
    CHECK(query.wants_wait == row.wants_wait);
    CHECK(query.recipients.size() == 1);
  }
}

TEST_CASE("Q asks for its tag at the end of the answer") {
  const struct {
    std::string_view datagram, tag;
  } rows[] = {
      {"I192.0.2.1\0Fa@x\0Tb@x\0Qtag\0\0"sv, "tag"},
      {"I192.0.2.1\0Fa@x\0Qtag\0Tb@x"sv, "tag"},
      {"I192.0.2.1\0Fa@x\0Tb@x\0Q0123456789abcdef"sv, "0123456789abcdef"},
      {"I192.0.2.1\0Fa@x\0Tb@x\0Q0123456789abcdefg\0"sv, ""},
      {"I192.0.2.1\0Fa@x\0Tb@x\0Q\0\0"sv, ""},
      {"I192.0.2.1\0FQ\0TQ\0NQ\0\0"sv, ""},
  };
  for (const auto& row : rows) {
    Query query;
    query.tag = "of a query before";
    REQUIRE(parse(row.datagram, query) == Fault::none);
    CHECK(query.tag == row.tag);
    CHECK(query.recipients.size() == 1);
  }
  Answer answer = to_answer_with_wait(Reason::early, 0x01020304);
  answer.append("0123456789abcdef");
  CHECK(std::string(answer.bytes, answer.size) == "\0\2\1\2\3\0040123456789abcdef"s);
  answer = to_answer(Reason::known);
  answer.append("tag");
  CHECK(std::string(answer.bytes, answer.size) == "\1\2tag");
}

TEST_CASE("a wait is four octets more, and is read from a whole deferral only") {
  const Answer answer = to_answer_with_wait(Reason::early, 0x01020304);
  const std::string bytes(answer.bytes, answer.size);
  CHECK(bytes == "\0\2\1\2\3\4"s);
  CHECK(wait_in(bytes) == 0x01020304);
  CHECK(wait_in("\0\1\xff\xff\xff\xff"s) == 0xffffffff);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(wait_in(bytes.substr(0, size)) == 0);
  CHECK(wait_in(bytes + "x") == 0x01020304);  // of one with a text
  CHECK(wait_in("\1\2\1\2\3\4"s) == 0);
}

TEST_CASE("the writer makes the documented bytes and leaves out what does not fit") {
  char buffer[32];
  QueryWriter writer(buffer, sizeof buffer);
  CHECK(writer.field('I', "192.0.2.1"));
  CHECK(writer.field('F', ""));
  CHECK_FALSE(writer.field('T', "a\0b"sv));
  CHECK(writer.field('T', "bb@example.org"));
  CHECK_FALSE(writer.field('T', "no-room"));
  CHECK(std::string_view(buffer, writer.finish()) == "I192.0.2.1\0F\0Tbb@example.org\0\0"sv);

  char tiny[2];
  QueryWriter none(tiny, sizeof tiny);
  CHECK_FALSE(none.field('T', ""));
}

TEST_CASE("the envelope of a query is the same in each form that it is sent in") {
  const std::string envelope = "I192.0.2.1\0Fa@x\0Tb@y\0Tc@y"s;
  for (const std::string& rest :
       {""s, "\0"s, "\0\0"s, "\0Q123\0\0"s, "\0Nmx.x\0W\0Q123\0"s, "\0\0Td@y\0"s}) {
    const std::string datagram = envelope + rest;
    Query query;
    REQUIRE(parse(datagram, query) == Fault::none);
    CHECK(query.envelope == envelope);
  }
}

TEST_CASE("what ours have sent is told from a query, and read with its endings") {
  const struct {
    std::string_view datagram;
    Fault fault;
    std::string_view ours;
    List theirs;
  } rows[] = {
      {"Ra@here.example\0Tb@there.example\0"sv, Fault::none, "a@here.example", {"b@there.example"}},
      {"Ra@x\0Tb@y\0Tc@z\0\0"sv, Fault::none, "a@x", {"b@y", "c@z"}},
      {"Ra@x\0Tb@y"sv, Fault::none, "a@x", {"b@y"}},
      {"Ra@x\0Tb@y\0Yfield\0Tc@z\0Kid.time\0"sv, Fault::none, "a@x", {"b@y", "c@z"}},
      {"Ra@x\0Tb@y\0\0Tc@z\0"sv, Fault::none, "a@x", {"b@y"}},
      {"R\0Tb@y\0"sv, Fault::none, "", {"b@y"}},
      {"Ra@x\0T\0"sv, Fault::none, "a@x", {""}},
      {"R"sv, Fault::no_recipient, "", {}},
      {"Ra@x\0"sv, Fault::no_recipient, "a@x", {}},
      {"Ra@x\0\0Tb@y\0"sv, Fault::no_recipient, "a@x", {}},
      {"Ra@x\0Yb@y\0"sv, Fault::no_recipient, "a@x", {}},
  };
  Sent sent;  // one for all: nothing of the last may stay
  for (const auto& row : rows) {
    CAPTURE(row.datagram);
    REQUIRE(tells_sent(row.datagram));
    CHECK(parse_sent(row.datagram, sent) == row.fault);
    CHECK(sent.ours == row.ours);
    List theirs;
    for (const auto one : sent.theirs) theirs.emplace_back(one);
    CHECK(theirs == row.theirs);
    CHECK(sent.untold == 0);
    Query query;
    CHECK(parse(row.datagram, query) == Fault::no_client);  // so to a daemon that does not know it
  }
  CHECK(!tells_sent(""));
  CHECK(!tells_sent("I192.0.2.1\0"sv));
}

TEST_CASE("of more than a thousand whom something was sent to the others are counted") {
  std::string datagram = "Ra@x"s + '\0';
  for (int i = 0; i < 1005; ++i) datagram += "T" + std::to_string(i) + "@y" + '\0';
  Sent sent;
  REQUIRE(parse_sent(datagram, sent) == Fault::none);
  CHECK(sent.theirs.size() == 1000);
  CHECK(sent.untold == 5);
  std::size_t named = 0;
  for (const auto one : sent.theirs) named += one.empty() ? 0 : 1;
  CHECK(named == 1000);
}
