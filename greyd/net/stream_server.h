// Stream connections, by TCP and unix sockets, all behind one descriptor. What is spoken on them is
// handed in (stream_protocol.h).
//
// Whoever runs the event loop watches fd() and calls handle() when it is readable; that does a
// bounded amount of work and returns, so that others have their turn.
//
// Bounds: connections in number; what each may leave unfinished or unread (what the talk holds, and
// the answers to what one read brought or one piece of a long one: then it is not read from any
// more), and that in all; the time for either. StreamConnections says who goes, by source. Sources
// take turns, too, so that one with many connections, or requests, takes no more of the time than
// another that asks.
#pragma once

#include <spdlog/logger.h>
#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "greyd/base/counters.h"
#include "greyd/base/files.h"
#include "greyd/base/rate_limit.h"
#include "greyd/net/listener.h"
#include "greyd/net/stream_connections.h"
#include "greyd/net/stream_protocol.h"

namespace grey {

struct StreamSettings {
  std::string name;  // of its connections in the log: "policy"
  std::size_t max_connections = 10'000;
  std::size_t max_held = 32 << 20;  // bytes of unfinished requests and unread answers, of all
  unsigned idle_ticks = 600;
  unsigned unfinished_ticks = 60;  // to end a request, or to take an answer
};

class StreamServer {
 public:
  using Id = StreamId;

  // All by reference must outlive it. Throws std::system_error when the system gives it no
  // descriptor.
  StreamServer(StreamSettings settings, std::vector<Listener> listeners, StreamProtocol& protocol,
               spdlog::logger& logger, StreamCounters& counters);
  StreamServer(const StreamServer&) = delete;
  StreamServer& operator=(const StreamServer&) = delete;

  int fd() const { return epoll_.get(); }
  void handle(Seconds now);  // some of what there is to do; not within itself
  void tick(Seconds now);    // once a second: time-outs
  std::size_t connections() const { return connections_.size(); }

  // For the protocol. A connection that is gone is found by none of them.

  // Where answers of a connection are appended; nullptr when it is gone. Until the next call.
  std::string* out(Id id);
  // So many of its answers that were due are there now; what was appended is sent when none is due
  // any more. With 0: what was appended beside (a piece of what it watches, say).
  void answered(Id id, unsigned count);
  void close(Id id) noexcept;
  // The protocol is ready() again.
  void resume();

 private:
  using Connection = StreamConnections::Connection;
  using Source = StreamConnections::Source;

  void accept_from(std::size_t listener, Seconds now);
  bool make_room(const Connection* newcomer);
  void pause_accepting(bool pause);
  void add(Fd fd, const StreamPeer& peer, Seconds now);

  void serve(Id source, std::size_t most, Seconds now);
  void on_event(Connection& connection, std::uint32_t events, Seconds now);
  void receive(Connection& connection, Seconds now);
  void drain(Connection& connection);
  void hold_back(Connection& connection);

  void push(Connection& connection);
  bool send(Connection& connection);
  void broken(Connection& connection);
  void end(Connection& connection);
  void settle(Connection& connection);
  void bound_memory();
  void expire();

  const StreamSettings settings_;
  const std::vector<Listener> listeners_;
  StreamProtocol& protocol_;
  spdlog::logger& logger_;
  StreamCounters& counters_;
  Fd epoll_;  // of listeners and sources

  StreamConnections connections_;
  // Connections closed for it and not told yet; and the last that had to make room.
  std::size_t slow_ = 0, overfull_ = 0, crowded_ = 0;
  std::optional<Endpoint> crowd_;
  unsigned now_ = 0;           // ticks
  bool paused_ = false;        // no connection is accepted until the next tick
  Id handled_ = 0;             // the connection whose event is being handled
  std::size_t taken_ = 0;      // cost of this turn's requests
  std::vector<Id> asked_;      // of this turn, whose answers are due
  std::vector<Id> held_back_;  // ready, but the protocol was not

  static constexpr int kEvents = 64;
  std::array<epoll_event, kEvents> events_{};
  int event_ = 0, event_count_ = 0;  // those not handled yet

  RateLimit full_limit_, held_limit_, slow_limit_, crowd_limit_;
};

}  // namespace grey
