#include "svctool/util/process.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/temporary_directory.h"

using namespace grey::svctool;

namespace {

Program shell(const std::string& script, unsigned seconds = 60, unsigned processor_seconds = 0) {
  return {{"sh", "-c", script}, "", seconds, -1, processor_seconds, 0};
}

constexpr const char* kStopped = "sh does not come to an end and was stopped";

std::string error_of(const Program& program) {
  const auto ran = run_program(program);
  return ran ? "" : ran.error().text;
}

}  // namespace

TEST_CASE("a program's end is what it says, or what became of it") {
  CHECK(run_program(shell("exit 0")));
  CHECK(error_of(shell("exit 3")) == "sh failed");
  CHECK(error_of(shell("echo one >&2; echo two >&2; exit 1")) == "one two");
  CHECK(error_of({{"no-such-program"}}) == "no-such-program is not in PATH");
  CHECK(read_program(shell("echo out; echo said >&2")).value() == "out\n");
  CHECK(error_of(shell("kill -9 $$")) == "sh failed");
}

TEST_CASE("a program that does not end is stopped, with what it has started") {
  CHECK(error_of(shell("sleep 1000000", 1)) == kStopped);
  CHECK(error_of(shell("trap '' TERM ALRM; while :; do sleep 1000000; done", 1)) == kStopped);
  CHECK(error_of(shell("exec 2>&-; sleep 1000000", 1)) == kStopped);
  CHECK(error_of(shell("while :; do :; done", 600, 1)) == kStopped);
  CHECK(error_of(shell("trap '' XCPU; while :; do :; done", 600, 1)) == kStopped);
  Program idle = shell("sleep 1000000", 600);
  idle.idle_seconds = 1;
  CHECK(error_of(idle) == kStopped);
}

TEST_CASE("signals that are blocked or ignored here do not keep a program alive") {
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  CHECK(error_of(shell("while :; do :; done", 600, 1)) == kStopped);
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("what a program leaves behind is not waited for") {
  CHECK(run_program(shell("sleep 30 & exit 0", 20)));
  CHECK(error_of(shell("sleep 30 & echo said >&2; exit 1", 20)) == "said");
}

TEST_CASE("a program works where it is told to, and reads what it is given there") {
  const grey::testing::TemporaryDirectory directory;
  std::ofstream(directory / "text") << "line";
  const int fd = ::open(std::string(directory / ".").c_str(), O_RDONLY | O_DIRECTORY);
  REQUIRE(fd >= 0);
  CHECK(read_program({{"cat"}, "text", 60, fd, 0, 0}).value() == "line");
  ::close(fd);
}
