#include "svctool/process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "greyd/files.h"

namespace grey::svctool {
namespace {

constexpr int kNotThere = 127;

[[noreturn]] void exec(const Program& program, int errors) {
  const char* input = program.input.empty() ? "/dev/null" : program.input.c_str();
  const int in = ::open(input, O_RDONLY), out = ::open("/dev/null", O_WRONLY);
  if (in < 0 || ::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(errors, 2) < 0) ::_exit(111);
  ::alarm(program.seconds);  // lives on through execvp
  std::vector<char*> arguments;
  for (const std::string& argument : program.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  ::_exit(kNotThere);
}

// What the child said on standard error, as one line.
std::string drain(int fd) {
  std::string said;
  char chunk[512];
  for (;;) {
    const ssize_t got = ::read(fd, chunk, sizeof chunk);
    if (got > 0) said.append(chunk, std::size_t(got));
    if (got == 0 || (got < 0 && errno != EINTR)) break;
  }
  while (said.ends_with('\n')) said.pop_back();
  for (char& c : said) c = c == '\n' ? ' ' : c;
  return said;
}

}  // namespace

Result<void> run_program(const Program& program) {
  const std::string& name = program.arguments.front();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return tl::make_unexpected(system_error("make a pipe for", name, errno));
  }
  Fd reading(ends[0]), writing(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return tl::make_unexpected(system_error("start", name, errno));
  if (child == 0) exec(program, writing.get());
  writing.reset();
  const std::string said = drain(reading.get());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNotThere) {
    return failure(name + " is not in PATH");
  }
  return failure(said.empty() ? name + " failed" : said);
}

}  // namespace grey::svctool
