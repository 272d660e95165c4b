// A store that answers the scripts with whatever it likes, or not at all: each question is answered
// once, nothing stays open, and no stamp of the table lies further ahead than a clock may.
//
// The input is a series of steps, one octet each: a question, a second that goes by, an order. What
// the store answers is taken from the rest of the input: texts, each ended by a newline, the last
// of an answer by a zero; an answer that begins with 0xff does not come.
#include <optional>
#include <string>
#include <vector>

#include "greyd/shared/member.h"
#include "greyd/shared/orders.h"
#include "greyd/shared/shared_decider.h"
#include "tests/fuzz/require.h"
#include "tests/temporary_directory.h"

using namespace grey;

namespace {

constexpr Seconds kStart = 1'700'000'000;

class Script : public shared::ScriptStore {
 public:
  explicit Script(std::string_view text) : text_(text) {}

  bool up() const override { return true; }
  void call(const shared::Call&, Done done) override {
    const std::size_t end = std::min(text_.find('\0'), text_.size());
    std::string_view answer = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    if (answer.empty() || answer.front() == '\xff') return done(nullptr);
    std::vector<std::string> texts;
    while (!answer.empty()) {
      const std::size_t line = std::min(answer.find('\n'), answer.size());
      texts.emplace_back(answer.substr(0, line));
      answer.remove_prefix(std::min(line + 1, answer.size()));
    }
    done(&texts);
  }
  std::optional<std::uint8_t> step() {
    if (text_.empty()) return std::nullopt;
    const auto octet = std::uint8_t(text_.front());
    text_.remove_prefix(1);
    return octet;
  }

 private:
  std::string_view text_;
};

struct Daemon {
  explicit Daemon(std::string_view text) : store(text) {
    ServiceSettings settings;
    settings.context_file = directory / "context";
    service.emplace(
        settings, HashKey{}, background, [](auto, const auto&) {}, counters);
    REQUIRE(service->load(kStart, 100));
    orders.emplace(*service, store, "fuzz", order_counters);
    decider.emplace(*service, store, keys, *orders, decider_counters,
                    shared::SharedDecider::Loop{[] {}, [this] { settles = true; }});
    member.emplace(*service, store, HashKey{7}, "run-1", shared::LastMeeting{}, member_counters,
                   [](const std::string&) {});
    member->on_joined([this] { orders->join(); });
  }

  void ask(std::uint8_t what, Seconds now) {
    const std::string datagram = "I192.0.2." + std::to_string(what % 4) + '\0' + "Fa" +
                                 std::to_string(what / 4 % 3) + "@x" + '\0' + "Tb@y" + '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    int answers = 0;
    decider->decide({&query, 1}, now, [&](std::size_t, const Decided&) { ++answers; });
    if (std::exchange(settles, false)) decider->settle();
    REQUIRE(answers == 1);
    REQUIRE(decider->open() == 0);
  }

  void tick(Seconds now) {
    member->tick(now);
    orders->tick(now);
    for (int i = 0; i < 20 && member->healing(); ++i) member->heal(now);
    for (int i = 0; i < 1000 && orders->busy(); ++i) orders->work();
  }

  void look(Seconds now) {
    auto walk = service->walk(Table::Way::from_young);
    walk.start();
    bool more = true;
    while (more) {
      more = walk.visit(100, [&](const SavedRecord& record) {
        REQUIRE(record.seen > 0 && record.seen <= now + kMostAhead);
      });
    }
  }

  testing::TemporaryDirectory directory;
  InlineBackground background;
  Counters counters;
  shared::DeciderCounters decider_counters;
  shared::OrderCounters order_counters;
  shared::MemberCounters member_counters;
  Script store;
  shared::Keys keys{HashKey{7}};
  bool settles = false;
  std::optional<Service> service;
  std::optional<shared::Orders> orders;
  std::optional<shared::SharedDecider> decider;
  std::optional<shared::Member> member;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> copy(data, data + size);
  Daemon daemon({copy.data(), copy.size()});
  Seconds now = kStart;
  for (int steps = 0; steps < 50; ++steps) {
    const auto step = daemon.store.step();
    if (!step) break;
    if (*step % 4 == 0) {
      now += *step < 128 ? 1 : 300;
      daemon.tick(now);
    } else {
      daemon.ask(*step / 4, now);
    }
  }
  daemon.look(now);
  return 0;
}
