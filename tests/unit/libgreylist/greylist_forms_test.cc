// How libgreylist asks servers of each kind: with its additions to the protocol, and without.
//
// On a clock and a network of the test's: poll() lets the time pass, send() and recv() do what each
// server does. So a cost is a number of datagrams, whatever machine this is.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "greyd/wire/wire.h"
#include "smtpd-glue/libgreylist/front.h"
#include "smtpd-glue/libgreylist/greylist.h"
#include "smtpd-glue/libgreylist/query_form.h"

using namespace std::string_literals;
using grey::glue::Form;

namespace {

// What a server does with the datagram that is its n-th of this question, from 0.
struct Reply {
  std::string octets;  // empty: it is silent
  int after_ms = 0;
  bool refused = false;  // nobody listens, which the next look at the socket tells
};
using Server = std::function<Reply(const std::string& datagram, int n)>;

struct Network {
  struct Arrival {
    int fd;
    std::int64_t at_ms;
    std::string octets;
    bool refused;
  };
  std::map<int, Server> servers;     // by port
  std::map<int, std::string> asked;  // by port: for each datagram f (full) or p (plain)
  std::vector<Arrival> under_way;
  std::vector<std::string> datagrams;
};
Network network;
std::int64_t now_ms;

bool has_field(const std::string& datagram, char letter) {
  return datagram.find('\0' + std::string(1, letter)) != std::string::npos;
}
char form_of(const std::string& datagram) {
  for (const char letter : {'N', 'W', 'X', 'Q', 'P'}) {
    if (has_field(datagram, letter)) return 'f';
  }
  return 'p';
}
std::string tag_of(const std::string& datagram) {
  grey::wire::Query query;
  REQUIRE(grey::wire::parse(datagram, query) == grey::wire::Fault::none);
  return std::string(query.tag);
}

const std::string kNew{"\0\1", 2}, kKnown{"\1\2", 2};

Server plain_two_octets() {  // takes what it does not know for recipients
  return [](const std::string&, int) { return Reply{kNew}; };
}
Server ours(std::string answer = kNew) {
  return [answer](const std::string& datagram, int) { return Reply{answer + tag_of(datagram)}; };
}
Server silent_to(const std::string& letters) {
  return [letters](const std::string& datagram, int) {
    for (const char letter : letters) {
      if (has_field(datagram, letter)) return Reply{};
    }
    return Reply{kNew};
  };
}
Server dead() {
  return [](const std::string&, int) { return Reply{}; };
}
// Of what it is sent the first `lost` datagrams are lost.
Server behind_loss(int lost, Server server) {
  return
      [=](const std::string& datagram, int n) { return n < lost ? Reply{} : server(datagram, n); };
}

// A port of its own for each server of the program: who has sent a tag is remembered by it.
int new_port() {
  static int port = 1000;
  return ++port;
}

greylist_key key{};  // under which is asked

// Asks, in `session` when there is one; then network.asked says what was sent.
greylist_result ask(const std::vector<int>& ports, greylist_session* session = nullptr,
                    unsigned timeout_ms = 3000, int recipient_count = 1) {
  network.asked.clear();
  network.datagrams.clear();
  network.under_way.clear();
  std::string servers;
  for (const int port : ports) {
    servers += (servers.empty() ? "" : ",") + ("127.0.0.1@" + std::to_string(port));
  }
  greylist_options options;
  greylist_options_init(&options);
  options.servers = servers.c_str();
  options.timeout_ms = timeout_ms;
  options.ask_wait = 1;
  options.key = key;
  std::string recipients;
  for (int i = 0; i < recipient_count; ++i) recipients += "Tb@example.net\0"s;
  const greylist_query query{"192.0.2.1", "mx.example.org", "a@example.org", recipients.data(),
                             recipients.size()};
  return session != nullptr ? greylist_ask_in_session(&options, &query, session)
                            : greylist_ask(&options, &query);
}

// One server, asked in a new session: what it was sent.
std::string asked_of(const Server& server) {
  const int port = new_port();
  network.servers[port] = server;
  CHECK(ask({port}).error == GREYLIST_ANSWERED);
  return network.asked[port];
}

int port_of(int fd) {
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  REQUIRE(getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0);
  return ntohs(peer.sin_port);
}

}  // namespace

extern "C" int clock_gettime(clockid_t, timespec* time) noexcept {
  *time = {now_ms / 1000, now_ms % 1000 * 1'000'000};
  return 0;
}
extern "C" int poll(pollfd* polled, nfds_t count, int timeout) {
  const std::int64_t end = now_ms + timeout;
  std::int64_t first = end;
  for (const auto& arrival : network.under_way) first = std::min(first, arrival.at_ms);
  now_ms = std::max(now_ms, first);
  int ready = 0;
  for (nfds_t i = 0; i < count; ++i) {
    polled[i].revents = 0;
    for (const auto& arrival : network.under_way) {
      if (arrival.fd == polled[i].fd && arrival.at_ms <= now_ms) polled[i].revents = POLLIN;
    }
    ready += polled[i].revents != 0 ? 1 : 0;
  }
  return ready;
}
extern "C" int __poll_chk(pollfd* polled, nfds_t count, int timeout, std::size_t) {
  return poll(polled, count, timeout);
}
extern "C" ssize_t recv(int fd, void* buffer, std::size_t size, int) {
  auto& under_way = network.under_way;
  for (auto arrival = under_way.begin(); arrival != under_way.end(); ++arrival) {
    if (arrival->fd != fd || arrival->at_ms > now_ms) continue;
    const std::string octets = arrival->octets;
    const bool refused = arrival->refused;
    under_way.erase(arrival);
    if (refused) {
      errno = ECONNREFUSED;
      return -1;
    }
    octets.copy(static_cast<char*>(buffer), size);
    return ssize_t(octets.size());
  }
  errno = EAGAIN;
  return -1;
}
extern "C" ssize_t __recv_chk(int fd, void* buffer, std::size_t size, std::size_t, int flags) {
  return recv(fd, buffer, size, flags);
}
extern "C" ssize_t send(int fd, const void* data, std::size_t size, int) {
  const std::string datagram(static_cast<const char*>(data), size);
  const int port = port_of(fd);
  std::string& asked = network.asked[port];
  const auto server = network.servers.find(port);
  asked += form_of(datagram);
  network.datagrams.push_back(datagram);
  if (server == network.servers.end()) {
    errno = ECONNREFUSED;
    return -1;
  }
  const Reply reply = server->second(datagram, int(asked.size()) - 1);
  if (!reply.octets.empty() || reply.refused)
    network.under_way.push_back({fd, now_ms + reply.after_ms, reply.octets, reply.refused});
  return ssize_t(size);
}

TEST_CASE("who answers the full form gets one datagram, who is silent to it a plain one besides") {
  CHECK(asked_of(ours()) == "f");
  CHECK(asked_of(plain_two_octets()) == "f");
  CHECK(asked_of(silent_to("P")) == "f");  // this field is never sent
  for (const char* letters : {"Q", "N", "W", "QNW", "QNWP"}) {
    CAPTURE(letters);
    CHECK(asked_of(silent_to(letters)) == "fp");
  }
}

TEST_CASE("the plain form is client, sender and recipients, and nothing else") {
  asked_of(silent_to("Q"));
  REQUIRE(network.datagrams.size() == 2);
  CHECK(network.datagrams[0].starts_with(
      "I192.0.2.1\0Fa@example.org\0Tb@example.net\0Nmx.example.org\0W\0Q"s));
  CHECK(network.datagrams[1] == "I192.0.2.1\0Fa@example.org\0Tb@example.net\0\0"s);
}

TEST_CASE("in a session a server is asked in the form that it has answered") {
  const struct {
    const char* kind;
    Server server;
    const char* first;
    const char* later;
  } rows[] = {
      {"ours", ours(), "f", "f"},
      {"two octets to anything", plain_two_octets(), "f", "f"},
      {"silent to additions", silent_to("QNW"), "fp", "p"},
      {"silent to the tag", silent_to("Q"), "fp", "p"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.kind);
    const int port = new_port();
    network.servers[port] = row.server;
    greylist_session session{};
    for (int i = 0; i < 2; ++i) {
      ask({port}, &session);
      CHECK(network.asked[port] == row.first);
    }
    for (int i = 0; i < 3; ++i) {
      CHECK(ask({port}, &session).error == GREYLIST_ANSWERED);
      CHECK(network.asked[port] == row.later);
    }
    network.servers[port] = behind_loss(2, row.server);  // both forms, still
    CHECK(ask({port}, &session).error == GREYLIST_ANSWERED);
  }
}

TEST_CASE("a session keeps its servers apart") {
  const int perl = new_port(), own = new_port();
  network.servers = {{perl, silent_to("QNW")}, {own, ours()}};
  greylist_session session{};
  for (int i = 0; i < 2; ++i) {
    ask({perl, own}, &session);
    CHECK(network.asked[perl] == "fp");
  }
  network.servers[perl] = dead();
  ask({perl, own}, &session);
  CHECK(network.asked[perl] == "pfpfpfp");  // for half of the time
  CHECK(network.asked[own] == "f");
  ask({perl, own}, &session);
  CHECK(network.asked[own] == "f");
}

TEST_CASE("who has sent a tag is never asked plainly, and is not believed without one") {
  const int port = new_port();
  network.servers[port] = ours();
  ask({port});
  network.servers[port] = dead();
  CHECK(ask({port}).error == GREYLIST_SILENT);
  CHECK(network.asked[port] == std::string(13, 'f'));
  network.servers[port] = plain_two_octets();
  CHECK(ask({port}).error == GREYLIST_SILENT);
}

TEST_CASE("a slow server's answer to the full form is taken, with its wait, when it comes") {
  const int port = new_port();
  network.servers[port] = [](const std::string& datagram, int) {
    if (form_of(datagram) == 'p') return Reply{kNew, 200};
    return Reply{kNew + "\0\0\1\x2c"s + tag_of(datagram), 150};
  };
  greylist_session session{};
  CHECK(ask({port}, &session).retry_after == 300);
  CHECK(network.asked[port] == "fp");
  ask({port}, &session);
  CHECK(network.asked[port] == "ff");  // as slow as before, and known now
}

TEST_CASE("a tag is checked also where the plain form was sent") {
  const int port = new_port();
  network.servers[port] = [](const std::string& datagram, int n) {
    if (n == 2) return Reply{kNew + tag_of(datagram)};
    return Reply{kKnown + "0123456789abcdef"};
  };
  CHECK(ask({port}).verdict == GREYLIST_DEFER);
  CHECK(network.asked[port] == "fpf");
}

TEST_CASE("a lost datagram costs one more, and makes no session ask plainly") {
  const int port = new_port();
  const Server server = ours();
  greylist_session session{};
  network.servers[port] = behind_loss(1, server);
  CHECK(ask({port}, &session).error == GREYLIST_ANSWERED);
  CHECK(network.asked[port] == "fp");
  network.servers[port] = server;
  CHECK(ask({port}, &session).error == GREYLIST_ANSWERED);
  CHECK(network.asked[port] == "f");
}

TEST_CASE("two lost in a row do, and what the session takes for plain then is corrected") {
  const int port = new_port();
  const Server server = ours();
  greylist_session session{};
  network.servers[port] = behind_loss(1, server);
  for (int i = 0; i < 2; ++i) {
    CHECK(ask({port}, &session).error == GREYLIST_ANSWERED);
    CHECK(network.asked[port] == "fp");
  }
  CHECK(ask({port}, &session).error == GREYLIST_ANSWERED);
  CHECK(network.asked[port] == "pf");  // the next datagram with additions shows what it is
  network.servers[port] = server;
  CHECK(ask({port}, &session).error == GREYLIST_ANSWERED);
  CHECK(network.asked[port] == "f");
}

TEST_CASE("a server that is silent to everything is sent no more than it ever was") {
  const int port = new_port();
  network.servers[port] = dead();
  CHECK(ask({port}).error == GREYLIST_SILENT);
  CHECK(network.asked[port] == "fpfpfpfpfpfpf");
}

TEST_CASE("each of the servers is asked in both forms, however short its turn is") {
  for (const unsigned timeout_ms : {100u, 1000u, 3000u}) {
    for (const std::size_t position : {0, 7, 15}) {
      CAPTURE(timeout_ms);
      CAPTURE(position);
      std::vector<int> ports;
      for (std::size_t i = 0; i < GREYLIST_MAX_SERVERS; ++i) {
        ports.push_back(new_port());
        network.servers[ports.back()] = i == position ? silent_to("Q") : dead();
      }
      CHECK(ask(ports, nullptr, timeout_ms).error == GREYLIST_ANSWERED);
      CHECK(network.asked[ports[position]] == "fp");
      if (position > 0) CHECK(network.asked[ports[0]].starts_with("fp"));
    }
  }
}

TEST_CASE("a late answer of a server whose turn is over still counts") {
  const int late = new_port(), other = new_port();
  // Of a second each has the half; the first one's second datagram is answered after that.
  network.servers[late] = [](const std::string&, int n) {
    return n == 1 ? Reply{kNew, 700} : Reply{};
  };
  network.servers[other] = dead();
  const std::int64_t begin_ms = now_ms;
  const auto result = ask({late, other}, nullptr, 1000);
  CHECK(result.error == GREYLIST_ANSWERED);
  CHECK(result.verdict == GREYLIST_DEFER);
  CHECK(now_ms - begin_ms >= 100 + 700);
  CHECK(network.asked[other].starts_with("fp"));
}

TEST_CASE("a server that refuses is not silent: it is asked in the full form until it is there") {
  const int port = new_port(), other = new_port();
  CHECK(ask({port}).error == GREYLIST_UNREACHABLE);
  CHECK(network.asked[port] == std::string(13, 'f'));
  network.servers[other] = silent_to("Q");
  CHECK(ask({port, other}).error == GREYLIST_ANSWERED);
  CHECK(network.asked[other] == "fp");
}

TEST_CASE(
    "nor is one that refuses what it was sent: it begins with the full form when it is there") {
  const int port = new_port();
  const Server server = ours();
  network.servers[port] = [server](const std::string& datagram, int n) {
    return n == 0 ? Reply{.octets = {}, .after_ms = 5, .refused = true} : server(datagram, n);
  };
  CHECK(ask({port}).error == GREYLIST_ANSWERED);
  CHECK(network.asked[port] == "ff");
}

TEST_CASE("a long question is asked whole in both forms, then briefly in both") {
  const int port = new_port();
  network.servers[port] = dead();
  ask({port}, nullptr, 1000, 500);
  CHECK(network.asked[port] == "fpfpf");
  REQUIRE(network.datagrams.size() == 5);
  CHECK(network.datagrams[0].size() > 7500);
  CHECK(network.datagrams[0].starts_with(
      network.datagrams[1].substr(0, network.datagrams[1].size() - 1)));
  CHECK(network.datagrams[2].size() <= 1232);
  CHECK(network.datagrams[2].starts_with(
      network.datagrams[3].substr(0, network.datagrams[3].size() - 1)));
  CHECK(network.datagrams[4] == network.datagrams[2]);
}

TEST_CASE("a front's questions are one session, and after silence it asks nobody for a minute") {
  const int port = new_port();
  const std::string servers = "127.0.0.1@" + std::to_string(port);
  setenv("GREYIP", servers.c_str(), 1);
  setenv("GREYFAIL", "closed", 1);
  grey::glue::Front front("test", nullptr);
  CHECK_FALSE(front.is_off());
  const std::string recipients = "Tb@example.net\0"s;
  const greylist_query query{"192.0.2.1", "", "a@example.org", recipients.data(),
                             recipients.size()};
  char text[GREYLIST_TEXT_MAX + 1];
  const auto check = [&] {
    network.asked[port].clear();
    return front.check(query, text, sizeof text);
  };

  network.servers[port] = silent_to("X");  // which fronts alone send
  CHECK(check() == 450);
  CHECK(network.asked[port] == "fp");
  CHECK(check() == 450);
  CHECK(check() == 450);
  CHECK(network.asked[port] == "p");  // it has learnt

  network.servers[port] = dead();
  CHECK(check() == 451);
  CHECK(text == std::string(GREYLIST_TEXT_UNAVAILABLE));
  CHECK(network.asked[port].size() == 13);
  network.servers[port] = plain_two_octets();
  now_ms += 59'999;
  CHECK(check() == 451);
  CHECK(network.asked[port].empty());
  now_ms += 1;
  CHECK(check() == 450);

  unsetenv("GREYIP");
  unsetenv("GREYFAIL");
  CHECK(grey::glue::Front("test", nullptr).is_off());
}

TEST_CASE("where the plain form is not allowed, as under a key, it is never sent") {
  greylist_session session{0, 0, ~0u};
  grey::glue::QueryForms forms(false, session);
  for (int i = 0; i < 5; ++i) {
    CHECK(forms.next(3) == Form::full);
    forms.sent(3, Form::full);
  }
}

TEST_CASE(
    "under a key there is no plain form: one datagram each time, signed anew after ten seconds") {
  const int port = new_port();
  network.servers[port] = dead();
  key = {GREYLIST_KEY_SET, "mx1", {1, 2, 3}};
  CHECK(ask({port}, nullptr, 25'000).error == GREYLIST_SILENT);
  CHECK(network.asked[port] == std::string(network.datagrams.size(), 'f'));
  std::map<std::string, int> times;
  for (const std::string& datagram : network.datagrams) ++times[datagram];
  REQUIRE(times.size() == 3);
  for (const auto& [datagram, count] : times) CHECK(count >= 19);
  // A server that knows no additions is no reason to speak without a key.
  greylist_session session{};
  network.servers[port] = silent_to("K");
  for (int i = 0; i < 3; ++i) CHECK(ask({port}, &session).error == GREYLIST_SILENT);
  CHECK(network.asked[port] == std::string(13, 'f'));
  key = {};
}
