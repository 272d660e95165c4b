#include "smtpd-glue/server_process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "smtpd-glue/wrapper_settings.h"

namespace grey::smtp {
namespace {

int fail(const char* what) {
  log_line(std::string(what) + ": " + strerror(errno));
  return kExitSystemFailure;
}

[[noreturn]] void become_server(char** program, int in, int out, const struct sigaction& sigpipe) {
  sigaction(SIGPIPE, &sigpipe, nullptr);
  if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0) _exit(fail("dup2"));
  _exit(exec_server(program));
}

// A descriptor 0, 1 or 2 that is closed would be given to a pipe.
bool standard_descriptors_are_open() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO}) {
    if (fcntl(fd, F_GETFD) < 0) return false;
  }
  return fcntl(STDERR_FILENO, F_GETFD) >= 0 || open("/dev/null", O_WRONLY) >= 0;
}

// The server's input is a socket, as it is under tcpserver. A pipe is writable again after each
// small piece that the server reads, a socket when most of it is read: with a pipe the two
// processes take turns all the time.
bool start(char** program, const struct sigaction& sigpipe, ServerProcess& server) {
  int in[2], out[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) != 0 || pipe2(out, O_CLOEXEC) != 0)
    return false;
  server.pid = fork();
  if (server.pid < 0) return false;
  if (server.pid == 0) become_server(program, in[0], out[1], sigpipe);
  close(in[0]);
  close(out[1]);
  server.in = in[1];
  server.out = out[0];
  return fcntl(server.in, F_SETFL, O_NONBLOCK) == 0 && fcntl(server.out, F_SETFL, O_NONBLOCK) == 0;
}

}  // namespace

bool start_server(char** program, const struct sigaction& sigpipe, ServerProcess& server) {
  if (!standard_descriptors_are_open()) {
    fail("standard input or output");
    return false;
  }
  if (start(program, sigpipe, server)) return true;
  fail("cannot start the server");
  return false;
}

int wait_for(const ServerProcess& server) {
  int status;
  while (waitpid(server.pid, &status, 0) < 0) {
    if (errno != EINTR) return fail("waitpid");
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  log_line("the server was killed by signal " + std::to_string(WTERMSIG(status)));
  return kExitSystemFailure;
}

int exec_server(char** program) {
  execvp(program[0], program);
  const int why = errno;
  log_line("cannot run " + std::string(program[0]) + ": " + strerror(why));
  return kExitSystemFailure;
}

}  // namespace grey::smtp
