// The SMTP server as a child of greysmtpd. What fails is logged.
#pragma once

#include <sys/types.h>

namespace grey::smtp {

constexpr int kExitSystemFailure = 111;

struct ServerProcess {
  pid_t pid = -1;
  int socket = -1;  // our end; the server's is its standard input and output
};

// False when the system would not. SIGPIPE is ignored here; the server gets it as it was.
bool start_server(char** program, bool sigpipe_was_ignored, ServerProcess& server);

// Waits for its end. Returns its exit status, or 111 when a signal killed it.
int wait_for(const ServerProcess& server);

// Becomes the server. Returns 111, when that is not possible.
int exec_server(char** program);

}  // namespace grey::smtp
