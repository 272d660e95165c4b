// Serves a site by HTTP/1.1: connections and their bounds are of StreamServer, requests and answers
// of Engine. No directory is served, no request has a body.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "greyd/base/counters.h"
#include "greyd/http/http_engine.h"
#include "greyd/http/http_message.h"
#include "greyd/net/event_loop.h"
#include "greyd/net/stream_server.h"

namespace grey::http {

using Milliseconds = std::chrono::milliseconds;
using Clock = std::function<Milliseconds()>;  // since some start; never set

// What is served.
class Site {
 public:
  virtual ~Site() = default;
  // Nothing: not yet. Who asks waits for Server::resume(), and is asked for again then. `asked`:
  // when the request came, by the server's clock.
  virtual std::optional<Answer> answer(const Request& request, Milliseconds asked) = 0;
};

class Server : private StreamProtocol {
 public:
  static constexpr std::size_t kMaxConnections = 256;
  static constexpr std::size_t kMaxHead = 8192;      // bytes of a request
  static constexpr std::size_t kMaxRequests = 1000;  // of a connection
  static constexpr std::size_t kMaxHeld = 16 << 20;  // bytes of unfinished requests and unread
                                                     // answers, of all connections
  static constexpr unsigned kIdle = 75;              // seconds between two requests
  static constexpr unsigned kUnfinished = 10;        // seconds to end one, or to take an answer

  // Those by reference must outlive it. `most`: connections. Throws std::system_error when the
  // system gives it no descriptor.
  Server(Listener listener, Site& site, Clock clock, spdlog::logger& logger,
         StreamCounters& counters, std::size_t most = kMaxConnections);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void attach(EventLoop& loop);  // from now on `loop` calls it

  int fd() const { return server_.fd(); }
  void handle() { server_.handle(seconds()); }  // when fd() is readable
  void tick() { server_.tick(seconds()); }      // once a second: time-outs

  // The site has more to say: who waits is asked for again. Not from within Site::answer().
  void resume();
  std::size_t waiting() const { return waiting_.size(); }  // of those that are connected

 private:
  class Talk;
  struct Waiting {
    StreamId id;
    std::string head;
    bool last;
    Milliseconds asked;
  };

  void forget(StreamId id);
  Seconds seconds() const { return clock_().count() / 1000; }
  std::unique_ptr<StreamTalk> accept(StreamId id, const StreamPeer& peer, Seconds now) override;
  Engine::Reply respond(std::string_view head, bool last, Milliseconds asked);

  Site& site_;
  const Clock clock_;
  Engine engine_;
  std::vector<Waiting> waiting_;  // no more than connections
  StreamServer server_;

  // Of the loop that it is attached to.
  EventLoop::Watch ready_;
  EventLoop::Timer each_second_;
};

}  // namespace grey::http
