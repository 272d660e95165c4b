// Rules, and recipients of whom nobody knows who they are.
#include <doctest/doctest.h>

#include <string>

#include "greyd/core/greylist.h"

using namespace grey;
using wire::Reason;

namespace {

std::string of(int recipients, const std::string& last) {
  std::string datagram = std::string("I192.0.2.1") + '\0' + "Fa@x.org" + '\0';
  for (int i = 0; i < recipients; ++i) {
    datagram += "Tuser" + std::to_string(i) + "@off.example" + '\0';
  }
  if (!last.empty()) datagram += "T" + last + '\0';
  return datagram;
}

Reason decide(const std::string& rules, const std::string& datagram) {
  Lists lists;
  lists.rules = *RuleList::parse(rules, "rules", rule_limits(Policy{}));
  Greylist greylist(Policy{}, 10'000, HashKey{});
  wire::Query query;
  REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
  return greylist.decide(query, lists, 1'700'000'000).reason;
}

}  // namespace

TEST_CASE("recipients beyond the most that are asked about lose nothing by those who are off") {
  constexpr int kMost = int(wire::kMaxRecipients);
  const std::string opt_in = "to:joe@y.example on\n* off\n", opt_out = "to:@off.example off\n";
  CHECK(decide(opt_in, of(kMost, "")) == Reason::rule);
  CHECK(decide(opt_in, of(kMost - 1, "joe@y.example")) == Reason::new_triplet);
  CHECK(decide(opt_in, of(kMost, "joe@y.example")) == Reason::new_triplet);
  CHECK(decide(opt_out, of(kMost, "")) == Reason::rule);
  CHECK(decide(opt_out, of(kMost, "joe@y.example")) == Reason::new_triplet);
  // Who is off whoever the recipient is.
  CHECK(decide("192.0.2.1 off\n" + opt_in, of(kMost, "joe@y.example")) == Reason::rule);
  CHECK(decide("* off\n", of(kMost, "joe@y.example")) == Reason::rule);
}

TEST_CASE("the glue's stand-in for others is told from an address") {
  CHECK(wire::stands_for_others("#0123456789abcdef"));
  for (const char* other : {"", "#", "#0123456789abcde", "#0123456789abcdef0", "0123456789abcdef#",
                            "#0123456789ABCDEF", "#0123456789abcde@", "#0123456789abcdeg"}) {
    CHECK_FALSE(wire::stands_for_others(other));
  }
}
