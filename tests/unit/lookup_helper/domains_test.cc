#include "greyd/lookup_helper/domains.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/unit/spf/zone.h"

namespace grey {
namespace {

// A DNS that answers when it is told to.
struct Fixture {
  struct Asked {
    spf::Question question;
    Domains::Done done;
  };

  void begin(std::uint32_t id, const std::string& domain, std::int64_t at = 0) {
    domains.begin({id, domain}, at);
  }
  void answer_all(const spf::Zone& zone) {
    while (!asked.empty()) {
      const Asked next = std::move(asked.front());
      asked.erase(asked.begin());
      next.done(zone.ask(next.question));
    }
  }

  std::vector<Asked> asked;
  std::vector<std::string> told;
  Domains domains{{[this](const spf::Question& question, Domains::Done done) {
                     asked.push_back({question, std::move(done)});
                     return true;
                   },
                   [this] { return asked.size(); }},
                  [this](const spf::DomainAnswer& answer) { told.push_back(to_text(answer)); }};
};

TEST_CASE("each domain is asked about by its own questions, several at once") {
  const spf::Zone zone{"a.example txt v=spf1 mx", "a.example mx m.example", "m.example a 192.0.2.1",
                       "b.example txt v=spf1 include:a.example"};
  Fixture f;
  f.begin(7, "a.example");
  f.begin(8, "b.example");
  f.begin(9, "c.example");
  CHECK(f.asked.size() == 3);
  f.answer_all(zone);
  CHECK(f.told == std::vector<std::string>{"A 9 c.example no-record 3600",
                                           "A 7 a.example whole 3600 192.0.2.1/32",
                                           "A 8 b.example whole 3600 192.0.2.1/32"});
  CHECK(f.domains.size() == 0);
}

TEST_CASE("one that is not answered in time is given up, and what comes later is for nobody") {
  Fixture f;
  f.begin(7, "a.example", 1000);
  f.begin(8, "b.example", 2000);
  f.domains.give_up_overdue(1000 + Domains::kTime - 1);
  CHECK(f.told.empty());
  f.domains.give_up_overdue(1000 + Domains::kTime);
  CHECK(f.told == std::vector<std::string>{"A 7 a.example temporary 600"});
  f.answer_all(spf::Zone{});
  CHECK(f.told.back() == "A 8 b.example no-record 3600");
  CHECK(f.told.size() == 2);
}

TEST_CASE("beyond what there is room for it is said at once") {
  Fixture f;
  for (std::uint32_t id = 1; id <= 70; ++id) f.begin(id, "d" + std::to_string(id) + ".example");
  CHECK(f.domains.size() == Domains::kMost);
  CHECK(f.told.size() == 6);
  CHECK(f.told.front() == "A 65 d65.example temporary 600");
  // Questions stay open when their domains are given up.
  for (int round = 1; round <= 5; ++round) {
    f.domains.give_up_overdue(round * Domains::kTime);
    for (std::uint32_t id = 1; id <= 64; ++id) {
      f.begin(id, "d" + std::to_string(id) + ".example", round * Domains::kTime);
    }
  }
  CHECK(f.asked.size() == Domains::kMostQuestions);
}

}  // namespace
}  // namespace grey
