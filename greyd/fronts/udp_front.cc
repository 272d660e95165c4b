#include "greyd/fronts/udp_front.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "greyd/fronts/decision_log.h"
#include "greyd/fronts/question_id.h"

namespace grey {
namespace {

constexpr int kMaxBatches = 16;  // of one call; then signals and timers have their turn
constexpr std::size_t kMaxBytes = 512 * 1024;  // likewise
constexpr std::size_t kCheapBytes = 4096;      // a longer datagram is dear, and not even parsed
constexpr std::size_t kMaxBacklog = 2 << 20;   // bytes
constexpr Seconds kLogPeriod = 10;             // seconds, of bad datagrams
constexpr Seconds kLossesPeriod = 60;
static_assert(sizeof wire::AnswerWithText::bytes <= wire::SignedAnswer::kMostOctets);
constexpr std::size_t kMaxSigned = wire::SignedAnswer::kMostOctets + wire::kMacSize;
static_assert(kMaxSigned <= DatagramBatch::kMaxAnswer);

// The client that a datagram asks about, as it is written there; what is too long for one is cut.
std::string_view client_of(std::string_view datagram) {
  constexpr std::size_t kMaxClient = 64;
  const std::string_view field = datagram.substr(0, kMaxClient);
  return field.substr(0, field.find('\0'));
}

// A deferral that is told in words of its rule.
bool has_own_text(const Decided& decision) {
  return decision.verdict == wire::Verdict::defer && !decision.text().empty();
}

}  // namespace

UdpFront::UdpFront(UdpSettings settings, Fd socket, Decider& decider, LogPipe& pipe,
                   spdlog::logger& logger, UdpCounters& counters)
    : settings_(std::move(settings)),
      admission_(settings_),
      socket_(std::move(socket)),
      decider_(decider),
      pipe_(pipe),
      logger_(logger),
      batches_(settings_.max_batches),
      backlog_(kMaxBacklog),
      counters_(counters),
      told_(counters),
      bad_datagram_limits_(wire::kFaults, RateLimit(kLogPeriod)),
      foreign_limit_(kLogPeriod),
      losses_limit_(kLossesPeriod) {
  // The first batch is there from the start: when memory is short, queries are still taken.
  (void)batches_.take();
}

UdpFront::~UdpFront() {
  while (Batch* batch = batches_.overdue(ticks_, 0)) {
    decider_.forget(batch->asked());
    batches_.take_back(*batch);
  }
}

void UdpFront::attach(EventLoop& loop, std::function<Seconds()> clock) {
  clock_ = std::move(clock);
  backlog_waits_ = loop.when_idle([this] { handle(clock_()); });
  readable_ = loop.watch(socket_.get(), EventLoop::kRead, [this](unsigned) { handle(clock_()); });
  each_second_ = loop.every(1, [this] { tick(clock_()); });
}

// What is left for later is done when nothing else is to be done, or beside what is.
void UdpFront::settle() {
  if (!readable_) return;
  readable_.set(reading() ? EventLoop::kRead : 0);
  pending() ? backlog_waits_.start() : backlog_waits_.stop();
}

void UdpFront::handle(Seconds now) {
  for (int n = 0; n < kMaxBatches; ++n) {
    if (!handle_batch(now)) break;
  }
  if (pending()) handle_dear(now);
  settle();
}

bool UdpFront::handle_batch(Seconds now) {
  if (batches_.left() == 1 && !backlog_.empty()) return false;  // that is for the backlog
  Batches::Held batch = batches_.take();
  if (batch == nullptr) return false;
  const std::size_t received = batch->datagrams.receive(socket_.get());
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < received; ++i) bytes += batch->datagrams.datagram(i).size();
  parse(*batch, true, now);
  decide(std::move(batch), now);
  return received == DatagramBatch::kSize && bytes <= kMaxBytes;
}

void UdpFront::handle_dear(Seconds now) {
  Batches::Held batch = batches_.take();
  batch->datagrams.load(*backlog_.take());
  parse(*batch, false, now);
  decide(std::move(batch), now);
}

// Fills the batch's queries from its datagrams.
void UdpFront::parse(Batch& batch, bool set_dear_aside, Seconds now) {
  try {
    batch.size = parse_all(batch, set_dear_aside, now);
  } catch (...) {
    counters_.undecided += batch.datagrams.size();
    throw;
  }
}

// How many queries there are.
std::size_t UdpFront::parse_all(Batch& batch, bool set_dear_aside, Seconds now) {
  std::size_t queries = 0;
  batch.sent.clear();
  for (std::size_t i = 0; i < batch.datagrams.size(); ++i) {
    const Endpoint source = batch.datagrams.source(i);
    const std::string_view datagram = batch.datagrams.datagram(i);
    AnswerKey& key = batch.keys[queries];
    if (!admit(source, datagram, now, key)) continue;
    if (set_dear_aside && datagram.size() > kCheapBytes) {
      set_aside(batch, i, source.ip);
      continue;
    }
    if (wire::tells_sent(datagram) && settings_.dialect == wire::Dialect::qmail_greyd) {
      take_sent(batch, i, set_dear_aside, now);
      continue;
    }
    wire::Query& query = batch.queries[queries];
    const wire::Fault fault = wire::parse(datagram, query, settings_.dialect);
    if (fault != wire::Fault::none) {
      on_bad_datagram(fault, source, now);
      continue;
    }
    if (set_dear_aside && query.recipients.size() > kCheapRecipients) {
      set_aside(batch, i, source.ip);
      continue;
    }
    const std::uint64_t question = question_id(question_key_, source, query.envelope);
    // Copies of one with a key have all that it came with.
    if (!key.is_used) complete(query, datagram, question, batch.completed[queries], now);
    query.question = question;
    query.asker = source.ip;
    batch.datagram_of[queries++] = i;
  }
  return queries;
}

// What ours have sent: there is nothing to answer, and a copy says nothing new.
void UdpFront::take_sent(Batch& batch, std::size_t index, bool set_dear_aside, Seconds now) {
  const Endpoint source = batch.datagrams.source(index);
  wire::Sent sent;
  const wire::Fault fault = wire::parse_sent(batch.datagrams.datagram(index), sent);
  if (fault != wire::Fault::none) return on_bad_datagram(fault, source, now);
  if (set_dear_aside && sent.theirs.size() > kCheapRecipients) {
    return set_aside(batch, index, source.ip);
  }
  sent.asker = source.ip;
  batch.sent.push_back(sent);
}

// A copy of a question without the additions that it came with at first is read as that was.
void UdpFront::complete(wire::Query& query, std::string_view datagram, std::uint64_t question,
                        std::string& text, Seconds now) {
  constexpr std::size_t kEnd = 2;  // NULs: of the last recipient, and of the query
  const std::string_view additions = datagram.substr(query.envelope.size());
  if (additions.size() > kEnd) return full_forms_.remember(question, additions, now);
  const std::string_view first = full_forms_.find(question, now);
  if (first.empty()) return;
  text.assign(query.envelope).append(first);
  (void)wire::parse(text, query, settings_.dialect);  // what it is made of was good
}

bool UdpFront::admit(const Endpoint& source, std::string_view datagram, Seconds now,
                     AnswerKey& key) {
  const Admitted admitted = admission_.look_at(source.ip, datagram, now, key);
  if (admitted.is_foreign) {
    ++counters_.foreign;
    if (const auto count = foreign_limit_.due(now)) {
      logger_.warn("query refused source={}@{} count={}: not in --allow", to_string(source.ip),
                   source.port, count);
    }
    return false;
  }
  if (admitted.fault == wire::Fault::none) return true;
  on_bad_datagram(admitted.fault, source, now, admitted.behind);
  return false;
}

void UdpFront::set_aside(const Batch& batch, std::size_t index, const Ip& source) {
  const std::string_view datagram = batch.datagrams.datagram(index);
  const std::string_view client = client_of(datagram);
  const std::uint64_t before = backlog_.dropped();
  const bool room = backlog_.make_room(source, client, datagram.size());
  counters_.backlog += backlog_.dropped() - before;
  if (!room) return;
  try {
    backlog_.add(source, client, datagram.size(), batch.datagrams.save(index));
  } catch (const std::bad_alloc&) {
    ++counters_.backlog;
  }
}

// `behind`: how far a clock is, where that is the fault.
void UdpFront::on_bad_datagram(wire::Fault fault, const Endpoint& source, Seconds now,
                               Seconds behind) {
  ++counters_.faults[std::size_t(fault)];
  const auto count = bad_datagram_limits_[std::size_t(fault)].due(now);
  if (count == 0) return;
  const std::string clock = behind == 0 ? "" : " behind=" + std::to_string(behind);
  logger_.warn("bad datagram fault={} source={}@{} count={}{}", to_string(fault),
               to_string(source.ip), source.port, count, clock);
}

// ---- decisions ---------------------------------------------------------------------------------

void UdpFront::decide(Batches::Held held, Seconds now) {
  try {
    if (!held->sent.empty()) decider_.sent(held->sent, now);
  } catch (const std::bad_alloc&) {
    counters_.undecided += held->sent.size();
  }
  if (held->size == 0) return;
  held->undecided = held->size;
  Batch& batch = batches_.send_off(std::move(held), ticks_);
  try {
    decider_.decide(batch.asked(), now, [this, &batch](std::size_t index, const Decided& decision) {
      on_decision(batch, index, decision);
    });
  } catch (...) {
    if (batch.undecided > 0) counters_.undecided += lose(batch);
    throw;
  }
}

void UdpFront::on_decision(Batch& batch, std::size_t index, const Decided& decision) noexcept {
  ++counters_.decided[std::size_t(decision.reason)];
  answer(batch, index, decision);
  if (settings_.log_decisions) {
    pipe_.add_line(Priority::info, [&](std::string& out) {
      append_decision(out, pipe_.format(), batch.queries[index], decision,
                      batch.datagrams.source(batch.datagram_of[index]));
    });
  }
  if (--batch.undecided == 0) finish(batch);
}

// The rest of it will not be decided: how many.
std::size_t UdpFront::lose(Batch& batch) {
  const std::size_t lost = std::exchange(batch.undecided, 0);
  finish(batch);
  return lost;
}

// Whoever has been decided on is told.
void UdpFront::finish(Batch& batch) {
  counters_.unsent += batch.datagrams.send_answers(socket_.get());
  pipe_.flush();
  batches_.take_back(batch);
  settle();
}

void UdpFront::answer(Batch& batch, std::size_t index, const Decided& decision) {
  const wire::Query& query = batch.queries[index];
  const auto wait = std::uint32_t(std::max<Seconds>(decision.wait.value_or(0), 0));
  wire::Answer answer = to_answer(decision.reason);
  if (decision.verdict != verdict_of(decision.reason)) {
    // A dry run: the asker accepts, whatever the reason; "known" is the least it can be told.
    answer = to_answer(wire::Reason::known);
  } else if (query.wants_text && has_own_text(decision)) {
    wire::AnswerWithText in_words(decision.reason, wait, decision.text());
    in_words.append(query.tag);
    return send(batch, index, {in_words.bytes, in_words.size});
  } else if (query.wants_wait && wait > 0) {
    answer = to_answer_with_wait(decision.reason, wait);
  }
  answer.append(query.tag);
  send(batch, index, {answer.bytes, answer.size});
}

// With a MAC where the query had one.
void UdpFront::send(Batch& batch, std::size_t index, std::string_view answer) {
  const std::size_t datagram = batch.datagram_of[index];
  const AnswerKey& key = batch.keys[index];
  if (!key.is_used) return batch.datagrams.answer(datagram, answer);
  const wire::Mac mac = sign(key, answer);
  char whole[kMaxSigned];
  answer.copy(whole, answer.size());
  std::memcpy(whole + answer.size(), mac.data(), mac.size());
  batch.datagrams.answer(datagram, {whole, answer.size() + mac.size()});
}

void UdpFront::tick(Seconds now) {
  ++ticks_;
  while (Batch* batch = batches_.overdue(ticks_, settings_.patience)) {
    decider_.forget(batch->asked());
    counters_.overdue += lose(*batch);
  }
  settle();
  const std::uint32_t overflow = dropped_datagrams(socket_.get());
  counters_.overflow += overflow - std::exchange(overflow_seen_, overflow);  // it may wrap
  tell_losses(now);
}

void UdpFront::tell_losses(Seconds now) {
  const auto since = [&](Count UdpCounters::*count) { return counters_.*count - told_.*count; };
  using Udp = UdpCounters;
  const Count overflow = since(&Udp::overflow), backlog = since(&Udp::backlog),
              undecided = since(&Udp::undecided), unsent = since(&Udp::unsent),
              overdue = since(&Udp::overdue);
  if (overflow + backlog + undecided + unsent + overdue == 0) return;
  if (losses_limit_.due(now) == 0) return;
  logger_.warn(
      "queries without an answer, since the last such line: {} dropped by the system (its queue "
      "was full, or the source forged), {} dropped as their source sent too many dear ones, {} not "
      "decided for want of memory, {} answers not sent",
      overflow, backlog, undecided, unsent);
  if (overdue > 0) {
    logger_.warn("queries without an answer: {} not decided within {} seconds", overdue,
                 settings_.patience);
  }
  told_ = counters_;
}

}  // namespace grey
