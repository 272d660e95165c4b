#include <algorithm>
#include <chrono>
#include <utility>

#include "greyd/store/first_thrown.h"
#include "greyd/store/redis_protocol.h"
#include "greyd/store/store_link_impl.h"

namespace grey {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t kIdle = 1024;        // evaluations, and their memory, that are kept
constexpr std::size_t kIdleCommand = 512;  // octets of that
constexpr std::size_t kShaSize = 40;       // hexadecimal digits

// EVALSHA, but for the hash, which is filled in when it is sent.
template <typename Evaluation>
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

StoreLink::Impl::EvaluationAt StoreLink::Impl::new_evaluation() {
  if (idle_evaluations.empty()) idle_evaluations.emplace_back();
  const EvaluationAt call = idle_evaluations.begin();
  evaluations.splice(evaluations.begin(), idle_evaluations, call);
  call->command.clear();
  call->repeated = false;
  call->number = ++evaluations_made;
  return call;
}

StoreLink::Impl::Script& StoreLink::Impl::script_of(std::string_view text) {
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
    const Outcome no =
        outcome
            ? store_failure(Fault::no_redis, link.where() + ": what answers SCRIPT LOAD is no hash")
            : outcome;
    const bool ends = outcome && note(no);
    for (const EvaluationAt call : waiting) thrown.tell([&] { finish(call, no); });
    if (ends) thrown.tell([&] { lost(no.error()); });
  }
  thrown.rethrow();
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
                     Done done, milliseconds time) {
  const std::shared_ptr<Impl> impl = impl_;
  ++impl->counters.calls;
  const Impl::EvaluationAt call = impl->new_evaluation();
  try {
    call->script = &impl->script_of(script);
    encode(*call, keys, arguments);
  } catch (...) {
    impl->evaluations.erase(call);
    throw;
  }
  call->done = std::move(done);
  call->end = monotonic_microseconds() + (time.count() > 0 ? time : impl->call_time());
  impl->run(call);
}

}  // namespace grey
