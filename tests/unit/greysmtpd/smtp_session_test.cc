#include "smtpd-glue/greysmtpd/smtp_session.h"

#include <doctest/doctest.h>

#include <string>

#include "smtp_talk.h"

using namespace grey::smtp;
using namespace std::string_literals;
using namespace std::string_view_literals;

TEST_CASE("nothing passes to the server before its greeting") {
  Talk talk;
  talk.client("EHLO me\r\n");
  CHECK(talk.to_server() == "");
  talk.greet();
  CHECK(talk.to_server() == "EHLO me\r\n");
}

TEST_CASE("an accepted message passes from MAIL to the reply") {
  Talk talk;
  talk.start_message();
  CHECK(talk.asked == "good@x|Tr@x\0|"s);
  talk.exchange("Subject: x\r\n\r\n..stuffed\r\n.\r\n", "250 queued\r\n");
  talk.exchange("QUIT\r\n", "221 bye\r\n");
}

TEST_CASE("a deferred DATA is answered here and the server's transaction is reset") {
  Talk talk;
  talk.greet();
  talk.envelope("bad@x");
  talk.client("DATA\r\n");
  CHECK(talk.to_client() == "450 later\r\n");
  CHECK(talk.to_server() == "RSET\r\n");
  talk.server("250-flushed\r\n250 ok\r\n");
  CHECK(talk.to_client() == "");

  SUBCASE("the client goes on with another message") {
    talk.envelope("good@x");
  }
  SUBCASE("the client resets too") {
    talk.exchange("RSET\r\n", "250 ok\r\n");
    talk.envelope("good@x");
  }
  SUBCASE("the client repeats DATA: it must wait still, where a server would refuse for ever") {
    talk.client("DATA\r\n");
    CHECK(talk.to_client() == "450 later\r\n");
    CHECK(talk.to_server() == "");
  }
  SUBCASE("after another MAIL there is nothing to wait for") {
    talk.exchange("MAIL FROM:<good@x>\r\n", "250 ok\r\n");
    talk.client("DATA\r\n");
    CHECK(talk.to_client() == kNoRecipient);
  }
}

TEST_CASE("a server that does not take the reset gets no more, and its client hears why") {
  for (const std::string reply : {"500 what?\r\n", "421 bye\r\n", "354 go\r\n"}) {
    CAPTURE(reply);
    Talk talk;
    talk.greet();
    talk.envelope("bad@x");
    talk.client("DATA\r\n");
    CHECK(talk.to_server() == "RSET\r\n");
    CHECK(talk.to_client() == "450 later\r\n");
    talk.server(reply);
    CHECK(talk.to_client() == reply);
    CHECK(talk.session.closed());
    talk.client("MAIL FROM:<good@x>\r\nRCPT TO:<r@x>\r\nDATA\r\n");
    CHECK(talk.to_server() == "");
  }
}

TEST_CASE("only recipients that the server accepted are asked about") {
  Talk talk;
  talk.greet();
  talk.exchange("MAIL FROM:<good@x>\r\n", "250-ok\r\n250 really\r\n");
  talk.exchange("RCPT TO:<a@x>\r\n", "250 ok\r\n");
  talk.exchange("RCPT TO:<b@x>\r\n", "550 no\r\n");
  talk.exchange("RCPT TO:<c@x>\r\n", "251 forwarded\r\n");
  talk.exchange("RCPT TO:<d@x>\r\n", "450 later\r\n");
  talk.client("DATA\r\n");
  CHECK(talk.asked == "good@x|Ta@x\0Tc@x\0|"s);
}

TEST_CASE("without an accepted recipient DATA does not reach the server") {
  for (const auto ask_at : {AskAt::data, AskAt::rcpt}) {
    Talk talk(ask_at);
    const auto check_refused = [&talk] {
      talk.client("DATA\r\n");
      CHECK(talk.to_client() == kNoRecipient);
      CHECK(talk.to_server() == "");
    };
    talk.greet();
    check_refused();
    talk.exchange("MAIL FROM:<good@x>\r\n", "250 ok\r\n");
    check_refused();
    talk.exchange("RCPT TO:<a@x>\r\n", "550 no\r\n");
    check_refused();
    talk.exchange("RSET\r\n", "250 ok\r\n");
    check_refused();
    talk.envelope("good@x");
    talk.exchange("DATA\r\n", "354 go\r\n");
    talk.exchange("x\r\n.\r\n", "250 queued\r\n");
    check_refused();  // nor a second message
    talk.exchange("RCPT TO:<a@x>\r\n", "250 ok\r\n");
    check_refused();
    talk.envelope("good@x");
    talk.exchange("DATA\r\n", "452 disk full\r\n");
    talk.exchange("DATA\r\n", "354 go\r\n");
  }
}

TEST_CASE("SEND, SOML and SAML do not reach the server") {
  Talk talk;
  talk.greet();
  for (const auto line : {"SEND FROM:<bad@x>\r\n", "soml from:bad@x\r\n", " SAML FROM::\r\n",
                          "SEND\r\n", "SEND\tFROM <bad@x>\r\n"}) {
    talk.client(line);
    CHECK(talk.to_client() == "502 5.5.1 Command not available\r\n");
    CHECK(talk.to_server() == "");
  }
}

TEST_CASE("a rejected MAIL leaves the transaction that is open") {
  Talk talk;
  talk.greet();
  talk.envelope("good@x");
  talk.exchange("MAIL FROM:<bad@x>\r\n", "503 nested\r\n");
  talk.client("DATA\r\n");
  CHECK(talk.asked == "good@x|Tr@x\0|"s);
}

TEST_CASE("RSET and another MAIL forget the envelope, HELO and a sent message do not") {
  Talk talk;
  talk.greet();
  talk.envelope("bad@x");
  SUBCASE("RSET") {
    talk.exchange("rset\r\n", "250 ok\r\n");
    talk.client("DATA\r\n");
    CHECK(talk.to_client() == kNoRecipient);
    CHECK(talk.asked == "");
  }
  SUBCASE("MAIL") {
    talk.exchange("MAIL FROM:<good@x>\r\n", "250 ok\r\n");
    talk.client("DATA\r\n");
    CHECK(talk.to_client() == kNoRecipient);
    CHECK(talk.asked == "");
  }
  // mailfront keeps its transaction over HELO: if we did not, DATA would go unasked.
  SUBCASE("HELO") {
    talk.exchange("HELO me\r\n", "250 ok\r\n");
    talk.client("DATA\r\n");
    CHECK(talk.asked == "bad@x|Tr@x\0|"s);
    CHECK(talk.to_server() == "RSET\r\n");
  }
}

TEST_CASE("commands are known in any case, and addresses in all their forms") {
  const struct {
    std::string_view mail, sender;
  } rows[] = {
      {"MAIL FROM:<good@x>", "good@x"},
      {"mail from:<good@x>", "good@x"},
      {"Mail From: <good@x>", "good@x"},
      {"MAIL FROM:  <good@x> SIZE=100 BODY=8BITMIME", "good@x"},
      {"MAIL FROM:<good@x> \tSIZE=1 ", "good@x"},
      {"MAIL FROM:good@x", "good@x"},
      {"MAIL FROM: good@x SIZE=1", "good@x"},
      {"MAIL FROM:<>", ""},
      {"MAIL FROM: <> SIZE=1", ""},
      {"MAIL FROM:", ""},
      {"MAIL", ""},
      {"MAIL FROM", ""},
      {"MAIL FROM:<@relay,@b:good@x>", "good@x"},
      {"MAIL FROM:<\"good one\"@x>", "good one@x"},
      {"MAIL FROM:<\"a>b\"@x>", "a>b@x"},
      {"MAIL FROM:<\"a\\\"b\"@x>", "a\"b@x"},
      {"MAIL FROM:<good\\ one@x>", "good one@x"},
      {"MAIL FROM:<good@x", "good@x"},
      {" \tMAIL FROM:<good@x>", "good@x"},
      {"MAIL FROM:<g\xc3\xb6@x> SMTPUTF8", "g\xc3\xb6@x"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.mail);
    CHECK(verb_of(row.mail) == Verb::mail);
    for (const auto ending : {""sv, "\r\n"sv, "\n"sv}) {
      CHECK(address_of(std::string(row.mail) + std::string(ending)) == row.sender);
    }
  }
}

TEST_CASE("an address that servers read differently gets to none of them") {
  const std::string_view lines[] = {
      "MAIL FROM:a@x AUTH=<>\r\n",    "MAIL FROM:a@x <good@x>\r\n",
      "MAIL FROM: good@x:<a@x>\r\n",  "MAIL FROM:\"Joe <good@x>\" <a@x>\r\n",
      "MAIL FROM:<<a@x>>\r\n",        "MAIL FROM:<Joe <a@x>>\r\n",
      "MAIL FROM:<good@x\0.y>\r\n"sv, "MAIL FROM:\0<a@x>\r\n"sv,
      "\vMAIL FROM:<a@x>\r\n",        "MAIL FROM:<a@y(@x>\r\n",
      "MAIL FROM:<(good@x)a@y>\r\n",  "MAIL FROM:<g:a@y;>\r\n",
      "MAIL FROM:<a@y,good@x>\r\n",   "MAIL FROM:<a@y[@x>\r\n",
  };
  for (const auto line : lines) {
    CAPTURE(line);
    Talk talk;
    talk.greet();
    talk.client(line);
    CHECK(talk.to_client().starts_with("501 5.5.4 "));
    CHECK(talk.to_server() == "");
    talk.exchange("NOOP\r\n", "250 ok\r\n");
  }
  const std::string longest(kMaxAddress, 'a');
  CHECK(address_of("RCPT TO:<" + longest + ">") == longest);
  CHECK_FALSE(address_of("RCPT TO:<" + longest + "a>"));
}

TEST_CASE("a recipient that was not read is not accepted unseen") {
  Talk talk;
  talk.greet();
  talk.exchange("MAIL FROM:<good@x>\r\n", "250 ok\r\n");
  talk.client("RCPT TO:<a@x>\0@y\r\nDATA\r\n"s);
  const std::string replies = talk.to_client();
  CHECK(replies.starts_with("501 "));
  CHECK(replies.ends_with(kNoRecipient));
  CHECK(talk.to_server() == "");
}

TEST_CASE("whatever a server may take for DATA is DATA") {
  for (const auto line :
       {"DATA\r\n"sv, "data\n"sv, "DATA x\r\n"sv, "DATA\0x\r\n"sv, " DaTa\r\n"sv, "DATA\t\r\n"sv,
        "DATA\r\r\n"sv, "DATA:\r\n"sv, "\vDATA\r\n"sv, "\0DATA\r\n"sv,
        "\xef\xbb\xbf"
        "DATA\r\n"sv}) {
    Talk talk;
    talk.greet();
    talk.envelope("bad@x");
    talk.client(line);
    CHECK(talk.to_client() == "450 later\r\n");
  }
  CHECK(verb_of("DATAX\r\n") == Verb::other);
}

TEST_CASE("what follows the message's end waits for the server's reply") {
  Talk talk;
  talk.start_message();
  talk.client("x\r\n.\r\nMAIL FROM:<bad@x>\r\nRCPT TO:<a@x>\r\nDATA\r\n");
  CHECK(talk.to_server() == "x\r\n.\r\n");
  CHECK_FALSE(talk.session.in_doubt());
  talk.server("250 queued\r\n");
  CHECK(talk.to_server() == "MAIL FROM:<bad@x>\r\n");
  talk.server("250 ok\r\n");
  talk.server("250 ok\r\n");
  CHECK(talk.to_client() == "250 queued\r\n250 ok\r\n250 ok\r\n450 later\r\n");
}

TEST_CASE("an end of message that only some servers see lets nothing follow in doubt") {
  for (const auto end : {"\n.\n"sv, "\n.\r\n"sv, "\r\n.\n"sv, "\r\n.\r\r\n"sv, "\r\n\r.\n"sv}) {
    CAPTURE(end);
    for (const bool server_took_it : {true, false}) {
      Talk talk;
      talk.start_message();
      const std::string content = "x" + std::string(end);
      talk.client(content + "MAIL FROM:<bad@x>\r\n");
      CHECK(talk.to_server() == content);
      CHECK(talk.session.in_doubt());
      if (server_took_it) {
        talk.server("250 queued\r\n");
        CHECK(talk.to_server() == "MAIL FROM:<bad@x>\r\n");
      } else {
        talk.session.give_up();
        CHECK(talk.session.closed());
        CHECK(talk.to_client().starts_with("451 "));
        talk.offer();
        CHECK(talk.to_server() == "");
      }
    }
  }
}

TEST_CASE("content that only looks like an end passes") {
  for (const auto content :
       {"..\r\n"sv, ".x\r\n"sv, "x\r\n..\r\n"sv, "x.\r\n.y\r\n"sv, "x\0.\r\n"sv, ".\rx\r\n"sv,
        "\n\n\r\n\r\r\n"sv, " .\r\n"sv, ".\r\r..\n"sv}) {
    CAPTURE(content);
    for (std::size_t cut = 1; cut <= content.size(); ++cut) {
      Talk talk(cut);
      talk.start_message();
      talk.client(content);
      CHECK(talk.to_server() == content);
      CHECK(talk.session.from_client("x") == 1);  // still inside
    }
  }
}

TEST_CASE("every octet of a message passes unchanged, in lines of any length") {
  std::string content;
  for (int i = 0; i < 3000; ++i) content += char((i * 7 + i / 256) % 256);
  content += std::string(300000, 'a') + "\n\r\n" + content;
  for (const std::size_t cut : {1, 7, 4096}) {
    Talk talk(cut);
    talk.start_message();
    talk.client(content + "\r\n.\r\n");
    const bool same = talk.to_server() == content + "\r\n.\r\n";
    CHECK(same);
    talk.server("250 ok\r\n");
    CHECK(talk.to_client() == "250 ok\r\n");
  }
}

TEST_CASE("a DATA that the server refuses leaves the client in command mode") {
  Talk talk;
  talk.greet();
  talk.envelope("good@x");
  talk.exchange("DATA\r\n", "452 disk full\r\n");
  talk.exchange("NOOP\r\n", "250 ok\r\n");
}

TEST_CASE("a reply that cannot be explained ends the server's input") {
  Talk talk;
  SUBCASE("nobody asked") {
    talk.greet();
    talk.server("451 timeout\r\n");
  }
  SUBCASE("in the middle of a message") {
    talk.start_message();
    talk.client("x\r\n");
    talk.to_server();
    talk.server("451 timeout\r\n");
  }
  SUBCASE("354 to what was not DATA") {
    talk.greet();
    talk.client("XDATA\r\n");
    talk.to_server();
    talk.server("354 go\r\n");
  }
  CHECK(talk.session.closed());
  CHECK(talk.to_client().size() > 0);
  talk.client("MAIL FROM:<bad@x>\r\n");
  CHECK(talk.held == "");
  CHECK(talk.to_server() == "");
}

TEST_CASE("lines that are no replies, and a last line without its end, pass to the client") {
  Talk talk;
  talk.greet();
  talk.client("NOOP\r\n");
  talk.server("warning: something\n\n250 ok\r\n221 by");
  CHECK(talk.to_client() == "warning: something\n\n250 ok\r\n");
  talk.session.server_closed();
  CHECK(talk.to_client() == "221 by");
}

// A server whose buffer is shorter than the line may take the rest of it for another command, and
// if that is BDAT it says nothing.
TEST_CASE("lines that are too long do not reach the server, and are not held") {
  const std::string tail = std::string(1000000, 'x') + "BDAT 20 LAST";
  for (const std::string command :
       {"XX", "NOOP", "MAIL FROM:<good@x>", "RCPT TO:<r@x>", "DATA", "EHLO", "STARTTLS",
        "XCLIENT ADDR=good", "AUTH PLAIN", "TURN"}) {
    for (const std::size_t cut : {1000, 100000}) {
      CAPTURE(command);
      Talk talk(cut);
      talk.greet();
      talk.extend();
      talk.envelope("bad@x");
      talk.client(command + " " + tail + "\r\nNOOP\r\n");
      CHECK(talk.to_client() == "500 5.5.2 Line too long\r\n");
      CHECK(talk.to_server() == "NOOP\r\n");
      talk.server("250 ok\r\n");
      talk.client("DATA\r\n");
      CHECK(talk.session.question().client == "");
    }
  }
}

TEST_CASE("a line that is several commands where CR ends one does not reach the server") {
  for (const auto line : {"NOOP\rDATA\r\n", "XX\rBDAT 5 LAST\r\n", "\rRCPT TO:<a@x>\r\n",
                          "MAIL FROM:<good@x\r.y>\r\n", "NOOP\r\rRSET\n"}) {
    CAPTURE(line);
    Talk talk;
    talk.greet();
    talk.extend();
    talk.envelope("good@x");
    talk.client(line);
    CHECK(talk.to_client() == "500 5.5.2 CR without LF\r\n");
    CHECK(talk.to_server() == "");
  }
  Talk talk;
  talk.greet();
  talk.exchange("NOOP\r\r\n", "250 ok\r\n");
}

TEST_CASE("the longest lines that pass") {
  const auto line = [](std::string begin, std::size_t size) {
    return begin + std::string(size - begin.size() - 2, 'x') + "\r\n";
  };
  for (const bool fits : {true, false}) {
    Talk talk(100);
    talk.greet();
    talk.extend();
    const auto check = [&](const std::string& sent, const std::string& reply) {
      talk.client(sent);
      CHECK((talk.to_server() == (fits ? sent : "")));
      if (fits) talk.server(reply);
      CHECK(talk.to_client() == (fits ? reply : "500 5.5.2 Line too long\r\n"));
    };
    check(line("NOOP ", kMaxLine + !fits), "250 ok\r\n");
    check(line("MAIL FROM:<good@x> X=", kMaxLine + !fits), "250 ok\r\n");
    check(line("AUTH PLAIN ", kMaxAuthLine + !fits), "535 no\r\n");
    talk.client(line("BDAT 5 ", kMaxLine + !fits));
    CHECK(talk.session.closed());
  }
}

TEST_CASE("reply lines of any length pass") {
  Talk talk(1000);
  talk.greet();
  talk.exchange("HELP\r\n", "250-" + std::string(1000000, 'x') + "\r\n250 ok\r\n");
  talk.exchange("NOOP\r\n", "250 ok\r\n");
  CHECK_FALSE(talk.session.closed());
}

TEST_CASE("recipients that nobody could be asked about are not accepted") {
  Talk talk;
  talk.greet();
  talk.exchange("MAIL FROM:<good@x>\r\n", "250 ok\r\n");
  const std::string name(1000, 'r');
  std::size_t accepted = 0;
  for (int i = 0; i < 100; ++i) {
    talk.client("RCPT TO:<" + name + ">\r\n");
    if (talk.to_server().empty()) {
      CHECK(talk.to_client() == "452 4.5.3 Too many recipients\r\n");
      continue;
    }
    talk.server("250 ok\r\n");
    talk.to_client();
    ++accepted;
  }
  talk.client("DATA\r\n");
  const std::string& asked = talk.session.question().recipients;
  CHECK(asked.size() <= kMaxRecipients);
  CHECK(asked.size() > kMaxRecipients - 1100);
  CHECK(asked.size() == accepted * (name.size() + 2));
}

TEST_CASE("asked about one by one, recipients have no bound") {
  Talk talk(AskAt::rcpt);
  talk.greet();
  talk.exchange("MAIL FROM:<good@x>\r\n", "250 ok\r\n");
  for (int i = 0; i < 100; ++i)
    talk.exchange("RCPT TO:<" + std::string(1000, 'r') + ">\r\n", "250 ok\r\n");
  talk.exchange("DATA\r\n", "354 go\r\n");
}

namespace {

// A client that sends everything at once, against a server that answers line by line.
struct Pipelined {
  std::string to_client, to_server, asked;
};

Pipelined run_pipelined(std::string_view input, std::size_t cut) {
  Pipelined result;
  Talk talk(cut);
  talk.server("220 hello\r\n");
  std::string pending;
  bool in_message = false;
  const auto serve = [&] {
    for (std::string got = talk.to_server(); !got.empty(); got = talk.to_server()) {
      result.to_server += got;
      pending += got;
      for (std::size_t lf; (lf = pending.find('\n')) != std::string::npos;) {
        const std::string line = pending.substr(0, lf + 1);
        pending.erase(0, lf + 1);
        if (in_message && line != ".\r\n") continue;
        in_message = !in_message && line.starts_with("DATA");
        talk.server(in_message ? "354 go\r\n" : "250-" + line + "250 ok\r\n");
      }
    }
  };
  serve();
  for (std::size_t i = 0; i < input.size(); i += cut) {
    talk.client(input.substr(i, cut));
    serve();
  }
  CHECK(talk.held == "");
  result.to_client = talk.to_client();
  result.asked = talk.asked;
  return result;
}

}  // namespace

TEST_CASE("the same comes out wherever the streams are cut") {
  const std::string input =
      "EHLO me\r\nMAIL FROM:<bad@x>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n"
      "MAIL FROM:<good@x>\r\nRCPT TO:<a@x>\r\nDATA\r\n"
      "Subject: x\r\n\r\n..\r\n.dot\r\nbare\nlf \0 nul\r\r\n.\r\n"
      "STARTTLS\r\nMAIL FROM:<>\r\nRCPT TO:<c@x>\r\nDATA\r\nRSET\r\nNOOP\r\nQUIT\r\n"s;
  const Pipelined whole = run_pipelined(input, input.size());
  CHECK(whole.asked == "bad@x|Ta@x\0Tb@x\0|good@x|Ta@x\0||Tc@x\0|"s);
  for (std::size_t cut = 1; cut < input.size(); ++cut) {
    CAPTURE(cut);
    const Pipelined pieces = run_pipelined(input, cut);
    CHECK(pieces.to_client == whole.to_client);
    CHECK(pieces.to_server == whole.to_server);
    CHECK(pieces.asked == whole.asked);
  }
}

TEST_CASE("a text for a reply cannot break out of its line") {
  CHECK(reply_text("plain text") == "plain text");
  CHECK(reply_text("a\r\nb\tc\x7f") == "a  b c ");
  CHECK(reply_text("sp\xc3\xa4ter") == "sp??ter");
  CHECK(reply_text(std::string(1000, 'x')).size() == 400);
}
