// Whom ours have written to, of the logs of qmail-send and Postfix.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "greyd/imports/judge.h"
#include "greyd/imports/sent_log_reader.h"
#include "greyd/state/record_text.h"

using namespace grey;
using namespace grey::imports;
using namespace std::string_literals;

namespace {

constexpr Seconds kNow = 1'764'240'000;  // 2025-11-27 10:40:00 UTC

// A host at UTC.
Settings settings() {
  Settings of;
  of.now = kNow;
  of.local = [](const CivilTime& time) { return to_seconds(time, {0, nullptr}); };
  return of;
}

// "SECONDS THEIRS OURS" of each.
std::vector<std::string> sent_in(Form form, const std::string& text) {
  std::vector<std::string> sent;
  Policy policy;
  policy.replies = Seconds{3650} * 86400;
  const auto reader = reader_of(form, "LOG", settings(), [&](const Item& item) {
    const Judged judged = judge(item, policy, kNow);
    const auto* const record = std::get_if<SavedRecord>(&judged);
    REQUIRE(record != nullptr);
    CHECK(is_possible(*record));
    CHECK(record->record_class == RecordClass::sent);
    sent.push_back(std::to_string(record->seen) + " " + std::string(record->sender) + " " +
                   std::string(record->recipient));
  });
  // In pieces: a log may be cut anywhere.
  for (std::size_t at = 0; at < text.size(); at += 7) {
    REQUIRE(reader->feed(std::string_view(text).substr(at, 7)));
  }
  REQUIRE(reader->finish());
  return sent;
}

using List = std::vector<std::string>;

// 1764237600 as TAI64N, and the second after it.
const std::string kAt = "@4000000069282129", kNano = "0f1e2d3c ";

std::string tai(unsigned second) {
  constexpr char kHex[] = "0123456789abcdef";
  std::uint64_t label = (std::uint64_t{1} << 62) + 10 + 1764237600 + second;
  std::string digits(16, '0');
  for (std::size_t i = 16; i-- > 0; label >>= 4) digits[i] = kHex[label & 15];
  return "@" + digits + kNano;
}

}  // namespace

TEST_CASE("qmail-send's log says whom a message went to, and when") {
  const std::string log =
      tai(0) + "new msg 93869\n" + tai(0) +
      "info msg 93869: bytes 2343 from <joe@here.example> qp 18695 uid 49491\n" + tai(0) +
      "starting delivery 2392: msg 93869 to remote ann@there.example\n" + tai(0) +
      "starting delivery 2393: msg 93869 to local joe@here.example\n" + tai(0) +
      "starting delivery 2394: msg 93869 to remote Bob@There.example\n" + tai(0) +
      "status: local 1/10 remote 2/20\n" + tai(1) +
      "delivery 2392: success: 192.0.2.1_accepted_message./Remote_host_said:_250_ok/\n" + tai(1) +
      "delivery 2393: success: did_1+0+0/\n" + tai(2) +
      "delivery 2394: deferral: Connected_to_192.0.2.1_but_greeting_failed./\n" + tai(2) +
      "starting delivery 2395: msg 93869 to remote Bob@There.example\n" + tai(9) +
      "delivery 2395: success: 192.0.2.1_accepted_message./\n" + tai(9) + "end msg 93869\n" +
      tai(9) + "starting delivery 2396: msg 93869 to remote late@there.example\n" + tai(9) +
      "delivery 2396: success: a/\n";
  const List expected = {"1764237601 ann@there.example joe@here.example",
                         "1764237609 Bob@There.example joe@here.example"};
  CHECK(sent_in(Form::qmail_send, log) == expected);
  CHECK(sent_in(Form::any_sent_log, log) == expected);
  CHECK(sent_in(Form::postfix, log).empty());
}

TEST_CASE("splogger's lines are the same behind their stamps") {
  const std::string begin = "Nov 27 10:00:00 mail qmail: ";
  const std::string log =
      begin + "1764237600.101010 info msg 7: bytes 1 from <joe@here.example> qp 1 uid 2\n" + begin +
      "1764237600.202020 starting delivery 1: msg 7 to remote ann@there.example\n" + begin +
      "1764237605.303030 delivery 1: success: ok/\n";
  const List expected = {"1764237605 ann@there.example joe@here.example"};
  CHECK(sent_in(Form::qmail_send, log) == expected);
  CHECK(sent_in(Form::any_sent_log, log) == expected);
}

TEST_CASE("a bounce, an address of no domain, and what a log begins in the midst of say nothing") {
  const std::string log = tai(0) + "info msg 1: bytes 1 from <> qp 1 uid 2\n" + tai(0) +
                          "starting delivery 1: msg 1 to remote ann@there.example\n" + tai(0) +
                          "delivery 1: success: ok/\n" + tai(0) +
                          "info msg 2: bytes 1 from <joe@here.example> qp 1 uid 2\n" + tai(0) +
                          "starting delivery 2: msg 2 to remote ann@localhost\n" + tai(0) +
                          "delivery 2: success: ok/\n" + tai(0) +
                          "starting delivery 5: msg 2 to remote ann@192.0.2.1\n" + tai(0) +
                          "delivery 5: success: ok/\n" + tai(0) +
                          "starting delivery 3: msg 9 to remote ann@there.example\n" + tai(0) +
                          "delivery 3: success: ok/\n" + tai(0) + "delivery 4: success: ok/\n" +
                          tai(0) + "info msg 3: bytes 1 from <a> qp 1 uid 2> qp 3 uid 4\n" +
                          "no stamp: info msg 3: bytes 1 from <joe@here.example> qp 1 uid 2\n";
  CHECK(sent_in(Form::any_sent_log, log).empty());
}

TEST_CASE("Postfix's log says it by queue ID, with either kind of stamp") {
  const std::string log =
      "Nov 27 10:00:00 mail postfix/smtpd[11]: 4F2A1C0: client=pc[10.0.0.5]\n"
      "Nov 27 10:00:00 mail postfix/cleanup[12]: 4F2A1C0: message-id=<x@here.example>\n"
      "Nov 27 10:00:00 mail postfix/qmgr[13]: 4F2A1C0: from=<joe@here.example>, size=99, nrcpt=4 "
      "(queue active)\n"
      "Nov 27 10:00:01 mail postfix/smtp[14]: 4F2A1C0: to=<ann@there.example>, "
      "relay=mx.there.example[192.0.2.1]:25, delay=1, delays=0/0/1/0, dsn=2.0.0, status=sent (250 "
      "ok)\n"
      "2025-11-27T10:00:02.123456+01:00 mail postfix/smtp[14]: 4F2A1C0: to=<bob@there.example>, "
      "orig_to=<bob>, relay=mx.there.example[2001:db8::1]:25, delay=1, dsn=2.0.0, status=sent (250 "
      "ok)\n"
      "2025-11-27T10:00:03Z mail postfix-out/smtp[14]: 4F2A1C0: to=<cid@there.example>, "
      "relay=mx.there.example[192.0.2.1]:587, delay=1, dsn=2.0.0, status=sent (250 ok)\n"
      "Nov 27 10:00:04 mail postfix/smtp[14]: 4F2A1C0: to=<no@there.example>, "
      "relay=mx.there.example[192.0.2.1]:25, delay=1, dsn=4.0.0, status=deferred (451 status=sent "
      ")\n"
      "Nov 27 10:00:04 mail postfix/smtp[14]: 4F2A1C0: to=<filter@there.example>, "
      "relay=127.0.0.1[127.0.0.1]:10024, delay=1, dsn=2.0.0, status=sent (250 ok)\n"
      "Nov 27 10:00:04 mail postfix/lmtp[14]: 4F2A1C0: to=<lmtp@here.example>, "
      "relay=mail[/run/lmtp], delay=1, dsn=2.0.0, status=sent (250 ok)\n"
      "Nov 27 10:00:04 mail postfix/local[14]: 4F2A1C0: to=<local@here.example>, relay=local, "
      "delay=1, dsn=2.0.0, status=sent (delivered)\n"
      "Nov 27 10:00:05 mail postfix/qmgr[13]: 4F2A1C0: removed\n"
      "Nov 27 10:00:06 mail postfix/smtp[14]: 4F2A1C0: to=<late@there.example>, "
      "relay=mx.there.example[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 ok)\n"
      "Nov 27 10:00:06 mail postfix/qmgr[13]: 5F: from=<>, size=1, nrcpt=1 (queue active)\n"
      "Nov 27 10:00:06 mail postfix/smtp[14]: 5F: to=<ann@there.example>, "
      "relay=mx.there.example[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 ok)\n";
  const List expected = {"1764237601 ann@there.example joe@here.example",
                         "1764234002 bob@there.example joe@here.example",
                         "1764237603 cid@there.example joe@here.example"};
  CHECK(sent_in(Form::postfix, log) == expected);
  CHECK(sent_in(Form::any_sent_log, log) == expected);
}

TEST_CASE("a stamp without a year is of the last such time") {
  const auto at = [](const std::string& stamp) {
    const List sent = sent_in(
        Form::postfix,
        "Nov  1 00:00:00 m postfix/qmgr[1]: A: from=<joe@here.example>, size=1, nrcpt=1 (q)\n" +
            stamp +
            " m postfix/smtp[1]: A: to=<ann@there.example>, relay=mx[192.0.2.1]:25, "
            "dsn=2.0.0, status=sent (250)\n");
    return sent.empty() ? "none"s : sent.front().substr(0, sent.front().find(' '));
  };
  CHECK(at("Nov 27 10:39:59") == "1764239999");
  CHECK(at("Nov  7 00:00:00") == "1762473600");
  CHECK(at("Dec 31 23:59:59") == "1735689599");  // of last year
  CHECK(at("Feb 29 12:00:00") == "1709208000");  // of 2024
  for (const char* const bad :
       {"Nov 0 10:00:00", "Nov 32 10:00:00", "Nov 27 24:00:00", "Nov 27 1:00", "Non 27 10:00:00",
        "2025-13-27T10:00:00Z", "2025-11-27 10:00:00"}) {
    CAPTURE(bad);
    CHECK(at(bad) == "none");
  }
}
