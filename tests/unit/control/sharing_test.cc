// What is done by command is told to those who share the state, once it is done.
#include "greyd/control/sharing.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "greyd/control/commands.h"
#include "tests/temporary_directory.h"

using namespace grey;

namespace {

constexpr Seconds kNow = 1'700'000'000;

// What it is told, as lines.
class Told : public Sharing {
 public:
  void forgot(const RecordFilter::Wanted& what, Seconds at, const std::string& by) override {
    lines += "forgot " + what.client.value_or("-") + " " + what.sender.value_or("-") + time(at) +
             " " + by + "\n";
  }
  void put(const Entry& entry) override {
    lines += (entry.kind == Entry::Kind::allow ? "allow " : "block ") + entry.text +
             time(entry.since) + (entry.until ? " until" + time(*entry.until) : "") + " " +
             entry.by + "\n";
  }
  void removed(const std::string& entry, Seconds at, const std::string& by) override {
    lines += "unlist " + entry + time(at) + " " + by + "\n";
  }
  StoreStanding standing() const override {
    StoreStanding standing;
    standing.url = "redis://db1:6379/0";
    standing.last_fault = "db1: none of that name";
    return standing;
  }
  void visit_counters(const VisitCounter& visit) const override { visit("store.asked", 7); }

  std::string take() { return std::exchange(lines, {}); }
  std::string lines;

 private:
  static std::string time(Seconds at) { return " " + std::to_string(at - kNow); }
};

struct Fixture {
  Fixture() {
    ServiceSettings settings;
    settings.context_file = directory / "context";
    service.emplace(
        settings, HashKey{}, background, [](auto, const auto&) {}, counters);
    REQUIRE(service->load(kNow, 100));
    commands.emplace(DaemonFacts{}, *service, counters, Upkeeping{}, &told);
  }
  std::string run(const std::string& request) {
    std::string out;
    auto answer =
        commands->begin(request, "uid:7", kNow, [&](const std::string& lines) { out = lines; });
    out += answer.lines;
    while (answer.more && answer.more(out)) {
    }
    return out;
  }

  testing::TemporaryDirectory directory;
  InlineBackground background;
  Counters counters;
  Told told;
  std::optional<Service> service;
  std::optional<Commands> commands;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "each change is told when it is done") {
  run(R"({"command":"allow","entry":"192.0.2.1","for":60})");
  CHECK(told.take() == "allow 192.0.2.1 0 until 60 uid:7\n");
  run(R"({"command":"block","entry":"@example.com"})");
  CHECK(told.take() == "block @example.com 0 uid:7\n");
  run(R"({"command":"unlist","entry":"@example.com"})");
  CHECK(told.take() == "unlist @example.com 0 uid:7\n");
  run(R"({"command":"forget","client":"192.0.2.0/24","sender":"*@x"})");
  CHECK(told.take() == "forgot 192.0.2.0/24 *@x 0 uid:7\n");
}

TEST_CASE_FIXTURE(Fixture,
                  "a forget is as late as what it has forgotten, whatever the clock says") {
  SavedRecord record{
      RecordClass::waiting, kNow + 25, 0, Client(*Ip::parse("192.0.2.1")), "a@x", "b@y"};
  service->import({&record, 1}, kNow);
  run(R"({"command":"forget","client":"192.0.2.1"})");
  CHECK(told.take() == "forgot 192.0.2.1 - 25 uid:7\n");
}

TEST_CASE_FIXTURE(Fixture, "of imported entries those that are taken") {
  const std::string request =
      R"({"command":"import","entries":[{"list":"allow","entry":"192.0.2.1","since":1699999990},)"
      R"({"list":"block","entry":"192.0.2.2","until":1600000000}]})";
  CHECK(run(request).find(R"("taken":1)") != std::string::npos);
  CHECK(told.take() == "allow 192.0.2.1 -10 import\n");
  run(request);
  CHECK(told.take() == "");
}

TEST_CASE_FIXTURE(Fixture, "what is not done is not told") {
  for (const char* const request :
       {R"({"command":"allow","entry":"two words"})", R"({"command":"unlist","entry":"192.0.2.9"})",
        R"({"command":"forget"})", R"({"command":"forget","client":"192.0.2.1","odd":1})",
        R"({"command":"import","entries":[{"list":"allow","entry":"192.0.2.1"},)"
        R"({"list":"allow","entry":"two words"}]})"}) {
    CAPTURE(request);
    CHECK(run(request).find("\"error\"") != std::string::npos);
    CHECK(told.take() == "");
  }
}

TEST_CASE_FIXTURE(Fixture, "a forgetting that has not come to its end is not told") {
  auto answer = commands->begin(R"({"command":"forget","client":"192.0.2.1"})", "uid:7", kNow,
                                [](const std::string&) {});
  std::string out;
  CHECK(answer.more(out));
  CHECK(told.take() == "");
}

TEST_CASE_FIXTURE(Fixture, "status and stats have what is shared") {
  const std::string status = run(R"({"command":"status"})");
  CHECK(status.find(R"("store":{"url":"redis://db1:6379/0")") != std::string::npos);
  CHECK(status.find(R"("problems":["store: down: db1: none of that name; this daemon)") !=
        std::string::npos);
  CHECK(run(R"({"command":"stats"})").find(R"("store.asked":7})") != std::string::npos);
}
