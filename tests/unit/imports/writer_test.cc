// The forms that export writes: what they look like, and that they come back.
#include "greyd/imports/writer.h"

#include <doctest/doctest.h>

#include <ctime>

#include "greyd/control/record_json.h"
#include "tests/unit/imports/random_state.h"
#include "tests/unit/imports/read_items.h"

using namespace grey;
using namespace grey::imports;
using namespace grey::imports::testing;

namespace {

CivilTime utc(Seconds time) {
  const std::time_t seconds = time;
  std::tm tm{};
  ::gmtime_r(&seconds, &tm);
  return {tm.tm_year + 1900,    unsigned(tm.tm_mon + 1), unsigned(tm.tm_mday),
          unsigned(tm.tm_hour), unsigned(tm.tm_min),     unsigned(tm.tm_sec)};
}
Settings reads_utc() {
  Settings settings;
  settings.local = [](const CivilTime& time) { return to_seconds(time, {0, nullptr}); };
  return settings;
}

struct Exported {
  std::string text;
  std::size_t left_out = 0;
};

// Of lines of json, as a daemon answers `list`.
Exported exported(ExportForm form, const std::string& json, const Terms& terms = {}) {
  Exported result;
  const auto writer = writer_of(form, {.terms = terms, .civil = utc});
  writer->begin(result.text);
  const auto reader = reader_of(Form::json, "answer", {}, [&](const Item& item) {
    result.left_out += writer->add(result.text, std::get<imports::Record>(item.what)) ? 0 : 1;
  });
  REQUIRE(reader->feed(json).has_value());
  writer->end(result.text);
  return result;
}

constexpr const char* kFour =
    R"({"state":"waiting","client":"192.0.2.0/24","sender":"<>","recipient":"b@y.net","first_seen":1700000000}
{"state":"bounce","client":"192.0.2.7","sender":"<>","recipient":"b@y.net","last_seen":1700000001}
{"state":"passed","client":"2001:db8::/64","sender":"o'brien@x.org","recipient":"%FF%5Cb@y.net","last_seen":1700000002}
{"state":"known","client":"192.0.2.7","last_seen":1700000003,"passes":2}
)";

std::string behind(const std::string& text, std::string_view what) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.substr(at + what.size());
}

Policy policy_of(unsigned seed) {
  Policy policy;
  policy.ipv4_prefix = seed % 3 == 0 ? 32 : 8 + seed % 24;
  policy.ipv6_prefix = seed % 5 == 0 ? 128 : 48 + seed % 17;
  return policy;
}

}  // namespace

TEST_CASE("the names of --format are those of the forms") {
  for (std::size_t i = 0; i < kExportForms; ++i) {
    CHECK(export_form_named(to_string(ExportForm(i))) == ExportForm(i));
  }
  CHECK_FALSE(export_form_named("mysql"));
  CHECK_FALSE(export_form_named(""));
}

TEST_CASE("csv has a column for each field of json") {
  CHECK(exported(ExportForm::csv, kFour).text ==
        "state,client,sender,recipient,first_seen,last_seen,passes\r\n"
        "waiting,192.0.2.0/24,<>,b@y.net,1700000000,,\r\n"
        "bounce,192.0.2.7,<>,b@y.net,,1700000001,\r\n"
        "passed,2001:db8::/64,o%27brien@x.org,%FF\\b@y.net,,1700000002,\r\n"
        "known,192.0.2.7,,,,1700000003,2\r\n");
}

TEST_CASE("no cell of csv is a formula, or ends early, whatever a sender calls itself") {
  for (const std::string sender :
       {"=cmd|'/C calc'!A0", "+1+1@x.org", "-2@x.org", "@sum(1)", "\t=1@x.org", "\r\n=1@x.org",
        "a\"b,=1@x.org", "a;=1@x.org", "a|=1@x.org", "%3D1@x.org"}) {
    CAPTURE(sender);
    std::string json;
    SavedRecord record;
    record.seen = 7;
    record.client = Client::named("cmd");
    record.sender = record.recipient = sender;
    append_record_json(json, record, {});
    const std::string line =
        behind(exported(ExportForm::csv, json).text, "last_seen,passes\r\nwaiting,");
    std::vector<std::string> cells;
    for (std::size_t at = 0, end; (end = line.find(',', at)) != std::string::npos; at = end + 1) {
      cells.push_back(line.substr(at, end - at));
    }
    REQUIRE(cells.size() == 5);
    CHECK(cells[0] == "%3Dcmd");
    CHECK(cells[1] == cells[2]);
    CHECK(cells[3] == "7");
    CHECK(std::string_view("=+-@").find(cells[1].front()) == std::string_view::npos);
    CHECK(cells[1].find_first_of("\"';|\t\r\n ") == std::string::npos);
    CHECK(line.find("\r\n") == line.size() - 2);
    // Each octet is there still, for who undoes %XX.
    std::string octets;
    for (std::size_t i = 0; i < cells[1].size(); ++i) {
      if (cells[1][i] != '%') {
        octets += cells[1][i];
        continue;
      }
      octets += char(std::stoi(cells[1].substr(i + 1, 2), nullptr, 16));
      i += 2;
    }
    CHECK(octets == sender);
  }
}

TEST_CASE("relaytofrom has a row for each record that has a place there") {
  const Exported sql = exported(
      ExportForm::relaytofrom,
      std::string(kFour) + R"({"state":"known","client":"192.0.2.8","last_seen":1,"passes":1}
{"state":"waiting","client":"=unknown","sender":"a","recipient":"b","first_seen":1}
)",
      Terms{.client_passes = 2});
  CHECK(behind(sql.text, "VALUES\n") ==
        "('192.0.2','<>','<b@y.net>','2023-11-14 22:18:20','2023-11-15 10:13:20',"
        "1,0,'AUTO','2023-11-14 22:13:20','2023-11-14 22:13:20'),\n"
        "('192.0.2.7','<>','<b@y.net>','2023-11-14 22:13:21','2023-11-15 04:13:21',"
        "0,0,'AUTO','2023-11-14 22:13:21','2023-11-14 22:13:21'),\n"
        "('2001:db8::/64',x'3C6F27627269656E40782E6F72673E',x'3CFF5C6240792E6E65743E',"
        "'2023-11-14 22:13:22','2023-12-20 22:13:22',1,1,'AUTO','2023-11-14 22:13:22','2023-11-14 "
        "22:13:22'),\n"
        "('192.0.2.7',NULL,NULL,'2023-11-14 22:13:23','2023-11-21 22:13:23',"
        "0,0,'MANUAL','2023-11-14 22:13:23','2023-11-14 22:13:23');\n"
        "COMMIT;\n"
        "-- Dump completed\n");
  CHECK(sql.left_out == 2);  // one that is not known yet, and one without an address
  const Read read = testing::read(Form::mysql, sql.text, std::string::npos, reads_utc());
  CHECK(read.error == "");
  CHECK(read.lines.find("listed 192.0.2.7 blocked=1700000003 ends=1700604803 made=1700000003\n") !=
        std::string::npos);
}

TEST_CASE("a dump of MariaDB that has loaded it comes back as the same triplets") {
  const Read read = testing::read(Form::mysql, sample("relaytofrom_of_export.sql"),
                                  std::string::npos, reads_utc());
  CHECK(read.error == "");
  CHECK(read.sums.blocked == 4);
  CHECK(read.sums.passed == 1);
  std::string lines = read.lines;
  for (std::size_t at = 0; at != std::string::npos && at < lines.size();) {
    lines.erase(at, lines.find(' ', at) + 1 - at);  // the line's number
    at = lines.find('\n', at) + 1;
  }
  CHECK(lines ==
        "waiting 192.0.2.1 o'brien@x.example b@y.example seen=1700000001 ends=1700043201\n"
        "waiting 192.0.2.7 <> b@y.example seen=1700000002 ends=1700043202\n"
        "waiting 192.0.2.8 %FF%C3%BC%01%0A\\@x.example b@y.example seen=1700000003 "
        "ends=1700043203\n"
        "passed 2001:db8::/64 a@x.example b@y.example seen=1700000000 ends=1703110400\n"
        "listed 192.0.2.9 blocked=1700000000 ends=1700604800 made=1700000000\n");
}

TEST_CASE("a network of whole octets is these octets") {
  const auto ip = [](const std::string& client) {
    const std::string sql =
        exported(ExportForm::relaytofrom, R"({"state":"waiting","client":")" + client +
                                              R"(","sender":"a","recipient":"b","first_seen":1}
)")
            .text;
    const std::string row = behind(sql, "VALUES\n('");
    return row.substr(0, row.find('\''));
  };
  CHECK(ip("192.0.2.1") == "192.0.2.1");
  CHECK(ip("192.0.2.0/24") == "192.0.2");
  CHECK(ip("192.0.0.0/16") == "192.0");
  CHECK(ip("192.0.0.0/8") == "192");
  CHECK(ip("192.0.0.0/20") == "192.0.0.0/20");
  CHECK(ip("0.0.0.0/0") == "0.0.0.0/0");
  CHECK(ip("2001:db8::1") == "2001:db8::1");
}

TEST_CASE("no records at all are an export, too") {
  for (const ExportForm form : {ExportForm::csv, ExportForm::context, ExportForm::relaytofrom}) {
    CAPTURE(to_string(form));
    const Exported none = exported(form, "");
    CHECK(none.text.ends_with('\n'));
    CHECK(none.text.find("INSERT") == std::string::npos);
  }
  CHECK(exported(ExportForm::greydaemon, "").text.empty());
}

TEST_CASE("what has been cut is bad for import: a context file, a statement, a transaction") {
  Greylist greylist({}, 2000, HashKey{});
  fill(greylist, 7);
  std::string json;
  greylist.for_each([&](const SavedRecord& record) { append_record_json(json, record, {}); });
  for (const auto& [form, read_as] : {std::pair{ExportForm::context, Form::context},
                                      std::pair{ExportForm::relaytofrom, Form::mysql}}) {
    const std::string text = exported(form, json).text;
    CHECK(read(read_as, text).error == "");
    for (std::size_t size = 100; size < text.size() - 1; size += 97) {
      CAPTURE(text.substr(size - 20, 20));
      CHECK(read(read_as, text.substr(0, size)).error != "");
    }
  }
}

TEST_CASE("context comes back as the state that it is of, by way of json") {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    const Policy policy = policy_of(seed);
    Greylist greylist(policy, 1000, HashKey{});
    fill(greylist, seed);
    std::string json;
    greylist.for_each([&](const SavedRecord& record) { append_record_json(json, record, policy); });
    const std::string text = exported(ExportForm::context, json, policy).text;
    CHECK(form_of(text) == Form::context);
    CHECK(taken_from(Form::context, text, policy) == lines_of(greylist));
  }
}

TEST_CASE("greydaemon's form comes back under its rules") {
  Policy policy;
  policy.personality = Personality::greydaemon;
  policy.ipv6_prefix = 128;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Greylist greylist(policy, 1000, HashKey{});
    std::mt19937 random(seed);
    for (unsigned i = 0; i < 200; ++i) {
      SavedRecord record;
      record.seen = kNow - Seconds(random() % 20000);
      record.client = Ip::from_v4(0xc0000200 + std::uint32_t(random() % 100));
      if (random() % 5 == 0) record.client = Client::named("un known");
      if (random() % 2 == 0) {
        record.record_class = RecordClass::client;
        record.passes = 1;
      } else {
        record.sender = random() % 3 == 0 ? "" : "a<b>@x.org";
        record.recipient = random() % 2 == 0 ? "b@y.net" : "\xff,%41@y.net";
      }
      greylist.restore(record, kNow);
    }
    std::string json;
    greylist.for_each([&](const SavedRecord& record) { append_record_json(json, record, policy); });
    const std::string text = exported(ExportForm::greydaemon, json, policy).text;
    CHECK(form_of(text) == Form::greydaemon);
    CHECK(taken_from(Form::greydaemon, text, policy) == lines_of(greylist));
  }
}

TEST_CASE("what waits and what has passed comes back by relaytofrom") {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    const Policy policy = policy_of(seed);
    Greylist all(policy, 1000, HashKey{}), greylist(policy, 1000, HashKey{});
    fill(all, seed);
    std::string json;
    all.for_each([&](const SavedRecord& record) {
      const bool waits = record.record_class == RecordClass::waiting;
      if (!waits && record.record_class != RecordClass::passed) return;
      greylist.restore(record, kNow);
      append_record_json(json, record, policy);
    });
    const Exported sql = exported(ExportForm::relaytofrom, json, policy);
    CHECK(sql.left_out == 0);
    CHECK(form_of(sql.text) == Form::mysql);
    CHECK(taken_from(Form::mysql, sql.text, policy, reads_utc()) == lines_of(greylist));
  }
}
