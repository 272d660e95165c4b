// What is a domain that the DNS can be asked for.
#include "greyd/wire/dns_domain.h"

#include <doctest/doctest.h>

#include <string>

using namespace grey;

TEST_CASE(
    "a domain that the DNS can be asked for has two labels or more, and a letter at its end") {
  const std::string label(63, 'a');
  const std::string longest = label + '.' + label + '.' + label + '.' + std::string(61, 'b');
  const struct {
    std::string name;
    bool good;
  } rows[] = {
      {"example.com", true},
      {"_spf.example.com", true},
      {"xn--bcher-kva.de", true},
      {"1.2.a", true},
      {"a.b1", true},
      {"a-.-b", true},
      {label + ".com", true},
      {longest, true},
      {longest + "b", false},
      {"a" + label + ".com", false},
      {"", false},
      {"com", false},
      {"com.", false},
      {"example.com.", false},
      {".com", false},
      {"a..b", false},
      {".", false},
      {"..", false},
      {"192.0.2.1", false},
      {"a.1", false},
      {"Example.com", false},
      {"a b.com", false},
      {"a/b.com", false},
      {std::string("a\0.com", 6), false},
      {"b\xc3\xbc.de", false},
      {"[192.0.2.1]", false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK(is_dns_domain(row.name) == row.good);
  }
}
