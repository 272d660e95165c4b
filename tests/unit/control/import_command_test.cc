// What another greylister has remembered comes in by batches, each of which is taken or refused
// whole.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "greyd/base/files.h"
#include "greyd/control/commands.h"
#include "tests/temporary_directory.h"
#include "tests/unit/late_background.h"

using namespace grey;

namespace {

constexpr Seconds kNow = 1'700'000'000;

const char* const kRecords =
    R"({"command":"import","records":[)"
    R"({"state":"waiting","client":"192.0.2.1","sender":"<>","recipient":"b@y","first_seen":1699999000},)"
    R"({"state":"passed","client":"192.0.2.2","sender":"a@x","recipient":"b@y","last_seen":1699999000},)"
    R"({"state":"known","client":"192.0.2.3","last_seen":1699999000,"passes":3}]})";

struct Fixture {
  explicit Fixture(Policy policy = {}) {
    settings.policy = policy;
    settings.context_file = directory / "context";
    start();
  }
  void start() {
    commands.reset();
    service.reset();
    service.emplace(
        settings, HashKey{}, background, [](auto, const auto&) {}, counters);
    REQUIRE(service->load(kNow, 100));
    commands.emplace(DaemonFacts{}, *service, counters, Upkeeping{});
  }
  std::string say(const std::string& request) {
    std::string out;
    const auto answer = commands->begin(request, "uid:7", kNow, [&](auto lines) { out += lines; });
    background.drain();
    std::string all = answer.lines + out;
    while (answer.more && answer.more(all)) continue;
    return all;
  }
  std::string import(const std::string& what) {
    return say(R"({"command":"import",)" + what + "}");
  }
  std::string entry(const std::string& fields) { return import(R"("entries":[{)" + fields + "}]"); }

  testing::TemporaryDirectory directory;
  ServiceSettings settings;
  testing::LateBackground background;
  Counters counters;
  std::optional<Service> service;
  std::optional<Commands> commands;
};

std::string counts(int taken, int had, int over) {
  return "{\"done\":true,\"taken\":" + std::to_string(taken) + ",\"had\":" + std::to_string(had) +
         ",\"over\":" + std::to_string(over) + "}\n";
}

}  // namespace

TEST_CASE_FIXTURE(Fixture,
                  "records are taken, are in the journal before the answer, and twice is once") {
  CHECK(say(kRecords) == counts(3, 0, 0));
  const std::string journal = read_file(settings.context_file + ".journal").value().value_or("");
  CHECK(journal.find("W 1699999000 192.0.2.1 <> b@y\n") != std::string::npos);
  CHECK(journal.find("C 1699999000 3 192.0.2.3\n") != std::string::npos);
  CHECK(say(kRecords) == counts(0, 3, 0));
  start();  // nothing was saved
  CHECK(say(R"({"command":"list","state":"passed"})").find("192.0.2.2") != std::string::npos);
  CHECK(say(kRecords) == counts(0, 3, 0));
}

TEST_CASE_FIXTURE(Fixture, "what is over is not taken, and what has no count has enough") {
  CHECK(import(R"("records":[{"state":"known","client":"192.0.2.1","last_seen":1},)"
               R"({"state":"known","client":"192.0.2.2","last_seen":1699999999}])") ==
        counts(1, 0, 1));
  CHECK(say(R"({"command":"show","client":"192.0.2.2"})").find(R"("passes":1})") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a dry run says the same, and changes nothing") {
  const std::string dry = std::string(kRecords).insert(1, R"("dry_run":true,)");
  CHECK(say(dry) == counts(3, 0, 0));
  CHECK(say(dry) == counts(3, 0, 0));
  CHECK(say(R"({"command":"list"})") == "{\"done\":true,\"count\":0,\"more\":false}\n");
  CHECK(say(kRecords) == counts(3, 0, 0));
  CHECK(say(dry) == counts(0, 3, 0));
}

TEST_CASE_FIXTURE(Fixture, "a batch with a bad record leaves nothing, and the record is named") {
  const std::string good = R"({"state":"known","client":"192.0.2.9","last_seen":1699999999},)";
  const auto error = [&](const std::string& record) {
    const std::string answer = import(R"("records":[)" + good + record + "]");
    CHECK(answer.find(R"("exit_code":100)") != std::string::npos);
    return answer.substr(0, answer.find(R"(","exit_code)"));
  };
  const auto says = [&](const std::string& record, const std::string& text) {
    CAPTURE(record);
    CHECK(error(record) == R"({"error":"import: records 2: )" + text);
  };
  says(R"({"client":"192.0.2.1"})", "field state: missing, or unknown");
  says(R"({"state":"known","last_seen":5})", "field client: missing");
  says(R"({"state":"known","client":"192.0.2","last_seen":1699999999})",
       "its network is wider than a client under the policy");
  says(R"({"state":"waiting","client":"10.0.0.0/8","sender":"a","recipient":"b","first_seen":1})",
       "its network is wider than a client under the policy");
  says(R"({"state":"known","client":"=unknown","last_seen":1699999999})",
       "its client is no address");
  says(R"({"state":"known","client":"192.0.2.1"})", "last_seen: missing");
  says(R"({"state":"waiting","client":"192.0.2.1","first_seen":7})",
       "fields sender and recipient are wanted");
  says(R"({"state":"known","client":"192.0.2.1","last_seen":7,"colour":"red"})",
       "no such field: colour");
  says(R"({"state":"known","client":"192.0.2.1","last_seen":"7"})", "last_seen: missing");
  says(R"({"state":"trapped","client":"192.0.2.1","last_seen":1699999999})",
       "field traps: not from 1 to 255");
  says(R"({"state":"trapped","client":"192.0.2.1","last_seen":1699999999,"traps":256})",
       "field traps: not from 1 to 255");
  says(
      R"({"state":"sent","client":"sent:x.example","sender":"a@y.example","recipient":"b@z","last_seen":1699999999})",
      "what ours have sent is kept by the domain that it went to");
  CHECK(say(R"({"command":"list"})") == "{\"done\":true,\"count\":0,\"more\":false}\n");
}

TEST_CASE("the policy is told by the status, all that records depend on") {
  Policy policy;
  policy.ipv4_prefix = 24;
  policy.ipv6_prefix = 48;
  policy.timeout = 99;
  policy.client_passes = 0;
  policy.sender_key = SenderKey::domain;
  policy.recipient_key = RecipientKey::none;
  Fixture with(policy);
  const auto told = policy_of(nlohmann::json::parse(with.say(R"({"command":"status"})")));
  REQUIRE(told);
  CHECK(told->ipv4_prefix == 24);
  CHECK(told->ipv6_prefix == 48);
  CHECK(told->timeout == 99);
  CHECK(told->client_passes == 0);
  CHECK(told->sender_key == SenderKey::domain);
  CHECK(told->recipient_key == RecipientKey::none);
  CHECK(told->personality == Personality::qmail_greyd);
  CHECK_FALSE(policy_of(nlohmann::json::object()));
}

TEST_CASE_FIXTURE(Fixture, "records may come as lines of a context file, all or none") {
  CHECK(import(R"("lines":"C 1699999999 1 192.0.2.1\nW 1699999000 192.0.2.2 a@x b\"@y\n")") ==
        counts(2, 0, 0));
  CHECK(import(R"("lines":"C 1699999999 1 192.0.2.1")") == counts(0, 1, 0));
  CHECK(import(R"("dry_run":true,"lines":"C 1699999999 1 192.0.2.3")") == counts(1, 0, 0));
  CHECK(import(R"("lines":"C 1000 1 192.0.2.4")") == counts(0, 0, 1));
  const std::string before = say(R"({"command":"list"})");
  for (const char* bad :
       {"C 1699999999 1 192.0.2.5\\nnonsense", "C 1699999999 1 192.0.2.5\\nF 1699999999 192.0.2.1",
        "C 1699999999 1 192.0.2.5\\n\\n", "C 1699999999 1 =unknown", "C -1 1 192.0.2.5"}) {
    CAPTURE(bad);
    CHECK(import(R"("lines":")" + std::string(bad) + "\"").find("\"error\"") != std::string::npos);
  }
  CHECK(say(R"({"command":"list"})") == before);
  std::string many;
  for (std::size_t i = 0; i <= Commands::kMaxImported; ++i) many += R"(C 1699999999 1 192.0.2.6\n)";
  CHECK(import(R"("lines":")" + many + "\"").find("more than 200 at a time") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a batch is bounded, and is of records or of entries") {
  CHECK(import(R"("records":[])").find("one of records, lines and entries") != std::string::npos);
  std::string many = R"("records":[)";
  for (std::size_t i = 0; i <= Commands::kMaxImported; ++i) {
    many += R"({"state":"known","client":"192.0.2.1","last_seen":1699999999},)";
  }
  many.back() = ']';
  CHECK(import(many).find("more than 200 at a time") != std::string::npos);
  many = many.substr(0, many.rfind(",{")) + "]";
  CHECK(import(many) == counts(1, 199, 0));
}

TEST_CASE_FIXTURE(
    Fixture, "an administrator's entry stands where it is newer, of the other kind, or lasts") {
  say(R"({"command":"block","entry":"192.0.2.1"})");
  say(R"({"command":"allow","entry":"192.0.2.2"})");
  say(R"({"command":"allow","entry":"192.0.2.3","for":10})");
  const auto later = R"(,"since":1700000000)";
  // All of this moment: what is there stands.
  CHECK(entry(std::string(R"("list":"allow","entry":"192.0.2.1")") + later) == counts(0, 1, 0));
  CHECK(entry(R"("list":"allow","entry":"192.0.2.3","until":1800000000,"since":1600000000)") ==
        counts(0, 1, 0));
  CHECK(entry(R"("list":"block","entry":"to:a@x","since":1600000000)") == counts(1, 0, 0));
  CHECK(entry(R"("list":"block","entry":"to:A@X","since":1600000000)") == counts(0, 1, 0));
  CHECK(entry(R"("list":"block","entry":"to:b@x","until":1700000000)") == counts(0, 0, 1));
  CHECK(say(R"({"command":"entries"})")
            .find(R"("entry":"to:a@x","since":1600000000,"by":"import")") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a batch of entries with a bad one leaves nothing") {
  const std::string answer = import(
      R"("entries":[{"list":"allow","entry":"192.0.2.1"},{"list":"allow","entry":"nonsense"}])");
  CHECK(answer.find(R"("exit_code":100)") != std::string::npos);
  CHECK(say(R"({"command":"entries"})") == "{\"done\":true,\"count\":0}\n");
  CHECK(entry(R"("list":"white","entry":"192.0.2.1")").find("neither allow nor block") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "nor has a change that is written with it anything of it") {
  const auto begin = [&](const std::string& request) {
    commands->begin(request, "uid:7", kNow, [](const auto&) {});
  };
  begin(R"({"command":"allow","entry":"192.0.2.7"})");  // is being written
  begin(R"({"command":"import","entries":[{"list":"allow","entry":"192.0.2.1"},)"
        R"({"list":"allow","entry":"nonsense"}]})");
  begin(R"({"command":"allow","entry":"192.0.2.8"})");
  background.drain();
  CHECK(say(R"({"command":"entries"})").find("192.0.2.1\"") == std::string::npos);
  CHECK(service->entries().entries().size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "more entries than there can be leave nothing of their batch") {
  service->entries().change(
      [](Entries& entries) {
        for (std::size_t i = 0; i + 1 < Entries::kMax; ++i) {
          REQUIRE(
              entries.put({Entry::Kind::allow, "u" + std::to_string(i) + "@x", kNow, {}, "me"}));
        }
        return Result<void>();
      },
      [](const auto&) {});
  background.drain();
  const std::string answer = import(
      R"("entries":[{"list":"allow","entry":"192.0.2.1"},{"list":"allow","entry":"192.0.2.2"}])");
  CHECK(answer.find("there are 10000 entries already") != std::string::npos);
  CHECK(service->entries().entries().size() == Entries::kMax - 1);
  CHECK(entry(R"("list":"allow","entry":"192.0.2.1")") == counts(1, 0, 0));
}
