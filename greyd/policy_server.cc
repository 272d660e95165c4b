#include "greyd/policy_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "greyd/decision_log.h"
#include "greyd/question_id.h"
#include "greyd/socket_address.h"

namespace grey {
namespace {

constexpr Seconds kLogPeriod = 10;              // seconds, of each kind of trouble
constexpr std::size_t kReadSize = 2048;         // bytes; Postfix's requests have some 600
constexpr std::size_t kFullBatch = 128;         // requests; what is ready then is taken next time
constexpr int kAcceptsPerEvent = 16;            // connections
constexpr std::size_t kMaxClosedPerTick = 500;  // that time has run out for
constexpr std::size_t kKeptOut = 1024;          // bytes kept for the next answer

std::string to_text(const std::optional<Endpoint>& source) {
  std::string text;
  append_source(text, source);
  return text;
}

}  // namespace

PolicyServer::PolicyServer(PolicySettings settings, std::vector<PolicyListener> listeners,
                           Decide decide, LogPipe& pipe, spdlog::logger& logger)
    : settings_(std::move(settings)),
      listeners_(std::move(listeners)),
      decide_(std::move(decide)),
      pipe_(pipe),
      logger_(logger),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      next_id_(listeners_.size()),
      refused_limit_(kLogPeriod),
      full_limit_(kLogPeriod),
      held_limit_(kLogPeriod),
      slow_limit_(kLogPeriod),
      client_limit_(kLogPeriod),
      fault_limits_(kPolicyFaults, RateLimit(kLogPeriod)) {
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    epoll_event event{EPOLLIN, {.u64 = i}};
    if (::epoll_ctl(fd(), EPOLL_CTL_ADD, listeners_[i].fd(), &event) != 0) {
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
  }
}

// Some of what is ready. The rest stays ready, and so does fd().
void PolicyServer::handle(Seconds now) {
  if (event_ == event_count_) {
    event_ = 0;
    event_count_ = std::max(::epoll_wait(fd(), events_.data(), kEvents, 0), 0);
  }
  std::unique_ptr<Batch> batch = take_batch();
  Id id = 0;
  try {
    while (event_ < event_count_ && batch->size < kFullBatch) {
      const epoll_event event = events_[std::size_t(event_++)];
      id = event.data.u64;
      if (id < listeners_.size()) {
        accept_from(id, now);
      } else if (Connection* connection = find(id)) {
        on_event(*connection, event.events, *batch, now);
      }
    }
  } catch (...) {
    // No memory: who was asking gets no answer, and asks again.
    if (Connection* connection = find(id)) close(*connection);
    abandon(*batch);
    throw;
  }
  decide(std::move(batch), now);
}

void PolicyServer::tick(Seconds now) {
  ++now_;
  if (paused_) pause_accepting(false);
  std::size_t left = kMaxClosedPerTick;
  expire(idle_, settings_.idle_ticks, left);
  const std::size_t before = left;
  expire(busy_, settings_.unfinished_ticks, left);
  slow_ += before - left;
  const auto report = [&](RateLimit& limit, std::size_t& count, std::string_view why) {
    if (count == 0 || limit.due(now) == 0) return;
    logger_.warn("policy connections closed count={}: {}", std::exchange(count, 0), why);
  };
  report(slow_limit_, slow_, "a request not ended, or an answer not taken, for too long");
  report(held_limit_, overfull_, "too much memory for unfinished requests and answers not taken");
}

void PolicyServer::expire(Connections& list, unsigned ticks, std::size_t& left) {
  while (!list.empty() && left > 0 && now_ - list.front().since >= ticks) {
    Connection& connection = list.front();
    if (connection.undecided > 0) {
      move(connection, true);  // it is we who are slow
    } else {
      close(connection);
      --left;
    }
  }
}

// ---- connections come and go -------------------------------------------------------------------

void PolicyServer::accept_from(std::size_t listener, Seconds now) {
  const bool local = listeners_[listener].is_local();
  for (int i = 0; i < kAcceptsPerEvent && !paused_; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    // That the first one is there the event says; for the others no idle connection has to go.
    const bool full = by_id_.size() >= settings_.max_connections;
    if (full && (i > 0 || !make_room())) break;
    Fd fd(::accept4(listeners_[listener].fd(), reinterpret_cast<sockaddr*>(&address), &size,
                    SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      // No descriptor; none in the whole system; or there is none to accept, or it is gone already.
      if (errno == EMFILE && i == 0) make_room();
      if (errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) pause_accepting(true);
      break;
    }
    std::optional<Endpoint> source;
    if (!local) source = to_endpoint(reinterpret_cast<const sockaddr&>(address));
    if (source && !settings_.allow.contains(source->ip)) {
      if (const auto count = refused_limit_.due(now)) {
        logger_.warn("policy connection refused source={} count={}: not in --allow",
                     to_text(source), count);
      }
      continue;
    }
    add(std::move(fd), source);
  }
  if (!paused_) return;
  if (const auto count = full_limit_.due(now)) {
    logger_.warn("policy connections={} count={}: no more can be accepted and none is idle",
                 by_id_.size(), count);
  }
}

// Its mail server opens another one when it needs it. False, and a pause, when none is idle.
bool PolicyServer::make_room() {
  const auto idle = std::ranges::find(idle_, 0u, &Connection::undecided);
  if (idle == idle_.end()) {
    pause_accepting(true);
    return false;
  }
  close(*idle);
  return true;
}

// What cannot be accepted would keep fd() readable for ever.
void PolicyServer::pause_accepting(bool pause) {
  paused_ = pause;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    epoll_event event{pause ? 0u : std::uint32_t(EPOLLIN), {.u64 = i}};
    ::epoll_ctl(fd(), EPOLL_CTL_MOD, listeners_[i].fd(), &event);
  }
}

void PolicyServer::add(Fd fd, const std::optional<Endpoint>& source) {
  const Id id = next_id_++;
  epoll_event event{EPOLLIN, {.u64 = id}};
  if (::epoll_ctl(this->fd(), EPOLL_CTL_ADD, fd.get(), &event) != 0) return;
  idle_.emplace_back();
  Connection& connection = idle_.back();
  connection.id = id;
  connection.source = source;
  connection.since = now_;
  connection.watched = EPOLLIN;
  try {
    by_id_.emplace(id, std::prev(idle_.end()));
  } catch (...) {
    idle_.pop_back();
    throw;
  }
  connection.fd = std::move(fd);
}

PolicyServer::Connection* PolicyServer::find(Id id) {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : &*at->second;
}

void PolicyServer::close(Connection& connection) {
  held_ -= connection.held;
  const auto at = by_id_.find(connection.id);
  const Connections::iterator place = at->second;
  by_id_.erase(at);
  (place->busy ? busy_ : idle_).erase(place);
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
    close(connection);
  }
}

void PolicyServer::receive(Connection& connection, Batch& batch, Seconds now) {
  char buffer[kReadSize];
  const ssize_t size = ::recv(connection.fd.get(), buffer, sizeof buffer, 0);
  if (size < 0) {
    if (errno != EAGAIN && errno != EINTR) close(connection);
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
  if (step == Step::fault) {
    connection.ended = true;
    const PolicyFault fault = connection.reader.fault();
    on_fault(fault_limits_[std::size_t(fault)], to_string(fault), connection.source, now);
  }
  if (connection.undecided == 0) settle(connection);
}

void PolicyServer::on_fault(RateLimit& limit, std::string_view fault,
                            const std::optional<Endpoint>& source, Seconds now) {
  if (const auto count = limit.due(now)) {
    logger_.warn("bad policy request fault={} source={} count={}", fault, to_text(source), count);
  }
}

void PolicyServer::take_request(Connection& connection, Batch& batch) {
  if (batch.size == batch.entries.size()) batch.entries.emplace_back();
  Entry& entry = batch.entries[batch.size++];
  entry.connection = connection.id;
  entry.source = connection.source;
  std::swap(entry.request, connection.reader.request());
  ++connection.undecided;
}

std::unique_ptr<PolicyServer::Batch> PolicyServer::take_batch() {
  if (idle_batches_.empty()) {
    idle_batches_.reserve(++batches_);  // so that taking them back cannot fail
    return std::make_unique<Batch>();
  }
  std::unique_ptr<Batch> batch = std::move(idle_batches_.back());
  idle_batches_.pop_back();
  return batch;
}

// ---- decisions ---------------------------------------------------------------------------------

// Makes the queries; their views point into the entries, which stay where they are from here on.
void PolicyServer::prepare(Batch& batch, Seconds now) {
  batch.queries.clear();
  batch.entry_of.clear();
  for (std::size_t i = 0; i < batch.size; ++i) {
    Entry& entry = batch.entries[i];
    wire::Query query;
    const PolicyTopic topic = to_query(entry.request, query);
    entry.asked = topic == PolicyTopic::decide;
    if (topic == PolicyTopic::bad_client) on_fault(client_limit_, "bad-client", entry.source, now);
    if (!entry.asked) continue;
    const std::string_view instance = entry.request.get(Attribute::instance);
    if (!instance.empty()) query.message = question_id(question_key_, {query.client, 0}, instance);
    batch.queries.push_back(query);
    batch.entry_of.push_back(i);
  }
  batch.undecided = batch.queries.size();
}

// The batch is its own from here on: answer() takes it back with the last decision.
void PolicyServer::decide(std::unique_ptr<Batch> batch, Seconds now) {
  Batch* const pending = batch.release();
  try {
    prepare(*pending, now);
    if (pending->undecided == 0) {
      answer(*pending);
      return;
    }
    decide_(pending->queries, now, [this, pending](std::size_t index, const Decision& decision) {
      pending->entries[pending->entry_of[index]].decision = decision;
      if (--pending->undecided == 0) answer(*pending);
    });
  } catch (...) {
    abandon(*pending);
    idle_batches_.emplace_back(pending);
    throw;
  }
  // Decided later: until then nothing more is read from who has asked. (A batch that has been
  // answered is idle, but still there.)
  if (pending->undecided == 0) return;
  for (std::size_t i = 0; i < pending->size; ++i) {
    if (Connection* connection = find(pending->entries[i].connection)) settle(*connection);
  }
}

// Nobody waits for these answers any more.
void PolicyServer::abandon(Batch& batch) {
  for (std::size_t i = 0; i < batch.size; ++i) {
    if (Connection* connection = find(batch.entries[i].connection)) close(*connection);
  }
  batch.size = batch.undecided = 0;
}

void PolicyServer::answer(Batch& batch) {
  std::size_t query = 0;
  for (std::size_t i = 0; i < batch.size; ++i) {
    const Entry& entry = batch.entries[i];
    Connection* const connection = find(entry.connection);
    try {
      if (entry.asked) log(entry, batch.queries[query++]);
      if (connection != nullptr) append_answer_to(*connection, entry);
    } catch (const std::bad_alloc&) {
      if (connection != nullptr) close(*connection);
      continue;
    }
    // Requests of one connection lie together.
    if (connection != nullptr && --connection->undecided == 0) settle(*connection);
  }
  pipe_.flush();
  batch.size = 0;
  idle_batches_.emplace_back(&batch);
}

void PolicyServer::log(const Entry& entry, const wire::Query& query) {
  if (!settings_.log_decisions) return;
  append_decision(pipe_.buffer(), query, entry.decision, entry.source, settings_.words.dry_run);
}

void PolicyServer::append_answer_to(Connection& connection, const Entry& entry) {
  const PolicyForm form = entry.request.form();
  if (!entry.asked) {
    append_no_opinion(connection.out, form);
    return;
  }
  append_answer(connection.out, form, entry.decision, settings_.words, takes_header(entry.request));
}

// ---- answers, and what a connection waits for --------------------------------------------------

// Brings a connection's watch, list and account in line with its state; may close it.
void PolicyServer::settle(Connection& connection) {
  if (connection.undecided == 0 && !connection.out.empty()) {
    if (!send(connection)) {
      close(connection);
      return;
    }
    if (connection.out.empty()) move(connection, false);
  }
  const bool answered = connection.undecided == 0 && connection.out.empty();
  if (answered && connection.ended) {
    close(connection);
    return;
  }
  const std::uint32_t waits_for = answered ? EPOLLIN : EPOLLOUT;
  watch(connection, connection.undecided == 0 ? waits_for : 0);
  const bool busy = !answered || !connection.reader.idle();
  if (busy != connection.busy) move(connection, busy);
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

void PolicyServer::move(Connection& connection, bool busy) {
  Connections& from = connection.busy ? busy_ : idle_;
  Connections& to = busy ? busy_ : idle_;
  to.splice(to.end(), from, by_id_.find(connection.id)->second);
  connection.busy = busy;
  connection.since = now_;
}

void PolicyServer::watch(Connection& connection, std::uint32_t events) {
  if (events == connection.watched) return;
  epoll_event event{events, {.u64 = connection.id}};
  ::epoll_ctl(fd(), EPOLL_CTL_MOD, connection.fd.get(), &event);
  connection.watched = events;
}

void PolicyServer::account(Connection& connection) {
  if (!connection.busy) connection.reader.forget_request();
  const std::size_t held = connection.reader.memory() + connection.out.capacity();
  held_ += held - connection.held;
  connection.held = held;
  if (held_ <= settings_.max_held || !connection.busy) return;
  close(connection);
  ++overfull_;
}

}  // namespace grey
