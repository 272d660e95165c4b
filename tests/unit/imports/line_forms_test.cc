// What spamdb, postgrey, qmail-smtpd's log, and our own and greydaemon's files say.
#include <doctest/doctest.h>

#include <vector>

#include "greyd/imports/multilog_reader.h"
#include "tests/unit/imports/read_items.h"

using namespace grey;
using namespace grey::imports;
using namespace grey::imports::testing;
using namespace std::string_literals;

namespace {

struct Case {
  std::string text, lines, error;
};
void check(Form form, const std::vector<Case>& table) {
  for (const auto& [text, lines, error] : table) {
    CAPTURE(text);
    const Read result = read(form, text);
    CHECK(result.lines == lines);
    CHECK(result.error == error);
  }
}

}  // namespace

// ---- spamdb ------------------------------------------------------------------------------------

TEST_CASE("spamdb's output: triplets, known clients and blocks") {
  const std::string text = sample("spamdb.txt");
  CHECK(form_of(text) == Form::spamdb);
  const std::string expected =
      "1 known 192.0.2.1 seen=1795682600 ends=1798793000\n"
      "2 waiting 192.0.2.2 a@b.example joe@example.net seen=1795682000 ends=1795697000\n"
      "3 waiting 192.0.2.3 <> joe@example.net seen=1795682001 ends=1795697000\n"
      "4 waiting 192.0.2.4 o|brien@b.example j|oe@example.net seen=1795682002 ends=1795697000\n"
      "5 waiting 2001:db8::4 a@b.example joe@example.net seen=1795682003 ends=1795697000\n"
      "6 waiting 192.0.2.5 a@b.example joe@example.net seen=1795682004 ends=1795697000\n"
      "7 waiting 192.0.2.6 a@b.example joe@example.net seen=1795682005 ends=1795697000\n"
      "8 waiting 192.0.2.7 late@b.example joe@example.net seen=1795582000 ends=1795597000\n"
      "9 listed 203.0.113.1 blocked=never ends=1795769000\n"
      "10 skipped: it is a spam trap\n";
  for (const std::string& way : {text, with_crlf(text)}) {
    const Read result = read(Form::spamdb, way);
    CHECK(result.error == "");
    CHECK(result.lines == expected);
    CHECK(result.sums.blocked == 11);
    CHECK(result.sums.passed == 17);
  }
}

TEST_CASE("what else may be a line of spamdb, and what is none") {
  check(
      Form::spamdb,
      {{"\nWHITE|192.0.2.1|||0007|8|999|0|0\n", "2 known 192.0.2.1 seen=8 ends=999\n", ""},
       {"WHITE|192.0.2.1/24|||1|2|3|0|0\n", "1 skipped: its client is no address\n", ""},
       {"TRAPPED|192.0.2|5\n", "1 skipped: its client is no address\n", ""},
       {"GREY|192.0.2.1|x|<a"s + '\0' + "@b>|<c@d>|1|2|3|0|0\n",
        "1 skipped: it has a text that is no address\n", ""},
       {"WHITE|192.0.2.1||1|2|3|0|0\n", "1 known 192.0.2.1 seen=2 ends=3\n", ""},
       {"WHITE|192.0.2.1|x||1|2|3|0|0\n", "", "FILE:1: is no WHITE line of spamdb"},
       {"WHITE|192.0.2.1|||1|2|3|0\n", "", "FILE:1: is no WHITE line of spamdb"},
       {"WHITE|192.0.2.1|||1|2|x|0|0\n", "", "FILE:1: is no WHITE line of spamdb"},
       {"GREY|192.0.2.1|1|2|3|0|0\n", "", "FILE:1: is no GREY line of spamdb"},
       {"GREY|192.0.2.1|<a@b>|1|2|3|0|0\n", "", "FILE:1: is no GREY line of spamdb"},
       {"TRAPPED|192.0.2.1|\n", "", "FILE:1: is no TRAPPED line of spamdb"},
       {"BLACK|192.0.2.1|5\n", "", "FILE:1: is no line of spamdb"},
       {"TRAPPED|192.0.2.1|5", "", "FILE:1: the last line has no end: the file has been cut"},
       {std::string(70000, '|') + "\n", "", "FILE:1: the line is longer than any of such a file"}});
}

// ---- postgrey ----------------------------------------------------------------------------------

TEST_CASE("postgrey's databases, as db_dump writes them") {
  const std::string text = sample("postgrey.db_dump");
  CHECK(form_of(text) == Form::postgrey);
  const std::string expected =
      "7 waiting 192.0.2.0/24 <> joe@example.net seen=1795680010\n"
      "9 passed 192.0.2.0/24 a@b.example joe@example.net seen=1795680400\n"
      "11 waiting 192.0.2.0/24 back\\slash@b.example caf%C3%A9@example.net seen=1795680012\n"
      "13 waiting 192.0.2.0/24 news-#-x@b.example joe@example.net seen=1795680014\n"
      "15 waiting 192.0.2.0/24 nobody joe@example.net seen=1795680013\n"
      "17 waiting 192.0.2.0/24 x/y@b.example a/b@example.net seen=1795680011\n"
      "19 passed 198.51.100.0/24 a@b.example joe@example.net seen=1795680410\n"
      "21 waiting 2001:db8:1:2::/64 a@b.example joe@example.net seen=1795680000\n"
      "23 passed 203.0.113.0/24 u1@b.example joe@example.net seen=1795690800\n"
      "25 passed 203.0.113.0/24 u2@b.example joe@example.net seen=1795698000\n"
      "27 passed 203.0.113.0/24 u3@b.example joe@example.net seen=1795705200\n"
      "29 passed 203.0.113.0/24 u4@b.example joe@example.net seen=1795712400\n"
      "31 passed 203.0.113.0/24 u5@b.example joe@example.net seen=1795719600\n"
      "39 known 192.0.2.2 seen=1795680400 passes=1\n"
      "41 known 198.51.100.77 seen=1795680410 passes=1\n"
      "43 known 203.0.113.5 seen=1795719600\n";
  for (const std::string& way : {text, with_crlf(text)}) {
    const Read result = read(Form::postgrey, way);
    CHECK(result.error == "");
    CHECK(result.lines == expected);
  }
  CHECK(read(Form::postgrey, sample("postgrey_by_host.db_dump")).lines ==
        "7 passed 192.0.2.1 a@b.example joe@example.net seen=1795680400\n"
        "9 waiting 2001:db8:1:2::3 a@b.example joe@example.net seen=1795680000\n");
  CHECK(read(Form::postgrey, sample("postgrey_privacy.db_dump")).lines ==
        "7 skipped: it is kept as a hash\n");
}

TEST_CASE("a dump of postgrey that is cut or bad is an error, and says where") {
  const std::string head = "VERSION=3\nformat=print\nHEADER=END\n", tail = "DATA=END\n";
  const std::string text = sample("postgrey.db_dump");
  for (std::size_t size = 1; size < text.size(); ++size) {
    if (size == text.find(tail) + tail.size()) continue;  // the first of the two, whole
    CAPTURE(size);
    CHECK(read(Form::postgrey, text.substr(0, size)).error.starts_with("FILE:"));
  }
  check(Form::postgrey,
        {{head + " 192.0.2.1\n 5,1700000000\n" + tail, "5 known 192.0.2.1 seen=1700000000\n", ""},
         {head + " 192.0.2/a@b/c@d\n 1700000000,1700000400,.7\n" + tail,
          "5 passed 192.0.2.7 a@b c@d seen=1700000400\n", ""},
         {head + " 192.0.2/a@b/c@d\n 1700000000,1700000400\n" + tail,
          "5 passed 192.0.2.0/24 a@b c@d seen=1700000400\n", ""},
         {head + " x\n 1,2\n" + tail, "5 skipped: its client is no address\n", ""},
         {head + " x/a@b/c@d\n 1,2\n" + tail, "5 skipped: its client is no address\n", ""},
         {head + " 192.0.2.1/a\\00@b/c@d\n 1,2\n" + tail,
          "5 skipped: it has a text that is no address\n", ""},
         {head + " 192.0.2.1\n 5\n" + tail, "", "FILE:5: is no value of postgrey's"},
         {head + " 192.0.2.1\n 5,-1\n" + tail, "", "FILE:5: is no value of postgrey's"},
         {head + " 192.0.2.1\\0g\n 5,1\n" + tail, "", "FILE:4: is no line of a dump's data"},
         {head + "192.0.2.1\n 5,1\n" + tail, "", "FILE:4: is no line of a dump's data"},
         {head + " 192.0.2.1\n" + tail, "", "FILE:5: is no line of a dump's data"},
         {"VERSION=3\nwhat\n", "", "FILE:2: is no line of a dump's header"},
         {"192.0.2.1\n", "", "FILE:1: is not where a dump begins"}});
}

// ---- qmail-smtpd's log -------------------------------------------------------------------------

TEST_CASE("a log's accepted recipients tell of known clients, among all else in it") {
  DiskDirectory directory = *DiskDirectory::open(TEST_DATA "/data/imports/multilog");
  CHECK(*form_of(directory) == Form::multilog);
  const auto files = multilog_files(directory);
  REQUIRE(files.has_value());
  REQUIRE(files->size() == 2);
  CHECK(files->back() == "current");
  const std::vector<std::string> expected = {
      "4 known 192.0.2.1 * seen=1795704432\n"
      "5 known 192.0.2.1 * seen=1795704432\n"
      "7 known 2001:db8::25 * seen=1795704432\n"
      "8 skipped: it names two clients\n"
      "9 skipped: its client is no address\n",
      "6 known 192.0.2.3 * seen=1795704432\n"};
  for (std::size_t i = 0; i < files->size(); ++i) {
    const std::string text = sample("multilog/" + (*files)[i]);
    CHECK(form_of(text) == Form::multilog);
    const Read result = read(Form::multilog, text);
    CHECK(result.error == "");
    CHECK(result.lines == expected[i]);
    CHECK(result.other_lines == (i == 0 ? 4 : 5));
  }
}

TEST_CASE("the log's stamps, and lines that are nobody's") {
  const std::string at = "@400000006553f10a00000000 ";
  const std::string good = "x: result=accepted code=250 remoteip=192.0.2.1\n";
  CHECK(tai64n_seconds(at) == 1700000000);
  check(Form::multilog,
        {{at + good, "1 known 192.0.2.1 * seen=1700000000\n", ""},
         {at + "result=accepted code=250 remoteip=192.0.2.1 result=rejected\n",
          "1 known 192.0.2.1 * seen=1700000000\n", ""},
         {at + "result=rejected result=accepted code=250 remoteip=192.0.2.1\n", "", ""},
         {at + "xresult=accepted code=250 remoteip=192.0.2.1\n", "", ""},
         {at + "result=accepted code=250 xremoteip=192.0.2.1\n", "", ""},
         {good, "", ""},
         {"@400000006553f10a0000000 " + good, "", ""},
         {"@400000006553f10a000000001 " + good, "", ""},
         {"@400000006553F10a00000000 " + good, "", ""},
         {"@000000006553f10a00000000 " + good, "", ""},
         {"@7fffffff6553f10a00000000 " + good, "", ""},
         {at + std::string(70000, 'x') + " " + good + at + good,
          "2 known 192.0.2.1 * seen=1700000000\n", ""},
         {at + good.substr(0, good.size() - 2), "", ""},  // being written
         {at + "result=accepted code=250 remoteip=fe80::1%eth0\n",
          "1 known fe80::1 * seen=1700000000\n", ""}});
}

// ---- our own, IndiMail's, greydaemon's ---------------------------------------------------------

TEST_CASE("an export of json") {
  const std::string text =
      R"({"state":"waiting","client":"192.0.2.1","sender":"a@x.org","recipient":"b@y.net","first_seen":1700000000})"
      "\n"
      R"({"state":"passed","client":"192.0.2.0/24","sender":"","recipient":"b%2Cc@y.net","last_seen":1700000001})"
      "\n"
      R"({"state":"bounce","client":"2001:db8::/64","sender":"<>","recipient":"b@y.net","last_seen":1700000002})"
      "\n"
      R"({"state":"known","client":"2001:db8::1","last_seen":1700000003,"passes":300,"first_seen":5,"x":[{"state":1}]})"
      "\n"
      R"(  {"state":"known","client":"=unknown","last_seen":1700000004})";
  CHECK(form_of(text) == Form::json);
  const Read result = read(Form::json, text);
  CHECK(result.error == "");
  CHECK(result.lines ==
        "1 waiting 192.0.2.1 a@x.org b@y.net seen=1700000000\n"
        "2 passed 192.0.2.0/24 <> b%2Cc@y.net seen=1700000001\n"
        "3 bounce 2001:db8::/64 <> b@y.net seen=1700000002\n"
        "4 known 2001:db8::1 seen=1700000003 passes=255\n"
        "5 known =unknown seen=1700000004\n");
}

TEST_CASE("what is no object of an export is an error with its line") {
  const std::string known = R"({"state":"known","client":"192.0.2.1","last_seen":1})";
  const std::vector<std::pair<std::string, std::string>> table = {
      {"[1]", "is no object of an export"},
      {"1", "is no object of an export"},
      {"{\"state\":\"known\"", "is no object of an export"},
      {known + known, "is no object of an export"},
      {"{}", "has no \"state\", or an unknown one"},
      {R"({"state":"gone","client":"192.0.2.1","last_seen":1})",
       "has no \"state\", or an unknown one"},
      {R"({"state":5,"client":"192.0.2.1","last_seen":1})", "has no \"state\", or an unknown one"},
      {R"({"state":"known","client":"192.0.2.1"})", "has no \"last_seen\""},
      {R"({"state":"known","client":"192.0.2.1","last_seen":-1})", "is no object of an export"},
      {R"({"state":"known","client":"192.0.2.1","last_seen":1e9})", "is no object of an export"},
      {R"({"state":"known","client":"192.0.2.1","last_seen":18446744073709551615})",
       "is no object of an export"},
      {R"({"state":"known","client":"example","last_seen":1})",
       "has no \"client\", or one that is no address"},
      {R"({"state":"waiting","client":"192.0.2.1","recipient":"x","first_seen":1})",
       "has no \"sender\", or a bad one"},
      {R"({"state":"waiting","client":"192.0.2.1","sender":"a b","recipient":"x","first_seen":1})",
       "has no \"sender\", or a bad one"},
      {"{\"state\":\"known\",\"client\":\"192.0.2.1\xff\",\"last_seen\":1}",
       "is no object of an export"},
      {R"({"state":"trapped","client":"192.0.2.1","last_seen":1})",
       "has no \"traps\" from 1 to 255"},
      {R"({"state":"trapped","client":"192.0.2.1","last_seen":1,"traps":0})",
       "has no \"traps\" from 1 to 255"},
      {R"({"state":"trapped","client":"192.0.2.1","last_seen":1,"traps":256})",
       "has no \"traps\" from 1 to 255"},
      {R"({"state":"sent","client":"sent:1.2","sender":"a@1.2","recipient":"b@y","last_seen":1})",
       "has no \"client\", or one that is no address"},
      {std::string(1000, '[') + "{", "is no object of an export"},
      {"{\"x\":" + std::string(60000, '['), "is no object of an export"},
  };
  for (const auto& [text, error] : table) {
    CAPTURE(text);
    const Read result = read(Form::json, known + "\n" + text + "\n" + known + "\n");
    CHECK(result.error == "FILE:2: " + error);
    CHECK(result.lines == "1 known 192.0.2.1 seen=1\n");
  }
}

TEST_CASE("context files and save files come by the readers that the daemon has for them") {
  std::ifstream file(TEST_DATA "/data/indimail-context-all-statuses.bin", std::ios::binary);
  const std::string indimail(std::istreambuf_iterator<char>(file), {});
  CHECK(form_of(indimail) == Form::indimail);
  const Read all = read(Form::indimail, indimail);
  CHECK(all.error == "");
  CHECK(all.lines ==
        "1 waiting 192.0.2.2 s@example.org joe@example.net seen=1795473239\n"
        "2 waiting 192.0.2.3 s@example.org joe@example.net seen=1795518239\n"
        "3 passed 192.0.2.4 s@example.org joe@example.net seen=1795473839\n"
        "4 passed 192.0.2.5 s@example.org joe@example.net seen=1795473939\n"
        "5 waiting 192.0.2.6 <> joe@example.net seen=1795473839\n"
        "6 passed 192.0.2.7 s@example.org joe@example.net seen=1795473839\n"
        "7 passed 192.0.2.7 s@example.org jim@example.net seen=1795473839\n"
        "8 waiting 192.0.2.1 s@example.org joe@example.net seen=1795518339\n"
        "9 waiting 192.0.2.8 s@example.org joe@example.net seen=1795518339\n");
  CHECK(read(Form::indimail, indimail.substr(0, 400)).error == "FILE:7: is no record");

  const std::string greydaemon = sample("greydaemon.save");
  CHECK(form_of(greydaemon) == Form::greydaemon);
  CHECK(read(Form::greydaemon, greydaemon).lines ==
        "1 known 192.0.2.1 seen=1795680000\n"
        "2 waiting 192.0.2.2 a@b.example joe@example.net seen=1795681000\n"
        "3 waiting 2001:db8::2 <> joe@example.net seen=1795681001\n"
        "4 known =unknown seen=1795680001\n");
  CHECK(read(Form::greydaemon, greydaemon + "what\n").error == "FILE:5: is no record");
  CHECK(read(Form::greydaemon, greydaemon + "I 17").error == "FILE:5: is no record");

  const std::string ours =
      "qmail-greyd context 1\nC 1700000000 3 192.0.2.1\nB 1700000001 192.0.2.1 <> b@y.net\n"
      "end 2 ";
  CHECK(form_of(ours) == Form::context);
  CHECK(read(Form::context, ours + "0123456789abcdef\n").error == "FILE: has a wrong checksum");
  CHECK(read(Form::context, "qmail-greyd context 9\nx\n").error == "FILE: is of another version");
  CHECK(read(Form::context, "qmail-greyd context 1\nC 17\n").error.starts_with("FILE"));
}

TEST_CASE("a line that is too long is an error before its end has come") {
  const auto reader = reader_of(Form::spamdb, "FILE", settings(), [](const Item&) {});
  const auto fed = reader->feed(std::string(70000, '|'));
  REQUIRE_FALSE(fed.has_value());
  CHECK(fed.error().text == "FILE:1: the line is longer than any of such a file");
}

TEST_CASE("a log's line that is too long is passed over once, however it comes") {
  const std::string line =
      "@400000006b08467a14b3b0b4 x: result=accepted code=250 remoteip=192.0.2.1\n";
  const std::string text = line + std::string(200000, 'x') + "\n" + line;
  for (const std::size_t piece : {std::size_t{1000}, std::size_t{70000}, std::string::npos}) {
    const Read result = read(Form::multilog, text, piece);
    CHECK(result.other_lines == 1);
    CHECK(result.lines.starts_with("1 known 192.0.2.1"));
    CHECK(result.lines.find("\n3 known 192.0.2.1") != std::string::npos);
  }
}
