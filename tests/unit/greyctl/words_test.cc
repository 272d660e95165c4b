#include "greyd/greyctl/words.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>

#include "greyd/greyctl/top.h"

using namespace grey::greyctl;

namespace {

constexpr grey::Seconds kNow = 1'700'000'000;  // 2023-11-14 22:13:20 UTC
const Paint kPlain(false);

struct InUtc {
  InUtc() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
};

}  // namespace

TEST_CASE_FIXTURE(InUtc, "why it is deferred is said with the wait and the times") {
  const Json query = {
      {"now", kNow},
      {"verdict", "defer"},
      {"reason", "early"},
      {"wait", 240},
      {"age", 60},
      {"triplets", {{{"recipient", "b@y"}, {"state", "waiting"}, {"first_seen", kNow - 60}}}},
      {"policy", {{"min_resend", 300}, {"resend_window", 43200}, {"timeout", 604800}}}};
  CHECK(query_text(query, "192.0.2.7", kPlain) ==
        "defer: early, wait 240 s (its retry comes before min resend is over)\n"
        "a retry is accepted from 2023-11-14 22:17:20 to 2023-11-15 10:12:20\n"
        "client 192.0.2.7: nothing stored\n"
        "triplet to b@y: waiting, first seen 1m ago (2023-11-14 22:12:20)\n"
        "min resend 5m, resend window 12h, timeout 7d\n");
}

TEST_CASE_FIXTURE(InUtc, "the rule is named below each whom it holds for, and its window counts") {
  const Json rule = {{"file", "/c/rules"}, {"line", 3}, {"says", "window 1d"}, {"window", 86400}};
  const Json query = {
      {"now", kNow},
      {"verdict", "defer"},
      {"reason", "new"},
      {"wait", 300},
      {"rule", rule},
      {"triplets", {{{"recipient", "b@y"}, {"rule", rule}}, {{"recipient", "c@y"}}}},
      {"policy", {{"min_resend", 300}, {"resend_window", 43200}, {"timeout", 604800}}}};
  CHECK(query_text(query, "192.0.2.7", kPlain) ==
        "defer: new, wait 300 s (this triplet has not been seen)\n"
        "a retry is accepted from 2023-11-14 22:18:20 to 2023-11-15 22:13:20\n"
        "client 192.0.2.7: nothing stored\n"
        "triplet to b@y: nothing stored\n"
        "    rule /c/rules, line 3: window 1d\n"
        "triplet to c@y: nothing stored\n"
        "min resend 5m, resend window 12h, timeout 7d\n");
}

TEST_CASE_FIXTURE(InUtc, "the list entry that decides is named") {
  CHECK(listed_text({{"list", "whitelist"}, {"file", "/etc/white"}, {"line", 12}}, kNow) ==
        "on the whitelist: /etc/white, line 12\n");
  CHECK(listed_text({{"list", "blacklist"}, {"file", "black.cdb"}, {"key", "192.0.2.0/24"}},
                    kNow) == "on the blacklist: black.cdb, key 192.0.2.0/24\n");
  const std::string allowed = listed_text({{"list", "allow"},
                                           {"file", "context.entries"},
                                           {"line", 1},
                                           {"entry", "192.0.2.0/24"},
                                           {"since", kNow - 3600},
                                           {"until", kNow + 86400},
                                           {"by", "uid:0"}},
                                          kNow);
  CHECK(allowed.starts_with("allowed by command: 192.0.2.0/24 "));
  CHECK(allowed.ends_with("made 1h ago by root, ends in 1d (2023-11-15 22:13:20)\n"));
}

TEST_CASE("a record is a line") {
  CHECK(record_text({{"state", "waiting"},
                     {"client", "192.0.2.7"},
                     {"sender", "a@x"},
                     {"recipient", "b@y"},
                     {"first_seen", kNow - 70}},
                    kNow) == "waiting 1m 10s ago    192.0.2.7          a@x -> b@y\n");
  CHECK(
      record_text({{"state", "known"}, {"client", "192.0.2.7"}, {"last_seen", kNow}, {"passes", 2}},
                  kNow) == "known   0s ago        192.0.2.7          good retries: 2\n");
}

TEST_CASE("who asked is a name where there is one") {
  CHECK(text_of_asker("uid:0") == "root");
  CHECK(text_of_asker("uid:4294967294") == "uid:4294967294");
  CHECK(text_of_asker("uid:x") == "uid:x");
  CHECK(text_of_asker("somebody") == "somebody");
}

TEST_CASE("colours are for a terminal that wants them") {
  CHECK(Paint(true).good("accept") == "\033[32maccept\033[0m");
  CHECK(Paint(false).good("accept") == "accept");
}

TEST_CASE("an answer of another version, with fields missing, is shown as far as it goes") {
  for (const Json& empty : {Json::object(), Json{{"policy", Json::object()}}}) {
    CHECK_FALSE(status_text(empty, kPlain).empty());
    CHECK_FALSE(query_text(empty, "192.0.2.7", kPlain).empty());
    CHECK_FALSE(stats_text(empty).empty());
    CHECK_FALSE(record_text(empty, kNow).empty());
    CHECK_FALSE(decision_text(empty, kPlain).empty());
  }
}

TEST_CASE("the top is who has most that wait") {
  Top top(Top::By::networks);
  const auto add = [&](const char* state, const char* client) {
    top.add({{"state", state}, {"client", client}, {"sender", "a@x"}, {"recipient", "b@y"}});
  };
  add("waiting", "192.0.2.1");
  add("waiting", "192.0.2.2");
  add("passed", "192.0.2.2");
  add("waiting", "198.51.100.0/28");
  add("known", "2001:db8:0:1::/64");
  add("waiting", "=unknown");
  CHECK(top.text(3) ==
        "  waiting    passed     known  networks\n"
        "        2         1         0  192.0.2.0/24\n"
        "        1         0         0  198.51.100.0/24\n"
        "        1         0         0  =unknown\n");
  CHECK(top.json(10).size() == 4);
  CHECK(top.json(10)[3]["key"] == "2001:db8::/48");
}
