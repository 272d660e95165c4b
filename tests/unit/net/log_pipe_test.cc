#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "greyd/base/rate_limit.h"
#include "greyd/net/log.h"

using namespace grey;
using namespace std::string_literals;

TEST_CASE("lines come out whole and in order, decisions and messages alike") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  LogPipe pipe(ends[1]);
  const auto logger = make_logger(pipe);
  pipe.line(Priority::info) += "first\n";
  logger->warn("second {}", 2);
  std::string got(100, '\0');
  got.resize(std::size_t(::read(ends[0], got.data(), got.size())));
  CHECK(got == "first\nwarning: second 2\n");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("for the journal each line has its priority, and a text of several is one") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  LogPipe pipe(ends[1], true);
  const auto logger = make_logger(pipe);
  pipe.line(Priority::info) += "verdict=accept\n";
  logger->warn("first\n<0>second");
  logger->error("third");
  logger->info("fourth\n");
  pipe.add(Priority::critical, "fatal: fifth\n");
  pipe.add(Priority::info, "");
  pipe.flush();
  std::string got(300, '\0');
  got.resize(std::size_t(::read(ends[0], got.data(), got.size())));
  CHECK(got ==
        "<6>verdict=accept\n<4>warning: first%0A<0>second\n<3>error: third\n<6>info: fourth\n"
        "<2>fatal: fifth\n<6>\n");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("in JSON each note is one line, with its priority before it where the journal reads") {
  for (const bool journal : {false, true}) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    LogPipe pipe(ends[1], journal);
    pipe.set_format(LogFormat::json);
    const auto logger = make_logger(pipe);
    logger->warn("first\n<0>\"second\"");
    pipe.add_note({Priority::critical, "third", "x"});
    pipe.flush();
    std::string got(300, '\0');
    got.resize(std::size_t(::read(ends[0], got.data(), got.size())));
    const std::string mark[] = {journal ? "<4>" : "", journal ? "<2>" : ""};
    CHECK(got == mark[0] + R"({"level":"warning","message":"first%0A<0>\"second\""})" + "\n" +
                     mark[1] + R"({"level":"fatal","program":"x","message":"third"})" + "\n");
    ::close(ends[0]);
    ::close(ends[1]);
  }
}

TEST_CASE("the journal is where JOURNAL_STREAM says, by device and inode") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  struct stat status {};
  REQUIRE(::fstat(ends[1], &status) == 0);
  const std::string device = std::to_string(status.st_dev), inode = std::to_string(status.st_ino);
  CHECK(is_journal(ends[1], (device + ":" + inode).c_str()));
  CHECK_FALSE(is_journal(ends[1], nullptr));
  for (const std::string& other :
       {""s, ":"s, device, device + ":", ":" + inode, device + ":" + inode + "1",
        "1" + device + ":" + inode, device + ":" + inode + " ", " " + device + ":" + inode,
        device + ":" + inode + ":1", "99999999999999999999:"s + inode, "-1:-1"s}) {
    CHECK_MESSAGE(!is_journal(ends[1], other.c_str()), other);
  }
  ::close(ends[0]);
  ::close(ends[1]);
  CHECK_FALSE(is_journal(ends[1], (device + ":" + inode).c_str()));
}

TEST_CASE("a log reader that stands still costs lines, never time") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  LogPipe pipe(ends[1]);
  for (int i = 0; i < 100'000; ++i) {
    pipe.line(Priority::info) += "line " + std::to_string(i) + "\n";
    if (i % 64 == 0) pipe.flush();
  }
  pipe.flush();
  CHECK(pipe.dropped_lines() > 0);

  // The reader wakes up: what it gets are whole lines, then word of what it has missed.
  std::string got;
  char chunk[65536];
  REQUIRE(::fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
  for (ssize_t n; (n = ::read(ends[0], chunk, sizeof chunk)) > 0;)
    got.append(chunk, std::size_t(n));
  CHECK(got.ends_with('\n'));
  pipe.line(Priority::info) += "again\n";
  pipe.flush();
  const ssize_t n = ::read(ends[0], chunk, sizeof chunk);
  REQUIRE(n > 0);
  CHECK(std::string(chunk, std::size_t(n)) ==
        "warning: " + std::to_string(pipe.dropped_lines()) + " log lines dropped\nagain\n");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("word of the lines that were missed is in the format of the log") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  LogPipe pipe(ends[1]);
  pipe.set_format(LogFormat::json);
  for (int i = 0; i < 100'000; ++i) pipe.line(Priority::info) += "{}\n";
  pipe.flush();
  std::string got;
  char chunk[65536];
  REQUIRE(::fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
  for (ssize_t n; (n = ::read(ends[0], chunk, sizeof chunk)) > 0;)
    got.append(chunk, std::size_t(n));
  pipe.line(Priority::info) += "{}\n";
  pipe.flush();
  const ssize_t n = ::read(ends[0], chunk, sizeof chunk);
  REQUIRE(n > 0);
  CHECK(std::string(chunk, std::size_t(n)) == R"({"level":"warning","message":")" +
                                                  std::to_string(pipe.dropped_lines()) +
                                                  R"( log lines dropped"})" + "\n{}\n");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("a rate limit lets the first event through and counts the rest") {
  RateLimit limit(10);
  CHECK(limit.due(100) == 1);
  for (int i = 0; i < 50; ++i) CHECK(limit.due(105) == 0);
  CHECK(limit.due(110) == 51);
  CHECK(limit.due(110) == 0);
  CHECK(limit.due(50) == 2);  // the clock was set back: better a line than silence
}
