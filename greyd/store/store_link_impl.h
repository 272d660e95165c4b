// What is behind a StoreLink: store_link.cc has how it comes up and goes, store_link_calls.cc what
// is asked meanwhile. Nobody else's.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "greyd/net/clock.h"
#include "greyd/store/breaker.h"
#include "greyd/store/resolver.h"
#include "greyd/store/sentinels.h"
#include "greyd/store/store_link.h"

namespace grey {

struct StoreLink::Impl : std::enable_shared_from_this<Impl> {
  using microseconds = std::chrono::microseconds;

  enum class Phase {
    waiting,  // for the next attempt
    trying,   // Sentinels, connection, probe
    up,
    closed,  // for good
  };

  struct Script;

  // One call of eval() on its way.
  struct Evaluation {
    Script* script = nullptr;
    std::string command;   // as it is sent
    StoreLink::Done done;  // none: it has been told
    microseconds end{};
    bool repeated = false;
    std::size_t sha_at = 0;    // in `command`
    std::uint64_t number = 0;  // no two have the same
  };
  // In the list of those that are on their way, until it is told.
  using EvaluationAt = std::list<Evaluation>::iterator;

  struct Script {
    const std::string* text = nullptr;
    std::string sha;                    // empty: no server has said it yet
    bool loading = false;               // SCRIPT LOAD is on its way
    std::vector<EvaluationAt> waiting;  // for that
  };

  Impl(EventLoop& the_loop, Background& background, StoreSettings the_settings, OnState state)
      : loop(the_loop),
        settings(std::move(the_settings)),
        on_state(std::move(state)),
        resolver(background),
        link(loop, resolver,
             store_greetings({settings.url.user, settings.password, settings.url.database,
                              settings.client_name}),
             settings.limits, [this](const Failure& why) {
               if (note(tl::make_unexpected(why))) lost(why);
             }) {}

  void begin();
  void attempt();
  void named(const tl::expected<Sentinels::Word, Failure>& word);
  void go_to(const StorePlace& place, const std::string& by);
  void probe();
  void came_up();
  Milliseconds pause() const;
  bool is_steady() const;
  void attempt_failed(const Failure& why);
  void wait_for_next();
  void switched(const Sentinels::Word& word);

  void send(const std::vector<std::string>& words, Done done, microseconds time);
  bool note(const Outcome& outcome);
  void lost(const Failure& why);
  void remember(const Failure& why);
  Outcome away() const;
  void finish(const Done& done, Outcome outcome);
  void finish(EvaluationAt call, Outcome outcome);
  EvaluationAt new_evaluation();
  Script& script_of(std::string_view text);
  void run(EvaluationAt call);
  void ask(EvaluationAt call);
  void answered(EvaluationAt call, Outcome outcome);
  void load(EvaluationAt call);
  void loaded(Script& script, const Outcome& outcome);

  // Not of what a callback has changed meanwhile.
  void tell_state(bool up) const {
    if (dead || phase == Phase::closed || !on_state) return;
    if ((phase == Phase::up) == up) on_state(up);
  }
  microseconds call_time() const { return std::chrono::milliseconds(settings.limits.command_ms); }

  EventLoop& loop;
  const StoreSettings settings;
  OnState on_state;
  Resolver resolver;
  std::unique_ptr<Sentinels> sentinels;  // none: one server
  RedisLink link;
  Breaker breaker;
  EventLoop::Timer beat, next, word_timer;

  bool dead = false;  // the StoreLink has gone: nobody is told any more
  Phase phase = Phase::waiting;
  Milliseconds trying_since = 0;
  std::optional<Milliseconds> up_since;     // it was up, or is
  bool answered_once = false;               // since then
  bool came_to_nothing = false;             // the last time that it was up: see StoreStatus::steady
  bool allowed = false;                     // by the breaker, for the attempt that is being made
  StorePlace place;                         // where the link is, or goes
  std::string named_by;                     // the Sentinel; empty: nobody
  std::optional<Milliseconds> switched_at;  // by a word of theirs, the last time
  std::optional<Sentinels::Word> next_word;  // to be followed when there has been a pause
  Seconds since = wall_clock();
  std::string last_fault;
  Fault last_fault_kind = Fault::down;
  Seconds last_fault_at = 0;
  StoreCounters counters;
  std::map<std::string, Script, std::less<>> scripts;   // by text
  std::list<Evaluation> evaluations, idle_evaluations;  // idle: their memory is used again
  std::uint64_t evaluations_made = 0;
};

}  // namespace grey
