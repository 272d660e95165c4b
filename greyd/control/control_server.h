// The control socket: a unix stream socket on which requests come as lines of JSON, and answers go
// as such (request.h, commands.h). Its file's mode says who may connect.
//
// A connection has one request at a time; more may wait behind it. Long answers go piece by piece,
// as their reader takes them. An answer that is begun comes to its end also when nothing more is
// sent; a change that is begun happens even if who asked for it has gone, but a `forget` stops with
// its connection.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "greyd/base/counters.h"
#include "greyd/control/commands.h"
#include "greyd/control/watchers.h"
#include "greyd/net/event_loop.h"
#include "greyd/net/stream_server.h"

namespace grey {

class ControlServer : private StreamProtocol {
 public:
  static constexpr std::size_t kMaxConnections = 32;

  // `commands` and the others by reference must outlive it. Throws std::system_error when the
  // system gives it no descriptor. `most`: connections.
  ControlServer(Listener listener, Commands& commands, Service& service, spdlog::logger& logger,
                StreamCounters& counters, std::size_t most = kMaxConnections);
  ~ControlServer() override;
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // From now on `loop` calls it. `clock`: now, by the wall clock.
  void attach(EventLoop& loop, std::function<Seconds()> clock);

  int fd() const { return server_.fd(); }
  void handle(Seconds now) { server_.handle(now); }  // when fd() is readable
  void tick(Seconds now) { server_.tick(now); }      // once a second: time-outs

 private:
  class Talk;

  std::unique_ptr<StreamTalk> accept(StreamId id, const StreamPeer& peer, Seconds now) override;
  void watch(StreamId id, RecordFilter filter);
  void unwatch(StreamId id);

  Commands& commands_;
  Service& service_;
  Watchers watchers_;
  StreamServer server_;
  // Who answers later may find us gone.
  std::shared_ptr<StreamServer*> alive_;

  // Of the loop that it is attached to.
  std::function<Seconds()> clock_;
  EventLoop::Watch ready_;
  EventLoop::Timer each_second_;
};

}  // namespace grey
