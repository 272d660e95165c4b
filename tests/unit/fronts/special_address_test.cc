#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "greyd/core/key.h"
#include "greyd/fronts/mta_request.h"
#include "greyd/lists/address_list.h"
#include "greyd/wire/endpoint.h"
#include "greyd/wire/wire.h"

using namespace grey;

namespace {

Ip client(const std::string& text) {
  const auto ip = Ip::parse_client(text);
  REQUIRE_MESSAGE(ip, text);
  return *ip;
}

// What a query of this client is stored under, in text.
std::string key(const std::string& text, unsigned ipv4_prefix = 32, unsigned ipv6_prefix = 64) {
  Policy policy;
  policy.ipv4_prefix = ipv4_prefix;
  policy.ipv6_prefix = ipv6_prefix;
  KeyBuilder keys(policy);
  keys.envelope(client(text), "a@x.org");
  const auto parts = split_key(keys.client());
  REQUIRE(parts);
  // Read back from a file it is made a key again, and is the same.
  const std::string first(keys.client());
  keys.envelope(parts->client, "a@x.org");
  REQUIRE(keys.client() == first);
  return to_string(parts->client);
}

}  // namespace

TEST_CASE("each special prefix has its client") {
  const struct {
    const char *address, *client;
  } rows[] = {
      {"::ffff:192.0.2.1", "192.0.2.1"},  // mapped
      // NAT64 and SIIT: the IPv4 host
      {"64:ff9b::192.0.2.1", "192.0.2.1"},
      {"64:FF9B::C000:201", "192.0.2.1"},
      {"64:ff9b:0:0:0:0:c633:6401", "198.51.100.1"},
      {"64:ff9b::10.1.2.3", "10.1.2.3"},
      {"::ffff:0:192.0.2.1", "192.0.2.1"},
      // ... unless it is an address that no host has towards others
      {"64:ff9b::127.0.0.1", "64:ff9b::7f00:1"},
      {"64:ff9b::0.0.0.1", "64:ff9b::1"},
      {"64:ff9b::224.0.0.1", "64:ff9b::e000:1"},
      {"64:ff9b::255.255.255.255", "64:ff9b::ffff:ffff"},
      {"::ffff:0:127.0.0.1", "::ffff:0:7f00:1"},
      // beside the prefix: a network as any
      {"64:ff9b::1:0:0", "64:ff9b::"},
      {"64:ff9b:0:0:1::c000:201", "64:ff9b::"},
      {"64:ff9b:2::c000:201", "64:ff9b:2::"},
      {"64:ff9a::c000:201", "64:ff9a::"},
      // NAT64 for local use
      {"64:ff9b:1::192.0.2.1", "64:ff9b:1::c000:201"},
      {"64:ff9b:1:fffe::192.0.2.1", "64:ff9b:1:fffe::c000:201"},
      // Teredo: neither server nor flags nor port, and not the IPv4 host
      {"2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001::3fff:fdd2"},
      {"2001:0:cb00:7101:0:1234:3fff:fdd2", "2001::3fff:fdd2"},
      {"2001:1::1", "2001:1::"},
      // IPv4-compatible, loopback, unspecified
      {"::192.0.2.1", "::192.0.2.1"},
      {"::1", "::1"},
      {"::", "::"},
      {"0.0.0.0", "0.0.0.0"},
      // link-local, whatever the zone
      {"fe80::1", "fe80::1"},
      {"fe80::1%eth0", "fe80::1"},
      {"febf:1::2%3", "febf:1::2"},
      {"fec0::1", "fec0::"},
      // as any: 6to4, ISATAP, unique local, documentation, benchmarking, multicast
      {"2002:c000:201:5::1", "2002:c000:201:5::"},
      {"2001:db8:1:2:0:5efe:c000:201", "2001:db8:1:2::"},
      {"2001:db8:1:2:200:5efe:192.0.2.1", "2001:db8:1:2::"},
      {"fd00:1:2:3::4", "fd00:1:2:3::"},
      {"3fff:1:2:3::4", "3fff:1:2:3::"},
      {"2001:2::1", "2001:2::"},
      {"ff02::1", "ff02::"},
      {"224.0.0.1", "224.0.0.1"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.address);
    CHECK(key(row.address) == row.client);
  }
}

TEST_CASE("prefixes count for what is in an address, not for what is around it") {
  CHECK(key("64:ff9b::192.0.2.1", 24) == "192.0.2.0");
  CHECK(key("64:ff9b::192.0.2.1", 0) == "0.0.0.0");
  CHECK(key("64:ff9b::192.0.2.1", 32, 0) == "192.0.2.1");
  CHECK(key("2001:0:4136:e378:8000:63bf:3fff:fdd2", 24) == "2001::3fff:fd00");
  CHECK(key("2001:0:4136:e378:8000:63bf:3fff:fdd2", 24, 128) == "2001::3fff:fd00");
  CHECK(key("fe80::1", 32, 10) == "fe80::1");
  CHECK(key("64:ff9b:1::192.0.2.1", 24, 48) == "64:ff9b:1::c000:201");
  CHECK(key("2001:db8::1", 24, 32) == "2001:db8::");
}

TEST_CASE("lists name a translated host by both its addresses, and no host by a claim") {
  const auto list = AddressList::parse("192.0.2.0/24\n64:ff9b::198.51.100.1\n127.0.0.1", "list");
  REQUIRE(list);
  for (const char* in :
       {"192.0.2.1", "64:ff9b::192.0.2.1", "::ffff:0:192.0.2.1", "64:ff9b::198.51.100.1"}) {
    CHECK_MESSAGE(list->has_client(client(in)), in);
  }
  for (const char* out :
       {"198.51.100.1", "64:ff9b::127.0.0.1", "2002:c000:201::1", "::192.0.2.1",
        "2001:0:1:1:0:0:3fff:fdfe", "64:ff9b:1::192.0.2.1", "2001:db8::5efe:192.0.2.1"}) {
    CHECK_MESSAGE(!list->has_client(client(out)), out);
  }
}

TEST_CASE("who may ask is told by the source's own address") {
  const auto allow = parse_networks("192.0.2.0/24,127.0.0.0/8");
  REQUIRE(allow);
  for (const char* out : {"64:ff9b::192.0.2.1", "::ffff:0:192.0.2.1", "::192.0.2.1",
                          "2002:c000:201::1", "64:ff9b::127.0.0.1"}) {
    CHECK_MESSAGE(!allow->contains(client(out)), out);
  }
}

TEST_CASE("a client's address may have a zone, and nothing else after it") {
  CHECK(to_string(client("fe80::1%eth0")) == "fe80::1");
  CHECK(to_string(client("fe80::1%eth0.100")) == "fe80::1");
  CHECK(to_string(client("fe80::1%br-lan")) == "fe80::1");
  CHECK(to_string(client("0:0:0:0:0:0:0:1%0")) == "::1");  // as Java writes it
  CHECK(to_string(client("1111:2222:3333:4444:5555:6666:7777:8888%wlan0")).size() == 39);
  for (const std::string bad :
       {"fe80::1%", "%eth0", "192.0.2.1%eth0", "fe80::1%eth0%1", "fe80::1%a b", "fe80::1%a/b",
        "[fe80::1%eth0]", "fe80::%1%", "x%eth0", "fe80::1% ", "fe80::1%\x7f", "fe80::1%\xc3\xbc"}) {
    CAPTURE(bad);
    CHECK_FALSE(Ip::parse_client(bad));
  }
  CHECK_FALSE(Ip::parse_client("fe80::1%" + std::string(65, 'x')));
  CHECK_FALSE(Ip::parse("fe80::1%eth0"));  // a list or an --allow has no use for one
  CHECK_FALSE(parse_endpoint("fe80::1%eth0@1999", Wildcards::allowed));
}

TEST_CASE("both fronts take a client with a zone") {
  const std::string datagram("Ife80::1%eth0\0Fa@x\0Tb@y\0\0", 25);
  wire::Query query;
  REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
  CHECK(to_string(query.client) == "fe80::1");
  const std::string bad("Ife80::1%\0Fa@x\0Tb@y\0\0", 21);
  CHECK(wire::parse(bad, query) == wire::Fault::bad_client);

  for (const std::string text :
       {"request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=fe80::1%eth0\n"
        "sender=a@x\nrecipient=b@y\n\n",
        "check fe80::1%eth0 a@x b@y\n"}) {
    MtaReader reader;
    std::string_view bytes = text;
    REQUIRE(reader.next(bytes) == MtaReader::Step::request);
    REQUIRE(to_query(reader.request(), query) == MtaTopic::decide);
    CHECK(to_string(query.client) == "fe80::1");
  }
}
