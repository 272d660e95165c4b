#include <doctest/doctest.h>

#include <string>

#include "greyd/fronts/decision_log.h"
#include "tests/unit/core/decided.h"

using namespace grey;
using testing::decided;
using testing::dry_run;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

std::string decision_line(std::string_view datagram, Decided decision, const Policy& policy = {}) {
  tell_under(policy, decision);
  wire::Query query;
  REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
  std::string line;
  append_decision(line, query, decision, *parse_endpoint("127.0.0.1@40312", Wildcards::refused));
  return line;
}

}  // namespace

TEST_CASE("a decision is one line of key=value fields") {
  CHECK(decision_line("I192.0.2.1\0Fa@x.org\0Tb@y.net\0Tc@y.net\0\0"sv,
                      {decided(wire::Reason::early, 42)}) ==
        "verdict=defer reason=early client=192.0.2.1 sender=a@x.org recipients=b@y.net,c@y.net "
        "age=42 wait=258 source=127.0.0.1@40312\n");
  CHECK(decision_line("I::1\0F\0Tb@y.net\0"sv, {decided(wire::Reason::bounce, 300)}, dry_run()) ==
        "verdict=accept reason=bounce client=::1 sender=<> recipients=b@y.net age=300 "
        "source=127.0.0.1@40312 dry-run=yes\n");
  CHECK(decision_line("I::1\0Fa\0Tb\0P\0"sv, {decided(wire::Reason::new_triplet, 0)})
            .ends_with(" source=127.0.0.1@40312 probe=yes\n"));
}

TEST_CASE("a decision names what decided: the wait, the client's name, the list's line or key") {
  const auto place = [](std::string file, std::string key) {
    return std::make_shared<const Matched::Place>(Matched::Place{std::move(file), std::move(key)});
  };
  CHECK(decision_line("I192.0.2.1\0Fa\0Tb\0Nmx.example.org\0"sv,
                      {decided(wire::Reason::new_triplet, 0)})
            .starts_with("verdict=defer reason=new client=192.0.2.1 name=mx.example.org sender=a "
                         "recipients=b age=0 wait=300 source="));
  CHECK(decision_line("I::1\0Fa\0Tb\0"sv, {decided(wire::Reason::stale, 90'000)})
            .find(" age=90000 wait=300 source=") != std::string::npos);
  CHECK(decision_line("I::1\0Fa\0Tb\0"sv, {decided(wire::Reason::whitelisted, 0),
                                           {place("/c/greylist.whitelist", ""), 12}})
            .find(" age=0 list=greylist.whitelist:12 source=") != std::string::npos);
  CHECK(decision_line("I::1\0Fa\0Tb\0"sv, {decided(wire::Reason::blacklisted, 0),
                                           {place("black.cdb", "192.0.2.0/24"), 0}})
            .find(" age=0 list=black.cdb:192.0.2.0/24 source=") != std::string::npos);
}

TEST_CASE("the longest line that a query can make stays below PIPE_BUF") {
  const std::string odd(60'000 / 12, '\x01');
  std::string many = "I2001:db8:1111:2222:3333:4444:5555:6666\0F"s + odd + '\0' + "N" + odd + '\0';
  for (int i = 0; i < 10; ++i) many += "T" + odd + '\0';
  const auto place = std::make_shared<const Matched::Place>(Matched::Place{odd, odd});
  const std::string line = decision_line(
      many, {decided(wire::Reason::early, std::int64_t{1} << 62), {place, 0}}, dry_run());
  CHECK(line.size() < 4096);
  CHECK(line.ends_with(" dry-run=yes\n"));
}

TEST_CASE("nothing in a query can forge a field or a line, nor make one long") {
  const std::string line = decision_line("I::1\0Fx reason=passed\nverdict=accept\0Ta,b\0"sv, {});
  CHECK(line.find('\n') == line.size() - 1);
  CHECK(line.find("sender=x%20reason=passed%0Averdict=accept recipients=a%2Cb age") !=
        std::string::npos);

  std::string many("I::1\0F\0"sv);
  for (int i = 0; i < 2000; ++i) many += "T" + std::string(20, 'r') + '\0';
  CHECK(decision_line(many, {}).find(",+1992 age=") != std::string::npos);
  const std::string huge = "I::1\0F"s + std::string(60'000, '\x01') + "\0T\0"s;
  CHECK(decision_line(huge, {}).size() < 4096);
}
