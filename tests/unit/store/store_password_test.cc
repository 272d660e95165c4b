#include "greyd/store/store_password.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/temporary_directory.h"

using namespace grey;

namespace {

std::string read(const std::string& text, mode_t mode = 0640) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory / "password";
  std::ofstream(path, std::ios::binary) << text;
  REQUIRE(::chmod(path.c_str(), mode) == 0);
  const Result<std::string> password = read_store_password(path);
  if (password) return *password;
  CHECK(password.error().text.find(path) != std::string::npos);
  CHECK(password.error().text.find("secret") == std::string::npos);
  return "fault" + password.error().text.substr(password.error().text.rfind(": "));
}

}  // namespace

TEST_CASE("a password is the one line of its file") {
  CHECK(read("secret\n") == "secret");
  CHECK(read("secret") == "secret");
  CHECK(read("secret\r\n") == "secret");
  CHECK(read(" se cret ") == " se cret ");
  CHECK(read(std::string(512, 'x') + "\n") == std::string(512, 'x'));
}

TEST_CASE("what is no password file says why, and nothing of what is in it") {
  CHECK(read("") == "fault: it is empty");
  CHECK(read("\n") == "fault: it is empty");
  CHECK(read("secret\nsecret\n") == "fault: it has more than one line");
  CHECK(read(std::string("secret\0", 7)) == "fault: it has more than one line");
  CHECK(read(std::string(513, 'x')) == "fault: it is too long");
  CHECK(read(std::string(5000, 'x')) == "fault: it is too long");
  CHECK(read("secret\n", 0644) == "fault: chmod o= it");
  CHECK(read_store_password("/nonexistent/p").error().text ==
        "cannot read the store's password, /nonexistent/p: No such file or directory");
  CHECK(read_store_password("/").error().text == "the store's password, /: no regular file");
}
