// Many questions at a time: a store that keeps its answers back until it is told to give them.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "greyd/shared/scripts.h"
#include "greyd/shared/shared_decider.h"
#include "tests/temporary_directory.h"

using namespace grey;
using shared::SharedDecider;
using wire::Reason;

namespace {

constexpr Seconds kNow = 1'700'000'000;

struct HeldStore : shared::ScriptStore {
  struct Held {
    std::size_t keys;
    bool asks;
    Done done;
  };
  bool up() const override { return true; }
  void call(const shared::Call& call, Done done) override {
    held.push_back({call.keys.size(), call.script == shared::kAsk, std::move(done)});
  }
  // Nothing is known of anything; or there is no answer.
  void answer_all(bool answered = true) {
    for (const Held& one : std::exchange(held, {})) {
      const std::vector<std::string> texts(one.asks ? one.keys : 1);
      one.done(answered ? &texts : nullptr);
    }
  }
  std::vector<Held> held;
};

struct NoMarks : shared::ForgetMarks {
  Seconds forgotten(const SavedRecord&) const override { return 0; }
  bool heard() override { return true; }
};

// One question, whose text stays where it is.
struct Question {
  Question(int number, int recipients) {
    const std::string n = std::to_string(number);
    text = "I10.1." + std::to_string(number / 250) + "." + std::to_string(number % 250) + '\0' +
           "Fs" + n + "@x" + '\0';
    for (int i = 0; i < recipients; ++i) {
      text += "Tr" + n + "." + std::to_string(i) + "@y" + '\0';
    }
    REQUIRE(wire::parse(text, query) == wire::Fault::none);
  }
  std::string text;
  wire::Query query;
  std::optional<Reason> reason;
};

struct Daemon {
  Daemon() {
    ServiceSettings settings;
    settings.context_file = directory / "context";
    service.emplace(
        settings, HashKey{}, background, [](auto, const auto&) {}, counters);
    REQUIRE(service->load(kNow, 100));
    decider.emplace(*service, store, keys, marks, store_counters,
                    SharedDecider::Loop{[] {}, [this] { ++wanted; }});
  }
  Question& ask(int number, int recipients = 1) {
    questions.push_back(std::make_unique<Question>(number, recipients));
    Question& question = *questions.back();
    decider->decide({&question.query, 1}, kNow,
                    [&question, this](std::size_t, const Decided& decided) {
                      CHECK_FALSE(question.reason);
                      question.reason = decided.reason;
                      if (on_answer) on_answer(question);
                    });
    return question;
  }
  // As the loop does: the store's answers, then the end of the turn.
  void turn(bool answered = true) {
    store.answer_all(answered);
    decider->settle();
  }
  std::string journal() const {
    std::ifstream file(directory / "context.journal");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::size_t answers() const {
    std::size_t count = 0;
    for (const auto& question : questions) count += question->reason.has_value();
    return count;
  }

  testing::TemporaryDirectory directory;
  InlineBackground background;
  Counters counters;
  shared::DeciderCounters store_counters;
  HeldStore store;
  shared::Keys keys{HashKey{7}};
  NoMarks marks;
  int wanted = 0;  // settle_soon
  std::function<void(Question&)> on_answer;
  std::vector<std::unique_ptr<Question>> questions;
  std::optional<Service> service;
  std::optional<SharedDecider> decider;
};

}  // namespace

TEST_CASE("what was answered together is in the journal before anybody is told, in one write") {
  Daemon daemon;
  for (int i = 0; i < 100; ++i) daemon.ask(i);
  const std::string before = daemon.journal();
  daemon.store.answer_all();
  CHECK(daemon.wanted == 100);
  CHECK(daemon.answers() == 0);
  CHECK(daemon.journal() == before);
  std::string at_first_answer;
  daemon.on_answer = [&](Question&) {
    if (at_first_answer.empty()) at_first_answer = daemon.journal();
  };
  daemon.decider->settle();
  CHECK(daemon.answers() == 100);
  CHECK(at_first_answer.find("r0.0@y") != std::string::npos);
  CHECK(at_first_answer.find("r99.0@y") != std::string::npos);
  CHECK(daemon.journal() == at_first_answer);
}

TEST_CASE("up to 64 recipients are asked about in one call, and what is new is not told again") {
  Daemon daemon;
  const Question& few = daemon.ask(1, 64);
  REQUIRE(daemon.store.held.size() == 1);
  CHECK(daemon.store.held[0].keys == 65);
  daemon.turn();
  CHECK(few.reason == Reason::new_triplet);
  CHECK(daemon.store.held.empty());
  const Question& many = daemon.ask(2, 65);
  REQUIRE(daemon.store.held.size() == 2);
  CHECK(daemon.store.held[0].keys == 65);
  CHECK(daemon.store.held[1].keys == 2);
  daemon.turn();
  CHECK(many.reason == Reason::new_triplet);
  CHECK(daemon.service->greylist().table().size() == 129);
}

TEST_CASE("of ten thousand questions at once as many are asked as may be open") {
  Daemon daemon;
  for (int i = 0; i < 10'000; ++i) {
    daemon.ask(i);
    CHECK(daemon.decider->open() <= SharedDecider::kMostOpen);
  }
  // The others have been decided by what is known here, and the store is told of them.
  CHECK(daemon.answers() == 10'000 - SharedDecider::kMostOpen);
  CHECK(daemon.store_counters.asked == 10'000);
  CHECK(daemon.store_counters.unanswered == 10'000 - SharedDecider::kMostOpen);
  CHECK(daemon.store_counters.told == 10'000 - SharedDecider::kMostOpen);
  SUBCASE("and these are answered") {
    daemon.turn();
  }
  SUBCASE("and these are answered, whether or not the store answers") {
    daemon.turn(false);
  }
  CHECK(daemon.answers() == 10'000);
  CHECK(daemon.decider->open() == 0);
  CHECK(daemon.service->greylist().table().size() == 10'000);
  daemon.turn();
  CHECK(daemon.ask(20'000).reason == std::nullopt);  // it asks again
}

TEST_CASE("who throws when told keeps nobody else from being told") {
  Daemon daemon;
  for (int i = 0; i < 10; ++i) daemon.ask(i);
  daemon.store.answer_all();
  daemon.on_answer = [&](Question& question) {
    if (&question == daemon.questions[3].get()) throw std::runtime_error("no memory");
  };
  CHECK_THROWS_WITH(daemon.decider->settle(), "no memory");
  CHECK(daemon.answers() == 10);
  CHECK(daemon.decider->open() == 0);
  const Question& later = daemon.ask(11);
  daemon.turn();
  CHECK(later.reason == Reason::new_triplet);
}

TEST_CASE("who is told may have another forgotten, who is not told then") {
  Daemon daemon;
  daemon.ask(1);
  Question& other = daemon.ask(2);
  daemon.on_answer = [&](Question&) { daemon.decider->forget({&other.query, 1}); };
  daemon.turn();
  CHECK(daemon.answers() == 1);
  CHECK_FALSE(other.reason);
  CHECK(daemon.decider->open() == 0);
}

TEST_CASE("who is told may ask anew") {
  Daemon daemon;
  daemon.ask(1);
  int asked = 1;
  daemon.on_answer = [&](Question&) {
    if (asked < 5) daemon.ask(++asked);
  };
  for (int i = 0; i < 5; ++i) daemon.turn();
  CHECK(daemon.answers() == 5);
}

TEST_CASE("at the end whatever is open is decided") {
  Daemon daemon;
  daemon.ask(1);
  daemon.ask(2);
  daemon.store.answer_all();
  daemon.decider->drain();  // without waiting: all has come
  CHECK(daemon.answers() == 2);
}
