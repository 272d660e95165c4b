#include "greyd/fronts/mta_request.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/unit/core/decided.h"

using namespace grey;
using namespace std::string_literals;
using namespace std::string_view_literals;
using testing::decided;
using testing::dry_run;
using testing::under_text;
using wire::Reason;

namespace {

using Step = MtaReader::Step;

// What a stream says, a line for each request, and the fault that ended it. `cut`: it arrives in
// two pieces, the first of so many bytes; 0: in pieces of one byte.
std::string read(std::string_view stream, std::size_t cut) {
  MtaReader reader;
  std::string result;
  std::size_t most = 0;
  const auto take = [&](std::string_view piece) {
    // Its own memory: ASan sees an overrun.
    const std::string own(piece);
    std::string_view bytes = own;
    for (;;) {
      const Step step = reader.next(bytes);
      most = std::max(most, reader.memory());
      if (step == Step::more) break;
      if (step == Step::fault) return;
      wire::Query query;
      const MtaTopic topic = to_query(reader.request(), query);
      result += topic == MtaTopic::decide       ? "decide"
                : topic == MtaTopic::no_opinion ? "no-opinion"
                : topic == MtaTopic::no_client  ? "no-client"
                : topic == MtaTopic::sent       ? "sent"
                                                : "bad-client";
      if (topic != MtaTopic::decide) {
        result += '\n';
        continue;
      }
      result += " " + to_string(query.client) + " <" + std::string(query.sender) + ">";
      for (const auto recipient : query.recipients) result += " <" + std::string(recipient) + ">";
      result += " name=" + std::string(query.client_name);
      if (query.helo) result += " helo=" + std::string(*query.helo);
      result += " instance=" + std::string(reader.request().get(Attribute::instance)) + "\n";
    }
  };
  if (cut == 0) {
    for (std::size_t i = 0; i < stream.size(); ++i) take(stream.substr(i, 1));
  } else {
    take(stream.substr(0, cut));
    take(stream.substr(std::min(cut, stream.size())));
  }
  CHECK(most < 4 * MtaReader::kMaxRequest);
  if (reader.fault() == MtaFault::none) return result;
  result += to_string(reader.fault());
  if (reader.form()) result += reader.form() == MtaForm::line ? " (line)" : " (postfix)";
  return result;
}

constexpr std::string_view kFull =
    "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
    "client_address=2001:db8::1\nclient_name=mx.example.org\nreverse_client_name=mx.example.org\n"
    "helo_name=mx\nsender=joe@example.org\nrecipient=ann@example.net\nrecipient_count=0\n"
    "queue_id=\ninstance=4af.1\nsize=100\nsasl_method=\nsasl_username=\nsasl_sender=\n\n"sv;
constexpr std::string_view kFullSays =
    "decide 2001:db8::1 <joe@example.org> <ann@example.net> name=mx.example.org helo=mx instance=4af.1\n"sv;

std::string postfix(std::string_view attributes) {
  return "request=smtpd_access_policy\n" + std::string(attributes) + "\n";
}

// A request before a fault.
const std::string kFullText = std::string(kFull);
constexpr std::size_t kTooMuch = MtaReader::kMaxRequest;

// With a backslash before each byte.
std::string quoted_twice(const std::string& bytes) {
  std::string quoted;
  for (const char c : bytes) quoted.append(1, '\\').append(1, c);
  return quoted;
}

}  // namespace

TEST_CASE("a stream is read the same however it is cut") {
  const std::string streams[] = {
      std::string(kFull),
      std::string(kFull) + "check 192.0.2.1 \"a b\" c \"\"\n" + std::string(kFull) +
          "check 1 2 3\n",
      "x=" + std::string(5000, 'y') + "\n" + std::string(kFull) + "\n",
      "request=smtpd_access_policy\r\nclient_address=192.0.2.1\r\nrecipient=b\r\n\r\nrequest="
      "other\n\n",
      "check 192.0.2.1 a b\ncheck 192.0.2.1 a\n",
  };
  const std::string_view says[] = {
      kFullSays,
      "",
      kFullSays,
      "decide 192.0.2.1 <> <b> name= instance=\nbad-request (postfix)",
      "decide 192.0.2.1 <a> <b> name= instance=\nbad-line (line)",
  };
  for (std::size_t i = 0; i < std::size(streams); ++i) {
    const std::string whole = read(streams[i], streams[i].size());
    CHECK(whole.substr(0, says[i].size()) == says[i]);
    CHECK(read(streams[i], 0) == whole);
    for (std::size_t cut = 1; cut < streams[i].size(); ++cut) {
      CAPTURE(i);
      CAPTURE(cut);
      REQUIRE(read(streams[i], cut) == whole);
    }
  }
  CHECK(read(streams[1], 10) == std::string(kFullSays) +
                                    "decide 192.0.2.1 <a b> <c> name= instance=\n" +
                                    std::string(kFullSays) + "bad-client\n");
}

TEST_CASE("requests that are about one recipient are decided") {
  const struct {
    std::string_view attributes;
    std::string_view says;
  } rows[] = {
      {"client_address=192.0.2.1\nrecipient=b\nprotocol_state=RCPT\n", "decide 192.0.2.1 <> <b>"},
      {"client_address=192.0.2.1\nsender=a\nrecipient=b\n", "decide 192.0.2.1 <a> <b>"},
      {"client_address=::ffff:192.0.2.1\nrecipient=b\n", "decide 192.0.2.1 <> <b>"},
      {"client_address=192.0.2.1\nrecipient=b\nprotocol_state=DATA\n", "decide 192.0.2.1"},
      {"client_address=192.0.2.1\nrecipient=b\nprotocol_state=END-OF-MESSAGE\n", "decide"},
      {"client_address=192.0.2.1\nsender=a\nrecipient=\nprotocol_state=DATA\n", "no-opinion"},
      {"client_address=192.0.2.1\nsender=a\nprotocol_state=END-OF-MESSAGE\n", "no-opinion"},
      {"client_address=192.0.2.1\nrecipient=\nprotocol_state=RCPT\n", "no-opinion"},
      {"client_address=192.0.2.1\nrecipient=b\nprotocol_state=VRFY\n", "no-opinion"},
      {"client_address=192.0.2.1\nsender=a\nprotocol_state=MAIL\n", "no-opinion"},
      {"client_address=192.0.2.1\nprotocol_state=CONNECT\n", "no-opinion"},
      {"client_address=192.0.2.1\nrecipient=b\nsasl_username=ann\n", "no-opinion"},
      {"client_address=192.0.2.1\nsender=a\nrecipient=b\nsasl_username=ann\n", "sent"},
      {"sender=a\nrecipient=b\nsasl_username=ann\nprotocol_state=RCPT\n", "sent"},
      {"sender=a\nrecipient=b\nsasl_username=ann\nprotocol_state=DATA\n", "no-opinion"},
      {"sender=a\nrecipient=\nsasl_username=ann\nprotocol_state=RCPT\n", "no-opinion"},
      {"client_address=unknown\nrecipient=b\n", "no-client"},
      {"recipient=b\n", "no-client"},
      {"client_address=192.0.2\nrecipient=b\n", "bad-client"},
      {"client_address=%eth0\nrecipient=b\n", "bad-client"},
      {"client_address=fe80::1%eth0\nrecipient=b\n", "decide fe80::1 <> <b>"},
      {"client_address=192.0.2.1\nclient_name=unknown\nrecipient=b\n",
       "decide 192.0.2.1 <> <b> name= "},
      {"client_address=192.0.2.1\nhelo_name=\nrecipient=b\n",
       "decide 192.0.2.1 <> <b> name= helo= instance="},
      {"client_address=192.0.2.1\nrecipient=b\nsender=a=b\n", "decide 192.0.2.1 <a=b> <b>"},
      {"client_address=192.0.2.1\nrecipient=b\nrecipient=c\n", "decide 192.0.2.1 <> <c>"},
      {"sender_x=q\nsende=q\nclient_address=192.0.2.1\nrecipient=b\n", "decide 192.0.2.1 <> <b>"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.attributes);
    CHECK(read(postfix(row.attributes), 7).substr(0, row.says.size()) == row.says);
  }
}

TEST_CASE(
    "a bounce is asked about at DATA where Postfix is told so, and there to whomever it goes") {
  const struct {
    std::string_view attributes;
    std::string_view says;
  } rows[] = {
      {"protocol_state=RCPT\nrecipient=b\n", "decide 192.0.2.1 <> <b>"},
      {"protocol_state=RCPT\nrecipient=b\npolicy_context=bounces-at-data\n", "no-opinion"},
      {"protocol_state=RCPT\nrecipient=b\npolicy_context=other\n", "decide 192.0.2.1 <> <b>"},
      {"protocol_state=RCPT\nsender=a\nrecipient=b\npolicy_context=bounces-at-data\n",
       "decide 192.0.2.1 <a> <b>"},
      {"recipient=b\npolicy_context=bounces-at-data\n", "decide 192.0.2.1 <> <b>"},
      {"protocol_state=DATA\nrecipient=b\npolicy_context=bounces-at-data\n",
       "decide 192.0.2.1 <> <b>"},
      {"protocol_state=DATA\nrecipient=\npolicy_context=bounces-at-data\n",
       "decide 192.0.2.1 <> <>"},
      {"protocol_state=DATA\n", "decide 192.0.2.1 <> <>"},
      {"protocol_state=END-OF-MESSAGE\nrecipient=\n", "decide 192.0.2.1 <> <>"},
      {"protocol_state=MAIL\n", "no-opinion"},
      {"protocol_state=VRFY\nrecipient=b\n", "no-opinion"},
      {"protocol_state=DATA\nsasl_username=ann\n", "no-opinion"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.attributes);
    const std::string request = postfix("client_address=192.0.2.1\n" + std::string(row.attributes));
    CHECK(read(request, 7).substr(0, row.says.size()) == row.says);
  }
}

TEST_CASE("a line request has three to five words, plain or as Exim quotes them") {
  const struct {
    std::string_view line;
    std::string_view says;
  } rows[] = {
      {"check 192.0.2.1 a@x b@y", "decide 192.0.2.1 <a@x> <b@y> name= "},
      {"check 192.0.2.1 a@x b@y mx.x", "decide 192.0.2.1 <a@x> <b@y> name=mx.x "},
      {"check \"2001:db8::1\" \"\" \"b@y\" \"mx.x\"", "decide 2001:db8::1 <> <b@y> name=mx.x "},
      {"check 192.0.2.1 a@x b@y mx.x helo.x",
       "decide 192.0.2.1 <a@x> <b@y> name=mx.x helo=helo.x "},
      {"check 192.0.2.1 a@x b@y mx.x \"\"", "decide 192.0.2.1 <a@x> <b@y> name=mx.x helo= "},
      {"check 192.0.2.1  b@y", "decide 192.0.2.1 <> <b@y> name= "},
      {"check 192.0.2.1 a@x \"\\\"j \\\\ d\\\"@y\" ",
       "decide 192.0.2.1 <a@x> <\"j \\ d\"@y> name= "},
      {"check 192.0.2.1 \"a\\n\\r\" b", "decide 192.0.2.1 <a\n\r> <b> name= "},
      {"check 192.0.2.1 a unknown unknown", "decide 192.0.2.1 <a> <unknown> name=unknown "},
      {"check \"\" a b", "no-client"},
      {"check x a b", "bad-client"},
      {"check unknown a b", "bad-client"},
      {"check 192.0.2.1 a", "bad-line"},
      {"check ", "bad-line"},
      {"check", "bad-line"},
      {"Check 192.0.2.1 a b", "bad-line"},
      {"check 192.0.2.1 a b c d e", "bad-line"},
      {"check 192.0.2.1 \"a b", "bad-line"},
      {"check 192.0.2.1 \"a\\", "bad-line"},
      {"check 192.0.2.1 \"a\"b c", "bad-line"},
      {"check 192.0.2.1 a.\"b c\"@x d", "bad-line"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line);
    CHECK(read(std::string(row.line) + "\n", 3).substr(0, row.says.size()) == row.says);
  }
}

TEST_CASE("what is not a request is named by its fault") {
  const std::string many(40, 'n');
  const struct {
    std::string stream;
    std::string_view says;
  } rows[] = {
      {"\n", "empty"},
      {"\r\n", "empty"},
      {"x\n", "bad-line"},
      {"=x\n", "bad-line"},
      {"HELO mx\n", "bad-line"},
      {"a=b\n\n", "bad-request (postfix)"},
      {"request=smtpd_access\n\n", "bad-request (postfix)"},
      {"a=b\ncheck 192.0.2.1 a b\n", "bad-line (postfix)"},
      {postfix("sender=a\0b\n"s), "bad-byte (postfix)"},
      {"check 192.0.2.1 a\0 b\n"s, "bad-byte (line)"},
      {"check\n", "bad-line (line)"},
      {"CHECK 192.0.2.1 a b\n", "bad-line (line)"},
      {"check\t192.0.2.1 a b\n", "bad-line (line)"},
      {"checks\n", "bad-line"},
      {"check=1\n\n", "bad-request (postfix)"},
      {"checked=1\n\n", "bad-request (postfix)"},
      {kFullText + "checks\n", "bad-line (postfix)"},
      {kFullText + "\n", "empty (postfix)"},
      {kFullText + "check 1\n", "bad-line (line)"},
      {"check 192.0.2.1 a b\nx\n", "bad-line (line)"},
      {"check 192.0.2.1 a " + std::string(kTooMuch, 'x'), "too-long (line)"},
      {"sender=" + std::string(kTooMuch, 'x'), "too-long (postfix)"},
      {postfix("sender=" + std::string(kTooMuch / 2, 'x') +
               "\nrecipient=" + std::string(kTooMuch / 2, 'x') + "\n"),
       "too-long (postfix)"},
      {std::string(1 << 20, 'x'), "bad-line"},
      {"x=" + std::string(1 << 20, 'x'), "too-long (postfix)"},
      {"\xff\xfe\0\n"s, "bad-line"},
  };
  const auto ends_so = [](const std::string& text, std::string_view end) {
    return text.ends_with(end) && (text.size() == end.size() || text.find('\n') != text.npos);
  };
  for (const auto& row : rows) {
    CAPTURE(row.stream.substr(0, 60));
    CHECK(ends_so(read(row.stream, row.stream.size()), row.says));
    CHECK(ends_so(read(row.stream, 0), row.says));
  }
  std::string endless;
  for (int i = 0; i < 10'000; ++i) endless += "name" + std::to_string(i) + "=" + many + "\n";
  CHECK(read(endless, 1000) == "too-long (postfix)");
}

TEST_CASE("two addresses as long as a mail server can have them are read whole") {
  // A command of Exim's has at most 16,384 bytes; quoted, each may be two.
  const std::string half(16'384, '"'), quoted = quoted_twice(half);
  const std::string line =
      "check 192.0.2.1 \"" + quoted + "\" \"" + quoted + "\" \"mx.example.org\"\n";
  const std::string says =
      "decide 192.0.2.1 <" + half + "> <" + half + "> name=mx.example.org instance=\n";
  CHECK(read(line, 0) == says);
  CHECK(read(line + line, 2048) == says + says);
  const std::string stream =
      postfix("client_address=192.0.2.1\nx=" + std::string(30'000, 'x') + "\nsender=" + half +
              "\ny=" + std::string(4094, 'y') + "\nz=" + std::string(4095, 'z') +
              "\nrecipient=" + half + "\n");
  CHECK(read(stream, 0) == "decide 192.0.2.1 <" + half + "> <" + half + "> name= instance=\n");
  CHECK(read(stream, 9000) == read(stream, 0));
}

TEST_CASE("at the end of a stream a line request needs no newline") {
  const struct {
    std::string_view stream;
    Step step;
  } rows[] = {{"check 192.0.2.1 a b", Step::request},
              {"check 192.0.2.1 a", Step::fault},
              {"check 192.0.2.1 a b\n", Step::more},
              {"request=smtpd_access_policy\n", Step::more},
              {"request=smtpd_access_policy\ncheck 192.0.2.1 a b", Step::more},
              {"", Step::more}};
  for (const auto& row : rows) {
    CAPTURE(row.stream);
    MtaReader reader;
    std::string_view bytes = row.stream;
    while (reader.next(bytes) != Step::more) continue;
    CHECK(reader.at_end() == row.step);
  }
}

TEST_CASE("each decision has its answer in both forms") {
  MtaWords words;
  words.server = "qmail-greyd at mx.example.net";
  const struct {
    Decision decision;
    bool header;
    std::string_view postfix, line;
  } rows[] = {
      {decided(Reason::new_triplet, 0), true,
       "DEFER_IF_PERMIT Greylisted: please try again in 5 minutes",
       "verdict=defer reason=new wait=300 text=\"Greylisted: please try again in 5 minutes\""},
      {decided(Reason::early, 1), true, "DEFER_IF_PERMIT Greylisted: please try again in 5 minutes",
       "verdict=defer reason=early wait=299 text=\"Greylisted: please try again in 5 minutes\""},
      {decided(Reason::early, 60), true,
       "DEFER_IF_PERMIT Greylisted: please try again in 4 minutes",
       "verdict=defer reason=early wait=240 text=\"Greylisted: please try again in 4 minutes\""},
      {decided(Reason::early, 299), true,
       "DEFER_IF_PERMIT Greylisted: please try again in 1 second",
       "verdict=defer reason=early wait=1 text=\"Greylisted: please try again in 1 second\""},
      {decided(Reason::stale, 50'000), true,
       "DEFER_IF_PERMIT Greylisted: please try again in 5 minutes",
       "verdict=defer reason=stale wait=300 text=\"Greylisted: please try again in 5 minutes\""},
      {decided(Reason::blacklisted, 0), true,
       "DEFER_IF_PERMIT Greylisted: please try again in a few minutes",
       "verdict=defer reason=blacklisted text=\"Greylisted: please try again in a few minutes\""},
      {decided(Reason::error, 0), true,
       "DEFER_IF_PERMIT Greylisted: please try again in a few minutes",
       "verdict=defer reason=error text=\"Greylisted: please try again in a few minutes\""},
      {decided(Reason::passed, 352), true,
       "PREPEND X-Greylist: delayed 352 seconds by qmail-greyd at mx.example.net",
       "verdict=accept reason=passed delay=352 "
       "header=\"X-Greylist: delayed 352 seconds by qmail-greyd at mx.example.net\""},
      {decided(Reason::passed, 352), false, "DUNNO", "verdict=accept reason=passed"},
      {decided(Reason::bounce, 400), true,
       "PREPEND X-Greylist: delayed 400 seconds by qmail-greyd at mx.example.net",
       "verdict=accept reason=bounce delay=400 "
       "header=\"X-Greylist: delayed 400 seconds by qmail-greyd at mx.example.net\""},
      {decided(Reason::bounce, 0), true, "DUNNO", "verdict=accept reason=bounce"},
      {decided(Reason::known, 9), true, "DUNNO", "verdict=accept reason=known"},
      {decided(Reason::whitelisted, 0), true, "DUNNO", "verdict=accept reason=whitelisted"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line);
    std::string postfix, line;
    append_answer(postfix, MtaForm::postfix, {row.decision}, words, row.header);
    append_answer(line, MtaForm::line, {row.decision}, words, row.header);
    CHECK(postfix == "action=" + std::string(row.postfix) + "\n\n");
    CHECK(line == std::string(row.line) + "\n");
  }
  std::string out;
  append_no_opinion(out, MtaForm::postfix);
  append_no_opinion(out, MtaForm::line);
  CHECK(out == "action=DUNNO\n\nverdict=accept\n");
}

TEST_CASE("what cannot be read has an answer in both forms, and in a dry run one that accepts") {
  std::string out;
  append_fault_answer(out, MtaForm::postfix, "too-long", undecided_under(Policy{}));
  append_fault_answer(out, MtaForm::line, "bad-line", undecided_under(Policy{}));
  CHECK(out ==
        "action=DEFER_IF_PERMIT Greylisting cannot read what it is asked: too-long\n\n"
        "verdict=defer reason=error text=\"Greylisting cannot read what it is asked: bad-line\"\n");
  out.clear();
  append_fault_answer(out, MtaForm::postfix, "too-long", undecided_under(dry_run()));
  append_fault_answer(out, MtaForm::line, "bad-line", undecided_under(dry_run()));
  CHECK(out == "action=DUNNO\n\nverdict=accept reason=error\n");
}

TEST_CASE("Postfix takes a header up to the end of the message, Exim always") {
  MtaReader reader;
  const auto takes = [&](std::string_view bytes) {
    REQUIRE(reader.next(bytes) == MtaReader::Step::request);
    return takes_header(reader.request());
  };
  CHECK(takes("request=smtpd_access_policy\nprotocol_state=RCPT\n\n"));
  CHECK(takes("request=smtpd_access_policy\nprotocol_state=DATA\n\n"));
  CHECK(takes("request=smtpd_access_policy\n\n"));
  CHECK(!takes("request=smtpd_access_policy\nprotocol_state=END-OF-MESSAGE\n\n"));
  CHECK(takes("check 192.0.2.1 a b\n"));
}

TEST_CASE("a dry run accepts whatever was decided") {
  const MtaWords words;
  std::string out;
  append_answer(out, MtaForm::postfix, {decided(Reason::new_triplet, 0, dry_run())}, words, true);
  append_answer(out, MtaForm::line, {decided(Reason::early, 9, dry_run())}, words, true);
  CHECK(out == "action=DUNNO\n\nverdict=accept reason=early\n");
}

TEST_CASE("the deferral text is the operator's") {
  const struct {
    std::string_view text, says;
  } rows[] = {{"See http://x.example/?a=%20 and come back in %t.",
               "See http://x.example/?a=%20 and come back in 2 minutes."},
              {"4.7.1 \"later\\sooner\"", "4.7.1 \"later\\sooner\""},
              {"%t%t%", "2 minutes2 minutes%"}};
  for (const auto& row : rows) {
    CAPTURE(row.text);
    MtaWords words;
    words.deferral = row.text;
    std::string out;
    append_answer(out, MtaForm::postfix, {decided(Reason::early, 180)}, words, true);
    CHECK(out == "action=DEFER_IF_PERMIT " + std::string(row.says) + "\n\n");
  }
  MtaWords words;
  words.deferral = "\"a\\b\"";
  std::string out;
  append_answer(out, MtaForm::line, {decided(Reason::early, 180)}, words, true);
  CHECK(out == "verdict=defer reason=early wait=120 text=\"\\\"a\\\\b\\\"\"\n");
}

TEST_CASE("a rule's text takes the place of the operator's, in both forms") {
  MtaWords words;
  words.deferral = "Greylisted: %t";
  const auto answer = [&](MtaForm form, const Decided& decision) {
    std::string out;
    append_answer(out, form, decision, words, true);
    return out;
  };
  const Decided early = under_text({decided(Reason::early, 180)}, "Ask ann@x.org, or wait %t");
  CHECK(answer(MtaForm::postfix, early) ==
        "action=DEFER_IF_PERMIT Ask ann@x.org, or wait 2 minutes\n\n");
  CHECK(answer(MtaForm::line, early) ==
        "verdict=defer reason=early wait=120 text=\"Ask ann@x.org, or wait 2 minutes\"\n");
  CHECK(answer(MtaForm::line, under_text({decided(Reason::blacklisted)}, "say \"a\\b\", in %t")) ==
        "verdict=defer reason=blacklisted text=\"say \\\"a\\\\b\\\", in a few minutes\"\n");
  // A rule without one, and who is accepted.
  CHECK(answer(MtaForm::postfix, under_text({decided(Reason::early, 180)}, "")) ==
        "action=DEFER_IF_PERMIT Greylisted: 2 minutes\n\n");
  CHECK(answer(MtaForm::postfix, under_text({decided(Reason::known)}, "later")) ==
        "action=DUNNO\n\n");
  CHECK(answer(MtaForm::postfix, under_text({decided(Reason::early, 180, dry_run())}, "later")) ==
        "action=DUNNO\n\n");
}

TEST_CASE("at a socket for submission all who ask tell what they send, in either form") {
  const struct {
    std::string_view stream, ours;
    std::vector<std::string> theirs;
  } rows[] = {
      {"request=smtpd_access_policy\nsender=a\nrecipient=b\n\n", "a", {"b"}},
      {"request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.1\nsender=a\n"
       "recipient=b\n\n",
       "a",
       {"b"}},
      {"request=smtpd_access_policy\nprotocol_state=DATA\nsender=a\nrecipient=b\n\n", "", {}},
      {"request=smtpd_access_policy\nsender=\nrecipient=b\n\n", "", {}},
      {"request=smtpd_access_policy\nsender=a\n\n", "", {}},
      {"check 192.0.2.1 a@x b@y\n", "a@x", {"b@y"}},
      {"check \"\" a@x \"b@y, c@z\"\n", "a@x", {"b@y", "c@z"}},
      {"check 192.0.2.1 \"\" b@y\n", "", {}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.stream);
    MtaReader reader;
    std::string_view bytes = row.stream;
    REQUIRE(reader.next(bytes) == Step::request);
    wire::Query query;
    const MtaTopic topic = to_query(reader.request(), query, true);
    REQUIRE(topic == (row.theirs.empty() ? MtaTopic::no_opinion : MtaTopic::sent));
    if (row.theirs.empty()) continue;
    CHECK(query.sender == row.ours);
    std::vector<std::string> theirs;
    for (const auto one : query.recipients) theirs.emplace_back(one);
    CHECK(theirs == row.theirs);
  }
}
