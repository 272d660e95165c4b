// Load generator for a policy server (Postfix's protocol) on 127.0.0.1.
//
//   mta_load PORT [--connections C] [--idle I] [--kind new|repeat] [--first N] [--records N]
//               [--seconds S]
//
// Each of C connections has one request outstanding, as Postfix has; I more are opened and say
// nothing. Request n is about client 10.x.y.z made from n; `new`: each n once, from --first on;
// `repeat`: random n below --records. The attributes are those that Postfix sends.
//
// Prints one line: answers, seconds, answers/s.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Settings {
  int port = 0;
  int connections = 1, idle = 0;
  std::string kind = "new";
  long first = 0, records = 1'000'000;
  double seconds = 5;
};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(111);
}

int connect_to(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(std::uint16_t(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    fail("connect");
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

class Run {
 public:
  explicit Run(const Settings& settings) : settings_(settings), next_(settings.first) {
    rlimit descriptors{};
    getrlimit(RLIMIT_NOFILE, &descriptors);
    descriptors.rlim_cur = descriptors.rlim_max;
    setrlimit(RLIMIT_NOFILE, &descriptors);
    for (int i = 0; i < settings.idle; ++i) connect_to(settings.port);
    for (int i = 0; i < settings.connections; ++i) {
      connections_.push_back(connect_to(settings.port));
      epoll_event event{EPOLLIN, {.u64 = std::uint64_t(i)}};
      epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_.back(), &event);
    }
    tails_.resize(connections_.size());
  }

  long go() {
    const double end = now() + settings_.seconds;
    for (const int fd : connections_) ask(fd);
    long answers = 0;
    epoll_event events[64];
    while (now() < end) {
      const int count = epoll_wait(epoll_, events, 64, 1000);
      for (int i = 0; i < count; ++i) {
        const std::size_t which = events[i].data.u64;
        if (!answered(which)) continue;
        ++answers;
        ask(connections_[which]);
      }
    }
    return answers;
  }

 private:
  void ask(int fd) {
    char text[1024];
    const long n =
        settings_.kind == "repeat" ? long(random_() % std::uint64_t(settings_.records)) : next_++;
    const int size = std::snprintf(
        text, sizeof text,
        "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
        "client_address=10.%03ld.%03ld.%02ld\nclient_name=mx%ld.example.org\nclient_port=40000\n"
        "reverse_client_name=mx%ld.example.org\nserver_address=192.0.2.1\nserver_port=25\n"
        "helo_name=mx.example.org\nsender=sende%08ld@example.or\nrecipient=rcpt%08ld@exmpl.net\n"
        "recipient_count=0\nqueue_id=\ninstance=4af.%ld\nsize=1000\netrn_domain=\nstress=\n"
        "sasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\n"
        "ccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_protocol=\n"
        "encryption_cipher=\nencryption_keysize=0\npolicy_context=\n\n",
        100 + n / 10000 % 100, 100 + n / 100 % 100, 10 + n % 90, n, n, n, n, n);
    if (write(fd, text, std::size_t(size)) != size) fail("write");
  }

  // Whether the answer's empty line has come.
  bool answered(std::size_t which) {
    char text[1024];
    const ssize_t size = read(connections_[which], text, sizeof text);
    if (size <= 0) fail("the server has closed the connection");
    std::string& tail = tails_[which];
    tail.append(text, std::size_t(size));
    if (!tail.ends_with("\n\n")) return false;
    tail.clear();
    return true;
  }

  const Settings& settings_;
  long next_;
  const int epoll_ = epoll_create1(0);
  std::vector<int> connections_;
  std::vector<std::string> tails_;  // of answers not whole
  std::mt19937_64 random_{1};
};

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("Load generator; its source tells what the options mean.");
  app.add_option("port", settings.port)->required();
  app.add_option("--connections", settings.connections);
  app.add_option("--idle", settings.idle);
  app.add_option("--kind", settings.kind);
  app.add_option("--first", settings.first);
  app.add_option("--records", settings.records);
  app.add_option("--seconds", settings.seconds);
  CLI11_PARSE(app, argc, argv);
  Run run(settings);
  const double start = now();
  const long answers = run.go();
  const double seconds = now() - start;
  std::printf("answers=%ld seconds=%.3f rate=%.0f\n", answers, seconds, double(answers) / seconds);
}
