// Load generator for a greylisting daemon (or an echo server) on 127.0.0.1.
//
//   load PORT [--kind new|repeat|one-client|mixed] [--first N] [--records N] [--seconds S]
//        [--window W] [--sockets S] [--rate R] [--together] [--key] [--names]
//
// Closed loop (default): W queries outstanding over S sockets; the next goes out as an answer comes
// in. Open loop (--rate): R queries a second on a fixed schedule, latency counted from when a query
// was due, so that a stall is not hidden by what was not sent during it.
// --together: what goes out at once is handed to the system as one, so that the generator takes
// less of a core that it shares with what is measured.
// Queries: record n is client 10.x.y.z made from n, a sender of 24 and a recipient of 22
// characters.
//   new          each n once, from --first on      repeat   random n below --records
//   one-client   as new, all of one client         mixed    nine repeats to one new
//
// --names: each has its client's verified name, mx0123.mail45.example.net: one of 100 providers'.
// --key: each is signed, under the ID bench and the KEY 000102030405060708090a0b0c0d0e0f.
//
// Prints one line: answers, seconds, answers/s, unanswered, and latency percentiles in
// microseconds.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/wire/key_field.h"

namespace {

namespace wire = grey::wire;

using Clock = std::chrono::steady_clock;
constexpr double kGiveUp = 1.0;  // seconds after which a query counts as unanswered

struct Settings {
  int port = 0;
  std::string kind = "new";
  long first = 0, records = 1'000'000;
  double seconds = 5;
  int window = 64, sockets = 8;
  double rate = 0;
  bool together = false;
  bool key = false;
  bool names = false;
};

double now() {
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

class Traffic {
 public:
  explicit Traffic(const Settings& settings) : settings_(settings), next_new_(settings.first) {}

  // The datagram of the next query, its length returned.
  int make(char (&out)[160]) {
    const std::string& kind = settings_.kind;
    long n = 0;
    if (kind == "repeat" || (kind == "mixed" && random_() % 10 != 0)) {
      n = long(random_() % std::uint64_t(settings_.records));
    } else {
      n = next_new_++;
    }
    // 13 characters, as 10.123.145.67 has; the low bits of n first, so that neighbours differ.
    const unsigned client = kind == "one-client" ? 0u : unsigned(n);
    int size = std::snprintf(
        out, sizeof out, "I10.%03u.%03u.%02u%cFsende%08ld@example.or%cTrcpt%08ld@exmpl.net%c%c",
        100 + client / 10000 % 100, 100 + client / 100 % 100, 10 + client % 90, 0, n, 0, n, 0, 0);
    if (settings_.names) {
      size += std::snprintf(out + size - 1, sizeof out - std::size_t(size) + 1,
                            "Nmx%04u.mail%02u.example.net%c%c", client / 100 % 10000, client % 100,
                            0, 0) -
              1;
    }
    return settings_.key ? sign(out, size) : size;
  }

 private:
  // Over the final NUL, of which it needs another.
  int sign(char* query, int size) {
    wire::Nonce nonce;
    const std::uint64_t unique = random_();
    std::memcpy(nonce.data(), &unique, nonce.size());
    query[size - 1] = 'K';
    wire::write_key_field(key_, std::uint32_t(std::time(nullptr)), nonce, query, std::size_t(size));
    size += int(wire::key_field_size(key_.id()));
    query[size++] = '\0';
    query[size++] = '\0';
    return size;
  }
  static wire::Key bench_key() {
    wire::KeyRing keys;
    (void)wire::parse_keys("bench 000102030405060708090a0b0c0d0e0f", keys);
    return keys.first();
  }

  const Settings& settings_;
  const wire::Key key_ = bench_key();
  long next_new_;
  std::mt19937_64 random_{1};
};

struct Result {
  std::vector<float> latency;  // seconds, of the answered
  long unanswered = 0;
  double seconds = 0;
};

int connect_socket(int port) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(std::uint16_t(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::perror("socket");
    std::exit(111);
  }
  return fd;
}

// Answers carry no name of their query, but a socket's answers come in the order of its queries, as
// the daemon takes them from one socket and sends them in that order.
struct Lane {
  int fd = -1;
  std::vector<double> due;  // of the outstanding, a ring
  std::size_t head = 0, count = 0;

  void push(double when) { due[(head + count++) % due.size()] = when; }
  double pop() {
    const double when = due[head];
    head = (head + 1) % due.size();
    --count;
    return when;
  }
};

class Run {
 public:
  explicit Run(const Settings& settings) : settings_(settings), traffic_(settings) {
    lanes_.resize(std::size_t(settings.sockets));
    for (Lane& lane : lanes_) {
      lane.fd = connect_socket(settings.port);
      lane.due.resize(1 << 16);
    }
  }

  Result go() {
    const double start = now();
    const double end = start + settings_.seconds;
    if (settings_.rate > 0) {
      open_loop(start, end);
    } else {
      closed_loop(end);
    }
    result_.seconds = now() - start;
    const double patience = now() + kGiveUp;
    while (outstanding() > 0 && now() < patience) wait_and_receive(1);
    result_.unanswered += long(outstanding());
    return std::move(result_);
  }

 private:
  std::size_t outstanding() const {
    std::size_t sum = 0;
    for (const Lane& lane : lanes_) sum += lane.count;
    return sum;
  }

  // Sends up to `count` queries in one call; how many went out.
  void send_some(Lane& lane, int count, const double* due) {
    constexpr int kMost = 64;
    static char data[kMost][160];
    static iovec parts[kMost];
    static mmsghdr messages[kMost];
    count = std::min(count, kMost);
    for (int i = 0; i < count; ++i) {
      parts[i] = {data[i], std::size_t(traffic_.make(data[i]))};
      messages[i] = {};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const double when = now();
    const bool together = settings_.together && count > 1 && one_size(parts, count);
    const int sent = together ? send_as_one(lane, parts, count)
                              : sendmmsg(lane.fd, messages, unsigned(count), 0);
    for (int i = 0; i < std::max(sent, 0); ++i) lane.push(due != nullptr ? due[i] : when);
  }

  static bool one_size(const iovec* parts, int count) {
    return std::all_of(parts, parts + count,
                       [&](const iovec& part) { return part.iov_len == parts->iov_len; });
  }
  // The system takes them as one, and cuts it up where they arrive (udp(7), UDP_SEGMENT): that
  // costs the core a third of what it does to send each.
  static int send_as_one(Lane& lane, iovec* parts, int count) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(std::uint16_t))] = {};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = std::size_t(count);
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = IPPROTO_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
    const auto size = std::uint16_t(parts->iov_len);
    std::memcpy(CMSG_DATA(header), &size, sizeof size);
    return sendmsg(lane.fd, &message, 0) < 0 ? 0 : count;
  }

  int receive(Lane& lane) {
    constexpr int kMost = 64;
    static char data[kMost][16];
    static iovec parts[kMost];
    static mmsghdr messages[kMost];
    for (int i = 0; i < kMost; ++i) {
      parts[i] = {data[i], sizeof data[i]};
      messages[i] = {};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int got = recvmmsg(lane.fd, messages, kMost, MSG_DONTWAIT, nullptr);
    const double when = now();
    for (int i = 0; i < got && lane.count > 0; ++i) {
      result_.latency.push_back(float(when - lane.pop()));
    }
    return std::max(got, 0);
  }

  void wait_and_receive(int milliseconds) {
    std::vector<pollfd> ready;
    for (const Lane& lane : lanes_) ready.push_back({lane.fd, POLLIN, 0});
    poll(ready.data(), ready.size(), milliseconds);
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      if (ready[i].revents != 0) receive(lanes_[i]);
    }
  }

  void closed_loop(double end) {
    const int each = std::max(settings_.window / settings_.sockets, 1);
    std::vector<pollfd> ready(lanes_.size());
    for (Lane& lane : lanes_) send_some(lane, each, nullptr);
    while (now() < end) {
      for (std::size_t i = 0; i < lanes_.size(); ++i) ready[i] = {lanes_[i].fd, POLLIN, 0};
      if (poll(ready.data(), ready.size(), int(kGiveUp * 1000)) == 0) {
        // All are lost: count them and begin anew.
        for (Lane& lane : lanes_) {
          result_.unanswered += long(lane.count);
          lane.count = 0;
          send_some(lane, each, nullptr);
        }
        continue;
      }
      for (std::size_t i = 0; i < lanes_.size(); ++i) {
        if (ready[i].revents == 0) continue;
        if (const int got = receive(lanes_[i])) send_some(lanes_[i], got, nullptr);
      }
    }
  }

  void open_loop(double start, double end) {
    long sent = 0;
    std::size_t turn = 0;
    for (double t = now(); t < end; t = now()) {
      const long wanted = long((t - start) * settings_.rate);
      while (sent < wanted) {
        const int count = int(std::min<long>(wanted - sent, 16));
        double due[16];
        for (int i = 0; i < count; ++i) due[i] = start + double(sent + i + 1) / settings_.rate;
        send_some(lanes_[turn++ % lanes_.size()], count, due);
        sent += count;
      }
      wait_and_receive(0);
    }
  }

  const Settings& settings_;
  Traffic traffic_;
  std::vector<Lane> lanes_;
  Result result_;
};

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("Load generator; its source tells what the options mean.");
  app.add_option("port", settings.port)->required();
  app.add_option("--kind", settings.kind);
  app.add_option("--first", settings.first);
  app.add_option("--records", settings.records);
  app.add_option("--seconds", settings.seconds);
  app.add_option("--window", settings.window);
  app.add_option("--sockets", settings.sockets);
  app.add_option("--rate", settings.rate);
  app.add_flag("--together", settings.together);
  app.add_flag("--key", settings.key);
  app.add_flag("--names", settings.names);
  CLI11_PARSE(app, argc, argv);
  Result result = Run(settings).go();
  std::vector<float>& latency = result.latency;
  std::sort(latency.begin(), latency.end());
  const auto at = [&](double part) {
    return latency.empty() ? 0.0
                           : 1e6 * double(latency[std::size_t(part * double(latency.size() - 1))]);
  };
  std::printf(
      "answers=%zu seconds=%.3f rate=%.0f unanswered=%ld p50=%.0f p99=%.0f p999=%.0f max=%.0f\n",
      latency.size(), result.seconds, double(latency.size()) / result.seconds, result.unanswered,
      at(0.5), at(0.99), at(0.999), at(1));
}
