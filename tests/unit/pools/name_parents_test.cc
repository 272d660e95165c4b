// Which domain a client's verified name makes it one of a pool of, and which names are made of the
// address.
#include "greyd/pools/name_parents.h"

#include <doctest/doctest.h>

#include <string>

#include "greyd/core/address_name.h"

using namespace grey;

namespace {

std::string parent(const NameParents& parents, std::string_view name,
                   std::string_view client = "203.0.113.77") {
  std::string text = "what was there before";
  parents.take_parent(name, *Ip::parse(client), text);
  return text;
}

}  // namespace

TEST_CASE("a name's parent is the name without its first label") {
  const NameParents parents;
  REQUIRE(parents.has_list());
  const struct {
    const char *name, *parent;
  } rows[] = {
      {"mail-wr1-f54.google.com", "google.com"},
      {"out2.mail.example.com", "mail.example.com"},
      {"OUT2.Mail.Example.COM.", "mail.example.com"},
      {"sonic301-20.consmr.mail.ne1.yahoo.com", "consmr.mail.ne1.yahoo.com"},
      {"a_1.example.local", "example.local"},
      // Right below a public suffix, or one itself.
      {"example.com", ""},
      {"example.co.uk", ""},
      {"mail.example.co.uk", "example.co.uk"},
      {"user.github.io", ""},
      {"mail.user.github.io", "user.github.io"},
      {"host", ""},
      // No name of a host, whoever has sent it.
      {"", ""},
      {".", ""},
      {"..", ""},
      {"a..example.com", ""},
      {".a.example.com", ""},
      {"a b.example.com", ""},
      {"a\n.example.com", ""},
      {"a\xff.example.com", ""},
      {"*.mail.example.com", ""},
      {"a.spf:example.com", ""},
      {"[192.0.2.1].example.com", ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK(parent(parents, row.name) == row.parent);
  }
  CHECK(parent(parents, "a." + std::string(64, 'b') + ".example.com").empty());
  std::string longest = "a";
  while (longest.size() + 4 <= 240) longest += ".bbb";
  CHECK_FALSE(parent(parents, longest + ".example.com").empty());
  CHECK(parent(parents, longest + ".ccccccccc.example.com").empty());
}

TEST_CASE("a name that is made of the address has no parent") {
  const struct {
    const char *client, *name;
    bool made_of_it;
  } rows[] = {
      {"203.0.113.77", "host-203-0-113-77.isp.example.net", true},
      {"203.0.113.77", "77.113.0.203.isp.example.net", true},
      {"203.0.113.77", "203.0.113.77.isp.example.net", true},
      {"203.0.113.77", "ip203-0-113-77.isp.example.net", true},
      {"203.0.113.77", "77-113-0-203.dyn.isp.example.net", true},
      {"203.0.113.77", "77.dsl-203-0-113.isp.example.net", true},
      {"203.0.113.77", "203.000.113.077.isp.example.net", true},
      {"203.0.113.77", "203000113077.isp.example.net", true},
      {"203.0.113.77", "077113000203.isp.example.net", true},
      {"203.0.113.77", "cb00714d.isp.example.net", true},
      {"203.0.113.77", "CB-00-71-4D.isp.example.net", true},
      {"203.0.113.77", "4d7100cb.isp.example.net", true},
      {"203.0.113.77", "x3405803853.isp.example.net", true},  // as one number
      {"203.0.113.77", "static.0-113-77.isp.example.net", true},
      {"203.0.113.77", "77.113.0.isp.example.net", true},
      {"203.0.113.77", "h203x0x113x77.isp.example.net", true},
      {"192.168.16.11", "dhcp1921681611.isp.example.net", true},
      {"203.0.113.77", "mail.isp.example.net", false},
      {"203.0.113.77", "mail77.isp.example.net", false},
      {"203.0.113.77", "mta-113-77.isp.example.net", false},        // two octets: providers do so
      {"203.0.113.77", "host-203-0-113-78.isp.example.net", true},  // of the network
      {"209.85.221.54", "mail-wr1-f54.google.com", false},
      {"40.107.13.45", "mail-eopbgr130045.outbound.protection.outlook.com", false},
      {"54.240.8.52", "a8-52.smtp-out.amazonses.com", false},
      {"2001:db8:1:2:a:b:c:d", "2001-db8-1-2-a-b-c-d.isp.example.net", true},
      {"2001:db8:1:2::d", "2001-db8-1-2--d.isp.example.net", true},
      {"2001:db8:1:2::d", "2001-0db8-0001-0002-0000-0000-0000-000d.isp.example.net", true},
      {"2001:db8:1:2:a:b:c:d", "20010db800010002000a000b000c000d.isp.example.net", true},
      {"2001:db8::1:2:3:4", "4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.x.net",
       true},
      {"2001:db8::a1b2:c3d4:e5f6:1234", "xa1b2c3d4e5f61234.isp.example.net", true},
      {"2001:db8::a1b2:c3d4:e5f6:1234", "a1b2-c3d4-e5f6-1234.isp.example.net", true},
      {"2a00:1450:4864:20::12b", "mail-lf1-x12b.google.com", false},
      {"2001:db8::1", "mail1.isp.example.net", false},
  };
  const NameParents parents;
  for (const auto& row : rows) {
    CAPTURE(row.name);
    std::string name(row.name);
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
    CHECK(holds_address(name, *Ip::parse(row.client)) == row.made_of_it);
    CHECK(parent(parents, row.name, row.client).empty() == row.made_of_it);
  }
}
