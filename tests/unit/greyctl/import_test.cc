// `greyctl import` with a real service behind it, without a socket.
#include "greyd/greyctl/import.h"

#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "greyd/control/commands.h"
#include "greyd/net/clock.h"
#include "tests/temporary_directory.h"
#include "tests/unit/late_background.h"

using namespace grey;
using namespace grey::greyctl;

namespace {

// Answers as a daemon does.
class InProcess : public Channel {
 public:
  explicit InProcess(Commands& commands) : commands_(commands) {}
  Result<void> send(const std::string& request) override {
    if (on_request) on_request(request);
    CHECK(request.size() <= Request::kMaxSize);
    CHECK(request.find('\n') == std::string::npos);
    if (fails_at && ++requests_ > *fails_at) return failure("the daemon has gone");
    lines_.clear();
    auto answer =
        commands_.begin(request, "uid:7", wall_clock(), [this](auto lines) { lines_ += lines; });
    background.drain();
    lines_.insert(0, answer.lines);
    while (answer.more && answer.more(lines_)) continue;
    return {};
  }
  Result<std::optional<std::string>> receive(bool) override {
    const std::size_t end = lines_.find('\n');
    if (end == std::string::npos) return std::optional<std::string>();
    std::optional<std::string> line = lines_.substr(0, end);
    lines_.erase(0, end + 1);
    return line;
  }
  std::function<void(const std::string&)> on_request;
  std::optional<int> fails_at;
  grey::testing::LateBackground background;

 private:
  Commands& commands_;
  std::string lines_;
  int requests_ = 0;
};

struct Fixture {
  Fixture() {
    settings.context_file = directory / "context";
    service.emplace(
        settings, HashKey{}, background, [](auto, const auto&) {}, counters);
    REQUIRE(service->load(wall_clock(), 100));
    commands.emplace(DaemonFacts{}, *service, counters, Upkeeping{});
    channel.emplace(*commands);
  }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(directory / name) << text;
    return directory / name;
  }
  // What it prints, or its error.
  std::string import(const std::vector<std::string>& sources, bool dry_run = false) {
    std::string out;
    const Print print = [&](std::string_view text) { out += text; };
    const ImportWanted wanted{sources, std::nullopt, {}, dry_run};
    auto opened = open_sources(wanted);
    if (!opened) return "error: " + opened.error().text;
    const auto code = import_sources(wanted, *opened, *channel, print);
    background.drain();
    return code ? out : out + "error: " + code.error().text;
  }
  std::size_t records() const { return service->greylist().table().size(); }
  std::size_t entries() { return service->entries().entries().size(); }

  grey::testing::TemporaryDirectory directory;
  ServiceSettings settings;
  InlineBackground background;
  Counters counters;
  std::optional<Service> service;
  std::optional<Commands> commands;
  std::optional<InProcess> channel;
};

std::string known(int number, Seconds seen) {
  return R"({"state":"known","client":"10.0.)" + std::to_string(number / 256) + "." +
         std::to_string(number % 256) + R"(","last_seen":)" + std::to_string(seen) + "}\n";
}

std::string spamdb_now() {
  const std::string now = std::to_string(wall_clock()), later = std::to_string(wall_clock() + 9999);
  return "WHITE|192.0.2.1|||" + now + "|" + now + "|" + later + "|3|4\n" + "TRAPPED|192.0.2.2|" +
         later + "\n" + "SPAMTRAP|trap@example.org\n";
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "what comes several times is one record, in a dry run, too") {
  const Seconds now = wall_clock();
  std::string text;
  for (int i = 0; i < 500; ++i) text += known(i % 3, now - 500 + i);
  const std::string file = write("json", text);
  const std::string would = import({file, file}, true);
  CHECK(would ==
        "nothing is changed; it would be\ntaken: 3 records, 0 entries\nnewer here: 0\n"
        "again: 997\nexpired: 0\n");
  CHECK(records() == 0);
  CHECK("nothing is changed; it would be\n" + import({file, file}) == would);
  CHECK(records() == 3);
  service->greylist().for_each([&](const SavedRecord& record) { CHECK(record.seen >= now - 3); });
}

TEST_CASE_FIXTURE(Fixture,
                  "a client that is known stays so, whatever is said of it or its network") {
  const Seconds now = wall_clock();
  const auto record = [](int passes, Seconds seen) {
    return R"({"state":"known","client":"192.0.2.1","passes":)" + std::to_string(passes) +
           R"(,"last_seen":)" + std::to_string(seen) + "}\n";
  };
  const auto holds = [&](unsigned passes, Seconds seen) {
    service->greylist().for_each([&](const SavedRecord& stored) {
      CHECK(stored.passes == passes);
      CHECK(stored.seen == seen);
    });
  };
  import({write("five", record(5, now - 3600))});
  CHECK(import({write("one", record(1, now - 60))}).starts_with("taken: 1 records"));
  holds(5, now - 60);
  CHECK(import({write("one", record(1, now - 60))}).starts_with("taken: 0 records"));
  CHECK(import({write("two", record(2, now - 60))}).starts_with("taken: 0 records"));
  CHECK(import({write("six", record(6, now - 7200))}).starts_with("taken: 1 records"));
  holds(6, now - 60);
}

TEST_CASE_FIXTURE(Fixture, "records, entries, and what is none of both: each is counted") {
  const std::string file = write("spamdb", spamdb_now());
  const std::string said = import({file});
  CHECK(said.starts_with("taken: 1 records, 1 entries\nnewer here: 0\nexpired: 0\n"));
  CHECK(said.find("skipped: 1, it is a spam trap\n  " + file + ":3") != std::string::npos);
  CHECK(said.find("counted there: 3 blocked, 4 passed\n") != std::string::npos);
  CHECK(records() == 1);
  CHECK(entries() == 1);
  CHECK(import({file}).starts_with("taken: 0 records, 0 entries\nnewer here: 2\n"));
}

TEST_CASE_FIXTURE(Fixture, "a dry run says the same and changes nothing") {
  const std::string file = write("spamdb", spamdb_now());
  channel->on_request = [](const std::string& request) {
    const auto object = nlohmann::json::parse(request);
    CHECK((object["command"] != "import" || object.value("dry_run", false)));
  };
  CHECK(import({file}, true)
            .starts_with("nothing is changed; it would be\ntaken: 1 records, 1 entries\n"));
  CHECK(records() == 0);
  CHECK(entries() == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "a source that is bad at its end changes nothing, nor does the one before it") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += known(i, wall_clock());
  const std::string good = write("good", text), bad = write("bad", text + "{\"state\":\n");
  CHECK(import({good, bad}) == "error: " + bad + ":1001: is no object of an export");
  CHECK(records() == 0);
  CHECK(import({good, directory / "none"}).find("none: No such file") != std::string::npos);
  CHECK(records() == 0);
}

TEST_CASE_FIXTURE(Fixture, "many go by batches that the daemon takes") {
  std::string text;
  for (int i = 0; i < 1001; ++i) text += known(i, wall_clock());
  CHECK(import({write("json", text)}).starts_with("taken: 1001 records"));
  CHECK(records() == 1001);
  // Long addresses fill a request before their number does.
  text.clear();
  for (int i = 0; i < 100; ++i) {
    text += R"({"state":"passed","client":"192.0.2.1","sender":")" + std::to_string(i);
    for (int octet = 0; octet < 2000; ++octet) text += "%FF";
    text += R"(","recipient":"a@x","last_seen":)" + std::to_string(wall_clock()) + "}\n";
  }
  CHECK(import({write("long", text)}).starts_with("taken: 100 records"));
}

TEST_CASE_FIXTURE(Fixture, "half an import that is repeated is once") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += known(i, wall_clock());
  const std::string file = write("json", text);
  channel->fails_at = 4;  // status, entries, and two batches
  CHECK(import({file}) ==
        "error: the daemon has gone; before that 400 records were taken, and stay");
  CHECK(records() == 400);
  channel->fails_at.reset();
  CHECK(import({file}).starts_with("taken: 600 records, 0 entries\nnewer here: 400\n"));
  CHECK(records() == 1000);
}

TEST_CASE_FIXTURE(Fixture, "more entries than there can be change nothing, and the line is named") {
  std::string text = spamdb_now();
  for (std::size_t i = 0; i < Entries::kMax; ++i) {
    text += "TRAPPED|10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256) + "|" +
            std::to_string(wall_clock() + 999) + "\n";
  }
  const std::string file = write("spamdb", text);
  CHECK(import({file}) == "error: " + file + ":" + std::to_string(Entries::kMax + 3) +
                              ": there are 10000 entries already, and no more can be");
  CHECK(records() == 0);
  CHECK(entries() == 0);
}
