#include "smtpd-glue/greysmtpd/server_process.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "smtpd-glue/greysmtpd/wrapper_settings.h"

namespace grey::smtp {
namespace {

int fail(const char* what) {
  log_line(std::string(what) + ": " + strerror(errno));
  return kExitSystemFailure;
}

[[noreturn]] void become_server(char** program, int socket, bool sigpipe_was_ignored) {
  if (!sigpipe_was_ignored) signal(SIGPIPE, SIG_DFL);
  if (dup2(socket, STDIN_FILENO) < 0 || dup2(socket, STDOUT_FILENO) < 0) _exit(fail("dup2"));
  _exit(exec_server(program));
}

}  // namespace

// The server gets one socket for both directions, as under tcpserver: TLS libraries use calls that
// a pipe does not know. vfork: the child does no more than become the server, and copying the
// memory for that took a fifth of a millisecond of a session's time (tests/bench/wrapper.pl).
bool start_server(char** program, bool sigpipe_was_ignored, ServerProcess& server) {
  int ends[2];
  // NOLINTNEXTLINE(clang-analyzer-unix.Vfork): the parent writes the pid again when it goes on
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 || (server.pid = vfork()) < 0) {
    fail("cannot start the server");
    return false;
  }
  if (server.pid == 0) become_server(program, ends[1], sigpipe_was_ignored);
  close(ends[1]);
  server.socket = ends[0];
  return true;
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
