#include "svctool/process.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "greyd/files.h"

namespace grey::svctool {
namespace {

constexpr int kNotThere = 127;

[[noreturn]] void exec(const Program& program, int out, int errors) {
  const char* input = program.input.empty() ? "/dev/null" : program.input.c_str();
  const int in = ::open(input, O_RDONLY);
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

std::string read_all(int fd) {
  std::string text;
  char chunk[512];
  for (;;) {
    const ssize_t got = ::read(fd, chunk, sizeof chunk);
    if (got > 0) text.append(chunk, std::size_t(got));
    if (got == 0 || (got < 0 && errno != EINTR)) return text;
  }
}

std::string as_one_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  for (char& c : text) c = c == '\n' ? ' ' : c;
  return text;
}

// Its standard output goes to `out`.
Result<void> run(const Program& program, int out) {
  const std::string& name = program.arguments.front();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return tl::make_unexpected(system_error("make a pipe for", name, errno));
  }
  Fd reading(ends[0]), writing(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return tl::make_unexpected(system_error("start", name, errno));
  if (child == 0) exec(program, out, writing.get());
  writing.reset();
  const std::string said = as_one_line(read_all(reading.get()));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNotThere && said.empty()) {
    return failure(name + " is not in PATH");
  }
  return failure(said.empty() ? name + " failed" : said);
}

}  // namespace

Result<void> run_program(const Program& program) {
  const Fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!nowhere) return tl::make_unexpected(system_error("open", "/dev/null", errno));
  return run(program, nowhere.get());
}

Result<std::string> read_program(const Program& program) {
  // A file, as a pipe would have to be read while the other one is.
  const Fd output(::memfd_create("output", MFD_CLOEXEC));
  if (!output) return tl::make_unexpected(system_error("run", program.arguments.front(), errno));
  if (auto done = run(program, output.get()); !done) return tl::make_unexpected(done.error());
  ::lseek(output.get(), 0, SEEK_SET);
  return read_all(output.get());
}

}  // namespace grey::svctool
