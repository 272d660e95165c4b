// Dumps of MySQL: real ones, and what could be in one.
#include <doctest/doctest.h>

#include <vector>

#include "tests/unit/imports/read_items.h"

using namespace grey;
using namespace grey::imports;
using namespace grey::imports::testing;
using namespace std::string_literals;

namespace {

// An insert with its columns' names, so that each case says what it is about.
std::string row(const std::string& values) {
  return "INSERT INTO relaytofrom (relay_ip, mail_from, rcpt_to, create_time, block_expires, "
         "record_expires, passed_count, origin_type) VALUES (" +
         values + ");\n";
}
const std::string kTimes = "'2026-11-26 10:00:00','2026-11-26 11:00:00','2026-11-26 15:00:00'";

std::string error_of(const std::string& text) {
  return read(Form::mysql, text).error;
}

// Without the numbers of their lines.
std::string without_lines(const std::string& lines) {
  std::string result;
  bool number = true;
  for (const char c : lines) {
    if (!number) result += c;
    if (c == ' ') number = false;
    if (c == '\n') number = true;
  }
  return result;
}

// Of entries with the time when they were made.
std::string with_made(const std::string& lines) {
  std::string result;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at);
    result += lines.substr(at, end - at);
    if (lines.compare(at, 6, "listed") == 0) result += " made=1795683600";
    result += '\n';
    at = end + 1;
  }
  return result;
}

const std::string kData =
    "waiting 192.0.2.1 a@b.example joe@example.net seen=1795683600 ends=1795713600\n"
    "passed 192.0.2.39 o'brien@d.example joe@example.net seen=1795683600 ends=1798794000\n"
    "waiting 192.0.0.10 back\\slash\"%09@d.example j%2Co)e;@example.net seen=1795683601 "
    "ends=1795713600\n"
    "waiting 92.13.26.34 <> joe@example.net seen=1795683602 ends=1795713600\n"
    "waiting 2001:db8:: m@b.example joe@example.net seen=1795683603 ends=1795713600\n"
    "waiting 32.1.13.184 cut4@b.example joe@example.net seen=1795683604 ends=1795713600\n"
    "waiting 192.0.0.0 cut2@b.example joe@example.net seen=1795683605 ends=1795713600\n"
    "waiting 2001:db8:1:: cut6@b.example joe@example.net seen=1795683606 ends=1795713600\n"
    "waiting 192.0.2.9 expired@b.example joe@example.net seen=1795165200 ends=1795195200\n"
    "skipped: it names no client\n"
    "skipped: it names no sender or no recipient\n"
    "waiting 192.0.2.11 %C3%BCmlaut@? joe@example.net seen=1795683607 ends=1795713600\n";
const std::string kLists =
    "listed 127.0.0.1 blocked=0 ends=never\n"
    "listed 192.168.1.0/24 blocked=never ends=never\n"
    "listed 2001:db8:85a3::/48 blocked=never ends=1796083200\n"
    "listed to:@example.org blocked=0 ends=never\n"
    "listed 203.0.113.7 blocked=1796169600 ends=1798761599\n"
    "listed to:@example.com blocked=1796169600 ends=1798761599\n"
    "listed 203.0.113.8 blocked=0 ends=1793491200\n"
    "skipped: it names no client\n";
const std::string kRelayToFrom =
    "listed 127.0.0.1 blocked=0 ends=never\n"
    "listed 192.168.0.0/16 blocked=0 ends=never\n"
    "listed 10.0.0.0/8 blocked=0 ends=never\n"
    "listed to:sales@example.net blocked=0 ends=never\n"
    "listed refund@tax.example blocked=0 ends=never\n"
    "listed @spam.example blocked=never ends=never\n"
    "listed @.spam.example blocked=never ends=never\n"
    "listed 65.61.136.0/24 blocked=never ends=never\n"
    "skipped: it names more than one of client, sender and recipient\n"
    "waiting 192.0.2.1 a@b.example joe@example.net seen=1795683600 ends=1795701600\n"
    "passed 192.0.2.2 p@b.example joe@example.net seen=1795683600 ends=1798794000\n"
    "passed 192.0.2.0/24 net@b.example joe@example.net seen=1795683600 ends=1798794000\n"
    "skipped: it names no client\n"
    "waiting 192.0.2.4 <> joe@example.net seen=1795683604 ends=1795701600\n"
    "skipped: its client is no address\n";

}  // namespace

// Those with SET TIME_ZONE have the timestamps in UTC, and the others in the server's own zone; the
// other times are the same in all.
TEST_CASE("a table of one content is read alike from each way to dump it") {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"mysqldump.sql", kData + with_made(kLists)},
      {"hex_complete.sql", kData + with_made(kLists)},
      {"compact_local.sql", kData + with_made(kLists)},
      {"both_databases.sql", kData + with_made(kLists + kRelayToFrom)},
      {"relaydelay_ansi.sql", with_made(kRelayToFrom)},
      {"greylisting_data.batch", kData},
      {"greylisting_lists.batch", with_made(kLists) + kLists},
      {"relaytofrom.batch", with_made(kRelayToFrom)},
  };
  for (const auto& [name, expected] : table) {
    CAPTURE(name);
    const std::string text = sample(name);
    const auto form = form_of(text);
    REQUIRE(form == (name.ends_with(".sql") ? Form::mysql : Form::table));
    for (const std::string& way : {text, with_crlf(text)}) {
      const Read result = read(*form, way);
      CHECK(result.error == "");
      CHECK(without_lines(result.lines) == expected);
    }
  }
  const Read all = read(Form::mysql, sample("both_databases.sql"));
  CHECK(all.sums.counted);
  CHECK(all.sums.blocked == 25);
  CHECK(all.sums.passed == 10);
}

TEST_CASE("a table that qmail-spp's greylisting filled itself") {
  Settings utc;
  utc.local = [](const CivilTime& time) { return to_seconds(time, {0, nullptr}); };
  const Read result = read(Form::table, sample("qmail_spp.batch"), std::string::npos, utc);
  CHECK(result.error == "");
  CHECK(result.lines ==
        "2 waiting 192.0.2.1 a@b.example joe@example.net seen=1795646363 ends=1795676363\n"
        "3 passed 192.0.2.2 p@b.example joe@example.net seen=1795646364 ends=1798756764\n"
        "4 waiting 192.0.2.9 m@b.example joe@example.net seen=1795646364 ends=1795676364\n"
        "5 waiting 2001:db8::5 m@b.example joe@example.net seen=1795646364 ends=1795676364\n"
        "6 waiting 192.0.2.1 <> joe@example.net seen=1795646364 ends=1795676364\n"
        "7 waiting 192.0.2.1 user@d.example joe@example.net seen=1795646364 ends=1795676364\n"
        "8 waiting 192.0.2.1 o'brien@d.example joe@example.net seen=1795646364 ends=1795676364\n");
  CHECK(result.sums.blocked == 9);
  CHECK(result.sums.passed == 1);
}

TEST_CASE("a dump that is cut anywhere but behind its last line is an error, and says where") {
  std::string text = sample("mysqldump.sql");
  REQUIRE(error_of(text) == "");
  for (std::size_t size = text.size() - 3; size > 100; size -= std::min<std::size_t>(size, 7)) {
    CAPTURE(size);
    CHECK(error_of(text.substr(0, size)).starts_with("FILE:"));
  }
  CHECK(error_of(text.substr(0, text.find("joe@example.net") + 3)) ==
        "FILE:80: the dump ends within a string that begins in line 80");
  CHECK(error_of(text.substr(0, text.find("INSERT INTO `greylisting_lists"))) ==
        "FILE:124: the dump has been cut: it has no line '-- Dump completed'");
  CHECK(error_of("INSERT INTO t VALUES (1)") == "FILE:1: the dump ends within a statement");
}

TEST_CASE("what a value can be written as") {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"'192.0.2.1','a@x.org','b@y.net',", "192.0.2.1 a@x.org b@y.net"},
      {"\"192.0.2.1\", \"a@x.org\" ,\n\"b@y.net\",", "192.0.2.1 a@x.org b@y.net"},
      {"_latin1'192.0.2.1',N'a@x.org',_utf8mb4 'b@y.net',", "192.0.2.1 a@x.org b@y.net"},
      {"0x3139322E302E322E31,x'6140782e6f7267',_binary X'6240792E6E6574',",
       "192.0.2.1 a@x.org b@y.net"},
      {"'192.0.2.1','it''s\\'\"@x.org','b\\%\\_\\\\\\t@y.net',",
       "192.0.2.1 it's'\"@x.org b\\%25\\_\\%09@y.net"},
      {"'192.0.2.1','','<>',", "192.0.2.1 <> <>"},
      {"/* a , ' ) */'192.0.2.1', -- ' )\n'a@x.org', # \"\n'b@y.net'/**/,",
       "192.0.2.1 a@x.org b@y.net"},
      {"'010.000.002.001','<A@X.org>','b@y.net',", "10.0.2.1 A@X.org b@y.net"},
      {"'192.0.2.','a@x.org','b@y.net',", "192.0.2.0/24 a@x.org b@y.net"},
      {"'10','a@x.org','b@y.net',", "10.0.0.0/8 a@x.org b@y.net"},
  };
  for (const auto& [values, expected] : table) {
    CAPTURE(values);
    const Read result = read(Form::mysql, row(values + kTimes + ",0007,'AUTO'"));
    CHECK(result.error == "");
    CHECK(without_lines(result.lines) ==
          "passed " + expected + " seen=1795683600 ends=1795701600\n");
    CHECK(result.sums.passed == 7);
  }
}

// MySQL 8 says so where the octets of a string are of no character set.
TEST_CASE("a table of binary addresses without its columns, as mysqldump -t of MySQL 8 has it") {
  const Read result =
      read(Form::mysql,
           "INSERT INTO `greylisting_data` VALUES (1,_binary '\xc0\\0\x02\x01','a@x.org','b@y.net',"
           "'2026-11-26 11:00:00','2026-11-26 15:00:00',2,0,0,'2026-11-26 10:00:00','2026-11-26 "
           "10:00:00'),(2,_binary ' \x01\\r\xb8','a@x.org','b@y.net','2026-11-26 11:00:00',"
           "'2026-11-26 15:00:00',2,0,0,'2026-11-26 10:00:00','2026-11-26 10:00:00');\n"s);
  CHECK(result.error == "");
  CHECK(result.lines ==
        "1 waiting 192.0.2.1 a@x.org b@y.net seen=1795683600 ends=1795705200\n"
        "1 waiting 32.1.13.184 a@x.org b@y.net seen=1795683600 ends=1795705200\n");
}

TEST_CASE("what is skipped, and why") {
  const std::string ok = "'192.0.2.1','a@x.org','b@y.net',";
  const std::vector<std::pair<std::string, std::string>> table = {
      {"NULL,'a@x.org','b@y.net'," + kTimes + ",0,'AUTO'", "it names no client"},
      {"'192.0.2.1',NULL,'b@y.net'," + kTimes + ",0,'AUTO'", "it names no sender or no recipient"},
      {"'192.0.2.1','a@x.org',null," + kTimes + ",0,'AUTO'", "it names no sender or no recipient"},
      {"'192.0.2.256','a@x.org','b@y.net'," + kTimes + ",0,'AUTO'", "its client is no address"},
      {"'','a@x.org','b@y.net'," + kTimes + ",0,'AUTO'", "its client is no address"},
      {"'192.0.2.1','a\\0@x.org','b@y.net'," + kTimes + ",0,'AUTO'",
       "it has a text that is no address"},
      {"'192.0.2.1','" + std::string(70000, 'x') + "','b@y.net'," + kTimes + ",0,'AUTO'",
       "it has a text that is no address"},
      {"NULL,NULL,NULL," + kTimes + ",0,'MANUAL'", "it names no client"},
      {"'192.0.2.1',NULL,'b@y.net'," + kTimes + ",0,'MANUAL'",
       "it names more than one of client, sender and recipient"},
      {"NULL,NULL,'no one'," + kTimes + ",0,'MANUAL'", "no list can have it as an entry"},
      {"NULL,'<>',NULL," + kTimes + ",0,'MANUAL'", "no list can have it as an entry"},
      {"NULL,'x\\n@y.net',NULL," + kTimes + ",0,'MANUAL'", "no list can have it as an entry"},
      {"'all',NULL,NULL," + kTimes + ",0,'MANUAL'", "no list can have it as an entry"},
  };
  for (const auto& [values, expected] : table) {
    CAPTURE(values);
    const Read result = read(Form::mysql, row(values));
    CHECK(result.error == "");
    CHECK(result.lines == "1 skipped: " + expected + "\n");
  }
}

TEST_CASE("what is bad is an error with its line, and nothing behind it is read") {
  const std::string ok = "'192.0.2.1','a@x.org','b@y.net',";
  const std::vector<std::pair<std::string, std::string>> table = {
      {row(ok + "'yesterday'," + kTimes.substr(22) + ",0,'AUTO'"),
       "FILE:2: column 'create_time' has yesterday, which is no time"},
      {row(ok + kTimes + ",'many','AUTO'"),
       "FILE:2: column 'passed_count' has many, which is no number"},
      {row(ok + kTimes + ",-1,'AUTO'"), "FILE:2: column 'passed_count' has -1, which is no number"},
      {row(ok + kTimes + ",0"), "FILE:2: a row has fewer values than the table columns"},
      {row(ok + kTimes + ",0,'AUTO',1"), "FILE:2: a row has more values than the table columns"},
      {row(ok + kTimes + ",0,NOW()"), "FILE:2: unexpected NOW"},
      {row(ok + kTimes + ",0,x'1'"), "FILE:2: unexpected 1"},
      {row(ok + kTimes + ",0,'AUTO' 'x'"), "FILE:2: unexpected x"},
      {"INSERT INTO relaytofrom SELECT * FROM other;\n", "FILE:2: unexpected SELECT"},
      {"INSERT INTO relaytofrom VALUES 1;\n", "FILE:2: unexpected 1"},
      {"INSERT INTO relaytofrom VALUES (1);\n",
       "FILE:2: a row has fewer values than the table columns"},
      {"INSERT INTO relaytofrom (id) VALUES (1);\n",
       "FILE:2: table 'relaytofrom' has no column 'relay_ip'"},
      {"CREATE TABLE relaytofrom (id int,\n relay_ip char(16));\n",
       "FILE:3: table 'relaytofrom' has no column 'mail_from'"},
      {"INSERT INTO relaytofrom;\n", "FILE:2: a statement ends too early"},
  };
  const std::string good = row(ok + kTimes + ",0,'AUTO'");
  for (const auto& [text, expected] : table) {
    CAPTURE(text);
    const Read result = read(Form::mysql, good + text + good);
    CHECK(result.error == expected);
    CHECK(result.lines == "1 waiting 192.0.2.1 a@x.org b@y.net seen=1795683600 ends=1795701600\n");
  }
}

TEST_CASE("which table a row is of") {
  const std::string values =
      "VALUES ('192.0.2.1','a@x.org','b@y.net'," + kTimes + ",0,0,'AUTO');\n";
  const std::string columns =
      "(relay_ip, mail_from, rcpt_to, create_time, block_expires, record_expires, blocked_count, "
      "passed_count, origin_type) ";
  const std::string create =
      "CREATE TABLE IF NOT EXISTS `mail`.`grey list` (`relay_ip` char(16), `mail_from` "
      "varchar(255) DEFAULT 'a,b)', `rcpt_to` varchar(255), create_time datetime NOT NULL, "
      "block_expires datetime, record_expires datetime, blocked_count bigint(20), passed_count "
      "decimal(3,2), `origin_type` enum('MANUAL','AUTO'), PRIMARY KEY (`relay_ip`(8)), KEY x "
      "(mail_from, rcpt_to)) ENGINE=MyISAM;\n";
  const std::vector<std::string> known = {
      "INSERT INTO relaytofrom " + columns + values,
      "insert ignore into RelayToFrom" + columns + values,
      "REPLACE INTO `mail`.`relaytofrom` " + columns + values,
      "INSERT INTO mail.relaytofrom " + columns + values,
      "INSERT INTO `mail`.relaytofrom " + columns + values,
      "INSERT INTO mail.`relaytofrom` " + columns + values,
      "INSERT INTO another " + columns + values,
      create + "INSERT INTO `grey list` " + values,
      create + "INSERT INTO mail.`grey list` " + values,
      "/*!40000 INSERT INTO relaytofrom " + columns + values.substr(0, values.size() - 2) +
          " */;\n",
      "/*M!100100 INSERT INTO relaytofrom " + columns + values.substr(0, values.size() - 2) +
          " */;\n",
  };
  for (const std::string& text : known) {
    CAPTURE(text);
    const Read result = read(Form::mysql, text);
    CHECK(result.error == "");
    CHECK(without_lines(result.lines) ==
          "waiting 192.0.2.1 a@x.org b@y.net seen=1795683600 ends=1795701600\n");
  }
  const std::vector<std::string> unknown = {
      "INSERT INTO another " + values,
      "INSERT INTO another (a, b) VALUES ('" + std::string(100000, 'x') + "', (SELECT 1));\n",
      "-- INSERT INTO relaytofrom " + columns + values,
      "#INSERT INTO relaytofrom " + columns + values,
      "/* INSERT INTO relaytofrom " + columns + values + "*/",
      "/*!999999\\- INSERT INTO relaytofrom " + columns + values + "*/",
      "DELIMITER ;;\nCREATE PROCEDURE p() BEGIN INSERT INTO relaytofrom " + columns + values +
          "END;;\ndelimiter ;\n",
      "UPDATE relaytofrom SET rcpt_to = 'x';\n",
      "CREATE TABLE x LIKE relaytofrom;CREATE VIEW relaytofrom AS SELECT 1;;\n",
  };
  for (const std::string& text : unknown) {
    CAPTURE(text);
    const Read result = read(Form::mysql, text + row("NULL,NULL,NULL," + kTimes + ",0,'AUTO'"));
    CHECK(result.error == "");
    CHECK(without_lines(result.lines) == "skipped: it names no client\n");
  }
}

TEST_CASE("whose time a time is") {
  const std::string times = "'2026-11-26 10:00:00','2026-11-26 11:00:00','2026-11-26 15:00:00'";
  const std::string insert =
      "INSERT INTO t (relay_ip,mail_from,rcpt_to,create_time,block_expires,record_expires,"
      "passed_count) VALUES ('192.0.2.1','a@x.org','b@y.net'," +
      times + ",0);\n";
  const std::string create =
      "CREATE TABLE t (relay_ip binary(4), mail_from text, rcpt_to text, create_time TIMESTAMP, "
      "block_expires datetime, record_expires datetime, passed_count int);\n";
  const Seconds utc = 1795687200;  // of 10 o'clock
  const std::vector<std::pair<std::string, Seconds>> table = {
      {insert, utc - 3600},
      {create + insert, utc - 3600},
      {"SET TIME_ZONE='+00:00';" + insert, utc},
      {"/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;\n/*!40103 SET TIME_ZONE='+00:00' */;\n" +
           create + insert,
       utc},
      {"SET time_zone = \"-03:30\";\n" + create + insert, utc + 3600 * 7 / 2},
      {"SET SQL_MODE='', SESSION time_zone := '+02:00';\n" + create + insert, utc - 7200},
      {"SET TIME_ZONE='+00:00';SET TIME_ZONE='SYSTEM';" + insert, utc - 3600},
      {"SET TIME_ZONE='+00:00';SET TIME_ZONE=@OLD_TIME_ZONE;" + insert, utc - 3600},
  };
  for (const auto& [text, seen] : table) {
    CAPTURE(text);
    CHECK(without_lines(read(Form::mysql, text).lines) ==
          "waiting 192.0.2.1 a@x.org b@y.net seen=" + std::to_string(seen) + " ends=1795705200\n");
  }
}

TEST_CASE("a NUL outside of a text is an error at once, as where a disk has lost the rest") {
  const auto reader = reader_of(Form::mysql, "FILE", settings(), [](const Item&) {});
  REQUIRE(reader->feed("CREATE TABLE `x` (\n"));
  const auto fed = reader->feed(std::string(10, '\0'));
  REQUIRE_FALSE(fed.has_value());
  CHECK(fed.error().text == "FILE:2: has a NUL outside of a text");
}

TEST_CASE("how long a source keeps what has passed can be said: it notes the end alone") {
  const std::string text = sample("relaytofrom.batch");
  const std::string begin = "passed 192.0.2.2 p@b.example joe@example.net seen=";
  Settings ten_days = settings();
  ten_days.good_life = Seconds{10} * 86400;
  // 2027-01-01 10:00:00 in Vienna, less 36 days, and less ten.
  CHECK(read(Form::table, text).lines.find(begin + "1795683600 ") != std::string::npos);
  CHECK(read(Form::table, text, std::string::npos, ten_days).lines.find(begin + "1797930000 ") !=
        std::string::npos);
}
