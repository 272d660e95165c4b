#include "greyd/store/redis_protocol.h"

#include <doctest/doctest.h>

#include <random>

using namespace grey;

namespace {

// All replies of `text`, fed in pieces of `size`, and whether it ended in a failure.
std::pair<std::size_t, bool> read(std::string_view text, std::size_t size) {
  ReplyReader reader;
  std::size_t count = 0;
  while (!text.empty()) {
    REQUIRE(reader.feed(text.substr(0, size)));
    text.remove_prefix(std::min(size, text.size()));
    for (;;) {
      const auto next = reader.next();
      if (!next) {
        CHECK_FALSE(reader.next());  // and it stays so
        return {count, true};
      }
      if (!*next) break;
      ++count;
    }
  }
  return {count, false};
}

}  // namespace

TEST_CASE("a command is an array of strings, whatever bytes are in them") {
  std::string out = "before";
  append_command(out, {"SET", std::string("a\0\r\n", 4), ""});
  CHECK(out == std::string("before*3\r\n$3\r\nSET\r\n$4\r\na\0\r\n\r\n$0\r\n\r\n", 35));
}

TEST_CASE("replies are found in whatever pieces they come") {
  const std::string text = "+OK\r\n:1\r\n$5\r\nhello\r\n*2\r\n$-1\r\n*1\r\n-ERR x\r\n*0\r\n*-1\r\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    CAPTURE(size);
    CHECK(read(text, size) == std::pair<std::size_t, bool>(6, false));
  }
}

TEST_CASE("bounds are of one reply, and not of all of them") {
  std::string text;
  for (int i = 0; i < 20; ++i) {
    text += "*1000\r\n";
    for (int j = 0; j < 1000; ++j) text += "$1000\r\n" + std::string(1000, 'x') + "\r\n";
  }
  CHECK(read(text, 16'384) == std::pair<std::size_t, bool>(20, false));
  const std::string large = "$" + std::to_string(ReplyReader::kMaxBytes + 1) + "\r\n" +
                            std::string(ReplyReader::kMaxBytes + 1, 'x') + "\r\n";
  CHECK(read(large, large.size()) == std::pair<std::size_t, bool>(0, true));
  CHECK(read("*65537\r\n", 100).second);
  CHECK_FALSE(read("*65536\r\n", 100).second);
  CHECK(read("*2\r\n*40000\r\n", 100) == std::pair<std::size_t, bool>(0, false));
  std::string nested = "*2\r\n*40000\r\n";
  for (int i = 0; i < 40'000; ++i) nested += ":1\r\n";
  CHECK(read(nested + "*40000\r\n", 16'384).second);
}

TEST_CASE("what is no reply is a fault") {
  for (const char* text :
       {"HTTP/1.1 200 OK\r\n", "*-2\r\n", "$-2\r\n", ":x\r\n", "$x\r\n", "\r\n", "*9999999999\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "_\r\n",
        "%1\r\n+a\r\n+b\r\n"}) {
    CAPTURE(text);
    CHECK(read(text, 100).second);
  }
}

TEST_CASE("whatever bytes come, it ends") {
  std::mt19937 random(20'261'126);
  constexpr std::string_view kBytes = "*$+-:0123456789\r\n\r\n\r\nxy";
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::size_t size = random() % 60; size > 0; --size)
      text += kBytes[random() % kBytes.size()];
    read(text, 1 + random() % 20);
  }
}
