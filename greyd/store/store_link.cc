#include "greyd/store/store_link.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <list>
#include <map>
#include <utility>

#include "greyd/net/clock.h"
#include "greyd/store/breaker.h"
#include "greyd/store/first_thrown.h"
#include "greyd/store/redis_protocol.h"
#include "greyd/store/resolver.h"
#include "greyd/store/sentinels.h"

namespace grey {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr double kBeat = 1;           // seconds; what is stuck for want of memory begins anew
constexpr double kShortWait = 0.005;  // before the next attempt while the breaker lets it through
constexpr Milliseconds kStuck = 10'000;    // no attempt takes so long
constexpr std::size_t kShaSize = 40;       // hexadecimal digits
constexpr std::size_t kIdle = 1024;        // evaluations, and their memory, that are kept
constexpr std::size_t kIdleCommand = 512;  // octets of that

Milliseconds now_ms() {
  return monotonic_microseconds().count() / 1000;
}

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

// EVALSHA, but for the hash, which is filled in when it is sent.
void encode(Evaluation& call, const Strings& keys, const Strings& arguments) {
  static constexpr char kNoSha[kShaSize + 1] = "----------------------------------------";
  std::string& out = call.command;
  begin_command(out, 3 + keys.size() + arguments.size());
  append_bulk(out, "EVALSHA");
  append_bulk(out, kNoSha);
  call.sha_at = out.size() - 2 - kShaSize;
  append_bulk(out, std::to_string(keys.size()));
  for (const std::string_view key : keys) append_bulk(out, key);
  for (const std::string_view argument : arguments) append_bulk(out, argument);
}

bool is_sha(const Reply& reply) {
  return reply.is_bytes() && reply.text.size() == kShaSize &&
         reply.text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

struct StoreLink::Impl : std::enable_shared_from_this<Impl> {
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
  microseconds call_time() const { return milliseconds(settings.limits.command_ms); }

  EventLoop& loop;
  const StoreSettings settings;
  OnState on_state;
  Resolver resolver;
  std::unique_ptr<Sentinels> sentinels;  // none: one server
  RedisLink link;
  Breaker breaker;
  EventLoop::Timer beat, next;

  bool dead = false;  // the StoreLink has gone: nobody is told any more
  Phase phase = Phase::waiting;
  Milliseconds trying_since = 0;
  bool allowed = false;  // by the breaker, for the attempt that is being made
  StorePlace place;      // where the link is, or goes
  std::string named_by;  // the Sentinel; empty: nobody
  Seconds since = wall_clock();
  std::string last_fault;
  Seconds last_fault_at = 0;
  StoreCounters counters;
  std::map<std::string, Script, std::less<>> scripts;   // by text
  std::list<Evaluation> evaluations, idle_evaluations;  // idle: their memory is used again
  std::uint64_t evaluations_made = 0;
};

// ---- coming up ---------------------------------------------------------------------------------

void StoreLink::Impl::begin() {
  if (settings.url.has_sentinels()) {
    sentinels =
        std::make_unique<Sentinels>(loop, resolver, settings.url, settings.password,
                                    [this](const Sentinels::Word& word) { switched(word); });
  }
  next = loop.after(0, [this] { attempt(); });
  beat = loop.every(kBeat, [this] {
    const bool stuck = phase == Phase::trying && now_ms() - trying_since > kStuck;
    if (stuck) phase = Phase::waiting;
    if (phase == Phase::waiting && breaker.wait(now_ms()) == 0) attempt();
  });
}

// The Sentinels are asked also while the breaker is open: they may know of another master.
void StoreLink::Impl::attempt() {
  if (phase != Phase::waiting) return;
  const std::shared_ptr<Impl> self = shared_from_this();
  allowed = breaker.allow(now_ms());
  if (!allowed && sentinels == nullptr) return wait_for_next();
  phase = Phase::trying;
  trying_since = now_ms();
  if (sentinels == nullptr) return go_to(settings.url.places.front(), {});
  sentinels->find([this](const tl::expected<Sentinels::Word, Failure>& word) { named(word); });
}

void StoreLink::Impl::named(const tl::expected<Sentinels::Word, Failure>& word) {
  if (!word) return attempt_failed(word.error());
  if (!allowed && word->master == place) {
    phase = Phase::waiting;
    return wait_for_next();
  }
  go_to(word->master, word->by);
}

void StoreLink::Impl::go_to(const StorePlace& to, const std::string& by) {
  if (!place.host.empty() && to != place) ++counters.switches;
  place = to;
  named_by = by;
  link.connect(to, [this](const std::optional<Failure>& why_not) {
    why_not ? attempt_failed(*why_not) : probe();
  });
}

void StoreLink::Impl::probe() {
  link.command(settings.probe, [this](const Outcome& outcome) {
    if (phase != Phase::trying) return;
    outcome ? came_up() : attempt_failed(outcome.error());
  });
}

void StoreLink::Impl::came_up() {
  const std::shared_ptr<Impl> self = shared_from_this();
  breaker.success();
  phase = Phase::up;
  since = wall_clock();
  ++counters.connects;
  next.reset();
  tell_state(true);
}

void StoreLink::Impl::attempt_failed(const Failure& why) {
  ++counters.connect_failures[std::size_t(why.fault)];
  remember(why);
  breaker.failure(now_ms());
  phase = Phase::waiting;
  link.close(why);
  if (sentinels != nullptr) sentinels->doubt();
  wait_for_next();
}

void StoreLink::Impl::wait_for_next() {
  const double wait = double(breaker.wait(now_ms())) / 1000;
  next = loop.after(std::max(wait, kShortWait), [this] { attempt(); });
}

// The Sentinels have decided: that does not wait for the breaker.
void StoreLink::Impl::switched(const Sentinels::Word& word) {
  if (phase == Phase::closed || (word.master == place && phase != Phase::waiting)) return;
  const std::shared_ptr<Impl> self = shared_from_this();
  FirstThrown thrown;
  const bool was_up = std::exchange(phase, Phase::trying) == Phase::up;
  trying_since = now_ms();
  next.reset();
  sentinels->cancel();
  const Failure why{Fault::not_master, link.where() + ": " + word.by + " names another master, " +
                                           to_string(word.master)};
  thrown.tell([&] { link.close(why); });
  if (was_up) {
    ++counters.losses;
    since = wall_clock();
    remember(why);
    thrown.tell([&] { tell_state(false); });
  }
  if (phase == Phase::trying) thrown.tell([&] { go_to(word.master, word.by); });
  thrown.rethrow();
}

// ---- calls -------------------------------------------------------------------------------------

void StoreLink::Impl::remember(const Failure& why) {
  last_fault = why.text;
  last_fault_at = wall_clock();
}

// What an answer says of the store. True: it is up no more, and lost() is to be called when who has
// asked knows.
bool StoreLink::Impl::note(const Outcome& outcome) {
  if (phase != Phase::up) return false;
  if (outcome) {
    breaker.success();
    return false;
  }
  const Failure& why = outcome.error();
  if (!is_stores_failure(why.fault)) return false;
  remember(why);
  breaker.failure(now_ms());
  if (!breaker.open() && !ends_link(why.fault)) return false;
  phase = Phase::waiting;
  return true;
}

void StoreLink::Impl::lost(const Failure& why) {
  if (phase == Phase::closed) return;
  const std::shared_ptr<Impl> self = shared_from_this();
  FirstThrown thrown;
  since = wall_clock();
  ++counters.losses;
  thrown.tell([&] { link.close(why); });
  thrown.tell([&] { tell_state(false); });
  thrown.tell([&] { attempt(); });
  thrown.rethrow();
}

Outcome StoreLink::Impl::away() const {
  return store_failure(
      Fault::down, "the store is away: " + (last_fault.empty() ? "not connected yet" : last_fault));
}

void StoreLink::Impl::finish(const Done& done, Outcome outcome) {
  if (dead) return;
  if (outcome)
    ++counters.answered;
  else
    ++counters.failures[std::size_t(outcome.error().fault)];
  done(std::move(outcome));
}

// To the server, whose answer counts for the breaker before `done` is told.
void StoreLink::Impl::send(const std::vector<std::string>& words, Done done, microseconds time) {
  if (phase != Phase::up) return done(away());
  link.command(
      words,
      [this, told = std::move(done)](Outcome outcome) {
        const std::shared_ptr<Impl> self = shared_from_this();
        FirstThrown thrown;
        std::optional<Failure> end;
        if (note(outcome)) end = outcome.error();
        thrown.tell([&] { told(std::move(outcome)); });
        if (end) thrown.tell([&] { lost(*end); });
        thrown.rethrow();
      },
      time);
}

void StoreLink::Impl::finish(EvaluationAt call, Outcome outcome) {
  const Done done = std::exchange(call->done, nullptr);
  if (idle_evaluations.size() < kIdle && call->command.capacity() <= kIdleCommand) {
    idle_evaluations.splice(idle_evaluations.begin(), evaluations, call);
  } else {
    evaluations.erase(call);
  }
  finish(done, std::move(outcome));
}

EvaluationAt StoreLink::Impl::new_evaluation() {
  if (idle_evaluations.empty()) idle_evaluations.emplace_back();
  const EvaluationAt call = idle_evaluations.begin();
  evaluations.splice(evaluations.begin(), idle_evaluations, call);
  call->command.clear();
  call->repeated = false;
  call->number = ++evaluations_made;
  return call;
}

Script& StoreLink::Impl::script_of(std::string_view text) {
  auto known = scripts.find(text);
  if (known == scripts.end()) {
    known = scripts.try_emplace(std::string(text)).first;
    known->second.text = &known->first;
  }
  return known->second;
}

// What is thrown may come from who has been told, too: then there is nothing left to tell.
void StoreLink::Impl::run(EvaluationAt call) {
  const std::uint64_t number = call->number;
  try {
    ask(call);
  } catch (const std::bad_alloc&) {
    const auto left = std::find_if(evaluations.begin(), evaluations.end(),
                                   [&](const Evaluation& one) { return one.number == number; });
    if (left == evaluations.end()) throw;
    finish(left, store_failure(Fault::too_many, "no memory"));
  }
}

void StoreLink::Impl::ask(EvaluationAt call) {
  if (call->script->sha.empty()) return load(call);
  call->command.replace(call->sha_at, kShaSize, call->script->sha);
  if (phase != Phase::up) return finish(call, away());
  link.encoded(
      call->command, [this, call](Outcome outcome) { answered(call, std::move(outcome)); },
      call->end);
}

void StoreLink::Impl::answered(EvaluationAt call, Outcome outcome) {
  const std::shared_ptr<Impl> self = shared_from_this();
  FirstThrown thrown;
  std::optional<Failure> end;
  if (note(outcome)) end = outcome.error();
  const bool unknown = !outcome && outcome.error().fault == Fault::no_script;
  const bool repeats = unknown && !std::exchange(call->repeated, true);
  thrown.tell([&] { repeats ? load(call) : finish(call, std::move(outcome)); });
  if (end) thrown.tell([&] { lost(*end); });
  thrown.rethrow();
}

// One at a time: who finds the script missing meanwhile waits for the same.
void StoreLink::Impl::load(EvaluationAt call) {
  Script& script = *call->script;
  if (call->end <= monotonic_microseconds()) {
    return finish(call, store_failure(Fault::timed_out, link.where() + ": no answer in time"));
  }
  if (script.waiting.size() >= settings.limits.max_waiting) {
    return finish(call, store_failure(Fault::too_many, "too much waits for a script to be loaded"));
  }
  script.waiting.push_back(call);
  if (std::exchange(script.loading, true)) return;
  const microseconds left =
      std::max<microseconds>(call->end - monotonic_microseconds(), milliseconds(1));
  try {
    send(
        {"SCRIPT", "LOAD", *script.text},
        [this, &script](const Outcome& outcome) { loaded(script, outcome); }, left);
  } catch (const std::bad_alloc&) {
    loaded(script, store_failure(Fault::too_many, "no memory"));
  }
}

void StoreLink::Impl::loaded(Script& script, const Outcome& outcome) {
  script.loading = false;
  const std::vector<EvaluationAt> waiting = std::exchange(script.waiting, {});
  FirstThrown thrown;
  if (outcome && is_sha(*outcome)) {
    ++counters.scripts_loaded;
    script.sha = outcome->text;
    for (const EvaluationAt call : waiting) thrown.tell([&] { run(call); });
  } else {
    const Failure why =
        outcome ? Failure{Fault::no_redis, link.where() + ": what answers SCRIPT LOAD is no hash"}
                : outcome.error();
    for (const EvaluationAt call : waiting) {
      thrown.tell([&] { finish(call, tl::make_unexpected(why)); });
    }
  }
  thrown.rethrow();
}

// ---- outside -----------------------------------------------------------------------------------

StoreLink::StoreLink(EventLoop& loop, Background& background, StoreSettings settings,
                     OnState on_state)
    : impl_(std::make_shared<Impl>(loop, background, std::move(settings), std::move(on_state))) {
  impl_->begin();
}

// Whose callback runs keeps what is behind it: nothing is to go on there.
StoreLink::~StoreLink() {
  impl_->dead = true;
  impl_->phase = Phase::closed;
  impl_->beat.reset();
  impl_->next.reset();
  impl_->sentinels.reset();
}

void StoreLink::close() {
  const std::shared_ptr<Impl> impl = impl_;
  impl->phase = Phase::closed;
  impl->beat.reset();
  impl->next.reset();
  impl->sentinels.reset();
  impl->link.close({Fault::gone, "the store is not asked any more"});
}

bool StoreLink::up() const {
  return impl_->phase == Phase::up;
}

void StoreLink::plain(const std::vector<std::string>& words, Done done) {
  const std::shared_ptr<Impl> impl = impl_;
  ++impl->counters.calls;
  Impl* const raw = impl.get();
  impl->send(
      words,
      [raw, told = std::move(done)](Outcome outcome) { raw->finish(told, std::move(outcome)); },
      impl->call_time());
}

void StoreLink::eval(std::string_view script, const Strings& keys, const Strings& arguments,
                     Done done) {
  const std::shared_ptr<Impl> impl = impl_;
  ++impl->counters.calls;
  const EvaluationAt call = impl->new_evaluation();
  try {
    call->script = &impl->script_of(script);
    encode(*call, keys, arguments);
  } catch (...) {
    impl->evaluations.erase(call);
    throw;
  }
  call->done = std::move(done);
  call->end = monotonic_microseconds() + impl->call_time();
  impl->run(call);
}

StoreStatus StoreLink::status() const {
  const Impl& impl = *impl_;
  StoreStatus status;
  status.up = up();
  status.breaker_open = impl.breaker.open();
  status.since = impl.since;
  if (!impl.place.host.empty()) {
    status.where = to_string(impl.place);
    if (!impl.named_by.empty()) status.where += ", named by " + impl.named_by;
  }
  status.last_fault = impl.last_fault;
  status.last_fault_at = impl.last_fault_at;
  return status;
}

StoreCounters StoreLink::counters() const {
  StoreCounters counters = impl_->counters;
  counters.opened = impl_->breaker.opened();
  counters.probes = impl_->breaker.probes();
  return counters;
}

}  // namespace grey
