#include "greyd/base/log_format.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

using namespace grey;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

std::string line_of(LogFormat format, const Note& note) {
  std::string out;
  append_note(out, format, note);
  return out;
}

}  // namespace

TEST_CASE("a note has its line in each format") {
  const struct {
    Note note;
    std::string_view plain, logfmt, json;
  } rows[] = {
      {{Priority::info, "lists reloaded, 3 entries"},
       "info: lists reloaded, 3 entries\n",
       "level=info message=\"lists reloaded, 3 entries\"\n",
       R"({"level":"info","message":"lists reloaded, 3 entries"})"
       "\n"},
      {{Priority::warning, R"(/a "b\c: 100%)"},
       R"(warning: /a "b\c: 100%)"
       "\n",
       R"(level=warning message="/a \"b\\c: 100%")"
       "\n",
       R"({"level":"warning","message":"/a \"b\\c: 100%"})"
       "\n"},
      {{Priority::error, "\xc3\xa4\n\x7f\t"sv},
       "error: \xc3\xa4%0A%7F%09\n",
       "level=error message=\"%C3%A4%0A%7F%09\"\n",
       R"({"level":"error","message":"%C3%A4%0A%7F%09"})"
       "\n"},
      {{Priority::critical, "unknown user: x", "qmail-greyd"},
       "qmail-greyd: fatal: unknown user: x\n",
       "level=fatal program=\"qmail-greyd\" message=\"unknown user: x\"\n",
       R"({"level":"fatal","program":"qmail-greyd","message":"unknown user: x"})"
       "\n"},
      {{Priority::info, ""},
       "info: \n",
       "level=info message=\"\"\n",
       R"({"level":"info","message":""})"
       "\n"},
  };
  for (const auto& row : rows) {
    CHECK(line_of(LogFormat::plain, row.note) == row.plain);
    CHECK(line_of(LogFormat::logfmt, row.note) == row.logfmt);
    CHECK(line_of(LogFormat::json, row.note) == row.json);
  }
}

TEST_CASE("whatever a note's text is, its line in logfmt and JSON is one of ASCII") {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::size_t i = random() % 30; i > 0; --i) text += char(random() % 256);
    for (const LogFormat format : {LogFormat::logfmt, LogFormat::json}) {
      const std::string line = line_of(format, {Priority::error, text});
      CHECK(line.find('\n') == line.size() - 1);
      CHECK(std::all_of(line.begin(), line.end() - 1, [](char c) { return c >= ' ' && c < 0x7f; }));
      if (format == LogFormat::json) CHECK(nlohmann::json::parse(line)["level"] == "error");
    }
  }
}

TEST_CASE("whatever a note's text is, its line in plain is one") {
  std::string all;
  for (int octet = 0; octet < 256; ++octet) all += char(octet);
  const std::string line = line_of(LogFormat::plain, {Priority::error, all});
  CHECK(line.find('\n') == line.size() - 1);
  CHECK(std::none_of(line.begin(), line.end() - 1,
                     [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }));
}

TEST_CASE("a note is never longer than PIPE_BUF, or a slow reader could get half of one") {
  for (const LogFormat format : {LogFormat::logfmt, LogFormat::json}) {
    const std::string program(255, '\x01');  // as long as a file's name
    std::string line = line_of(format, {Priority::critical, std::string(100'000, '\x01'), program});
    CHECK(line.size() < 4096);
    CHECK(line.find("%01...\"") != std::string::npos);
    line = line_of(format, {Priority::error, std::string(kShownOfNote, 'x')});
    CHECK(line.find("...") == std::string::npos);
  }
}

TEST_CASE("a note is read back from each format") {
  const Note notes[] = {{Priority::info, "lists reloaded, 3 entries"},
                        {Priority::warning, R"(12 "log" lines \ dropped)"},
                        {Priority::error, ""},
                        {Priority::critical, "no [x]: \"here\"", "qmail-greyd"}};
  for (const LogFormat format : {LogFormat::plain, LogFormat::logfmt, LogFormat::json}) {
    for (const Note& note : notes) {
      std::string line = line_of(format, note), storage;
      line.pop_back();
      CAPTURE(line);
      const auto read = read_note(line, storage);
      REQUIRE(read);
      CHECK(read->priority == note.priority);
      CHECK(read->text == note.text);
      CHECK(read->program == note.program);
      CHECK(is_ordinary(line) == (note.priority != Priority::critical));
      // Half of one is none; of plain text nobody can tell.
      if (format == LogFormat::plain) continue;
      for (std::size_t size = 0; size < line.size(); ++size) {
        CHECK_FALSE(read_note(line.substr(0, size), storage));
      }
      CHECK_FALSE(read_note(line + "x", storage));
    }
  }
}

TEST_CASE("what a program that is well says besides notes is told from what is not its own") {
  for (const char* line : {"verdict=defer reason=new", "level=info verdict=defer",
                           "info: ", R"({"level":"info","verdict":"defer"})"}) {
    CHECK_MESSAGE(is_ordinary(line), line);
  }
  for (const char* line : {"", "softlimit: fatal: x", "multilog: warning: x", "level=", "{",
                           R"({"level":"fatal","program":"x","message":"y"})", "Killed"}) {
    CHECK_MESSAGE(!is_ordinary(line), line);
  }
}
