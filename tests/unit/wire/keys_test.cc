#include "greyd/wire/keys.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "tests/temporary_directory.h"

using namespace grey::wire;
using namespace std::string_literals;

namespace {

const std::string kDigits = "000102030405060708090a0b0c0d0e0f";

// "3: what", or empty.
std::string fault_of(std::string_view text) {
  KeyRing ring;
  const auto fault = parse_keys(text, ring);
  return fault ? std::to_string(fault->line) + ": " + fault->what : std::string();
}

std::string many(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "k" + std::to_string(i) + " " + kDigits + "\n";
  return text;
}

}  // namespace

TEST_CASE("keys stand in their order, with comments between them") {
  KeyRing ring;
  const auto text = "# for mx1\n\n  new-1\t" + kDigits + "  # since May\r\n" +
                    "Old_1234567890ab FFFEFDFCFBFAF9F8f7f6f5f4f3f2f1f0";
  REQUIRE_FALSE(parse_keys(text, ring));
  REQUIRE(ring.count == 2);
  CHECK(ring.first().id() == "new-1");
  CHECK(ring.first().secret[15] == 0x0f);
  REQUIRE(ring.find("Old_1234567890ab") != nullptr);
  CHECK(ring.find("Old_1234567890ab")->secret[0] == 0xff);
  CHECK(ring.find("Old_1234567890ab")->secret[15] == 0xf0);
  CHECK(ring.find("new") == nullptr);
  CHECK(ring.find("") == nullptr);
  CHECK_FALSE(parse_keys(many(16), ring));
  CHECK(ring.count == 16);
}

TEST_CASE("what is no file of keys is told by its line, and never with what stands there") {
  const std::string id = "the first word is no ID: 1 to 16 of A-Z a-z 0-9 _ -";
  const std::string key = "the second word is no KEY: 32 hexadecimal digits";
  const std::pair<std::string, std::string> rows[] = {
      {"", "0: there is no key in it"},
      {"# nothing\n\n", "0: there is no key in it"},
      {"\nmx1\n", "2: " + key},
      {"a.b " + kDigits, "1: " + id},
      {"a\0b "s + kDigits, "1: " + id},
      {std::string(17, 'a') + " " + kDigits, "1: " + id},
      {kDigits, "1: " + id},
      {"a " + kDigits.substr(1), "1: " + key},
      {"a " + kDigits + "0", "1: " + key},
      {"a g" + kDigits.substr(1), "1: " + key},
      {"a " + kDigits + " b", "1: there is more than an ID and a KEY"},
      {"a " + kDigits + "\nb " + kDigits + "\na " + kDigits + "\n", "3: the ID stands there twice"},
      {many(17), "17: there are more than 16 keys"},
  };
  for (const auto& [text, fault] : rows) {
    CAPTURE(text);
    CHECK(fault_of(text) == fault);
  }
}

TEST_CASE("a file of keys is read where its owner and its group alone may read it") {
  const grey::testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/keys";
  std::ofstream(path) << "a " + kDigits + "\n";
  KeyRing ring;
  for (const mode_t mode : {0400, 0600, 0440, 0640, 0700}) {
    CAPTURE(mode);
    REQUIRE(chmod(path.c_str(), mode) == 0);
    CHECK_FALSE(read_key_file(path.c_str(), ring));
    CHECK(ring.count == 1);
  }
  for (const mode_t mode : {0644, 0604, 0602, 0601, 0620, 0660}) {
    CAPTURE(mode);
    REQUIRE(chmod(path.c_str(), mode) == 0);
    const auto fault = read_key_file(path.c_str(), ring);
    REQUIRE(fault);
    CHECK(std::string(fault->what).find("chmod") != std::string::npos);
    CHECK(fault->error_number == 0);
  }
}

TEST_CASE("what cannot be a file of keys is an error at once") {
  const grey::testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/keys";
  KeyRing ring;
  CHECK(read_key_file(path.c_str(), ring)->error_number == ENOENT);
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  CHECK(std::string(read_key_file(path.c_str(), ring)->what) == "is no regular file");
  CHECK(std::string(read_key_file(directory.path().c_str(), ring)->what) == "is no regular file");
  const std::string large = directory.path() + "/large";
  std::ofstream(large) << "a " + kDigits + "\n" + std::string(kMaxKeyFile, '#');
  REQUIRE(chmod(large.c_str(), 0600) == 0);
  CHECK(std::string(read_key_file(large.c_str(), ring)->what) == "is longer than 8192 octets");
  REQUIRE(truncate(large.c_str(), kMaxKeyFile) == 0);
  CHECK_FALSE(read_key_file(large.c_str(), ring));
}
