// Requests of anybody who gets to the port of `greyctl serve`: the head goes through cpp-httplib,
// the values of Accept are weighed. Whatever comes, there is one answer, and it ends where it says.
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/http/http_engine.h"
#include "greyd/metrics/family.h"
#include "tests/fuzz/require.h"

using namespace grey;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static http::Engine engine(75, 1000);
  const std::string_view head(reinterpret_cast<const char*>(data), size);
  bool asked = false;
  const auto reply = engine.respond(head, false, [&](const http::Request& request) {
    REQUIRE(!std::exchange(asked, true));
    (void)metrics::format_for(request.accept);
    return http::Answer{200, "text/plain", "the body"};
  });
  REQUIRE(reply.octets);
  const std::string& octets = *reply.octets;
  if (octets.empty()) return 0;  // there was no line
  REQUIRE(octets.starts_with(asked ? "HTTP/1.1 200 " : "HTTP/1.1 4"));
  const std::size_t end = octets.find("\r\n\r\n");
  REQUIRE(end != std::string::npos);
  const std::string_view body = std::string_view(octets).substr(end + 4);
  REQUIRE(!asked || body.empty() || body == "the body");
  (void)metrics::format_for(head);
  return 0;
}
