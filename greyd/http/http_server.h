// Serves a site by HTTP/1.1: connections and their bounds are of StreamServer, requests and answers
// of Engine. No directory is served, no request has a body.
#pragma once

#include <spdlog/logger.h>

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

// What is served.
class Site {
 public:
  virtual ~Site() = default;
  // Nothing: not yet. Who asks waits for Server::resume(), and `waited` is true then.
  virtual std::optional<Answer> answer(const Request& request, bool waited) = 0;
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

  // Those by reference must outlive it. Throws std::system_error when the system gives it no
  // descriptor.
  Server(Listener listener, Site& site, spdlog::logger& logger, StreamCounters& counters);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // From now on `loop` calls it. `clock`: seconds, never set.
  void attach(EventLoop& loop, std::function<Seconds()> clock);

  int fd() const { return server_.fd(); }
  void handle(Seconds now) { server_.handle(now); }  // when fd() is readable
  void tick(Seconds now) { server_.tick(now); }      // once a second: time-outs

  // The site has more to say: who waits is asked for again. Not from within Site::answer().
  void resume();

 private:
  class Talk;
  struct Waiting {
    StreamId id;
    std::string head;
    bool last;
  };

  void forget(StreamId id);
  std::unique_ptr<StreamTalk> accept(StreamId id, const StreamPeer& peer, Seconds now) override;
  Engine::Reply respond(std::string_view head, bool last, bool waited);

  Site& site_;
  Engine engine_;
  std::vector<Waiting> waiting_;  // no more than connections
  StreamServer server_;

  // Of the loop that it is attached to.
  std::function<Seconds()> clock_;
  EventLoop::Watch ready_;
  EventLoop::Timer each_second_;
};

}  // namespace grey::http
