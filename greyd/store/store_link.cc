#include "greyd/store/store_link.h"

#include <algorithm>
#include <utility>

#include "greyd/store/first_thrown.h"
#include "greyd/store/store_link_impl.h"

namespace grey {
namespace {

constexpr double kBeat = 1;           // seconds; what is stuck for want of memory begins anew
constexpr double kShortWait = 0.005;  // before the next attempt while the breaker lets it through
constexpr Milliseconds kSwitchPause = 1000;  // between two words of Sentinels that are followed
constexpr Milliseconds kStuck = 10'000;      // no attempt takes so long
constexpr Milliseconds kSteady = 1000;       // it comes up by itself once in that at most

Milliseconds now_ms() {
  return monotonic_microseconds().count() / 1000;
}

}  // namespace

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
    if (phase == Phase::waiting && pause() == 0) attempt();
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
  up_since = now_ms();
  answered_once = false;
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

// What lets itself be connected to, and does not last, must not be connected to all the time.
Milliseconds StoreLink::Impl::pause() const {
  const Milliseconds now = now_ms();
  const Milliseconds steady = up_since ? std::max<Milliseconds>(*up_since + kSteady - now, 0) : 0;
  return std::max(steady, breaker.wait(now));
}

bool StoreLink::Impl::is_steady() const {
  if (!came_to_nothing) return true;
  return phase == Phase::up && answered_once && now_ms() >= *up_since + kSteady;
}

void StoreLink::Impl::wait_for_next() {
  const double wait = double(pause()) / 1000;
  next = loop.after(std::max(wait, kShortWait), [this] { attempt(); });
}

// The Sentinels have decided: that does not wait for the breaker. Of words that come fast, as who
// wants to do harm says them, the first is followed, and then the last of each second.
void StoreLink::Impl::switched(const Sentinels::Word& word) {
  next_word.reset();
  if (phase == Phase::closed || (word.master == place && phase != Phase::waiting)) return;
  const Milliseconds wait = switched_at ? *switched_at + kSwitchPause - now_ms() : 0;
  if (wait > 0) {
    next_word = word;
    const auto follow = [this] {
      if (next_word) switched(Sentinels::Word(*next_word));
    };
    if (!word_timer || !word_timer.running()) word_timer = loop.after(double(wait) / 1000, follow);
    return;
  }
  switched_at = now_ms();
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

// ---- failing ------------------------------------------------------------------------------------

void StoreLink::Impl::remember(const Failure& why) {
  last_fault = why.text;
  last_fault_kind = why.fault;
  last_fault_at = wall_clock();
}

// What an answer says of the store. True: it is up no more, and lost() is to be called when who has
// asked knows.
bool StoreLink::Impl::note(const Outcome& outcome) {
  if (phase != Phase::up) return false;
  if (outcome) {
    breaker.success();
    answered_once = true;
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
  const bool short_lived = now_ms() < *up_since + kSteady;
  came_to_nothing = short_lived || !answered_once;
  thrown.tell([&] { link.close(why); });
  thrown.tell([&] { tell_state(false); });
  thrown.tell([&] {
    if (phase == Phase::waiting) short_lived ? wait_for_next() : attempt();
  });
  thrown.rethrow();
}

Outcome StoreLink::Impl::away() const {
  return store_failure(
      Fault::down, "the store is away: " + (last_fault.empty() ? "not connected yet" : last_fault));
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
  impl_->phase = Impl::Phase::closed;
  impl_->beat.reset();
  impl_->next.reset();
  impl_->word_timer.reset();
  impl_->sentinels.reset();
}

void StoreLink::close() {
  const std::shared_ptr<Impl> impl = impl_;
  impl->phase = Impl::Phase::closed;
  impl->beat.reset();
  impl->next.reset();
  impl->word_timer.reset();
  impl->sentinels.reset();
  impl->link.close({Fault::gone, "the store is not asked any more"});
}

bool StoreLink::up() const {
  return impl_->phase == Impl::Phase::up;
}

const std::string& StoreLink::server_run() const {
  return impl_->link.server().run;
}

StoreStatus StoreLink::status() const {
  const Impl& impl = *impl_;
  StoreStatus status;
  status.up = up();
  status.steady = impl.is_steady();
  status.breaker_open = impl.breaker.open();
  status.since = impl.since;
  if (!impl.place.host.empty()) {
    status.where = to_string(impl.place);
    if (!impl.named_by.empty()) status.where += ", named by " + impl.named_by;
  }
  status.last_fault = impl.last_fault;
  status.last_fault_kind = impl.last_fault_kind;
  status.last_fault_at = impl.last_fault_at;
  status.evicts_by = impl.link.server().evicts_by;
  return status;
}

StoreCounters StoreLink::counters() const {
  StoreCounters counters = impl_->counters;
  counters.opened = impl_->breaker.opened();
  counters.probes = impl_->breaker.probes();
  return counters;
}

}  // namespace grey
