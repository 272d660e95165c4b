#include "greyd/fronts/mta_server.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "greyd/fronts/backlog.h"
#include "greyd/fronts/decision_log.h"
#include "greyd/fronts/question_id.h"

namespace grey {
namespace {

static_assert(MtaCounters::kBadClient == kMtaFaults);

constexpr Seconds kLogPeriod = 10;                 // seconds, of each kind of trouble
constexpr std::size_t kKeptRequest = 1024;         // bytes kept for the next request of a batch
constexpr Ip kThisHost = Ip::from_v4(0x7f000001);  // asks by the socket in the file system

}  // namespace

// ---- requests ----------------------------------------------------------------------------------

// One mail server's connection: cuts what comes into requests of the turn's batch.
class MtaServer::Talk : public StreamTalk {
 public:
  Talk(MtaServer& server, Id id, const std::optional<Endpoint>& source)
      : server_(server), id_(id), source_(source) {}

  Taken receive(std::string_view bytes, std::string&, Seconds now) override {
    Taken taken;
    for (;;) {
      const Step step = reader_.next(bytes);
      if (step == Step::more) return taken;
      take(step, taken, now);
      if (step == Step::fault) return taken;
    }
  }
  Taken at_end(std::string&, Seconds now) override {
    Taken taken;
    take(reader_.at_end(), taken, now);
    return taken;
  }
  bool idle() const override { return reader_.idle(); }
  std::size_t memory() const override { return reader_.memory(); }
  void rest() override { reader_.forget_request(); }

 private:
  using Step = MtaReader::Step;

  void take(Step step, Taken& taken, Seconds now) {
    if (step == Step::request) {
      // (What could not be read has no values to look at.)
      const MtaRequest& request = add(taken).request;
      const auto more = std::ranges::count(request.get(Attribute::recipient), '\0');
      taken.extra += std::size_t(more) / kCheapRecipients;
    }
    if (step != Step::fault) return;
    const std::string_view fault = to_string(reader_.fault());
    const auto kind = std::size_t(reader_.fault());
    server_.on_fault(server_.fault_limits_[kind], kind, fault, source_, now);
    taken.then = Then::end;
    const auto form = reader_.form();
    if (!form) return;
    // Its answer has its place behind those to the requests before it.
    taken.then = Then::drain;
    Entry& entry = add(taken);
    entry.form = *form;
    entry.fault = fault;
  }
  Entry& add(Taken& taken) {
    Entry& entry = server_.add_entry();
    entry.connection = id_;
    entry.source = source_;
    entry.form = reader_.request().form();
    entry.fault = {};
    std::swap(entry.request, reader_.request());
    ++taken.due;
    return entry;
  }

  MtaServer& server_;
  const Id id_;
  const std::optional<Endpoint> source_;
  MtaReader reader_;
};

MtaServer::MtaServer(MtaSettings settings, std::vector<Listener> listeners, Decider& decider,
                     LogPipe& pipe, spdlog::logger& logger, MtaCounters& counters)
    : settings_(std::move(settings)),
      decider_(decider),
      pipe_(pipe),
      logger_(logger),
      counters_(counters),
      batches_(settings_.max_batches),
      turn_(nullptr),
      refused_limit_(kLogPeriod),
      client_limit_(kLogPeriod),
      no_client_limit_(kLogPeriod),
      fault_limits_(kMtaFaults, RateLimit(kLogPeriod)),
      server_(settings_.stream, std::move(listeners), *this, logger, counters.connections) {}

MtaServer::~MtaServer() {
  while (Batch* batch = batches_.overdue(ticks_, 0)) {
    decider_.forget(batch->queries);
    batches_.take_back(*batch);
  }
}

void MtaServer::attach(EventLoop& loop, std::function<Seconds()> clock) {
  clock_ = std::move(clock);
  ready_ = loop.watch(fd(), EventLoop::kRead, [this](unsigned) { handle(clock_()); });
  each_second_ = loop.every(1, [this] { tick(clock_()); });
}

void MtaServer::tick(Seconds now) {
  ++ticks_;
  while (Batch* batch = batches_.overdue(ticks_, settings_.patience)) {
    decider_.forget(batch->queries);
    counters_.overdue += lose(*batch);
  }
  server_.tick(now);
}

std::unique_ptr<StreamTalk> MtaServer::accept(StreamId id, const StreamPeer& peer, Seconds now) {
  if (!peer.address || settings_.allow.contains(peer.address->ip)) {
    return std::make_unique<Talk>(*this, id, peer.address);
  }
  if (const auto count = refused_limit_.due(now)) {
    logger_.warn("policy connection refused source={} count={}: not in --allow",
                 to_text(peer.address), count);
  }
  return nullptr;
}

void MtaServer::on_fault(RateLimit& limit, std::size_t kind, std::string_view fault,
                         const std::optional<Endpoint>& source, Seconds now) {
  ++counters_.faults[kind];
  if (const auto count = limit.due(now)) {
    logger_.warn("bad policy request fault={} source={} count={}", fault, to_text(source), count);
  }
}

MtaServer::Entry& MtaServer::add_entry() {
  if (turn_ == nullptr) turn_ = batches_.take();  // there is one: ready()
  if (turn_->size == turn_->entries.size()) turn_->entries.emplace_back();
  return turn_->entries[turn_->size++];
}

// ---- decisions ---------------------------------------------------------------------------------

void MtaServer::turn_over(Seconds now) {
  if (turn_ != nullptr) decide(std::move(turn_), now);
}

void MtaServer::turn_failed() noexcept {
  if (turn_ != nullptr) abandon(*turn_);
  turn_.reset();
}

// Makes the queries; their views point into the entries, which stay where they are from here on.
void MtaServer::prepare(Batch& batch, Seconds now) {
  batch.queries.clear();
  batch.entry_of.clear();
  batch.sent.clear();
  for (std::size_t i = 0; i < batch.size; ++i) {
    Entry& entry = batch.entries[i];
    entry.asked = entry.decided = false;
    if (!entry.fault.empty()) continue;
    wire::Query query;
    const MtaTopic topic = to_query(entry.request, query, settings_.submission);
    const Ip asker = entry.source ? entry.source->ip : kThisHost;
    entry.asked = topic == MtaTopic::decide;
    if (topic == MtaTopic::bad_client) {
      entry.fault = "bad-client";
      on_fault(client_limit_, MtaCounters::kBadClient, entry.fault, entry.source, now);
    }
    if (topic == MtaTopic::no_client)
      on_fault(no_client_limit_, MtaCounters::kNoClient, "no-client", entry.source, now);
    if (topic == MtaTopic::sent) {
      batch.sent.push_back({query.sender, query.recipients, query.unasked, asker});
    }
    if (!entry.asked) continue;
    const std::string_view instance = entry.request.get(Attribute::instance);
    if (!instance.empty())
      query.message = question_id(question_key_, {query.client.ip, 0}, instance);
    query.asker = asker;
    batch.queries.push_back(query);
    batch.entry_of.push_back(i);
  }
  batch.undecided = batch.queries.size();
}

void MtaServer::decide(Batches::Held held, Seconds now) {
  try {
    prepare(*held, now);
    if (!held->sent.empty()) decider_.sent(held->sent, now);
  } catch (...) {
    abandon(*held);
    throw;
  }
  if (held->undecided == 0) {
    answer(*held);
    return;
  }
  Batch& batch = batches_.send_off(std::move(held), ticks_);
  try {
    decider_.decide(batch.queries, now, [this, &batch](std::size_t index, const Decided& decision) {
      Entry& entry = batch.entries[batch.entry_of[index]];
      entry.decision = decision;
      entry.decided = true;
      if (--batch.undecided == 0) finish(batch);
    });
  } catch (...) {
    if (batch.undecided > 0) counters_.undecided += lose(batch);
    throw;
  }
}

void MtaServer::finish(Batch& batch) {
  answer(batch);
  batches_.take_back(batch);
  server_.resume();
}

// The rest of it will not be decided: who waits for that is closed. How many queries.
std::size_t MtaServer::lose(Batch& batch) {
  const std::size_t lost = std::exchange(batch.undecided, 0);
  finish(batch);
  return lost;
}

// Nobody waits for these answers any more.
void MtaServer::abandon(Batch& batch) noexcept {
  for (std::size_t i = 0; i < batch.size; ++i) server_.close(batch.entries[i].connection);
  counters_.undecided += batch.size;
  batch.size = batch.undecided = 0;
}

// ---- answers -----------------------------------------------------------------------------------

void MtaServer::answer(Batch& batch) {
  std::size_t query = 0;
  for (std::size_t i = 0; i < batch.size; ++i) {
    Entry& entry = batch.entries[i];
    if (entry.asked) tell(entry, batch.queries[query++]);
    if (std::string* const out = server_.out(entry.connection)) {
      try {
        answer(entry, *out);
      } catch (const std::exception&) {
        ++counters_.unanswered;  // no memory
        server_.close(entry.connection);
      }
    } else if (!entry.asked || entry.decided) {
      ++counters_.unanswered;
    }
    if (entry.request.memory() > kKeptRequest) entry.request.forget();
    server_.answered(entry.connection, 1);
  }
  pipe_.flush();
  batch.size = 0;
}

// What became of the query, to who counts and who reads the log.
void MtaServer::tell(const Entry& entry, const wire::Query& query) {
  if (!entry.decided) {
    server_.close(entry.connection);
    return;
  }
  ++counters_.decided[std::size_t(entry.decision.reason)];
  if (!settings_.log_decisions) return;
  pipe_.add_line(Priority::info, [&](std::string& out) {
    append_decision(out, pipe_.format(), query, entry.decision, entry.source);
  });
}

void MtaServer::answer(const Entry& entry, std::string& out) {
  if (!entry.fault.empty()) {
    append_fault_answer(out, entry.form, entry.fault, settings_.unreadable);
  } else if (!entry.asked) {
    ++counters_.no_opinion;
    append_no_opinion(out, entry.form);
  } else {
    append_answer(out, entry.form, entry.decision, settings_.words, takes_header(entry.request));
  }
}

}  // namespace grey
