// Who is believed as a proxy, how its header is read from a descriptor, and what becomes of the
// environment.
#include "smtpd-glue/greysmtpd/proxy_client.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <string>

using namespace std::string_literals;
using namespace grey::smtp;
using grey::Ip;

namespace {

const std::string kLine = "PROXY TCP4 192.0.2.1 198.51.100.2 4711 25\r\n";

struct Ends {
  Ends() { REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0); }
  ~Ends() {
    close(fds[0]);
    if (fds[1] >= 0) close(fds[1]);
  }
  void say(const std::string& bytes) {
    REQUIRE(write(fds[1], bytes.data(), bytes.size()) == ssize_t(bytes.size()));
  }
  void hang_up() {
    close(fds[1]);
    fds[1] = -1;
  }
  std::string left() {
    char bytes[1000];
    const ssize_t got = recv(fds[0], bytes, sizeof bytes, MSG_DONTWAIT);
    return {bytes, std::size_t(std::max<ssize_t>(got, 0))};
  }
  int fds[2];
};

ProxyHeader read(const std::string& bytes) {
  Ends ends;
  ends.say(bytes);
  ProxyHeader header;
  REQUIRE(read_proxy_header(header, ends.fds[0]).empty());
  return header;
}

using Environment = std::map<std::string, std::string>;
constexpr const char* kNames[] = {
    "TCPREMOTEIP",     "TCPREMOTEPORT", "TCPLOCALIP",   "TCPLOCALPORT",   "TCPREMOTEHOST",
    "TCPREMOTEINFO",   "TCPLOCALHOST",  "TCP6REMOTEIP", "TCP6REMOTEHOST", "TCP6LOCALPORT",
    "SSLREMOTEIP",     "RELAYCLIENT",   "WHITELISTED",  "JGREYLIST",      "RBLSMTPD",
    "JGREYLIST_NOREV", "GREYPROXY",     "GREYIP"};
void set(const Environment& environment) {
  for (const char* name : kNames) unsetenv(name);
  for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
}
Environment environment() {
  Environment found;
  for (const char* name : kNames) {
    if (const char* value = getenv(name)) found[name] = value;
  }
  return found;
}

}  // namespace

TEST_CASE(
    "networks are addresses or prefixes of both families, and one bad member spoils the list") {
  const auto networks = parse_networks("192.0.2.1,198.51.100.0/24,2001:db8::/32,::1,10.1.2.3/8");
  REQUIRE(networks.has_value());
  REQUIRE(networks->size() == 5);
  const auto in = [&](const char* ip) { return is_in(*networks, *Ip::parse(ip)); };
  for (const char* ip :
       {"192.0.2.1", "::ffff:192.0.2.1", "198.51.100.255", "2001:db8:ff::1", "::1", "10.255.0.1"})
    CHECK(in(ip));
  for (const char* ip : {"192.0.2.2", "198.51.101.0", "2001:db9::", "::2", "11.0.0.1"})
    CHECK(!in(ip));
  const struct {
    const char* network;
    const char* in;
    const char* out;
  } rows[] = {
      {"0.0.0.0/0", "203.0.113.9", "2001:db8::1"},
      {"::/0", "2001:db8::1", "203.0.113.9"},
      {"::ffff:192.0.2.0/120", "192.0.2.9", "192.0.3.0"},
      {"::ffff:0:0/96", "192.0.2.9", "::1"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.network);
    CHECK(is_in(*parse_networks(row.network), *Ip::parse(row.in)));
    CHECK(!is_in(*parse_networks(row.network), *Ip::parse(row.out)));
  }
  for (const char* bad :
       {"", ",", "192.0.2.1,", ",192.0.2.1", "192.0.2.1, 192.0.2.2", "192.0.2.0/33", "192.0.2.0/",
        "192.0.2.0/+8", "::/129", "192.0.2", "mx.example.org", "[::1]", "192.0.2.1@25",
        "192.0.2.0/1000", "::ffff:192.0.2.0/95"}) {
    CAPTURE(bad);
    CHECK(!parse_networks(bad));
  }
}

TEST_CASE("the header is read from the descriptor, and what follows is left in it") {
  for (const std::string& follows : {""s, "EHLO me\r\n"s}) {
    Ends ends;
    ends.say(kLine + follows);
    ProxyHeader header;
    CHECK(read_proxy_header(header, ends.fds[0]).empty());
    REQUIRE(header.connection().has_value());
    CHECK(to_string(header.connection()->client.ip) == "192.0.2.1");
    CHECK(ends.left() == follows);
  }
}

TEST_CASE("a header that does not come, or does not end, is not waited for without end") {
  for (const std::string& said : {""s, "PROXY TCP4 "s, "\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"s}) {
    Ends slow, gone;
    slow.say(said);
    gone.say(said);
    gone.hang_up();
    ProxyHeader header, other;
    const auto fault = read_proxy_header(header, slow.fds[0], 20);
    CHECK(fault ==
          (said.empty() ? "it sends no PROXY header" : "its PROXY header is not complete in time"));
    CHECK(read_proxy_header(other, gone.fds[0]) ==
          "it ended the connection before its PROXY header did");
  }
  Ends ends;
  ends.say("EHLO me\r\n");
  ProxyHeader header;
  CHECK(read_proxy_header(header, ends.fds[0]) == "what it sent is not a PROXY header");
}

TEST_CASE("the environment names the client, and has nothing of the proxy's") {
  set({{"TCPREMOTEIP", "10.0.0.1"},
       {"TCPREMOTEPORT", "1"},
       {"TCPREMOTEHOST", "proxy.example.net"},
       {"TCPREMOTEINFO", "root"},
       {"TCPLOCALHOST", "mx.example.net"},
       {"TCP6REMOTEIP", "::ffff:10.0.0.1"},
       {"TCP6REMOTEHOST", "proxy.example.net"},
       {"RELAYCLIENT", ""},
       {"WHITELISTED", "yes"},
       {"JGREYLIST", ""},
       {"RBLSMTPD", ""},
       {"JGREYLIST_NOREV", "no name"},
       {"GREYPROXY", "10.0.0.1"},
       {"GREYIP", "127.0.0.1"}});
  set_client_environment(read(kLine));
  CHECK(environment() == Environment{{"TCPREMOTEIP", "192.0.2.1"},
                                     {"TCPREMOTEPORT", "4711"},
                                     {"TCPLOCALIP", "198.51.100.2"},
                                     {"TCPLOCALPORT", "25"},
                                     {"TCPLOCALHOST", "mx.example.net"},
                                     {"TCP6REMOTEIP", "192.0.2.1"},
                                     {"GREYIP", "127.0.0.1"}});
  set({{"JGREYLIST", "not you"}, {"RBLSMTPD", "-nor you"}});
  set_client_environment(read(kLine));
  CHECK(environment().at("JGREYLIST") == "not you");
  CHECK(environment().at("RBLSMTPD") == "-nor you");
}

TEST_CASE(
    "a proxy keeps its rights when it speaks for itself, and not for somebody it does not name") {
  const Environment proxy{
      {"TCPREMOTEIP", "10.0.0.1"}, {"TCPREMOTEHOST", "proxy.example.net"}, {"RELAYCLIENT", ""}};
  set(proxy);
  setenv("GREYPROXY", "10.0.0.1", 1);
  set_client_environment(read("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"s));
  CHECK(environment() == proxy);
  for (const std::string& unnamed :
       {"PROXY UNKNOWN\r\n"s, "\r\n\r\n\0\r\nQUIT\n\x21\0\0\0"s,
        "\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8"s + std::string(216, '/')}) {
    set(proxy);
    set_client_environment(read(unnamed));
    CHECK(environment() ==
          Environment{{"TCPREMOTEIP", "10.0.0.1"}, {"TCPREMOTEHOST", "proxy.example.net"}});
  }
}
