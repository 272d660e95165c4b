// The text of a daemon's rule, on its way to the client: what fronts show, and what they do not
// take.
#include "smtpd-glue/libgreylist/daemon_text.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "smtpd-glue/libgreylist/greylist.h"
#include "tests/unit/libgreylist/udp_daemon.h"

using namespace std::string_literals;

namespace {

using namespace grey::test;

const std::string kEarly = "\0\2"s, kMinute = "\0\0\0\x3c"s, kUnknown = "\0\0\0\0"s;
const std::string kUsual = "Greylisted: please try again in ";

bool asks(const std::string& query, char letter) {
  return query.find('\0' + std::string(1, letter) + '\0') != std::string::npos;
}

// A daemon under a rule with this text. It has an address of its own: `host`, see udp_daemon.h.
Daemon::Behaviour in_words(const std::string& text, const std::string& wait = kMinute) {
  return [=](const std::string& query, int) {
    std::string answer = kEarly;
    if (asks(query, 'X')) {
      answer += wait + text;
    } else if (asks(query, 'W')) {
      answer += wait;
    }
    return Daemon::Answers{answer + tag_of(query)};
  };
}

greylist_query query() {
  return {"192.0.2.1", "mx.example.org", "a@example.org", "Tb@example.net", 15};
}

// What a front tells the client, "450 text", or nothing where it accepts.
std::string told(const Daemon& daemon, const char* greytext = nullptr) {
  setenv("GREYIP", daemon.address().c_str(), 1);
  setenv("GREYTIMEOUT", "20", 1);
  greytext != nullptr ? setenv("GREYTEXT", greytext, 1) : unsetenv("GREYTEXT");
  char text[GREYLIST_TEXT_MAX + 1] = "";
  const greylist_query asked = query();
  const int code = greylist_check("test", &asked, nullptr, text, sizeof text);
  for (const char* name : {"GREYIP", "GREYTIMEOUT", "GREYTEXT"}) unsetenv(name);
  return code == 0 ? "" : std::to_string(code) + " " + text;
}

struct Answered {
  greylist_result result;
  std::string format;
};
Answered ask(const Daemon& daemon, std::size_t size = GREYLIST_TEXT_MAX + 1) {
  greylist_options options;
  greylist_options_init(&options);
  const std::string servers = daemon.address();
  options.servers = servers.c_str();
  options.timeout_ms = 20000;
  std::string buffer(size + 1, '#');
  const greylist_query asked = query();
  greylist_session session{};
  const greylist_result result =
      greylist_ask_with_text(&options, &asked, &session, buffer.data(), size);
  CHECK(buffer[size] == '#');
  return {result, size == 0 ? "" : std::string(buffer.c_str())};
}

}  // namespace

TEST_CASE("a client is told the rule's text in place of GREYTEXT, with the time filled in") {
  const Daemon daemon(in_words("Write to postmaster@example.net, or wait %t"), AF_INET, 50);
  CHECK(told(daemon) == "450 Write to postmaster@example.net, or wait 60 seconds");
  CHECK(told(daemon, "later") == "450 Write to postmaster@example.net, or wait 60 seconds");
  const Daemon unknown(in_words("wait %t", kUnknown), AF_INET, 51);
  CHECK(told(unknown) == "450 wait a few minutes");
  const Daemon none(in_words(""), AF_INET, 52);
  CHECK(told(none) == "450 " + kUsual + "60 seconds");
  CHECK(told(none, "later") == "450 later");
}

TEST_CASE(
    "greylist_ask_with_text gives it as it came, with the wait, though nobody asked for that") {
  const Daemon daemon(in_words("in %t"), AF_INET, 53);
  const Answered answered = ask(daemon);
  CHECK(answered.result.verdict == GREYLIST_DEFER);
  CHECK(answered.result.reason == 2);
  CHECK(answered.result.retry_after == 60);
  CHECK(answered.format == "in %t");
}

TEST_CASE("X stands between the other additions, and is sent where a text can be told only") {
  Daemon daemon(in_words("x"), AF_INET, 54);
  told(daemon);
  ask(daemon);
  ask(daemon, 0);  // no room for a text
  daemon.stop();
  const std::string envelope = "I192.0.2.1\0Fa@example.org\0Tb@example.net\0Nmx.example.org\0"s;
  REQUIRE(daemon.received().size() == 3);
  CHECK(without_tag(daemon.received()[0]) == envelope + "W\0X\0\0"s);
  CHECK(without_tag(daemon.received()[1]) == envelope + "X\0\0"s);
  CHECK(without_tag(daemon.received()[2]) == envelope + "\0"s);
}

TEST_CASE("a text with anything but printable ASCII is not taken, and the deferral stays one") {
  unsigned host = 60;
  for (const std::string& hostile :
       {"later\r\n250 ok"s, "later\n"s, "\rlater"s, "a\0b"s, "\0"s, "tab\there"s, "\x1b[2J"s,
        "sp\xc3\xa4ter"s, "\x7f"s, "\x80"s, "\xff"s, std::string(399, 'x') + '\n'}) {
    CAPTURE(hostile);
    const Daemon daemon(in_words(hostile), AF_INET, host++);
    CHECK(told(daemon) == "450 " + kUsual + "60 seconds");
    CHECK(told(daemon, "own") == "450 own");
    CHECK(ask(daemon).format == "");
  }
}

TEST_CASE("any printable text is taken as it is, and a format of nobody else's") {
  const std::string odd = " %s%n %d 100% \\ \" 250 ok ~ %%t %";
  const Daemon daemon(in_words(odd), AF_INET, 80);
  CHECK(ask(daemon).format == odd);
  CHECK(told(daemon) == "450  %s%n %d 100% \\ \" 250 ok ~ %60 seconds %");
}

TEST_CASE("the longest text is told whole, and cut where the time makes it longer") {
  const std::string longest(GREYLIST_TEXT_MAX, 'x');
  const Daemon daemon(in_words(longest), AF_INET, 81);
  CHECK(told(daemon) == "450 " + longest);
  std::string many;
  for (int i = 0; i < GREYLIST_TEXT_MAX / 2; ++i) many += "%t";
  const Daemon expanding(in_words(many), AF_INET, 82);
  CHECK(told(expanding).size() == 4 + GREYLIST_TEXT_MAX);
}

TEST_CASE("a text is cut at the end of a small buffer") {
  const Daemon daemon(in_words("123456789"), AF_INET, 83);
  CHECK(ask(daemon, 1).format == "");
  CHECK(ask(daemon, 2).format == "1");
  CHECK(ask(daemon, 9).format == "12345678");
  CHECK(ask(daemon, 10).format == "123456789");
}

TEST_CASE("an answer that is cut, or too long, or not to this question, is none") {
  const auto answer = [](const std::string& asked, int) {
    const std::string tag = tag_of(asked), good = kEarly + kMinute + "good" + tag;
    Daemon::Answers answers;
    for (std::size_t size = 3; size < good.size(); ++size) answers.push_back(good.substr(0, size));
    answers.push_back(kEarly + kMinute + std::string(401, 'x') + tag);
    answers.push_back(kEarly + kMinute + std::string(60'000, 'x') + tag);
    answers.push_back(kEarly + kMinute + "other" + std::string(16, '0'));
    answers.push_back(kEarly + kMinute + "no tag");
    answers.push_back(kEarly + "abc" + tag);              // there is no text without the wait
    answers.push_back("\1\3"s + kMinute + "yes" + tag);   // who is accepted is told nothing
    answers.push_back("\2\2"s + kMinute + "what" + tag);  // no verdict
    answers.push_back(good);
    return answers;
  };
  const Daemon daemon(answer, AF_INET, 84);
  CHECK(told(daemon) == "450 good");
}

TEST_CASE("a text that was not asked for is none") {
  const auto answer = [](const std::string& asked, int) {
    const std::string tag = tag_of(asked);
    return Daemon::Answers{kEarly + kMinute + "pushed" + tag, "\0\1"s + tag};
  };
  const Daemon daemon(answer, AF_INET, 85);
  const Answered answered = ask(daemon, 0);
  CHECK(answered.result.reason == 1);
  CHECK(answered.result.retry_after == 0);
}

TEST_CASE("daemons that do not know X are asked as ever, and the client is told the usual text") {
  // Two octets to anything: X is one more recipient to it.
  CHECK(told(Daemon(always(kDefer))) == "450 " + kUsual + "a few minutes");
  // Ours of before: it skips the field.
  const auto before = [](const std::string& asked, int) {
    return Daemon::Answers{kEarly + kMinute + tag_of(asked)};
  };
  CHECK(told(Daemon(before, AF_INET, 86)) == "450 " + kUsual + "60 seconds");
  // One that is silent to it.
  const auto silent_to_x = [](const std::string& asked, int) {
    return asks(asked, 'X') ? Daemon::Answers{} : Daemon::Answers{kDefer};
  };
  Daemon perl(silent_to_x);
  CHECK(told(perl) == "450 " + kUsual + "a few minutes");
  perl.stop();
  CHECK(perl.received().back() == "I192.0.2.1\0Fa@example.org\0Tb@example.net\0\0"s);
}
