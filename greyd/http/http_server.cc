#include "greyd/http/http_server.h"

#include <exception>
#include <utility>

namespace grey::http {
namespace {

StreamSettings settings(std::size_t most) {
  return {.name = "http",
          .max_connections = most,
          .max_held = Server::kMaxHeld,
          .idle_ticks = Server::kIdle,
          .unfinished_ticks = Server::kUnfinished};
}

std::vector<Listener> only(Listener listener) {
  std::vector<Listener> listeners;
  listeners.push_back(std::move(listener));
  return listeners;
}

constexpr std::string_view kEndOfHead = "\r\n\r\n";

}  // namespace

// One connection. A request is looked at when its head is whole; what stands behind it would be a
// body, which no request here has, or a request that did not wait for its answer: then the answer
// is the last.
class Server::Talk : public StreamTalk {
 public:
  Talk(Server& server, StreamId id) : server_(server), id_(id) {}
  ~Talk() override { server_.forget(id_); }

  Taken receive(std::string_view bytes, std::string& out, Seconds) override {
    head_.append(bytes);
    if (!is_request()) return refuse(400, out);  // need not wait for the end
    const std::size_t end = head_.find(kEndOfHead);
    if (end == std::string::npos && head_.size() <= kMaxHead) return {};
    const std::size_t size = end + kEndOfHead.size();
    if (end == std::string::npos || size > kMaxHead) {
      return refuse(head_.find("\r\n") <= kMaxHead ? 431 : 414, out);
    }
    const bool more = head_.size() > size;
    head_.resize(size);
    return take(more, out);
  }

  bool idle() const override { return head_.empty(); }
  std::size_t memory() const override { return head_.capacity(); }
  void rest() override { head_.shrink_to_fit(); }

 private:
  // So far: a method is capital letters, and lines do not end with a line feed alone.
  bool is_request() const {
    const std::size_t feed = head_.find('\n');
    return head_.front() >= 'A' && head_.front() <= 'Z' &&
           (feed == std::string::npos || head_[feed - 1] == '\r');
  }
  Taken refuse(int status, std::string& out) {
    out += refusal(status);
    head_.clear();
    return {.then = Then::drain};
  }
  Taken take(bool last, std::string& out) {
    last = ++requests_ >= kMaxRequests || last;
    std::string head = std::exchange(head_, {});
    const Milliseconds asked = server_.clock_();
    Engine::Reply reply = server_.respond(head, last, asked);
    Taken taken{.then = reply.last ? Then::drain : Then::go_on};
    if (reply.octets) {
      out += *reply.octets;
    } else {
      server_.waiting_.push_back({id_, std::move(head), last, asked});
      taken.due = 1;
    }
    return taken;
  }

  Server& server_;
  const StreamId id_;
  std::string head_;  // what has come of it
  std::size_t requests_ = 0;
};

Server::Server(Listener listener, Site& site, Clock clock, spdlog::logger& logger,
               StreamCounters& counters, std::size_t most)
    : site_(site),
      clock_(std::move(clock)),
      engine_(kIdle, kMaxRequests),
      server_(settings(most), only(std::move(listener)), *this, logger, counters) {}

Server::~Server() = default;

void Server::attach(EventLoop& loop) {
  ready_ = loop.watch(fd(), EventLoop::kRead, [this](unsigned) { handle(); });
  each_second_ = loop.every(1, [this] { tick(); });
}

std::unique_ptr<StreamTalk> Server::accept(StreamId id, const StreamPeer&, Seconds) {
  return std::make_unique<Talk>(*this, id);
}

void Server::forget(StreamId id) {
  std::erase_if(waiting_, [id](const Waiting& one) { return one.id == id; });
}

Engine::Reply Server::respond(std::string_view head, bool last, Milliseconds asked) {
  return engine_.respond(head, last,
                         [&](const Request& request) { return site_.answer(request, asked); });
}

void Server::resume() {
  std::vector<Waiting> waiting = std::exchange(waiting_, {});
  for (Waiting& one : waiting) {
    std::string* const out = server_.out(one.id);
    if (out == nullptr) continue;  // it has gone
    try {
      const Engine::Reply reply = respond(one.head, one.last, one.asked);
      if (!reply.octets) {
        waiting_.push_back(std::move(one));
        continue;
      }
      *out += *reply.octets;
      server_.answered(one.id, 1);
    } catch (const std::exception&) {
      server_.close(one.id);  // no memory: it has to ask again
    }
  }
}

}  // namespace grey::http
