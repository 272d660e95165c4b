// Extensions that change what may be seen of a session: STARTTLS, AUTH, XCLIENT, BDAT.
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "smtp_talk.h"
#include "smtpd-glue/greysmtpd/bdat.h"
#include "smtpd-glue/greysmtpd/smtp_session.h"
#include "smtpd-glue/greysmtpd/xclient.h"

using namespace grey::smtp;
using namespace std::string_literals;

namespace {

// `talk` is transparent in both directions.
void check_transparent(Talk& talk) {
  const std::string bytes = "\x16\x03\x01\0\n.\r\nDATA\r\nBDAT 5\r\n"s + std::string(100000, 'x');
  const std::string asked = talk.asked;
  talk.client(bytes);
  CHECK((talk.to_server() == bytes));
  talk.server(bytes);
  CHECK((talk.to_client() == bytes));
  talk.client("MAIL FROM:<bad@x>\r\nRCPT TO:<r@x>\r\nDATA\r\n");
  CHECK(talk.to_server() == "MAIL FROM:<bad@x>\r\nRCPT TO:<r@x>\r\nDATA\r\n");
  CHECK(talk.asked == asked);
  CHECK(talk.session.from_client("x") == 1);
}

// Whose client is accepted when asked about alone.
void become_good_client(Talk& talk) {
  talk.exchange("XCLIENT ADDR=good\r\n", "220 hello\r\n");
  talk.extend();
}

}  // namespace

// ---- EHLO

TEST_CASE("EHLO's answer passes unchanged, and is read in any form") {
  const struct {
    std::string_view answer;
    bool starttls, chunking;
  } rows[] = {
      {"250-me\r\n250-STARTTLS\r\n250 CHUNKING\r\n", true, true},
      {"250-me\n250-starttls\n250 Chunking\n", true, true},
      {"250-me\r\n250-STARTTLSX\r\n250 XCHUNKING\r\n", false, false},
      {"250-me\r\n250-CHUNKING 5\r\n250 SIZE\r\n", false, true},
      {"250\r\n", false, false},
      {"550-STARTTLS\r\n550 CHUNKING\r\n", true, false},  // nobody knows: it may be offered
  };
  for (const auto& row : rows) {
    CAPTURE(row.answer);
    for (const std::size_t cut : {1, 3, 1000}) {
      Talk talk(cut);
      talk.greet();
      talk.exchange("ehlo me\r\n", std::string(row.answer));
      talk.envelope("bad@x");
      talk.client("BDAT 1\r\nx");
      CHECK((talk.to_client() == "502 5.5.1 Command not available\r\n") == !row.chunking);
      if (row.chunking) continue;
      talk.client("STARTTLS\r\n");
      CHECK((talk.asked == "*|T*\0|"s) == row.starttls);
    }
  }
}

TEST_CASE("an extension that the last EHLO did not offer is not offered") {
  Talk talk;
  talk.greet();
  talk.extend();
  talk.exchange("EHLO you\r\n", "250 you\r\n");
  talk.client("BDAT 1 LAST\r\nx");
  CHECK(talk.to_client() == "502 5.5.1 Command not available\r\n");
}

// ---- STARTTLS

TEST_CASE("a client that takes STARTTLS is decided about alone, and then nothing is looked at") {
  Talk talk;
  talk.greet();
  become_good_client(talk);
  talk.exchange("STARTTLS\r\n", "220 go ahead\r\n");
  CHECK(talk.asked == "*|T*\0|"s);
  check_transparent(talk);
}

TEST_CASE("a client that must wait is told so at STARTTLS, and the session ends") {
  Talk talk;
  talk.greet();
  talk.extend();
  talk.client("STARTTLS\r\nMAIL FROM:<good@x>\r\n");
  CHECK(talk.to_client() == "421 later\r\n");
  CHECK(talk.to_server() == "QUIT\r\n");
  CHECK(talk.session.closed());
  talk.server("221 bye\r\n");
  talk.server("half");
  talk.session.server_closed();
  CHECK(talk.to_client() == "");
}

TEST_CASE("a STARTTLS that the server refuses leaves the session as it was") {
  Talk talk;
  talk.greet();
  become_good_client(talk);
  talk.exchange("STARTTLS\r\n", "454 not now\r\n");
  talk.envelope("bad@x");
  talk.client("DATA\r\n");
  CHECK(talk.asked == "*|T*\0|bad@x|Tr@x\0|"s);
}

TEST_CASE("STARTTLS of a client that has not asked what is offered") {
  for (const auto hello : {"", "HELO me\r\n", "EHLO me\r\n"}) {
    CAPTURE(hello);
    SmtpSession session;
    session.from_server("220 hello\r\n");
    if (*hello != '\0') {
      session.from_client(hello);
      session.from_server(hello[0] == 'H' ? "250 hello\r\n" : "550 no EHLO here\r\n");
    }
    session.to_server.clear();
    session.from_client("STARTTLS\r\n");
    REQUIRE(session.asking());
    CHECK(session.question().sender == "*");
    CHECK(session.question().recipients == "T*\0"s);
    session.accept();
    CHECK(session.to_server == "STARTTLS\r\n");
    SUBCASE("the server takes it: everything passes") {
      session.from_server("220 go ahead\r\n");
      session.from_client("\x16\x03\x01\0"s);
      CHECK(session.to_server == "STARTTLS\r\n\x16\x03\x01\0"s);
    }
    SUBCASE("the server does not: the session goes on") {
      session.from_server("502 no\r\n");
      session.from_client("NOOP\r\n");
      CHECK(session.to_server == "STARTTLS\r\nNOOP\r\n");
      CHECK_FALSE(session.closed());
    }
  }
}

TEST_CASE("STARTTLS of a client that knows that it is not offered does not reach the server") {
  Talk talk;
  talk.greet();
  talk.exchange("EHLO me\r\n", "250-me\r\n250 PIPELINING\r\n");
  talk.client("STARTTLS\r\n");
  CHECK(talk.to_client() == "502 5.5.1 Command not available\r\n");
  CHECK(talk.to_server() == "");
  CHECK(talk.asked == "");
  talk.exchange("NOOP\r\n", "250 ok\r\n");
}

TEST_CASE("a client that a proxy names has to be told anew whether STARTTLS is offered") {
  Talk talk;
  talk.greet();
  talk.exchange("EHLO me\r\n", "250 me\r\n");
  talk.exchange("XCLIENT ADDR=good\r\n", "220 hello\r\n");
  talk.exchange("STARTTLS\r\n", "220 go ahead\r\n");
  check_transparent(talk);
}

// ---- others that a server may take without having offered them

TEST_CASE("commands after which nobody knows what follows do not reach the server") {
  for (const auto command :
       {"TURN\r\n", "ATRN x.org\r\n", "turn\n", " ATRN\r\n", "BURL imap://x/;uid=1 LAST\r\n",
        "burl\timap://x\r\n", "XEXCH50 300 2\r\n", "X-ANONYMOUSTLS\r\n", "\vTURN\v\r\n"}) {
    CAPTURE(command);
    Talk talk;
    talk.greet();
    talk.extend();
    talk.envelope("bad@x");
    talk.client(command);
    CHECK(talk.to_client() == "502 5.5.1 Command not available\r\n");
    CHECK(talk.to_server() == "");
    talk.exchange("NOOP\r\n", "250 ok\r\n");
  }
  CHECK(verb_of("TURNX\r\n") == Verb::other);
  CHECK(verb_of("XEXCH5\r\n") == Verb::other);
}

TEST_CASE("commands that change nothing pass, offered or not") {
  Talk talk;
  talk.greet();
  talk.exchange("XFORWARD ADDR=192.0.2.1 NAME=x\r\n", "250 ok\r\n");
  talk.exchange("ETRN x.org\r\n", "250 ok\r\n");
  talk.exchange("VRFY x\r\n", "252 maybe\r\n");
  talk.envelope("bad@x");
  talk.client("DATA\r\n");
  CHECK(talk.session.question().client == "");
  CHECK(talk.to_client() == "450 later\r\n");
}

TEST_CASE("what was sent together with STARTTLS reaches the server after its reply only") {
  Talk talk;
  talk.greet();
  become_good_client(talk);
  talk.client("STARTTLS\r\nMAIL FROM:<bad@x>\r\n");
  CHECK(talk.to_server() == "STARTTLS\r\n");
  talk.server("220 go ahead\r\n");
  CHECK(talk.to_server() == "MAIL FROM:<bad@x>\r\n");  // which is no TLS
}

TEST_CASE("where somebody else speaks TLS, nothing more is taken from the client") {
  SmtpSession session(AskAt::data, Tls::aside);
  session.from_server("220 hello\r\n");
  session.from_client("EHLO me\r\n");
  session.from_server("250-me\r\n250 STARTTLS\r\n");
  session.from_client("STARTTLS\r\n");
  REQUIRE(session.asking());
  session.accept();
  CHECK_FALSE(session.handed_over());
  session.to_server.clear();
  session.from_server("220 go ahead\r\n");
  CHECK(session.handed_over());
  CHECK_FALSE(session.closed());
  CHECK(session.from_client("MAIL FROM:<bad@x>\r\n") == 0);
  CHECK(session.to_server == "");
  CHECK(session.to_client.ends_with("220 go ahead\r\n"));
}

// ---- AUTH

TEST_CASE("AUTH's dialogue passes blindly, and an authenticated session is not looked into") {
  Talk talk;
  talk.greet();
  talk.exchange("AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n");
  talk.exchange("DATA\r\n", "334 UGFzc3dvcmQ6\r\n");  // which is not DATA, but someone's name
  SUBCASE("success") {
    talk.exchange("STARTTLS\r\n", "235 welcome\r\n");
    check_transparent(talk);
  }
  SUBCASE("failure") {
    talk.exchange("*\r\n", "501 cancelled\r\n");
    talk.envelope("bad@x");
    talk.client("DATA\r\n");
    CHECK(talk.to_client() == "450 later\r\n");
  }
  SUBCASE("a long line") {
    talk.exchange(std::string(kMaxAuthLine - 2, 'A') + "\r\n", "334 go on\r\n");
    talk.exchange("=\r\n", "235 welcome\r\n");
    check_transparent(talk);
  }
  SUBCASE("a line that is too long cancels it") {
    talk.client(std::string(1000000, 'A') + "BDAT 5 LAST\r\nNOOP\r\n");
    CHECK(talk.to_server() == "*\r\n");
    talk.server("501 cancelled\r\n");
    CHECK(talk.to_client() == "501 cancelled\r\n");
    CHECK(talk.to_server() == "NOOP\r\n");
  }
}

TEST_CASE("only 235 to AUTH authenticates") {
  Talk talk;
  talk.greet();
  talk.exchange("AUTH PLAIN AGEAYg==\r\n", "250 ok\r\n");
  talk.exchange("NOOP\r\n", "235 welcome\r\n");
  talk.envelope("bad@x");
  talk.client("DATA\r\n");
  CHECK(talk.to_client() == "450 later\r\n");
}

// ---- XCLIENT

TEST_CASE("XCLIENT's attributes") {
  const struct {
    std::string_view line;
    std::optional<std::string_view> address;
    std::optional<std::string_view> name;
    std::optional<bool> logged_in;
  } rows[] = {
      {"XCLIENT ADDR=192.0.2.1 NAME=mx.example.org", "192.0.2.1", "mx.example.org", {}},
      {"xclient name=mx.example.org addr=IPV6:2001:db8::1 x=y",
       "2001:db8::1",
       "mx.example.org",
       {}},
      {"XCLIENT ADDR=ipv6:::1\r\n", "::1", {}, {}},
      {"XCLIENT ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL]", "", "", {}},
      {"XCLIENT ADDR=[tempunavail] LOGIN=[UNAVAILABLE]", "", {}, false},
      {"XCLIENT LOGIN=joe PROTO=ESMTP", {}, {}, true},
      {"XCLIENT ADDR=IPv6+3a2001+3Adb8::2", "2001:db8::2", {}, {}},
      {"XCLIENT NAME=f+6Fo.example", {}, "foo.example", {}},
      {"XCLIENT ADDR=1+ NAME=a+0 LOGIN=+zz", "", "", false},
      {"XCLIENT NAME=a+00b ADDR", {}, "", {}},
      {"XCLIENT", {}, {}, {}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line);
    const XclientNames names = parse_xclient(row.line);
    CHECK(names.address == row.address);
    CHECK(names.name == row.name);
    CHECK(names.logged_in == row.logged_in);
  }
  CHECK(parse_xclient("XCLIENT ADDR=" + std::string(100000, '1')).address->size() == 255);
}

TEST_CASE("XCLIENT that the server accepts begins a session of another client") {
  Talk talk;
  talk.greet();
  talk.extend();
  talk.envelope("bad@x");
  talk.exchange("XCLIENT ADDR=good NAME=mx.x\r\n", "220 hello\r\n");
  talk.client("DATA\r\n");
  CHECK(talk.to_client() == kNoRecipient);
  talk.client("BDAT 1\r\nx");
  CHECK(talk.to_client() == "502 5.5.1 Command not available\r\n");  // not offered to this client
  talk.envelope("any@x");
  talk.client("DATA\r\n");
  CHECK(talk.session.question().client == "good");
  CHECK(talk.session.question().client_name == "mx.x");
  CHECK(talk.to_server() == "DATA\r\n");
}

TEST_CASE("what a client has said in HELO is told, and a proxy's own is not") {
  Talk talk;
  talk.greet();
  const auto helo = [&] { return talk.session.question().helo; };
  CHECK(helo() == "");
  talk.exchange("HELO  mx.x \t\r\n", "250 me\r\n");
  CHECK(helo() == "mx.x");
  talk.exchange("ehlo [192.0.2.1]\n", "250 me\r\n");
  CHECK(helo() == "[192.0.2.1]");
  talk.exchange("EHLO bad\r\n", "501 not that\r\n");
  CHECK(helo() == "[192.0.2.1]");
  talk.exchange("HELO\r\n", "250 whoever you are\r\n");
  CHECK(helo() == "");
  talk.session.client_spoke_early();
  CHECK(talk.session.question().spoke_early);
  talk.exchange("XCLIENT ADDR=192.0.2.1\r\n", "220 hello\r\n");
  CHECK_FALSE(helo());
  CHECK_FALSE(talk.session.question().spoke_early);
  talk.exchange("EHLO proxy\r\n", "250 me\r\n");
  CHECK_FALSE(helo());
  talk.exchange("XCLIENT ADDR=192.0.2.2 HELO=mx+2Ey\r\n", "220 hello\r\n");
  CHECK(helo() == "mx.y");
  talk.exchange("EHLO proxy\r\n", "250 me\r\n");
  CHECK(helo() == "mx.y");
  talk.exchange("XCLIENT HELO=[UNAVAILABLE]\r\n", "220 hello\r\n");
  CHECK_FALSE(helo());
}

TEST_CASE("XCLIENT that the server does not accept changes nothing") {
  Talk talk;
  talk.greet();
  talk.envelope("bad@x");
  talk.exchange("XCLIENT ADDR=good NAME=mx.x LOGIN=me\r\n", "550 not you\r\n");
  talk.client("DATA\r\n");
  CHECK(talk.session.question().client == "");
  CHECK(talk.to_client() == "450 later\r\n");
}

TEST_CASE("nobody is asked about a client whose address a proxy does not know") {
  Talk talk;
  talk.greet();
  talk.exchange("XCLIENT ADDR=bad NAME=a.x\r\n", "220 hello\r\n");
  talk.exchange("XCLIENT ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE]\r\n", "220 hello\r\n");
  talk.exchange("XCLIENT PROTO=ESMTP\r\n", "220 hello\r\n");  // says nothing of the address
  talk.envelope("bad@x");
  talk.exchange("DATA\r\n", "354 go\r\n");
  talk.exchange("x\r\n.\r\n", "250 queued\r\n");
  CHECK(talk.asked == "");
  talk.exchange("XCLIENT ADDR=192.0.2.1\r\n", "220 hello\r\n");
  talk.envelope("bad@x");
  talk.client("DATA\r\n");
  CHECK(talk.session.question().client == "192.0.2.1");
  CHECK(talk.session.question().client_name == "");
  CHECK(talk.to_client() == "450 later\r\n");
}

TEST_CASE("a user whom a proxy has authenticated is not greylisted, the next client is") {
  for (const auto ask_at : {AskAt::data, AskAt::rcpt}) {
    Talk talk(ask_at);
    talk.greet();
    talk.exchange("XCLIENT ADDR=192.0.2.1 LOGIN=joe\r\n", "220 hello\r\n");
    talk.extend();
    talk.envelope("bad@x");
    talk.exchange("DATA\r\n", "354 go\r\n");
    talk.exchange("x\r\n.\r\n", "250 queued\r\n");
    talk.envelope("bad@x");
    talk.exchange("BDAT 1 LAST\r\nx", "250 queued\r\n");
    CHECK(talk.asked == "");
    talk.exchange("XCLIENT ADDR=192.0.2.66 LOGIN=[UNAVAILABLE]\r\n", "220 hello\r\n");
    talk.exchange("MAIL FROM:<bad@x>\r\n", "250 ok\r\n");
    talk.client("RCPT TO:<r@x>\r\n");
    if (ask_at == AskAt::data) {
      talk.server("250 ok\r\n");
      talk.client("DATA\r\n");
    }
    CHECK(talk.asked == "bad@x|Tr@x\0|"s);
    CHECK(talk.session.question().client == "192.0.2.66");
  }
}

TEST_CASE("what a proxy says in several commands holds together") {
  const struct {
    std::vector<std::string> commands;
    std::string address;
    std::optional<std::string> name;
    bool asked;
  } rows[] = {
      {{"NAME=mx.x", "ADDR=192.0.2.1"}, "192.0.2.1", "mx.x", true},
      {{"ADDR=192.0.2.1", "NAME=mx.x"}, "192.0.2.1", "mx.x", true},
      {{"ADDR=192.0.2.1 NAME=mx.x", "PROTO=ESMTP", "HELO=mx"}, "192.0.2.1", "mx.x", true},
      {{"NAME=m+78.x", "PROTO=ESMTP", "ADDR=IPV6:2001:db8::1"}, "2001:db8::1", "mx.x", true},
      {{"ADDR=192.0.2.1 NAME=mx.x", "NAME=[UNAVAILABLE]"}, "192.0.2.1", "", true},
      {{"ADDR=192.0.2.1 NAME=mx.x", "NAME=[TEMPUNAVAIL]"}, "192.0.2.1", "", true},
      {{"NAME=mx.x"}, "", "mx.x", true},
      {{"PROTO=ESMTP"}, "", std::nullopt, true},
      // Another client, and what was said of the first is not true of it.
      {{"ADDR=192.0.2.1 NAME=mx.x LOGIN=joe", "ADDR=192.0.2.2"}, "192.0.2.2", "", true},
      {{"NAME=mx.x", "ADDR=192.0.2.1", "ADDR=192.0.2.2"}, "192.0.2.2", "", true},
      {{"ADDR=192.0.2.1 NAME=mx.x LOGIN=joe", "NAME=my.x", "ADDR=192.0.2.2"},
       "192.0.2.2",
       "my.x",
       true},
      {{"LOGIN=joe", "ADDR=192.0.2.1"}, "192.0.2.1", "", false},
      {{"ADDR=192.0.2.1", "LOGIN=joe", "NAME=mx.x"}, "192.0.2.1", "mx.x", false},
      {{"ADDR=192.0.2.1 LOGIN=joe", "LOGIN=[UNAVAILABLE]"}, "192.0.2.1", "", true},
      {{"ADDR=[UNAVAILABLE]", "NAME=mx.x"}, "", "mx.x", false},
      {{"ADDR=[UNAVAILABLE]", "ADDR=192.0.2.1"}, "192.0.2.1", "", true},
  };
  for (const auto& row : rows) {
    Talk talk;
    talk.greet();
    for (const auto& attributes : row.commands) {
      CAPTURE(attributes);
      talk.exchange("XCLIENT " + attributes + "\r\n", "220 hello\r\n");
    }
    talk.envelope("bad@x");
    talk.client("DATA\r\n");
    CHECK(talk.session.question().client == row.address);
    CHECK(talk.session.question().client_name == row.name);
    CHECK((talk.asked == "bad@x|Tr@x\0|"s) == row.asked);
  }
}

// ---- BDAT

TEST_CASE("BDAT lines") {
  const struct {
    std::string_view line;
    bool good;
    std::uint64_t size;
    bool last;
  } rows[] = {
      {"BDAT 0\r\n", true, 0, false},
      {"BDAT 10 LAST\r\n", true, 10, true},
      {"bdat 10 last\n", true, 10, true},
      {"BDAT 007", true, 7, false},
      {"BDAT 999999999999999999\r\n", true, 999999999999999999, false},
      {"BDAT 1000000000000000000\r\n", false, 0, false},
      {"BDAT 99999999999999999999999999\r\n", false, 0, false},
      {"BDAT\r\n", false, 0, false},
      {"BDAT \r\n", false, 0, false},
      {"BDAT LAST\r\n", false, 0, false},
      {"BDAT  5\r\n", true, 5, false},
      {"BDAT\t5\r\n", true, 5, false},
      {" BDAT 5\r\n", true, 5, false},
      {"BDAT 5 \r\n", true, 5, false},
      {"BDAT 5  LAST\r\n", true, 5, true},
      {"BDAT 5 \tLAST \t\r\n", true, 5, true},
      {"BDAT5\r\n", false, 0, false},
      {"BDAT 5 LAST x\r\n", false, 0, false},
      {"BDAT 5 LASTLY\r\n", false, 0, false},
      {"BDAT\v5\r\n", false, 0, false},
      {"BDAT 5LAST\r\n", false, 0, false},
      {"BDAT -5\r\n", false, 0, false},
      {"BDAT +5\r\n", false, 0, false},
      {"BDAT 0x5\r\n", false, 0, false},
      {"BDAT 5\r\r\n", false, 0, false},
      {"BDAT 5,000\r\n", false, 0, false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line);
    const auto chunk = parse_bdat(row.line);
    REQUIRE(chunk.has_value() == row.good);
    if (!chunk) continue;
    CHECK(chunk->size == row.size);
    CHECK(chunk->last == row.last);
  }
  CHECK(bdat_line({12, false}) == "BDAT 12\r\n");
  CHECK(bdat_line({0, true}) == "BDAT 0 LAST\r\n");
}

TEST_CASE("an accepted message passes in chunks, and is asked about once") {
  for (const std::size_t cut : {1, 2, 5, 1000}) {
    CAPTURE(cut);
    Talk talk(cut);
    talk.greet();
    talk.extend();
    talk.envelope("good@x");
    talk.client("BDAT 6\r\nDATA\r\nbdat 0\r\nBDAT 5 LAST\r\n.\r\n\0\nMAIL FROM:<bad@x>\r\n"s);
    CHECK(talk.to_server() == "BDAT 6\r\nDATA\r\n");
    talk.server("250 ok\r\n");
    CHECK(talk.to_server() == "BDAT 0\r\n");
    talk.server("250 ok\r\n");
    CHECK(talk.to_server() == "BDAT 5 LAST\r\n.\r\n\0\n"s);
    talk.server("250 queued\r\n");
    CHECK(talk.to_server() == "MAIL FROM:<bad@x>\r\n");
    CHECK(talk.asked == "good@x|Tr@x\0|"s);
    CHECK(talk.to_client() == "250 ok\r\n250 ok\r\n250 queued\r\n");
  }
}

TEST_CASE("a recipient that a server takes between two chunks is asked about before the second") {
  Talk talk;
  talk.greet();
  talk.extend();
  talk.envelope("good@x");
  talk.exchange("BDAT 1\r\nx", "250 ok\r\n");
  talk.exchange("RCPT TO:<late@x>\r\n", "250 ok\r\n");
  talk.exchange("BDAT 1\r\nx", "250 ok\r\n");
  talk.exchange("BDAT 1 LAST\r\nx", "250 queued\r\n");
  CHECK(talk.asked == "good@x|Tr@x\0|good@x|Tr@x\0Tlate@x\0|"s);
}

TEST_CASE("a message in one chunk with nothing in it") {
  Talk talk;
  talk.greet();
  talk.extend();
  talk.envelope("good@x");
  talk.exchange("BDAT 0 LAST\r\n", "250 queued\r\n");
  talk.exchange("QUIT\r\n", "221 bye\r\n");
}

TEST_CASE("a deferred message's chunks are dropped, each with the reply") {
  for (const std::size_t cut : {1, 2, 5, 1000}) {
    CAPTURE(cut);
    Talk talk(cut);
    talk.greet();
    talk.extend();
    talk.envelope("bad@x");
    talk.client("BDAT 6\r\nDATA\r\nBDAT 0\r\nBDAT 4 LAST\r\nRSETMAIL FROM:<good@x>\r\n");
    CHECK(talk.to_server() == "RSET\r\n");
    CHECK(talk.to_client() == "450 later\r\n");
    talk.server("250 flushed\r\n");
    CHECK(talk.to_client() == "450 later\r\n450 later\r\n");
    CHECK(talk.to_server() == "MAIL FROM:<good@x>\r\n");
    talk.server("250 ok\r\n");
    CHECK(talk.to_client() == "250 ok\r\n");
    talk.exchange("RCPT TO:<r@x>\r\n", "250 ok\r\n");
    talk.exchange("BDAT 1 LAST\r\nx", "250 queued\r\n");
    CHECK(talk.asked == "bad@x|Tr@x\0|good@x|Tr@x\0|"s);
  }
}

TEST_CASE("a deferred chunk is not answered before it has come") {
  Talk talk;
  talk.greet();
  talk.extend();
  talk.envelope("bad@x");
  talk.client("BDAT 1000 LAST\r\n" + std::string(999, 'x'));
  CHECK(talk.to_client() == "");
  talk.client("x");
  CHECK(talk.to_client() == "450 later\r\n");
}

TEST_CASE("RSET after a deferred chunk is the client's again") {
  Talk talk;
  talk.greet();
  talk.extend();
  talk.envelope("bad@x");
  talk.client("BDAT 0 LAST\r\n");
  talk.server("250 flushed\r\n");
  CHECK(talk.to_client() == "450 later\r\n");
  CHECK(talk.to_server() == "RSET\r\n");
  talk.exchange("RSET\r\n", "250 ok\r\n");
  talk.client("BDAT 0 LAST\r\n");
  CHECK(talk.to_client().starts_with("503 "));
  CHECK(talk.to_server() == "");
}

TEST_CASE("a second message in chunks is asked about, too") {
  Talk talk;
  talk.greet();
  talk.extend();
  talk.envelope("good@x");
  talk.exchange("BDAT 1 LAST\r\nx", "250 queued\r\n");
  talk.exchange("MAIL FROM:<bad@x>\r\n", "250 ok\r\n");
  talk.exchange("RCPT TO:<r@x>\r\n", "250 ok\r\n");
  talk.client("BDAT 1 LAST\r\nx");
  CHECK(talk.to_client() == "450 later\r\n");
}

TEST_CASE("a chunk that the server cannot be expected to count alike does not reach it") {
  Talk talk;
  talk.greet();
  talk.extend();
  SUBCASE("a line that cannot be read: nobody knows what follows, and the session ends") {
    talk.envelope("good@x");
    talk.client("BDAT 0x3\r\nNOOP\r\n");
    CHECK(talk.to_client() == "421 4.5.4 Syntax: BDAT size [LAST]\r\n");
    CHECK(talk.to_server() == "QUIT\r\n");
    CHECK(talk.session.closed());
  }
  SUBCASE("a line of any length") {
    talk.envelope("good@x");
    talk.client("BDAT 5" + std::string(1000000, '0') + "\r\nNOOP\r\n");
    CHECK(talk.to_client() == "421 4.5.4 Syntax: BDAT size [LAST]\r\n");
    CHECK(talk.to_server() == "QUIT\r\n");
  }
  SUBCASE("a huge size: the chunk is dropped, and the transaction is over") {
    talk.envelope("good@x");
    talk.client("BDAT 2147483648 LAST\r\n");
    const std::string megabyte(1 << 20, 'x');
    for (int i = 0; i < 2048; ++i) {
      talk.session.from_client(megabyte);
      REQUIRE(talk.to_server() == (i < 2047 ? "" : "RSET\r\n"));
    }
    CHECK(talk.to_client() == "552 5.3.4 Chunk too large\r\n");
    talk.server("250 flushed\r\n");
    talk.client("BDAT 3 LAST\r\nxyz");
    CHECK(talk.to_client() == "552 5.3.4 Chunk too large\r\n");
    CHECK(talk.to_server() == "");
  }
  SUBCASE("leading zeros and more blanks than needed are not passed on") {
    talk.envelope("good@x");
    talk.client("BDAT 010\r\n");
    CHECK(talk.to_server() == "BDAT 10\r\n");
    talk.client("0123456789");
    talk.server("250 ok\r\n");
    CHECK(talk.to_server() == "0123456789");
    talk.client(" BDAT  6\tLAST \r\nRSET\r\n");
    CHECK(talk.to_server() == "BDAT 6 LAST\r\nRSET\r\n");
  }
  SUBCASE("no recipient since the last message: the chunk is dropped") {
    talk.envelope("good@x");
    talk.exchange("BDAT 1 LAST\r\nx", "250 queued\r\n");
    talk.client("BDAT 5 LAST\r\nNOOP\nRSET\r\n");
    CHECK(talk.to_client() == kNoRecipient);
    CHECK(talk.to_server() == "RSET\r\n");
  }
  SUBCASE("no recipient: the chunk is dropped") {
    talk.exchange("MAIL FROM:<good@x>\r\n", "250 ok\r\n");
    talk.client("BDAT 5 LAST\r\nNOOP\nRSET\r\n");
    CHECK(talk.to_client() == kNoRecipient);
    CHECK(talk.to_server() == "RSET\r\n");
  }
}

// Who writes the message must not be able to write commands, whatever its client makes of BDAT.
TEST_CASE("no chunk becomes commands, however its line is written") {
  constexpr auto kContent = "x\r\nRSET\r\nMAIL FROM:<forged@x>\r\n";  // 31 octets
  for (const std::string line :
       {"BDAT 31 LAST", "BDAT 31 LAST ", "BDAT  31 LAST", "BDAT 31 LAST\t", "BDAT 31LAST",
        "BDAT +31", "BDAT 31,0 LAST", "BDAT", "BDAT LAST", "BDAT -1"}) {
    CAPTURE(line);
    for (const bool offered : {true, false}) {
      CAPTURE(offered);
      Talk talk;
      talk.greet();
      if (offered) talk.extend();
      talk.envelope("good@x");
      talk.client(line + "\r\n" + kContent);
      const std::string sent = talk.to_server();
      const bool as_a_chunk = offered && sent == "BDAT 31 LAST\r\n"s + kContent;
      CHECK((as_a_chunk || sent == "" || sent == "QUIT\r\n"));
    }
  }
}

TEST_CASE("a server that answers in the middle of a chunk gets no more") {
  Talk talk;
  talk.greet();
  talk.extend();
  talk.envelope("good@x");
  talk.client("BDAT 100\r\nxxx");
  talk.to_server();
  talk.server("452 disk full\r\n");
  CHECK(talk.to_client() == "452 disk full\r\n");
  CHECK(talk.session.closed());
}

TEST_CASE("354 to BDAT is not explained") {
  Talk talk;
  talk.greet();
  talk.extend();
  talk.envelope("good@x");
  talk.exchange("BDAT 1\r\nx", "354 go\r\n");
  CHECK(talk.session.closed());
}

// ---- AskAt::rcpt

TEST_CASE("at RCPT each recipient is asked about, and a deferred one is not shown to the server") {
  Talk talk(AskAt::rcpt);
  talk.greet();
  talk.extend();
  talk.exchange("MAIL FROM:<bad@x>\r\n", "250 ok\r\n");
  talk.client("RCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\n");
  CHECK(talk.to_client() == "450 later\r\n450 later\r\n");
  CHECK(talk.to_server() == "");
  CHECK(talk.asked == "bad@x|Ta@x\0|bad@x|Tb@x\0|"s);
  talk.client("DATA\r\nBDAT 3 LAST\r\nxyz");
  CHECK(talk.to_client() == "450 later\r\n450 later\r\n");
  talk.exchange("RSET\r\n", "250 ok\r\n");
  talk.client("DATA\r\n");
  CHECK(talk.to_client() == kNoRecipient);
}

TEST_CASE("at RCPT a message to accepted recipients passes without another question") {
  Talk talk(AskAt::rcpt);
  talk.greet();
  talk.extend();
  talk.envelope("good@x");
  const std::string asked = talk.asked;
  SUBCASE("DATA") {
    talk.exchange("DATA\r\n", "354 go\r\n");
    talk.exchange("x\r\n.\r\n", "250 queued\r\n");
  }
  SUBCASE("BDAT") {
    talk.exchange("BDAT 1\r\nx", "250 ok\r\n");
    talk.exchange("BDAT 1 LAST\r\nx", "250 queued\r\n");
  }
  CHECK(talk.asked == asked);
}

TEST_CASE("at RCPT a line that is too long to be read is refused") {
  Talk talk(1000, AskAt::rcpt);
  talk.greet();
  talk.exchange("MAIL FROM:<bad@x>\r\n", "250 ok\r\n");
  talk.client("RCPT TO:<r> " + std::string(1000000, 'r') + "\r\nNOOP\r\n");
  CHECK(talk.to_client() == "500 5.5.2 Line too long\r\n");
  CHECK(talk.to_server() == "NOOP\r\n");
}

TEST_CASE("at RCPT without MAIL the server says what is missing, and must not accept") {
  Talk talk(AskAt::rcpt);
  talk.greet();
  talk.exchange("RCPT TO:<r@x>\r\n", "503 MAIL first\r\n");
  CHECK_FALSE(talk.session.closed());
  talk.exchange("RCPT TO:<r@x>\r\n", "250 ok\r\n");
  CHECK(talk.session.closed());
  CHECK(talk.asked == "");
}

TEST_CASE("at RCPT the client is asked about alone at STARTTLS") {
  Talk talk(AskAt::rcpt);
  talk.greet();
  talk.extend();
  talk.client("STARTTLS\r\n");
  CHECK(talk.asked == "*|T*\0|"s);
  CHECK(talk.to_client() == "421 later\r\n");
}

// Whoever verifies an address says MAIL FROM:<> and RCPT, and goes. What it says earns nothing, and
// would be deferred each time.
TEST_CASE("at RCPT a message without sender is asked about when it is sent, not before") {
  for (const auto mail :
       {"MAIL FROM:<>\r\n", "MAIL FROM:<> AUTH=<>\r\n", "MAIL FROM: <> SIZE=0\r\n",
        "MAIL FROM:<>  BODY=8BITMIME\r\n", "MAIL FROM:<\"\">\r\n"}) {
    CAPTURE(mail);
    Talk talk(AskAt::rcpt);
    talk.greet();
    talk.extend();
    talk.exchange(mail, "250 ok\r\n");
    talk.exchange("RCPT TO:<a@x>\r\n", "250 ok\r\n");
    talk.exchange("RCPT TO:<b@x>\r\n", "550 no\r\n");
    talk.exchange("RCPT TO:<c@x>\r\n", "250 ok\r\n");
    CHECK(talk.asked == "");
    SUBCASE("QUIT") {
      talk.exchange("QUIT\r\n", "221 bye\r\n");
      CHECK(talk.asked == "");
    }
    SUBCASE("RSET, and a sender") {
      talk.exchange("RSET\r\n", "250 ok\r\n");
      talk.exchange("MAIL FROM:<bad@x> AUTH=<>\r\n", "250 ok\r\n");
      talk.client("RCPT TO:<a@x>\r\n");
      CHECK(talk.asked == "bad@x|Ta@x\0|"s);
      CHECK(talk.to_server() == "");
    }
    SUBCASE("DATA") {
      talk.client("DATA\r\n");
      CHECK(talk.asked == "|Ta@x\0Tc@x\0|"s);
      CHECK(talk.to_client() == "450 later\r\n");
      CHECK(talk.to_server() == "RSET\r\n");
    }
    SUBCASE("BDAT") {
      talk.client("BDAT 1\r\nxBDAT 2 LAST\r\nyz");
      talk.server("250 flushed\r\n");
      CHECK(talk.asked == "|Ta@x\0Tc@x\0|"s);
      CHECK(talk.to_client() == "450 later\r\n450 later\r\n");
      CHECK(talk.to_server() == "RSET\r\n");
    }
  }
}

TEST_CASE("at RCPT a message without sender passes once it is accepted") {
  SmtpSession session(AskAt::rcpt);
  std::string sent;
  const auto exchange = [&](std::string_view command, std::string_view reply) {
    CHECK(session.from_client(command) == command.size());
    if (session.asking()) session.accept();
    sent = std::exchange(session.to_server, {});
    session.from_server(reply);
  };
  exchange("", "220 hello\r\n");
  exchange("EHLO me\r\n", "250-me\r\n250 CHUNKING\r\n");
  exchange("MAIL FROM:<>\r\n", "250 ok\r\n");
  exchange("RCPT TO:<a@x>\r\n", "250 ok\r\n");
  SUBCASE("DATA") {
    exchange("DATA\r\n", "354 go\r\n");
    CHECK(sent == "DATA\r\n");
    exchange("x\r\n.\r\n", "250 ok\r\n");
    CHECK(sent == "x\r\n.\r\n");
  }
  SUBCASE("BDAT, asked about once") {
    CHECK(session.from_client("BDAT 1\r\nx") == 8);
    REQUIRE(session.asking());
    session.accept();
    CHECK(session.from_client("x") == 1);
    session.from_server("250 ok\r\n");
    CHECK(session.from_client("BDAT 1 LAST\r\nx") == 14);
    CHECK_FALSE(session.asking());
    CHECK(session.to_server == "BDAT 1\r\nxBDAT 1 LAST\r\nx");
  }
  CHECK_FALSE(session.closed());
}
