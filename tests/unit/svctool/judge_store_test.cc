#include "svctool/daemon/judge_store.h"

#include <doctest/doctest.h>

#include "greyd/shared/ask_store.h"

using namespace grey;
using namespace grey::svctool;

namespace {

Finding finding_of(const std::string& word) {
  Findings findings;
  judge_store({shared::to_line({word, "db1:6379: what", shared::Passes::no})}, "/service/x",
              findings);
  REQUIRE(findings.list.size() == 1);
  return findings.list[0];
}

}  // namespace

TEST_CASE("what the daemon says of its store is a finding with a remedy") {
  const Finding away = finding_of("unreachable");
  CHECK(away.severity == Severity::warning);
  CHECK(away.id == "store-unreachable");
  CHECK(away.text.starts_with("/service/x: store db1:6379: what"));
  CHECK_FALSE(away.todo.empty());
  CHECK(finding_of("other_policy").id == "store-policy-differs");
  CHECK(finding_of("other_policy").severity == Severity::wrong);
  CHECK(finding_of("other_key").id == "store-key-differs");
  CHECK(finding_of("clock").severity == Severity::wrong);
  CHECK(finding_of("evicts").id == "store-evicts");
  CHECK(finding_of("evicts").severity == Severity::warning);
}

TEST_CASE("each fault of a store is known, and is wrong where it does not pass by itself") {
  for (std::size_t i = 0; i < kStoreFaults; ++i) {
    const Fault fault = Fault(i);
    // Of our own making, or mended by the link.
    if (fault == Fault::too_many || fault == Fault::gone || fault == Fault::no_script) continue;
    CAPTURE(to_string(fault));
    const Finding finding = finding_of(std::string(to_string(fault)));
    CHECK((finding.id == "store-refused") == (fault == Fault::refused));
    CHECK((finding.severity == Severity::warning) == may_pass(fault));
  }
}

TEST_CASE("what is not of the store, or of a later version, does no harm") {
  Findings findings;
  judge_store({"cannot write /x; it would answer from memory", "", "store: "}, "/service/x",
              findings);
  REQUIRE(findings.list.size() == 1);
  CHECK(findings.list[0].id == "store-refused");
  CHECK(finding_of("odd").severity == Severity::wrong);
}

TEST_CASE("a password that was changed while the daemon runs is not in force") {
  const std::vector<ListFacts> secrets = {{"/c/password", 100}};
  Findings findings;
  judge_secrets(secrets, {}, "/service/x", findings);
  judge_secrets(secrets, 100, "/service/x", findings);
  CHECK(findings.list.empty());
  judge_secrets(secrets, 99, "/service/x", findings);
  REQUIRE(findings.list.size() == 1);
  CHECK(findings.list[0].id == "secret-not-read");
}
