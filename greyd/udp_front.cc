#include "greyd/udp_front.h"

#include <new>
#include <utility>

#include "greyd/decision_log.h"
#include "greyd/question_id.h"

namespace grey {
namespace {

constexpr int kMaxBatches = 16;  // of one call; then signals and timers have their turn
constexpr std::size_t kMaxBytes = 512 * 1024;  // likewise
constexpr std::size_t kCheapRecipients = 16;   // a query of more is dear
constexpr std::size_t kCheapBytes = 4096;      // so is a longer datagram, which is not even parsed
constexpr std::size_t kMaxBacklog = 2 << 20;   // bytes
constexpr Seconds kLogPeriod = 10;             // seconds, of bad datagrams
constexpr Seconds kLossesPeriod = 60;

// The client that a datagram asks about, as it is written there; what is too long for one is cut.
std::string_view client_of(std::string_view datagram) {
  constexpr std::size_t kMaxClient = 64;
  const std::string_view field = datagram.substr(0, kMaxClient);
  return field.substr(0, field.find('\0'));
}

}  // namespace

UdpFront::UdpFront(UdpSettings settings, Fd socket, Service& service, LogPipe& pipe,
                   spdlog::logger& logger)
    : settings_(std::move(settings)),
      socket_(std::move(socket)),
      service_(service),
      pipe_(pipe),
      logger_(logger),
      backlog_(kMaxBacklog),
      bad_datagram_limits_(wire::kFaults, RateLimit(kLogPeriod)),
      foreign_limit_(kLogPeriod),
      losses_limit_(kLossesPeriod) {
  // The first batch is there from the start: when memory is short, queries are still taken.
  idle_batches_.push_back(take_batch());
}

void UdpFront::handle(Seconds now) {
  for (int n = 0; n < kMaxBatches; ++n) {
    if (!handle_batch(now)) break;
  }
  if (pending()) handle_dear(now);
}

std::unique_ptr<UdpFront::Batch> UdpFront::take_batch() {
  if (idle_batches_.empty()) {
    idle_batches_.reserve(++batches_);  // so that taking them back cannot fail
    return std::make_unique<Batch>();
  }
  std::unique_ptr<Batch> batch = std::move(idle_batches_.back());
  idle_batches_.pop_back();
  return batch;
}

bool UdpFront::handle_batch(Seconds now) {
  std::unique_ptr<Batch> batch = take_batch();
  const std::size_t received = batch->datagrams.receive(socket_.get());
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < received; ++i) bytes += batch->datagrams.datagram(i).size();
  parse_and_decide(std::move(batch), true, now);
  return received == DatagramBatch::kSize && bytes <= kMaxBytes;
}

void UdpFront::handle_dear(Seconds now) {
  std::unique_ptr<Batch> batch = take_batch();
  batch->datagrams.load(*backlog_.take());
  parse_and_decide(std::move(batch), false, now);
}

void UdpFront::parse_and_decide(std::unique_ptr<Batch> batch, bool set_dear_aside, Seconds now) {
  std::size_t queries = 0;
  try {
    queries = parse(*batch, set_dear_aside, now);
  } catch (...) {
    idle_batches_.push_back(std::move(batch));
    throw;
  }
  decide(std::move(batch), queries, now);
}

// Fills the batch's queries from its datagrams. How many there are.
std::size_t UdpFront::parse(Batch& batch, bool set_dear_aside, Seconds now) {
  std::size_t queries = 0;
  for (std::size_t i = 0; i < batch.datagrams.size(); ++i) {
    const Endpoint source = batch.datagrams.source(i);
    const std::string_view datagram = batch.datagrams.datagram(i);
    if (is_foreign(source, now)) continue;
    if (set_dear_aside && datagram.size() > kCheapBytes) {
      set_aside(batch, i, source.ip);
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
    complete(query, datagram, question, batch.completed[queries], now);
    if (service_.greylist().tells_questions_apart()) query.question = question;
    batch.datagram_of[queries++] = i;
  }
  return queries;
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

bool UdpFront::is_foreign(const Endpoint& source, Seconds now) {
  if (settings_.allow.contains(source.ip)) return false;
  if (const auto count = foreign_limit_.due(now)) {
    logger_.warn("query refused source={}@{} count={}: not in --allow", to_string(source.ip),
                 source.port, count);
  }
  return true;
}

void UdpFront::set_aside(const Batch& batch, std::size_t index, const Ip& source) {
  const std::string_view datagram = batch.datagrams.datagram(index);
  const std::string_view client = client_of(datagram);
  const bool room = backlog_.make_room(source, client, datagram.size());
  losses_.backlog = backlog_.dropped();
  if (!room) return;
  try {
    backlog_.add(source, client, datagram.size(), batch.datagrams.save(index));
  } catch (const std::bad_alloc&) {
    ++losses_.backlog;
  }
}

void UdpFront::on_bad_datagram(wire::Fault fault, const Endpoint& source, Seconds now) {
  if (const auto count = bad_datagram_limits_[std::size_t(fault)].due(now)) {
    logger_.warn("bad datagram fault={} source={}@{} count={}", to_string(fault),
                 to_string(source.ip), source.port, count);
  }
}

// The batch is its own from here on: on_decision takes it back with the last decision.
void UdpFront::decide(std::unique_ptr<Batch> batch, std::size_t queries, Seconds now) {
  batch->undecided = queries;
  if (queries == 0) {
    idle_batches_.push_back(std::move(batch));
    return;
  }
  Batch* const asked = batch.release();
  try {
    service_.decide({asked->queries.data(), queries}, now,
                    [this, asked](std::size_t index, const Decided& decision) {
                      on_decision(*asked, index, decision);
                    });
  } catch (...) {
    losses_.undecided += asked->undecided;
    if (asked->undecided > 0) idle_batches_.emplace_back(asked);
    throw;
  }
}

void UdpFront::on_decision(Batch& batch, std::size_t index, const Decided& decision) {
  answer(batch, index, decision);
  if (settings_.log_decisions) {
    append_decision(pipe_.line(Priority::info), batch.queries[index], decision,
                    batch.datagrams.source(batch.datagram_of[index]),
                    {settings_.min_resend, settings_.dry_run});
  }
  if (--batch.undecided > 0) return;
  losses_.unsent += batch.datagrams.send_answers(socket_.get());
  pipe_.flush();
  idle_batches_.emplace_back(&batch);
}

void UdpFront::answer(Batch& batch, std::size_t index, const Decision& decision) {
  const wire::Query& query = batch.queries[index];
  wire::Answer answer = to_answer(decision.reason);
  if (verdict_of(decision.reason) == wire::Verdict::defer) {
    const Seconds wait = wait_of(decision, settings_.min_resend).value_or(0);
    if (settings_.dry_run) {
      // The asker accepts, whatever the decision; "known" is the least it can be told.
      answer = to_answer(wire::Reason::known);
    } else if (query.wants_wait && wait > 0) {
      answer = to_answer_with_wait(decision.reason, std::uint32_t(wait));
    }
  }
  answer.append(query.tag);
  batch.datagrams.answer(batch.datagram_of[index], {answer.bytes, answer.size});
}

void UdpFront::tick(Seconds now) {
  const std::uint32_t overflow = dropped_datagrams(socket_.get());
  losses_.overflow += overflow - std::exchange(overflow_seen_, overflow);  // it may wrap
  if (losses_ == told_ || losses_limit_.due(now) == 0) return;
  logger_.warn(
      "queries without an answer, since the last such line: {} dropped by the system (its queue "
      "was full, or the source forged), {} dropped as their source sent too many dear ones, {} not "
      "decided for want of memory, {} answers not sent",
      losses_.overflow - told_.overflow, losses_.backlog - told_.backlog,
      losses_.undecided - told_.undecided, losses_.unsent - told_.unsent);
  told_ = losses_;
}

}  // namespace grey
