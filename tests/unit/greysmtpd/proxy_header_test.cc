// The header of the PROXY protocol: what it says, where it ends, and what is none.
#include "smtpd-glue/greysmtpd/proxy_header.h"

#include <doctest/doctest.h>

#include <string>

using namespace std::string_literals;
using namespace grey::smtp;
using grey::Ip;

namespace {

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kV4 =
    "\xc0\0\2\1\xc6\x33\x64\2\x12\x67\0\x19"s;  // 192.0.2.1@4711 to 198.51.100.2@25
const std::string kV6 =
    "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2\x12\x67\0\x19"s;

std::string v2(unsigned command, unsigned family, const std::string& block) {
  return kSignature + char(command) + char(family) + char(block.size() >> 8) +
         char(block.size() & 255) + block;
}

struct Read {
  std::size_t taken = 0;
  ProxyHeader header;
  std::string summary() const {
    if (!header.complete()) return header.fault() != nullptr ? "bad" : "more";
    if (!header.connection()) return "peer";
    const auto& [client, local] = *header.connection();
    return to_string(client.ip) + "@" + std::to_string(client.port) + " " + to_string(local.ip) +
           "@" + std::to_string(local.port);
  }
};

// Read as from a descriptor that has so many octets ready each time.
Read read(const std::string& bytes, std::size_t at_once = SIZE_MAX) {
  Read read;
  while (read.header.wanted() > 0 && read.taken < bytes.size()) {
    const std::size_t size = std::min(read.header.wanted(), at_once);
    const std::string piece = bytes.substr(read.taken, size);
    read.header.take(piece);
    read.taken += piece.size();
  }
  return read;
}

}  // namespace

TEST_CASE(
    "a header says whose connection it is, however it arrives, and nothing behind it is read") {
  const std::string v4 = "192.0.2.1@4711 198.51.100.2@25", v6 = "2001:db8::1@4711 2001:db8::2@25";
  const struct {
    const char* what;
    std::string header;
    std::string says;
  } rows[] = {
      {"v1 TCP4", "PROXY TCP4 192.0.2.1 198.51.100.2 4711 25\r\n", v4},
      {"v1 TCP6", "PROXY TCP6 2001:db8::1 2001:db8::2 4711 25\r\n", v6},
      {"v1 TCP6, mapped", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 4711 25\r\n", v4},
      {"v1, the longest that has addresses",
       "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
       "65535 "
       "65535\r\n",
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff@65535 "
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff@65535"},
      {"v1 UNKNOWN", "PROXY UNKNOWN\r\n", "peer"},
      {"v1 UNKNOWN, with anything", "PROXY UNKNOWN 192.0.2.1 what ever\r\n", "peer"},
      {"v1 UNKNOWN, as long as a line may be", "PROXY UNKNOWN" + std::string(92, ' ') + "\r\n",
       "peer"},
      {"v2 TCP4", v2(0x21, 0x11, kV4), v4},
      {"v2 TCP6", v2(0x21, 0x21, kV6), v6},
      {"v2 TCP6, mapped",
       v2(0x21, 0x21,
          "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\2\x12\x67\0\x19"s),
       v4},
      {"v2 UDP4", v2(0x21, 0x12, kV4), v4},
      {"v2 with a checksum and an authority", v2(0x21, 0x11, kV4 + "\3\0\4abcd\2\0\3a.b"s), v4},
      {"v2 with as much as there can be", v2(0x21, 0x11, kV4 + std::string(65535 - 12, '\xff')),
       v4},
      {"v2 LOCAL", v2(0x20, 0x00, ""), "peer"},
      {"v2 LOCAL, with addresses", v2(0x20, 0x11, kV4), "peer"},
      {"v2 LOCAL, with a family that nobody knows", v2(0x20, 0x99, "x"), "peer"},
      {"v2 UNSPEC", v2(0x21, 0x00, ""), "peer"},
      {"v2 UNSPEC, with something", v2(0x21, 0x00, kV4), "peer"},
      {"v2 INET over an unspecified protocol", v2(0x21, 0x10, kV4), "peer"},
      {"v2 AF_UNIX", v2(0x21, 0x31, std::string(216, '/')), "peer"},
      {"v2 AF_UNIX, with more", v2(0x21, 0x31, std::string(300, '/')), "peer"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    for (const std::size_t at_once : {1, 2, 5, 11, 12, 13, 16, 1000, 100'000}) {
      CAPTURE(at_once);
      const Read whole = read(row.header + "EHLO me\r\n", at_once);
      CHECK(whole.summary() == row.says);
      CHECK(whole.taken == row.header.size());
      if (row.header.size() > 1000 && at_once < 1000) break;
    }
    if (row.header.size() > 1000) continue;
    for (std::size_t size = 0; size < row.header.size(); ++size)
      REQUIRE(read(row.header.substr(0, size)).summary() == "more");
  }
}

TEST_CASE("what is no header is found out as soon as it can be") {
  const struct {
    std::string bytes;
    std::size_t taken;  // at most
  } rows[] = {
      {"EHLO me\r\n", 12},
      {"\r\n\r\nEHLO me\r\n", 12},
      {"\x16\3\1\2\0\1\0\1\xfc\3\3abcdefgh"s, 12},  // TLS
      {"proxy TCP4 192.0.2.1 198.51.100.2 4711 25\r\n", 12},
      {"PROXY\tTCP4 192.0.2.1 198.51.100.2 4711 25\r\n", 12},
      {"PROXY  TCP4 192.0.2.1 198.51.100.2 4711 25\r\n", 107},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 4711 25\n", 107},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 4711 25 \r\n", 107},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 4711\r\n", 107},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 04711 25\r\n", 107},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 65536 25\r\n", 107},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 +1 25\r\n", 107},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 4711 \r\n", 107},
      {"PROXY TCP4 192.0.2.256 198.51.100.2 4711 25\r\n", 107},
      {"PROXY TCP4 2001:db8::1 2001:db8::2 4711 25\r\n", 107},
      {"PROXY TCP4 192.0.2.1\0 198.51.100.2 4711 25\r\n"s, 107},
      {"PROXY TCP5 192.0.2.1 198.51.100.2 4711 25\r\n", 107},
      {"PROXY UNKNOWNX\r\n", 107},
      {"PROXY \r\nEHLO me\r\nMAIL", 15},
      {"PROXY UNKNOWN\n" + std::string(200, 'x'), 15},
      {"PROXY UNKNOWN" + std::string(200, 'x'), 107},
      {"PROXY UNKNOWN" + std::string(93, ' ') + "\r\n", 107},
      {v2(0x11, 0x11, kV4), 16},
      {v2(0x31, 0x11, kV4), 16},
      {v2(0x22, 0x11, kV4), 16},
      {v2(0x21, 0x41, kV4), 16},
      {v2(0x21, 0x13, kV4), 16},
      {v2(0x21, 0x11, kV4.substr(1)), 16},
      {v2(0x21, 0x21, kV4), 16},
      {v2(0x21, 0x31, std::string(215, '/')), 16},
  };
  for (const auto& row : rows) {
    CAPTURE(row.bytes);
    for (const std::size_t at_once : {1, 7, 1000}) {
      const Read whole = read(row.bytes, at_once);
      CHECK(whole.summary() == "bad");
      CHECK(whole.taken <= row.taken);
    }
  }
  CHECK(read("E").summary() == "bad");
  CHECK(read("\r\n\r\n\r").summary() == "bad");
}
