// The SMTP server as a child of greysmtpd. What fails is logged.
#pragma once

#include <signal.h>
#include <sys/types.h>

namespace grey::smtp {

constexpr int kExitSystemFailure = 111;

struct ServerProcess {
  pid_t pid = -1;
  int in = -1, out = -1;  // our ends, non-blocking; the server has none of them
};

// False when the system would not. The server gets `sigpipe` as its action for SIGPIPE.
bool start_server(char** program, const struct sigaction& sigpipe, ServerProcess& server);

// Waits for its end. Returns its exit status, or 111 when a signal killed it.
int wait_for(const ServerProcess& server);

// Becomes the server. Returns 111, when that is not possible.
int exec_server(char** program);

}  // namespace grey::smtp
