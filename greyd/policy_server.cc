#include "greyd/policy_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "greyd/decision_log.h"
#include "greyd/question_id.h"

namespace grey {
namespace {

constexpr Seconds kLogPeriod = 10;              // seconds, of each kind of trouble
constexpr std::size_t kReadSize = 2048;         // bytes; Postfix's requests have some 600
constexpr std::size_t kFullBatch = 128;         // requests; what is ready then is taken next time
constexpr std::size_t kTurn = 32;               // requests of one source, while others are ready
constexpr std::size_t kMaxClosedPerTick = 500;  // that time has run out for
constexpr std::size_t kKeptOut = 1024;          // bytes kept for the next answer
constexpr std::size_t kKeptRequest = 1024;      // bytes kept for the next request of a batch
constexpr std::size_t kMaxDrained = 1 << 20;    // bytes that may follow a fault

}  // namespace

std::string PolicyServer::to_text(const std::optional<Endpoint>& source) {
  std::string text;
  append_source(text, source);
  return text;
}

PolicyServer::PolicyServer(PolicySettings settings, std::vector<PolicyListener> listeners,
                           Decider& decider, LogPipe& pipe, spdlog::logger& logger)
    : settings_(std::move(settings)),
      listeners_(std::move(listeners)),
      decider_(decider),
      pipe_(pipe),
      logger_(logger),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      connections_(settings_.max_connections, listeners_.size(), epoll_.get()),
      batches_(settings_.max_batches),
      refused_limit_(kLogPeriod),
      full_limit_(kLogPeriod),
      held_limit_(kLogPeriod),
      slow_limit_(kLogPeriod),
      crowd_limit_(kLogPeriod),
      client_limit_(kLogPeriod),
      no_client_limit_(kLogPeriod),
      fault_limits_(kPolicyFaults, RateLimit(kLogPeriod)) {
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    epoll_event event{EPOLLIN, {.u64 = i}};
    if (::epoll_ctl(fd(), EPOLL_CTL_ADD, listeners_[i].fd(), &event) != 0) {
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
  }
}

PolicyServer::~PolicyServer() {
  while (Batch* batch = batches_.overdue(now_, 0)) {
    decider_.forget(batch->queries);
    batches_.take_back(*batch);
  }
}

void PolicyServer::attach(EventLoop& loop, std::function<Seconds()> clock) {
  clock_ = std::move(clock);
  ready_ = loop.watch(fd(), EventLoop::kRead, [this](unsigned) {
    handle(clock_());
    ready_.set(reading() ? EventLoop::kRead : 0);
  });
  each_second_ = loop.every(1, [this] { tick(clock_()); });
}

// Some of what is ready. The rest stays ready, and so does fd().
void PolicyServer::handle(Seconds now) {
  Batches::Held batch = batches_.take();
  if (batch == nullptr) return;
  if (event_ == event_count_) {
    event_ = 0;
    event_count_ = std::max(::epoll_wait(fd(), events_.data(), kEvents, 0), 0);
  }
  // Where nobody else waits, a source need not share.
  const std::size_t turn = event_count_ == 1 ? kFullBatch : kTurn;
  try {
    while (event_ < event_count_ && batch->size < kFullBatch) {
      const Id id = events_[std::size_t(event_++)].data.u64;
      handled_ = 0;
      if (id < listeners_.size()) {
        accept_from(id, now);
      } else {
        serve(id, std::min(batch->size + turn, kFullBatch), *batch, now);
      }
    }
  } catch (...) {
    // No memory: who was asking gets no answer, and asks again.
    if (Connection* connection = connections_.find(handled_)) connections_.close(*connection);
    abandon(*batch);
    throw;
  }
  decide(std::move(batch), now);
}

// One turn of a source: until it has nothing ready that is known of, or the batch has so many
// requests. The source may go with its last connection.
void PolicyServer::serve(Id id, std::size_t most, Batch& batch, Seconds now) {
  Source* source = connections_.find_source(id);
  if (source == nullptr) return;
  if (source->event == source->event_count) {
    source->event = 0;
    source->event_count =
        std::max(::epoll_wait(source->epoll.get(), source->events.data(), Source::kEvents, 0), 0);
  }
  for (; source != nullptr; source = connections_.find_source(id)) {
    if (source->event == source->event_count || batch.size >= most) return;
    const epoll_event event = source->events[std::size_t(source->event++)];
    handled_ = event.data.u64;
    if (Connection* connection = connections_.find(handled_)) {
      on_event(*connection, event.events, batch, now);
    }
  }
}

void PolicyServer::tick(Seconds now) {
  ++now_;
  if (paused_) pause_accepting(false);
  while (Batch* batch = batches_.overdue(now_, settings_.patience)) {
    decider_.forget(batch->queries);
    lose(*batch);
  }
  expire();
  const auto report = [&](RateLimit& limit, std::size_t& count, std::string_view why) {
    if (count == 0 || limit.due(now) == 0) return;
    logger_.warn("policy connections closed count={}: {}", std::exchange(count, 0), why);
  };
  report(slow_limit_, slow_, "a request not ended, or an answer not taken, for too long");
  report(held_limit_, overfull_, "too much memory for unfinished requests and answers not taken");
  if (crowded_ > 0 && crowd_limit_.due(now) > 0) {
    logger_.warn("policy connections closed count={} source={}: to make room, of who has most",
                 std::exchange(crowded_, 0), to_text(crowd_));
  }
}

void PolicyServer::expire() {
  std::size_t left = kMaxClosedPerTick;
  for (const bool busy : {false, true}) {
    const unsigned ticks = busy ? settings_.unfinished_ticks : settings_.idle_ticks;
    for (const Id id : connections_.expired(busy, ticks, now_, left)) {
      Connection& connection = *connections_.find(id);
      if (connection.undecided > 0) {
        connections_.move(connection, true, now_);  // it is we who are slow
        continue;
      }
      if (busy) ++slow_;
      connections_.close(connection);
      --left;
    }
  }
}

// ---- requests ----------------------------------------------------------------------------------

void PolicyServer::on_event(Connection& connection, std::uint32_t events, Batch& batch,
                            Seconds now) {
  // The event may be an old one: since then it may have become one that waits for something else.
  if ((events & EPOLLIN) != 0 && (connection.watched & EPOLLIN) != 0) {
    receive(connection, batch, now);
  } else if ((events & EPOLLOUT) != 0 && !connection.out.empty()) {
    settle(connection);
  } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    connections_.close(connection);
  }
}

void PolicyServer::receive(Connection& connection, Batch& batch, Seconds now) {
  if (connection.draining) {
    drain(connection);
    return;
  }
  char buffer[kReadSize];
  const ssize_t size = ::recv(connection.fd.get(), buffer, sizeof buffer, 0);
  if (size < 0) {
    if (errno != EAGAIN && errno != EINTR) connections_.close(connection);
    return;
  }
  using Step = PolicyReader::Step;
  Step step = Step::more;
  if (size == 0) {
    connection.ended = true;
    step = connection.reader.at_end();
    if (step == Step::request) take_request(connection, batch);
  } else {
    std::string_view bytes(buffer, std::size_t(size));
    while ((step = connection.reader.next(bytes)) == Step::request) take_request(connection, batch);
  }
  if (step == Step::fault) take_fault(connection, batch, now);
  if (connection.undecided == 0) settle(connection);
}

void PolicyServer::on_fault(RateLimit& limit, std::string_view fault,
                            const std::optional<Endpoint>& source, Seconds now) {
  if (const auto count = limit.due(now)) {
    logger_.warn("bad policy request fault={} source={} count={}", fault, to_text(source), count);
  }
}

PolicyServer::Entry& PolicyServer::take_request(Connection& connection, Batch& batch) {
  if (batch.size == batch.entries.size()) batch.entries.emplace_back();
  Entry& entry = batch.entries[batch.size++];
  entry.connection = connection.id;
  entry.source = connection.peer;
  entry.form = connection.reader.request().form();
  entry.fault = {};
  std::swap(entry.request, connection.reader.request());
  ++connection.undecided;
  return entry;
}

// Its answer has its place behind those to the requests before it.
void PolicyServer::take_fault(Connection& connection, Batch& batch, Seconds now) {
  const PolicyFault fault = connection.reader.fault();
  on_fault(fault_limits_[std::size_t(fault)], to_string(fault), connection.peer, now);
  const auto form = connection.reader.form();
  connection.faulty = form && !connection.ended;
  connection.ended = true;
  if (!form) return;
  Entry& entry = take_request(connection, batch);
  entry.form = *form;
  entry.fault = to_string(fault);
}

// The peer may still be sending what it has to say. Closed with that unread, the connection would
// be reset, and the answer lost on the way.
void PolicyServer::drain(Connection& connection) {
  char buffer[kReadSize];
  const ssize_t size = ::recv(connection.fd.get(), buffer, sizeof buffer, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  connection.drained += std::size_t(std::max<ssize_t>(size, 0));
  if (size <= 0 || connection.drained > kMaxDrained) connections_.close(connection);
}

// ---- decisions ---------------------------------------------------------------------------------

// Makes the queries; their views point into the entries, which stay where they are from here on.
void PolicyServer::prepare(Batch& batch, Seconds now) {
  batch.queries.clear();
  batch.entry_of.clear();
  for (std::size_t i = 0; i < batch.size; ++i) {
    Entry& entry = batch.entries[i];
    entry.asked = entry.decided = false;
    if (!entry.fault.empty()) continue;
    wire::Query query;
    const PolicyTopic topic = to_query(entry.request, query);
    entry.asked = topic == PolicyTopic::decide;
    if (topic == PolicyTopic::bad_client) {
      entry.fault = "bad-client";
      on_fault(client_limit_, entry.fault, entry.source, now);
    }
    if (topic == PolicyTopic::no_client) on_fault(no_client_limit_, "no-client", entry.source, now);
    if (!entry.asked) continue;
    const std::string_view instance = entry.request.get(Attribute::instance);
    if (!instance.empty())
      query.message = question_id(question_key_, {query.client.ip, 0}, instance);
    batch.queries.push_back(query);
    batch.entry_of.push_back(i);
  }
  batch.undecided = batch.queries.size();
}

void PolicyServer::decide(Batches::Held held, Seconds now) {
  try {
    prepare(*held, now);
  } catch (...) {
    abandon(*held);
    throw;
  }
  if (held->undecided == 0) {
    answer(*held);
    return;
  }
  Batch& batch = batches_.send_off(std::move(held), now_);
  try {
    decider_.decide(batch.queries, now, [this, &batch](std::size_t index, const Decided& decision) {
      Entry& entry = batch.entries[batch.entry_of[index]];
      entry.decision = decision;
      entry.decided = true;
      if (--batch.undecided == 0) finish(batch);
    });
  } catch (...) {
    if (batch.undecided > 0) lose(batch);
    throw;
  }
  // Decided later: until then nothing more is read from who has asked. (A batch that has been
  // answered is idle, but still there.)
  if (batch.undecided == 0) return;
  for (std::size_t i = 0; i < batch.size; ++i) {
    if (Connection* connection = connections_.find(batch.entries[i].connection))
      settle(*connection);
  }
}

void PolicyServer::finish(Batch& batch) {
  answer(batch);
  batches_.take_back(batch);
  if (ready_) ready_.set(EventLoop::kRead);
}

// The rest of it will not be decided: who waits for that is closed.
void PolicyServer::lose(Batch& batch) {
  batch.undecided = 0;
  finish(batch);
}

// Nobody waits for these answers any more.
void PolicyServer::abandon(Batch& batch) {
  for (std::size_t i = 0; i < batch.size; ++i) {
    if (Connection* connection = connections_.find(batch.entries[i].connection))
      connections_.close(*connection);
  }
  batch.size = batch.undecided = 0;
}

void PolicyServer::answer(Batch& batch) {
  std::size_t query = 0;
  for (std::size_t i = 0; i < batch.size; ++i) {
    Entry& entry = batch.entries[i];
    Connection* const connection = connections_.find(entry.connection);
    if (entry.asked && !entry.decided) {
      ++query;
      if (connection != nullptr) connections_.close(*connection);
      continue;
    }
    try {
      if (entry.asked) log(entry, batch.queries[query++]);
      if (connection != nullptr) append_answer_to(*connection, entry);
    } catch (const std::bad_alloc&) {
      if (connection != nullptr) connections_.close(*connection);
      continue;
    }
    if (entry.request.memory() > kKeptRequest) entry.request.forget();
    // Requests of one connection lie together.
    if (connection != nullptr && --connection->undecided == 0) settle(*connection);
  }
  pipe_.flush();
  batch.size = 0;
}

void PolicyServer::log(const Entry& entry, const wire::Query& query) {
  if (!settings_.log_decisions) return;
  pipe_.add_line(Priority::info, [&](std::string& out) {
    append_decision(out, query, entry.decision, entry.source);
  });
}

void PolicyServer::append_answer_to(Connection& connection, const Entry& entry) {
  const PolicyForm form = entry.form;
  if (!entry.fault.empty()) {
    append_fault_answer(connection.out, form, entry.fault, settings_.unreadable);
    return;
  }
  if (!entry.asked) {
    append_no_opinion(connection.out, form);
    return;
  }
  append_answer(connection.out, form, entry.decision, settings_.words, takes_header(entry.request));
}

// ---- answers, and what a connection waits for --------------------------------------------------

// Brings a connection's watch, list and account in line with its state; may close it, or others.
void PolicyServer::settle(Connection& connection) {
  if (connection.undecided == 0 && !connection.out.empty()) {
    if (!send(connection)) {
      connections_.close(connection);
      return;
    }
    if (connection.out.empty()) connections_.move(connection, false, now_);
  }
  const bool answered = connection.undecided == 0 && connection.out.empty();
  if (answered && connection.ended && !connection.draining) {
    if (!connection.faulty || ::shutdown(connection.fd.get(), SHUT_WR) != 0) {
      connections_.close(connection);
      return;
    }
    connection.draining = true;
  }
  const std::uint32_t waits_for = answered ? EPOLLIN : EPOLLOUT;
  connections_.watch(connection, connection.undecided == 0 ? waits_for : 0);
  const bool busy = !answered || connection.draining || !connection.reader.idle();
  if (busy != connection.busy) connections_.move(connection, busy, now_);
  account(connection);
}

// As much as the peer takes. False when it takes nothing any more.
bool PolicyServer::send(Connection& connection) {
  std::string& out = connection.out;
  const ssize_t sent =
      ::send(connection.fd.get(), out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  out.erase(0, std::size_t(sent));
  if (out.empty() && out.capacity() > kKeptOut) std::string().swap(out);
  return true;
}

void PolicyServer::account(Connection& connection) {
  if (!connection.busy) connection.reader.forget_request();
  connections_.set_held(connection, connection.reader.memory() + connection.out.capacity());
  while (connections_.held() > settings_.max_held) {
    Connection* const goes = connections_.to_free_memory();
    if (goes == nullptr) return;
    connections_.close(*goes);
    ++overfull_;
  }
}

}  // namespace grey
