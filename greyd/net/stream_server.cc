#include "greyd/net/stream_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace grey {
namespace {

constexpr Seconds kLogPeriod = 10;       // seconds, of each kind of trouble
constexpr std::size_t kReadSize = 2048;  // bytes; Postfix's requests have some 600
constexpr std::size_t kFullTurn = 128;   // requests' cost; what is ready then comes next time
constexpr std::size_t kTurn = 32;        // that of one source, while others are ready
constexpr std::size_t kMaxClosedPerTick = 500;  // that time has run out for
constexpr std::size_t kKeptOut = 1024;          // bytes kept for the next answer
constexpr std::size_t kMaxDrained = 1 << 20;    // bytes that may follow the last that count
constexpr int kMaxPieces = 4;                   // of a long answer, before others have their turn

// Who is closed in a turn goes at its end, however that comes: nobody counts what they hold.
struct Burial {
  StreamConnections& connections;
  ~Burial() { connections.bury(); }
};

}  // namespace

std::string to_text(const std::optional<Endpoint>& peer) {
  if (!peer) return "local";
  return to_string(peer->ip) + "@" + std::to_string(peer->port);
}

StreamServer::StreamServer(StreamSettings settings, std::vector<Listener> listeners,
                           StreamProtocol& protocol, spdlog::logger& logger,
                           StreamCounters& counters)
    : settings_(std::move(settings)),
      listeners_(std::move(listeners)),
      protocol_(protocol),
      logger_(logger),
      counters_(counters),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      connections_(settings_.max_connections, listeners_.size(), epoll_.get()),
      full_limit_(kLogPeriod),
      held_limit_(kLogPeriod),
      slow_limit_(kLogPeriod),
      crowd_limit_(kLogPeriod) {
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    epoll_event event{EPOLLIN, {.u64 = i}};
    if (::epoll_ctl(fd(), EPOLL_CTL_ADD, listeners_[i].fd(), &event) != 0) {
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
  }
}

// Some of what is ready. The rest stays ready, and so does fd().
void StreamServer::handle(Seconds now) {
  const Burial burial{connections_};
  if (event_ == event_count_) {
    event_ = 0;
    event_count_ = std::max(::epoll_wait(fd(), events_.data(), kEvents, 0), 0);
  }
  taken_ = 0;
  asked_.clear();
  // Where nobody else waits, a source need not share.
  const std::size_t turn = event_count_ == 1 ? kFullTurn : kTurn;
  try {
    while (event_ < event_count_ && taken_ < kFullTurn) {
      const Id id = events_[std::size_t(event_++)].data.u64;
      handled_ = 0;
      if (id < listeners_.size()) {
        accept_from(id, now);
      } else {
        serve(id, std::min(taken_ + turn, kFullTurn), now);
      }
    }
  } catch (...) {
    // No memory: who was asking gets no answer, and asks again.
    if (connections_.find(handled_) != nullptr) ++counters_.out_of_memory;
    close(handled_);
    protocol_.turn_failed();
    throw;
  }
  protocol_.turn_over(now);
  // Answered later: until then nothing more is read from who has asked.
  for (const Id id : asked_) {
    Connection* const connection = connections_.find(id);
    if (connection != nullptr && connection->due > 0) settle(*connection);
  }
}

// One turn of a source: until it has nothing ready that is known of, or so many requests have been
// taken. The source may go with its last connection.
void StreamServer::serve(Id id, std::size_t most, Seconds now) {
  Source* source = connections_.find_source(id);
  if (source == nullptr) return;
  if (source->event == source->event_count) {
    source->event = 0;
    source->event_count =
        std::max(::epoll_wait(source->epoll.get(), source->events.data(), Source::kEvents, 0), 0);
  }
  for (; source != nullptr; source = connections_.find_source(id)) {
    if (source->event == source->event_count || taken_ >= most) return;
    const epoll_event event = source->events[std::size_t(source->event++)];
    handled_ = event.data.u64;
    if (Connection* connection = connections_.find(handled_)) {
      on_event(*connection, event.events, now);
    }
  }
}

void StreamServer::tick(Seconds now) {
  const Burial burial{connections_};
  ++now_;
  if (paused_) pause_accepting(false);
  expire();
  const auto report = [&](RateLimit& limit, std::size_t& count, std::string_view why) {
    if (count == 0 || limit.due(now) == 0) return;
    logger_.warn("{} connections closed count={}: {}", settings_.name, std::exchange(count, 0),
                 why);
  };
  report(slow_limit_, slow_, "a request not ended, or an answer not taken, for too long");
  report(held_limit_, overfull_, "too much memory for unfinished requests and answers not taken");
  if (crowded_ > 0 && crowd_limit_.due(now) > 0) {
    logger_.warn("{} connections closed count={} source={}: to make room, of who has most",
                 settings_.name, std::exchange(crowded_, 0), to_text(crowd_));
  }
}

void StreamServer::expire() {
  std::size_t left = kMaxClosedPerTick;
  for (const bool busy : {false, true}) {
    const unsigned ticks = busy ? settings_.unfinished_ticks : settings_.idle_ticks;
    for (const Id id : connections_.expired(busy, ticks, now_, left)) {
      Connection& connection = *connections_.find(id);
      if (connection.due > 0 && connection.out.empty()) {
        connections_.move(connection, true, now_);  // it is we who are slow
        continue;
      }
      if (busy) ++slow_;
      ++(busy ? counters_.unfinished : counters_.idle);
      connections_.close(connection);
      --left;
    }
  }
}

// ---- what comes --------------------------------------------------------------------------------

void StreamServer::on_event(Connection& connection, std::uint32_t events, Seconds now) {
  // The event may be an old one: since then it may have become one that waits for something else.
  if ((events & EPOLLIN) != 0 && (connection.watched & EPOLLIN) != 0) {
    receive(connection, now);
  } else if ((events & EPOLLOUT) != 0 && (connection.watched & EPOLLOUT) != 0) {
    push(connection);
  } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    broken(connection);
  }
}

void StreamServer::receive(Connection& connection, Seconds now) {
  if (connection.draining) return drain(connection);
  if (!protocol_.ready()) return hold_back(connection);
  asked_.push_back(connection.id);  // first, as there may be no memory for it
  char buffer[kReadSize];
  const ssize_t size = ::recv(connection.fd.get(), buffer, sizeof buffer, 0);
  if (size < 0) {
    if (errno != EAGAIN && errno != EINTR) broken(connection);
    return;
  }
  StreamTalk& talk = *connection.talk;
  const StreamTalk::Taken taken =
      size == 0 ? talk.at_end(connection.out, now)
                : talk.receive({buffer, std::size_t(size)}, connection.out, now);
  if (connection.closed) return;
  connection.drains = size > 0 && taken.then == StreamTalk::Then::drain;
  connection.ended = size == 0 || taken.then != StreamTalk::Then::go_on;
  connection.due += taken.due;
  taken_ += taken.due + taken.extra;
  if (connection.due == 0) push(connection);
}

// The protocol takes nothing now: until resume() it is not looked at.
void StreamServer::hold_back(Connection& connection) {
  held_back_.push_back(connection.id);
  connections_.watch(connection, 0);
}

void StreamServer::resume() {
  for (const Id id : held_back_) {
    if (Connection* connection = connections_.find(id)) settle(*connection);
  }
  held_back_.clear();
}

// The peer may still be sending what it has to say.
void StreamServer::drain(Connection& connection) {
  char buffer[kReadSize];
  const ssize_t size = ::recv(connection.fd.get(), buffer, sizeof buffer, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  connection.drained += std::size_t(std::max<ssize_t>(size, 0));
  if (size <= 0 || connection.drained > kMaxDrained) connections_.close(connection);
}

// ---- what goes ---------------------------------------------------------------------------------

std::string* StreamServer::out(Id id) {
  Connection* const connection = connections_.find(id);
  return connection == nullptr ? nullptr : &connection->out;
}

void StreamServer::answered(Id id, unsigned count) {
  Connection* const connection = connections_.find(id);
  if (connection == nullptr) return;
  connection->due -= std::min(count, connection->due);
  if (connection->due == 0) push(*connection);
}

void StreamServer::close(Id id) noexcept {
  if (Connection* connection = connections_.find(id)) connections_.close(*connection);
}

// Sends what there is, with what follows of a long answer, and ends a connection that has had its
// last one.
void StreamServer::push(Connection& connection) {
  for (int pieces = 0; pieces < kMaxPieces; ++pieces) {
    if (connection.out.empty()) {
      connection.streams = connection.talk->more(connection.out);
      if (connection.closed) return;
      if (connection.out.empty() && !connection.streams) break;
    }
    if (!connection.out.empty() && !send(connection)) return broken(connection);
    if (!connection.out.empty()) break;
    connections_.move(connection, false, now_);
  }
  const bool over = connection.out.empty() && !connection.streams;
  if (over && connection.ended && !connection.draining) end(connection);
  if (connection.closed) return;
  settle(connection);
  bound_memory();
}

// As much as the peer takes. False when it takes nothing any more.
bool StreamServer::send(Connection& connection) {
  std::string& out = connection.out;
  const ssize_t sent =
      ::send(connection.fd.get(), out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  out.erase(0, std::size_t(sent));
  if (out.empty() && out.capacity() > kKeptOut) std::string().swap(out);
  return true;
}

// Answers that it has not taken are lost, and so are those that are due.
void StreamServer::broken(Connection& connection) {
  ++counters_.broken;
  connections_.close(connection);
}

void StreamServer::end(Connection& connection) {
  connection.draining = connection.drains && ::shutdown(connection.fd.get(), SHUT_WR) == 0;
  if (!connection.draining) connections_.close(connection);
}

// Brings a connection's watch, list and account in line with its state.
void StreamServer::settle(Connection& connection) {
  const bool answered = connection.due == 0 && connection.out.empty() && !connection.streams;
  const std::uint32_t waits_for = answered ? EPOLLIN : EPOLLOUT;
  connections_.watch(connection, connection.due == 0 ? waits_for : 0);
  const bool busy = !answered || connection.draining || !connection.talk->idle();
  if (busy != connection.busy) connections_.move(connection, busy, now_);
  if (!busy) connection.talk->rest();
  connections_.set_held(connection, connection.talk->memory() + connection.out.capacity());
}

void StreamServer::bound_memory() {
  while (connections_.held() > settings_.max_held) {
    Connection* const goes = connections_.to_free_memory();
    if (goes == nullptr) return;
    connections_.close(*goes);
    ++overfull_;
    ++counters_.out_of_memory;
  }
}

}  // namespace grey
