// What fronts and old programs call: texts, log lines, greylist_check() and the old entry.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <map>
#include <string>

#include "smtpd-glue/libgreylist/greylist.h"
#include "tests/unit/libgreylist/udp_daemon.h"

using namespace std::string_literals;

namespace {

using namespace grey::test;

std::string text(const greylist_result& result, const char* format) {
  char buffer[1000];
  const std::size_t size = greylist_text(&result, format, buffer, sizeof buffer);
  REQUIRE(size == std::char_traits<char>::length(buffer));
  return buffer;
}

greylist_result deferred(unsigned retry_after) {
  return {GREYLIST_DEFER, GREYLIST_ANSWERED, 1, 0, retry_after};
}

using Environment = std::map<std::string, std::string>;

// These and no other variables of ours.
void set_environment(const Environment& environment) {
  for (const char* name : {"GREYIP", "GREYFAIL", "GREYTIMEOUT", "GREYMAXDATA", "GREYTEXT",
                           "RELAYCLIENT", "WHITELISTED", "TCPREMOTEHOST"}) {
    unsetenv(name);
  }
  for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
}

// What `work` writes on standard error.
template <typename Work>
std::string standard_error_of(Work work) {
  const int file = memfd_create("standard error", 0);
  const int before = dup(STDERR_FILENO);
  REQUIRE(file >= 0);
  REQUIRE(before >= 0);
  dup2(file, STDERR_FILENO);
  work();
  dup2(before, STDERR_FILENO);
  close(before);
  std::string written(10000, '\0');
  const ssize_t size = pread(file, written.data(), written.size(), 0);
  close(file);
  REQUIRE(size >= 0);
  written.resize(std::size_t(size));
  return written;
}

struct Checked {
  int code = 0;
  std::string text, log;
};

Checked check(const Environment& environment, const char* format = nullptr,
              std::string client = "192.0.2.1") {
  set_environment(environment);
  Checked checked;
  char reply[GREYLIST_TEXT_MAX + 1] = "untouched";
  greylist_query query{};
  query.client = client.c_str();
  query.sender = "a@example.org";
  query.recipients = "Tb@example.net";
  query.recipients_size = sizeof "Tb@example.net";
  checked.log = standard_error_of(
      [&] { checked.code = greylist_check("test", &query, format, reply, sizeof reply); });
  checked.text = reply;
  return checked;
}

int calls_of_timeout = 0, calls_of_error = 0;
void on_timeout() {
  ++calls_of_timeout;
}
void on_error() {
  ++calls_of_error;
}

// The old entry's result, and which function was called: 't', 'e', or both or none.
std::string old_entry(std::string gip, std::string client = "192.0.2.1",
                      std::string recipients = "Tb@x\0Tc@x\0"s, bool functions = true) {
  std::string sender = "a@example.org";
  calls_of_timeout = calls_of_error = 0;
  const int result =
      greylist(gip.data(), client.data(), sender.data(), recipients.data(), int(recipients.size()),
               functions ? on_timeout : nullptr, functions ? on_error : nullptr);
  return std::to_string(result) + std::string(std::size_t(calls_of_timeout), 't') +
         std::string(std::size_t(calls_of_error), 'e');
}

}  // namespace

TEST_CASE("a deferral's text says what happens and for how long") {
  const struct {
    unsigned retry_after;
    const char* format;
    std::string text;
  } rows[] = {
      {0, nullptr, "Greylisted: please try again in a few minutes"},
      {0, "", "Greylisted: please try again in a few minutes"},
      {300, nullptr, "Greylisted: please try again in 5 minutes"},
      {301, nullptr, "Greylisted: please try again in 6 minutes"},
      {100, nullptr, "Greylisted: please try again in 2 minutes"},
      {99, nullptr, "Greylisted: please try again in 99 seconds"},
      {1, nullptr, "Greylisted: please try again in 1 second"},
      {4294967295u, "%t", "71582789 minutes"},
      {60, "wait %t, yes, %t", "wait 60 seconds, yes, 60 seconds"},
      {60, "100% sure, %s %%t %", "100% sure, %s %60 seconds %"},
      {60, "come\r\nback\tlater\x7f", "come  back later "},
      {60, "sp\xc3\xa4ter", "sp??ter"},
  };
  for (const auto& row : rows) CHECK(text(deferred(row.retry_after), row.format) == row.text);
}

TEST_CASE("without an answer the text says so, whatever GREYTEXT is") {
  const greylist_result silent{GREYLIST_DEFER, GREYLIST_SILENT, 0, 0, 0};
  CHECK(text(silent, "later") == GREYLIST_TEXT_UNAVAILABLE);
}

TEST_CASE("a text is cut at the buffer's end, and at its own limit") {
  const auto result = deferred(60);
  for (std::size_t size = 1; size < 60; ++size) {
    std::string buffer(size + 1, '#');
    const std::size_t length = greylist_text(&result, "123456789 %t and more", buffer.data(), size);
    const std::string whole = "123456789 60 seconds and more";
    CHECK(length == std::min(size - 1, whole.size()));
    CHECK(buffer.substr(0, length) == whole.substr(0, length));
    CHECK(buffer[length] == '\0');
    CHECK(buffer[size] == '#');
  }
  char untouched = '#';
  CHECK(greylist_text(&result, "x", &untouched, 0) == 0);
  CHECK(untouched == '#');
  CHECK(text(result, std::string(5000, 'x').c_str()) == std::string(GREYLIST_TEXT_MAX, 'x'));
}

TEST_CASE("a reply has the enhanced code that its text begins with, or the usual one") {
  const struct {
    int code;
    const char* text;
    std::string reply;
  } cases[] = {
      {450, "Greylisted", "450 4.7.1 Greylisted"},
      {451, "Greylisting is not available", "451 4.3.0 Greylisting is not available"},
      {450, "4.2.0 Greylisted", "450 4.2.0 Greylisted"},
      {451, "4.2.0 Later", "451 4.2.0 Later"},
      {450, "4.999.123 x", "450 4.999.123 x"},
      {450, "4.2.0", "450 4.2.0"},
      {450, "", "450 4.7.1 "},
      {450, nullptr, "450 4.7.1 "},
      // What is none, or of another class.
      {450, "5.7.1 Rejected", "450 4.7.1 5.7.1 Rejected"},
      {450, "2.0.0 Fine", "450 4.7.1 2.0.0 Fine"},
      {450, "4 minutes", "450 4.7.1 4 minutes"},
      {450, "4.5 minutes", "450 4.7.1 4.5 minutes"},
      {450, "4.5. x", "450 4.7.1 4.5. x"},
      {450, "4.1234.0 x", "450 4.7.1 4.1234.0 x"},
      {450, "4.2.0000 x", "450 4.7.1 4.2.0000 x"},
      {450, "4.2.0.1 x", "450 4.7.1 4.2.0.1 x"},
      {450, "4.2.0, x", "450 4.7.1 4.2.0, x"},
      {450, " 4.2.0 x", "450 4.7.1  4.2.0 x"},
      {450, "a\r\n250 b", "450 4.7.1 a  250 b"},
  };
  for (const auto& c : cases) {
    char reply[GREYLIST_REPLY_MAX + 1];
    CHECK(greylist_reply(c.code, c.text, reply, sizeof reply) == c.reply.size());
    CHECK(std::string(reply) == c.reply);
  }
  const std::string longest(GREYLIST_TEXT_MAX, 'x');
  char reply[GREYLIST_REPLY_MAX + 1];
  CHECK(greylist_reply(450, longest.c_str(), reply, sizeof reply) == GREYLIST_REPLY_MAX);
  CHECK(std::string(reply) == "450 4.7.1 " + longest);
  CHECK(greylist_reply(450, "Greylisted", reply, 8) == 7);
  CHECK(std::string(reply) == "450 4.7");
}

TEST_CASE("a bad value is logged with what is used instead") {
  const struct {
    Environment environment;
    std::string line;
  } rows[] = {
      {{{"GREYFAIL", "shut"}},
       "bad value of GREYFAIL: shut; it is open or closed, and open is used"},
      {{{"GREYTIMEOUT", "90"}}, "bad value of GREYTIMEOUT: 90; it is 1 to 60, and 3 is used"},
      {{{"GREYMAXDATA", "1k"}},
       "bad value of GREYMAXDATA: 1k; it is 512 to 65507, and 60000 is used"},
      {{{"GREYIP", "a\nb"}}, "bad value of GREYIP: a b; mail is accepted (GREYFAIL=open)"},
      {{{"GREYIP", "x"}, {"GREYFAIL", "closed"}},
       "bad value of GREYIP: x; mail is deferred (GREYFAIL=closed)"},
      {{{"GREYIP", "x"}, {"GREYFAIL", "close"}, {"GREYTIMEOUT", "abc"}, {"GREYMAXDATA", "1"}},
       "bad value of GREYIP: x; mail is accepted (GREYFAIL=open); "
       "bad value of GREYFAIL: close; it is open or closed, and open is used; "
       "bad value of GREYTIMEOUT: abc; it is 1 to 60, and 3 is used; "
       "bad value of GREYMAXDATA: 1; it is 512 to 65507, and 60000 is used"},
      {{{"GREYFAIL", std::string(5000, 'y')}},
       "bad value of GREYFAIL: " + std::string(100, 'y') +
           "; it is open or closed, and open is used"},
  };
  for (const auto& row : rows) {
    set_environment(row.environment);
    greylist_options options;
    const unsigned bad = greylist_options_from_env(&options);
    REQUIRE(bad != 0);
    char line[1000];
    greylist_describe_bad_values(&options, bad, line, sizeof line);
    CHECK(line == row.line);
  }
}

TEST_CASE("greylist_check is a front's whole work") {
  Daemon yes(always(kAccept)), no(always(kDefer));
  Checked checked = check({{"GREYIP", yes.address()}});
  CHECK(checked.code == 0);
  CHECK(checked.text == "untouched");
  CHECK(checked.log == "");

  checked = check({{"GREYIP", no.address()}});
  CHECK(checked.code == 450);
  CHECK(checked.text == "Greylisted: please try again in a few minutes");
  CHECK(checked.log ==
        "test: verdict=defer reason=early client=192.0.2.1 sender=a@example.org "
        "recipients=b@example.net\n");
  CHECK(check({{"GREYIP", no.address()}}, "try again later").text == "try again later");
  CHECK(check({{"GREYIP", no.address()}, {"GREYTEXT", ""}}, "later").text == "later");
  CHECK(check({{"GREYIP", no.address()}, {"GREYTEXT", "own"}}, "later").text == "own");

  for (const Environment& off : {Environment{}, Environment{{"GREYIP", ""}},
                                 Environment{{"GREYIP", no.address()}, {"RELAYCLIENT", ""}},
                                 Environment{{"GREYIP", no.address()}, {"WHITELISTED", "1"}}}) {
    checked = check(off);
    CHECK(checked.code == 0);
    CHECK(checked.log == "");
  }

  check({{"GREYIP", no.address()}, {"TCPREMOTEHOST", "mx.example.org"}}, "try again later");
  no.stop();
  CHECK(no.received().size() == 5);
  CHECK(without_tag(no.received().back()) ==
        "I192.0.2.1\0Fa@example.org\0Tb@example.net\0Nmx.example.org\0X\0\0"s);
}

TEST_CASE(
    "a session is exempt by RELAYCLIENT or WHITELISTED, in the environment that is the front's") {
  const auto exempt = [](const Environment& environment) {
    set_environment(environment);
    return greylist_is_exempt(nullptr) != 0;
  };
  CHECK_FALSE(exempt({}));
  CHECK_FALSE(exempt({{"GREYIP", "@"}, {"TCPREMOTEHOST", "mx.example.org"}}));
  CHECK(exempt({{"RELAYCLIENT", ""}}));
  CHECK(exempt({{"RELAYCLIENT", "@example.org"}}));
  CHECK(exempt({{"WHITELISTED", ""}}));

  static std::string own;
  const auto variable = [](const char* name) { return own == name ? "" : nullptr; };
  for (const char* name : {"RELAYCLIENT", "WHITELISTED"}) {
    own = name;
    set_environment({});
    CHECK(greylist_is_exempt(variable) == 1);
    own = "";
    set_environment({{name, ""}});
    CHECK(greylist_is_exempt(variable) == 0);
  }
}

TEST_CASE("greylist_check asks for the wait when the text names it") {
  const auto answer = [](const std::string& query, int) {
    const bool asked = query.find("\0W\0"s) != std::string::npos;
    return Daemon::Answers{(asked ? "\0\1\0\0\0\x1e"s : kDefer) + tag_of(query)};
  };
  Daemon daemon(answer, AF_INET, 20);
  const Environment asked{{"GREYIP", daemon.address()}};
  CHECK(check(asked).text == "Greylisted: please try again in 30 seconds");
  CHECK(check(asked).log ==
        "test: verdict=defer reason=new client=192.0.2.1 sender=a@example.org "
        "recipients=b@example.net wait=30\n");
  CHECK(check(asked, "later").text == "later");
  CHECK(check(asked, "in %t").text == "in 30 seconds");
}

TEST_CASE("greylist_check says why nobody answered, and what is done") {
  const std::string nowhere = refusing();
  Checked checked = check({{"GREYIP", nowhere}, {"GREYTIMEOUT", "1"}});
  CHECK(checked.code == 0);
  CHECK(checked.log ==
        "test: client=192.0.2.1: no greylisting daemon can be reached: Connection refused: "
        "accepted (GREYFAIL=open)\n");
  checked = check({{"GREYIP", nowhere}, {"GREYTIMEOUT", "1"}, {"GREYFAIL", "closed"}});
  CHECK(checked.code == 451);
  CHECK(checked.text == GREYLIST_TEXT_UNAVAILABLE);
  CHECK(checked.log.ends_with(": deferred (GREYFAIL=closed)\n"));

  checked = check({{"GREYIP", "?"}, {"GREYFAIL", "closed"}});
  CHECK(checked.code == 451);
  CHECK(checked.log == "test: bad value of GREYIP: ?; mail is deferred (GREYFAIL=closed)\n");

  checked = check({{"GREYIP", nowhere}}, nullptr, "unknown\n" + std::string(3000, 'x'));
  CHECK(checked.code == 0);
  CHECK(checked.log == "test: client=unknown " + std::string(92, 'x') +
                           ": not a client address with a sender and a recipient: "
                           "accepted (GREYFAIL=open)\n");
}

TEST_CASE("the old entry answers as greylist(3) says") {
  set_environment({{"GREYTIMEOUT", "1"}});
  Daemon yes(always(kAccept)), no(always(kDefer)), v6(always(kDefer), AF_INET6), mute(silent());
  const std::string nowhere = refusing();
  CHECK(old_entry(yes.address()) == "1");
  CHECK(old_entry(no.address()) == "0");
  CHECK(old_entry(v6.address(), "2001:db8::1") == "0");
  CHECK(old_entry(mute.address()) == "-1t");
  CHECK(old_entry(nowhere) == "-1e");
  CHECK(old_entry(nowhere + "," + no.address()) == "0");
  CHECK(old_entry("nonsense") == "-1e");
  CHECK(old_entry(no.address(), "unknown") == "-1e");
  CHECK(old_entry(no.address(), "192.0.2.1", "") == "-1e");
  CHECK(old_entry(nowhere, "192.0.2.1", "Tb@x\0"s, false) == "-1");
  CHECK(old_entry(mute.address(), "192.0.2.1", "Tb@x\0"s, false) == "-1");
  CHECK(old_entry("") == "1");
  CHECK(greylist(nullptr, nullptr, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  CHECK(greylist(no.address().data(), nullptr, nullptr, nullptr, -1, nullptr, nullptr) == -1);
  no.stop();
  REQUIRE(!no.received().empty());
  CHECK(without_tag(no.received()[0]) == "I192.0.2.1\0Fa@example.org\0Tb@x\0Tc@x\0\0"s);
}

TEST_CASE("the old entry takes every spelling of gip") {
  // What is left out is 127.0.0.1 and 1999: whether somebody listens there is no matter here.
  Daemon no(always(kDefer));
  const std::string port = no.address().substr(10);
  set_environment({{"GREYTIMEOUT", "20"}});
  for (const std::string& gip : {"127.0.0.1@" + port, "127.0.0.1:" + port, "@" + port, ":" + port,
                                 "[::ffff:127.0.0.1]@" + port, "[::ffff:127.0.0.1]:" + port}) {
    CAPTURE(gip);
    CHECK(old_entry(gip) == "0");
  }
}

TEST_CASE("an administrator's GREYFAIL decides before the old entry's functions do") {
  const std::string nowhere = refusing();
  set_environment({{"GREYTIMEOUT", "1"}, {"GREYFAIL", "open"}});
  CHECK(old_entry(nowhere) == "1");
  set_environment({{"GREYTIMEOUT", "1"}, {"GREYFAIL", "closed"}});
  CHECK(old_entry(nowhere) == "0");
  CHECK(old_entry("") == "1");
  set_environment({{"GREYTIMEOUT", "1"}, {"GREYFAIL", "shut"}});
  CHECK(old_entry(nowhere) == "-1e");
}
