// greysmtpd: stands between tcpserver and an SMTP server, and greylists at DATA. See greysmtpd(8).
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "smtpd-glue/greylist.h"
#include "smtpd-glue/relay.h"
#include "smtpd-glue/smtp_session.h"

namespace {

using grey::smtp::Envelope;

constexpr int kExitMisuse = 100;
constexpr int kExitSystemFailure = 111;

constexpr const char* kUsage = "usage: greysmtpd [--help] [--version] program [argument ...]\n";
constexpr const char* kDefaultText = "Greylisted: please try again in a few minutes";
constexpr const char* kUnavailable =
    "451 4.3.0 Greylisting is not available, please try again later";

std::string_view variable(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// One line on standard error, of bounded length and without control characters.
void log_line(std::string_view text) {
  std::string line = "greysmtpd: " + grey::smtp::reply_text(text) + "\n";
  // Nothing can be done about a log that does not take it.
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

int fail(const char* what) {
  log_line(std::string(what) + ": " + strerror(errno));
  return kExitSystemFailure;
}

int exec_server(char** program) {
  execvp(program[0], program);
  const int why = errno;
  log_line("cannot run " + std::string(program[0]) + ": " + strerror(why));
  return kExitSystemFailure;
}

// What the environment says: nothing of it changes during a session.
struct Settings {
  greylist_options daemon;
  std::string client, client_name;
  std::string deferral;  // the reply to DATA
};

Settings read_settings() {
  Settings settings;
  if (const char* bad = greylist_options_from_env(&settings.daemon)) {
    log_line("bad value of " + std::string(bad) + ": " + std::string(variable(bad)));
  }
  settings.client = variable("TCPREMOTEIP");
  settings.client_name = variable("TCPREMOTEHOST");
  const std::string_view text = variable("GREYTEXT");
  settings.deferral = "450 4.7.1 " + grey::smtp::reply_text(text.empty() ? kDefaultText : text);
  return settings;
}

// Why this session is not looked into, or an empty text.
bool is_exempt(const Settings& settings) {
  if (getenv("RELAYCLIENT") != nullptr || getenv("WHITELISTED") != nullptr) return true;
  if (settings.daemon.servers == nullptr) return true;
  if (!settings.client.empty()) return false;
  log_line("TCPREMOTEIP is not set: no greylisting");
  return true;
}

// Asks the daemon about each message; says once in a session when it cannot.
class Decider {
 public:
  explicit Decider(const Settings& settings) : settings_(settings) {}

  std::string operator()(const Envelope& envelope) {
    const greylist_query query{settings_.client.c_str(), settings_.client_name.c_str(),
                               envelope.sender.c_str(), envelope.recipients.data(),
                               envelope.recipients.size()};
    const greylist_result result = greylist_ask(&settings_.daemon, &query);
    if (result.error != GREYLIST_ANSWERED) report(result);
    if (result.verdict == GREYLIST_ACCEPT) return {};
    return result.error == GREYLIST_ANSWERED ? settings_.deferral : kUnavailable;
  }

 private:
  void report(const greylist_result& result) {
    if (reported_) return;
    reported_ = true;
    std::string text = "client=" + settings_.client + ": " + greylist_strerror(result.error);
    if (result.error_number != 0) text += std::string(": ") + strerror(result.error_number);
    text += result.verdict == GREYLIST_ACCEPT ? ": accepted (GREYFAIL=open)"
                                              : ": deferred (GREYFAIL=closed)";
    log_line(text);
  }

  const Settings& settings_;
  bool reported_ = false;
};

struct Server {
  pid_t pid = -1;
  int in = -1, out = -1;  // our ends; the server has none of them
};

[[noreturn]] void become_server(char** program, int in, int out, const struct sigaction& sigpipe) {
  sigaction(SIGPIPE, &sigpipe, nullptr);
  if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0) _exit(fail("dup2"));
  _exit(exec_server(program));
}

// False, with errno, when the system would not.
//
// The server's input is a socket, as it is under tcpserver. A pipe is writable again after each
// small piece that the server reads, a socket when most of it is read: with a pipe the two
// processes take turns all the time, and a 10 MB message takes a third longer.
bool start_server(char** program, const struct sigaction& sigpipe, Server& server) {
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

int wait_for(pid_t pid) {
  int status;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return fail("waitpid");
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  log_line("the server was killed by signal " + std::to_string(WTERMSIG(status)));
  return kExitSystemFailure;
}

// A descriptor 0, 1 or 2 that is closed would be given to a pipe.
bool standard_descriptors_are_open() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO}) {
    if (fcntl(fd, F_GETFD) < 0) return false;
  }
  return fcntl(STDERR_FILENO, F_GETFD) >= 0 || open("/dev/null", O_WRONLY) >= 0;
}

int stand_between(char** program, const Settings& settings) {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &before);

  Server server;
  if (!standard_descriptors_are_open()) return fail("standard input or output");
  if (!start_server(program, before, server)) return fail("cannot start the server");
  grey::smtp::SmtpSession session;
  grey::smtp::relay(session, {STDIN_FILENO, STDOUT_FILENO, server.in, server.out},
                    Decider(settings));
  // The client is let go before the server, which may take its time to end.
  close(server.out);
  close(STDIN_FILENO);
  close(STDOUT_FILENO);
  return wait_for(server.pid);
}

}  // namespace

int main(int argc, char** argv) {
  static const option kOptions[] = {
      {"help", no_argument, nullptr, 'h'}, {"version", no_argument, nullptr, 'v'}, {}};
  opterr = 0;
  for (int chosen; (chosen = getopt_long(argc, argv, "+", kOptions, nullptr)) != -1;) {
    if (chosen == 'h') return fputs(kUsage, stdout) < 0 ? kExitSystemFailure : 0;
    if (chosen == 'v') return puts("greysmtpd " GREY_VERSION) < 0 ? kExitSystemFailure : 0;
    log_line("unknown option " + std::string(argv[optind - 1]));
    return kExitMisuse;
  }
  if (optind == argc) {
    log_line("no program given; " + std::string(kUsage, strlen(kUsage) - 1));
    return kExitMisuse;
  }
  char** const program = argv + optind;
  const Settings settings = read_settings();
  return is_exempt(settings) ? exec_server(program) : stand_between(program, settings);
}
