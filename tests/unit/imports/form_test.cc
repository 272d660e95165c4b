// Forms by content, texts of addresses and times, and what must hold for each reader.
#include "greyd/imports/form.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <vector>

#include "greyd/imports/civil_time.h"
#include "greyd/imports/line_reader.h"
#include "tests/unit/imports/read_items.h"

using namespace grey;
using namespace grey::imports;
using namespace grey::imports::testing;
using namespace std::string_literals;

namespace {

const std::vector<std::string> kSamples = {
    "mysqldump.sql",           "hex_complete.sql",
    "compact_local.sql",       "both_databases.sql",
    "relaydelay_ansi.sql",     "greylisting_data.batch",
    "greylisting_lists.batch", "relaytofrom.batch",
    "qmail_spp.batch",         "spamdb.txt",
    "greydaemon.save",         "postgrey.db_dump",
    "multilog/current",        "../indimail-context-all-statuses.bin"};

}  // namespace

TEST_CASE("forms have names") {
  for (std::size_t i = 0; i < kForms; ++i) {
    const auto name = imports::to_string(Form(i));
    CHECK(form_named(name) == Form(i));
  }
  CHECK(form_named("mysqldump") == std::nullopt);
}

TEST_CASE("what a file is, by its beginning") {
  const std::vector<std::pair<std::string, Form>> table = {
      {"qmail-greyd context 1\n", Form::context},
      {"qmail-greyd context 2\n", Form::context},
      {"{\"state\":1}\n", Form::json},
      {"\r\n {\"state\":1}\n", Form::json},
      {"I 1700000000 192.0.2.1\n", Form::greydaemon},
      {"G 1700000000 192.0.2.1 a@b c@d\r\n", Form::greydaemon},
      {"@400000006553f10a00000000 what\n", Form::multilog},
      {"VERSION=3\nformat=print\n", Form::postgrey},
      {"TRAPPED|192.0.2.1|5\n", Form::spamdb},
      {"\xEF\xBB\xBF-- MySQL dump\n", Form::mysql},
      {"--\n-- phpMyAdmin\n", Form::mysql},
      {"/*!40101 SET NAMES utf8 */;\n", Form::mysql},
      {"\n\nINSERT INTO `relaytofrom`", Form::mysql},
      {"rcpt_to\trelay_ip\tmail_from\trecord_expires\n", Form::table},
  };
  for (const auto& [text, form] : table) {
    CAPTURE(text);
    CHECK(form_of(text) == form);
  }
  const std::vector<std::pair<std::string, std::string>> none = {
      {"", "is empty"},
      {"\x1f\x8b\x08", "is compressed: unpack it first"},
      {"BZh91AY", "is compressed: unpack it first"},
      {"\xFF\xFE-\0-\0"s, "is text in UTF-16"},
      {"SQLite format 3\0x"s, "is a database of SQLite, not a dump"},
      {"192.0.2.1\n", "is none of the forms that import reads"},
      {"a\tb\tc\n", "is none of the forms that import reads"},
      {std::string(kSample, '\0'), "is none of the forms that import reads"},
      {std::string(kSample, '/'), "is none of the forms that import reads"},
  };
  for (const auto& [text, why] : none) {
    CAPTURE(text.substr(0, 20));
    CHECK(form_of(text) == std::nullopt);
    CHECK(why_no_form(text) == why);
  }
}

TEST_CASE("a file is the same however its octets come") {
  for (const std::string& name : kSamples) {
    CAPTURE(name);
    const std::string text = sample(name);
    const auto form = form_of(text.substr(0, kSample));
    REQUIRE(form.has_value());
    // As it is, and with something wrong in it.
    for (std::size_t cut : {text.size(), text.size() - 1, text.size() / 2}) {
      const std::string part = text.substr(0, cut);
      const Read whole = read(*form, part);
      if (cut == text.size()) CHECK(whole.error == "");
      // The last newline of a dump says nothing.
      const bool may_be_cut =
          *form == Form::multilog || (*form == Form::mysql && cut == text.size() - 1);
      if (cut < text.size() && !may_be_cut) CHECK(whole.error != "");
      for (const std::size_t piece : {1u, 2u, 3u, 7u, 1000u}) {
        const Read pieces = read(*form, part, piece);
        CHECK(pieces.lines == whole.lines);
        CHECK(pieces.error == whole.error);
        CHECK(pieces.sums.blocked == whole.sums.blocked);
        CHECK(pieces.other_lines == whole.other_lines);
      }
    }
  }
}

TEST_CASE("a byte order mark before a text is no part of it, and a part of one is no mark") {
  for (const std::string& name : kSamples) {
    CAPTURE(name);
    const std::string text = sample(name);
    const auto form = form_of(text);
    if (name.starts_with("..") || name == "greydaemon.save" || *form == Form::multilog) continue;
    CHECK(form_of("\xEF\xBB\xBF" + text) == form);
    const Read whole = read(*form, text);
    for (const std::size_t piece : {1u, 2u, 3u, 1000u}) {
      const Read marked = read(*form, "\xEF\xBB\xBF" + text, piece);
      CHECK(marked.lines == whole.lines);
      CHECK(marked.error == whole.error);
    }
  }
  for (const std::string& part : {"\xEF"s, "\xEF\xBB"s}) {
    CHECK(read(Form::spamdb, part + "TRAPPED|192.0.2.1|5\n", 1).error ==
          "FILE:1: is no line of spamdb");
    CHECK(read(Form::spamdb, part, 1).error != "");
  }
  CHECK(read(Form::spamdb, "\xEF\xBB\xBF\xEF\xBB\xBF\n", 1).error != "");
  CHECK(read(Form::spamdb, "\xEF\xBB\xBF", 1).error == "");
}

TEST_CASE("no reader wants anything of a text that is of another form") {
  for (const std::string& name : kSamples) {
    const std::string text = sample(name);
    for (std::size_t i = 0; i < kForms; ++i) {
      const auto form = Form(i);
      if (form == form_of(text) || form == Form::jgreylist || form == Form::cqgreylist) continue;
      CAPTURE(name);
      CAPTURE(imports::to_string(form));
      const Read result = read(form, text);
      CHECK(result.lines == "");
      if (form != Form::mysql && form != Form::multilog) CHECK(result.error != "");
    }
  }
}

TEST_CASE("an error stays, and nothing is handed over behind it") {
  std::size_t items = 0;
  const auto reader = reader_of(Form::spamdb, "NAME", settings(), [&](const Item&) { ++items; });
  CHECK_FALSE(reader->feed("what\nSPAMTRAP|x\n").has_value());
  CHECK_FALSE(reader->feed("SPAMTRAP|x\n").has_value());
  CHECK(reader->finish().error().text == "NAME:1: is no line of spamdb");
  CHECK(items == 0);
}

TEST_CASE("what an item is about is printable, and short") {
  Record record;
  record.client = network_of(*Ip::parse("192.0.2.1"));
  record.sender = "a\n@x";
  const std::string recipient(1000, 'r');
  record.recipient = recipient;
  CHECK(describe({{}, record}) == "192.0.2.1 a%0A@x " + std::string(100, 'r') + "...");
  CHECK(describe({{}, Listed{"to:@x.org"}}) == "to:@x.org");
  CHECK(describe({{}, Skip{Reason::stray, {}}}) == "");
  CHECK(describe({{}, Skip{Reason::no_address, "\x1b[2J"}}) == "%1B[2J");
  CHECK(imports::to_string(Place{"dump.sql", 7}) == "dump.sql:7");
}

TEST_CASE("addresses as other programs write them") {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"192.0.2.1", "192.0.2.1/32"},
      {"192.000.002.001", "192.0.2.1/32"},
      {"010.1.2.3", "10.1.2.3/32"},
      {"192.0.2", "192.0.2.0/24"},
      {"192.0.2.", "192.0.2.0/24"},
      {"192.168", "192.168.0.0/16"},
      {"10", "10.0.0.0/8"},
      {"0", "0.0.0.0/8"},
      {"192.0.2.77/24", "192.0.2.0/24"},
      {"2001:db8::1/32", "2001:db8::/32"},
      {"::ffff:192.0.2.1", "192.0.2.1/32"},
      {"2001:db8::1", "2001:db8::1/128"},
  };
  for (const auto& [text, expected] : table) {
    CAPTURE(text);
    const auto network = read_client(text);
    REQUIRE(network.has_value());
    CHECK(to_string(*network) == expected);
  }
  for (const std::string& text : std::vector<std::string>{
           "", ".", "..", "256", "1.2.3.256", "1.2.3.4.5", "1.2.3.4.", "1..2", ".1", "0001",
           "1.2.3.0004", "-1", "+1", "1 ", "1.2.3.4/33", "x", "1.2.3.4/", "::/129"}) {
    CAPTURE(text);
    CHECK(read_client(text) == std::nullopt);
  }
}

TEST_CASE("times of a database, in whatever zone") {
  const LocalTime of_vienna = vienna;
  const Zone utc{0, nullptr}, west{-3600, nullptr}, local{std::nullopt, &of_vienna};
  const std::vector<std::pair<std::string, Seconds>> table = {
      {"1970-01-01 00:00:00", 0},
      {"2026-11-26 09:00:00", 1795683600},
      {"2026-11-26T09:00:00", 1795683600},
      {"2026-11-26 09:00:00.999999", 1795683600},
      {"20261126090000", 1795683600},
      {"2024-02-29 00:00:00", 1709164800},
      {"0000-00-00 00:00:00", 0},
      {"9999-12-31 23:59:59", kNever},
      {"00000000000000", 0},
  };
  for (const auto& [text, seconds] : table) {
    CAPTURE(text);
    const auto time = parse_civil_time(text);
    REQUIRE(time.has_value());
    CHECK(to_seconds(*time, utc) == seconds);
    if (seconds == 0 || seconds == kNever) continue;
    CHECK(to_seconds(*time, west) == seconds + 3600);
    CHECK(to_seconds(*time, local) == seconds - 3600);
  }
  for (const char* const text :
       {"", "2026-11-26", "2026-11-26 9:00:00", "2026-02-29 00:00:00", "2026-13-01 00:00:00",
        "2026-00-01 00:00:00", "2026-11-26 24:00:00", "2026-11-26 00:60:00", "2026-11-26 00:00:00.",
        "2026-11-26 00:00:00 ", "2026-11-26 00:00:00+01", "2026112609000", "2026112609000x",
        "20-6-11-26 09:00:00"}) {
    CAPTURE(text);
    CHECK(parse_civil_time(text) == std::nullopt);
  }
  CHECK(parse_offset("+00:00") == 0);
  CHECK(parse_offset("-03:30") == -12600);
  for (const char* const text : {"", "SYSTEM", "00:00", "+1:00", "+01:60", "+15:00", "+01:00x"}) {
    CHECK(parse_offset(text) == std::nullopt);
  }
}

TEST_CASE("a local time is of this host's zone, in summer and winter") {
  const char* const was = ::getenv("TZ");
  const std::string kept = was ? was : "";
  ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  ::tzset();
  const LocalTime here = host_time();
  const Zone local{std::nullopt, &here};
  CHECK(to_seconds(*parse_civil_time("2026-11-26 10:00:00"), local) == 1795683600);
  CHECK(to_seconds(*parse_civil_time("2026-11-26 10:59:59"), local) == 1795683600 + 3599);
  CHECK(to_seconds(*parse_civil_time("2026-07-26 10:00:00"), local) == 1785052800);
  CHECK(to_seconds(*parse_civil_time("2026-11-26 10:00:01"), local) == 1795683601);
  CHECK(to_seconds(*parse_civil_time("0000-00-00 00:00:00"), local) == 0);
  if (was) {
    ::setenv("TZ", kept.c_str(), 1);
  } else {
    ::unsetenv("TZ");
  }
  ::tzset();
}
