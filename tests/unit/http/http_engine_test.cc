// A request's head is an answer's octets.
#include "greyd/http/http_engine.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using namespace grey::http;

namespace {

constexpr long kIdle = 75;
constexpr std::size_t kMost = 1000;

// Says who has asked for what.
std::optional<Answer> echo(const Request& request) {
  return Answer{200,
                "text/plain",
                request.method + " " + request.path + " <" + request.accept + ">" +
                    (request.body ? " with a body" : ""),
                {{"X-Test", "yes"}}};
}

Engine::Reply reply_to(const std::string& head, bool last = false,
                       const Engine::Handler& handler = echo) {
  return Engine(kIdle, kMost).respond(head, last, handler);
}
std::string octets_of(const std::string& head) {
  return reply_to(head).octets.value_or("nothing");
}
std::string body_of(const std::string& octets) {
  const std::size_t end = octets.find("\r\n\r\n");
  return end == std::string::npos ? "no end" : octets.substr(end + 4);
}
bool has(const std::string& octets, const std::string& line) {
  return octets.find("\r\n" + line + "\r\n") != std::string::npos;
}

}  // namespace

TEST_CASE("a request is answered, with what its handler says") {
  const std::string octets = octets_of(
      "GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\naccept: b;q=0\r\n\r\n");
  CHECK(octets.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(has(octets, "Content-Type: text/plain"));
  CHECK(has(octets, "X-Test: yes"));
  CHECK(body_of(octets) == "GET /metrics <text/plain, b;q=0>");
}

TEST_CASE("paths are decoded, and may be those one asks a proxy") {
  CHECK(body_of(octets_of("GET /%6detrics HTTP/1.1\r\nHost: a\r\n\r\n")) == "GET /metrics <>");
  CHECK(body_of(octets_of("GET http://a.example:1/metrics HTTP/1.1\r\nHost: a\r\n\r\n")) ==
        "GET /metrics <>");
  CHECK(body_of(octets_of("GET http://a.example HTTP/1.1\r\nHost: a\r\n\r\n")) == "GET / <>");
}

TEST_CASE("a request names one host") {
  const auto host_of = [](const std::string& head) {
    std::string host = "not asked";
    const auto reply = reply_to(head, false, [&host](const Request& request) {
      host = request.host;
      return echo(request);
    });
    if (host == "not asked") {
      CHECK(reply.octets->starts_with("HTTP/1.1 400 "));
      CHECK(reply.last);
    }
    return host;
  };
  CHECK(host_of("GET / HTTP/1.1\r\nhost:  [::1]:9119 \r\n\r\n") == "[::1]:9119");
  CHECK(host_of("GET / HTTP/1.1\r\nHost:\r\n\r\n").empty());
  CHECK(host_of("GET / HTTP/1.1\r\n\r\n") == "not asked");
  CHECK(host_of("GET / HTTP/1.1\r\nHost: a\r\nHOST: a\r\n\r\n") == "not asked");
  CHECK(host_of("GET / HTTP/1.1\r\nHost: a\r\nHost : b\r\n\r\n") == "not asked");
  // Before 1.1 it need not.
  CHECK(host_of("GET / HTTP/1.0\r\n\r\n").empty());
  CHECK(host_of("GET / HTTP/1.0\r\nHost: a\r\n\r\n") == "a");
  CHECK(host_of("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n") == "not asked");
  // What is asked for counts.
  CHECK(host_of("GET http://b:1/x HTTP/1.1\r\nHost: a\r\n\r\n") == "b:1");
  CHECK(host_of("GET http://b HTTP/1.1\r\nHost: a\r\n\r\n") == "b");
}

TEST_CASE("HEAD has all but the body") {
  const std::string octets = octets_of("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(has(octets, "Content-Length: " + std::to_string(std::string("HEAD / <>").size())));
  CHECK(body_of(octets).empty());
}

TEST_CASE("a connection ends as its request says, or may bring more") {
  struct Row {
    std::string head;
    bool last, body = false;
  };
  const Row rows[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", true},
      {"GET / HTTP/1.1\r\nHost: a\r\nconnection: TE, Close\r\n\r\n", true},
      {"GET / HTTP/1.0\r\n\r\n", true},
      {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
      // What stands behind these heads would be taken for the next request.
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", true, true},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n", true, true},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 00\r\n\r\n", true, true},
      {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", true, true},
      {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", true, true},
      {"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", true,
       true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.head);
    const auto reply = reply_to(row.head);
    CHECK(reply.last == row.last);
    CHECK(has(*reply.octets, "Connection: close") == row.last);
    CHECK(reply.octets->starts_with("HTTP/1.1 200"));  // nothing before it
    CHECK(reply.octets->ends_with(" with a body") == row.body);
  }
  CHECK(reply_to("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true).last);
}

TEST_CASE("what is no request is refused") {
  for (const std::string head :
       {"GET /\r\n\r\n", "FOO / HTTP/1.1\r\n\r\n", "GET / HTTP/2.0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\n", "\r\n\r\n", ""}) {
    CAPTURE(head);
    const auto reply = reply_to(head);
    CHECK((reply.octets->empty() || reply.octets->starts_with("HTTP/1.1 400 ")));
  }
}

TEST_CASE("an answer is never cut, repeated or packed, whatever is asked for") {
  std::string ranges = "bytes=0-";
  while (ranges.size() < 8000) ranges += ",0-";
  const std::string octets = octets_of("GET / HTTP/1.1\r\nHost: a\r\nRange: " + ranges +
                                       "\r\nAccept-Encoding: br, gzip\r\n\r\n");
  CHECK(octets.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(body_of(octets) == "GET / <>");
}

TEST_CASE("an answer that is not there yet is asked for again") {
  const auto reply = reply_to("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false,
                              [](const Request&) { return std::optional<Answer>(); });
  CHECK_FALSE(reply.octets);
  CHECK(reply.last);
}

TEST_CASE("a handler that fails is an answer, too") {
  const auto reply =
      reply_to("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false,
               [](const Request&) -> std::optional<Answer> { throw std::runtime_error("secret"); });
  CHECK(reply.octets->starts_with("HTTP/1.1 500 "));
  CHECK(reply.octets->find("secret") == std::string::npos);
}

TEST_CASE("a header cannot be ended by what is in a request") {
  const std::string octets = octets_of("GET /%0d%0aX-Evil:%20yes HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(octets.substr(0, octets.find("\r\n\r\n")).find("Evil") == std::string::npos);
}
