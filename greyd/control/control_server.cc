#include "greyd/control/control_server.h"

#include <utility>

#include "greyd/base/json_line.h"

namespace grey {
namespace {

// Nobody is closed for being idle: a terminal may watch for days.
constexpr unsigned kForEver = 1u << 30;                       // ticks
constexpr std::size_t kMaxHeld = 4 << 20;                     // bytes, of all connections
constexpr std::size_t kMaxPipelined = 2 * Request::kMaxSize;  // bytes that wait

StreamSettings settings(std::size_t most) {
  return {.name = "control",
          .max_connections = most,
          .max_held = kMaxHeld,
          .idle_ticks = kForEver,
          .unfinished_ticks = 60};
}

std::vector<Listener> only(Listener listener) {
  std::vector<Listener> listeners;
  listeners.push_back(std::move(listener));
  return listeners;
}

}  // namespace

// One connection.
class ControlServer::Talk : public StreamTalk {
 public:
  Talk(ControlServer& server, StreamId id, uid_t user)
      : server_(server), id_(id), by_("uid:" + std::to_string(user)) {}
  ~Talk() override { server_.unwatch(id_); }

  Taken receive(std::string_view bytes, std::string& out, Seconds now) override {
    if (waiting_.size() + bytes.size() > kMaxPipelined) return refuse(out);
    waiting_.append(bytes);
    now_ = now;
    const std::size_t line = waiting_.find('\n');
    if (std::min(line, waiting_.size()) > Request::kMaxSize) return refuse(out);
    go_on(out);
    return {};
  }
  // What has come is answered still; a last line may lack its end.
  Taken at_end(std::string& out, Seconds now) override {
    server_.unwatch(id_);
    ended_ = true;
    now_ = now;
    if (!waiting_.empty()) waiting_ += '\n';
    go_on(out);
    if (!later_) return {};
    later_->due = 1;
    return {.due = 1};
  }
  bool more(std::string& out) override {
    if (more_) {
      if (more_(out)) return true;
      more_ = nullptr;
    }
    go_on(out);
    return more_ || has_next() || (ended_ && later_);
  }
  bool idle() const override { return waiting_.empty() && !more_; }
  std::size_t memory() const override { return waiting_.capacity(); }

 private:
  // An answer that comes later. Who brings it may find the connection gone.
  struct LaterAnswer {
    bool begun = false;  // the request has been begun: else it comes within that
    bool over = false;
    std::string lines;  // what has come within
    unsigned due = 0;
  };

  Taken refuse(std::string& out) {
    waiting_.clear();
    JsonLine(out)
        .text("error", "a request of more than " + std::to_string(Request::kMaxSize) + " bytes")
        .number("exit_code", kExitMisuse)
        .end();
    return {.then = Then::drain};
  }
  // Whether one waits that nothing is in the way of.
  bool has_next() const { return !more_ && !later_ && waiting_.find('\n') != std::string::npos; }
  // Begins the next request: the one behind it has its turn when this answer has been taken.
  void go_on(std::string& out) {
    if (!has_next()) return;
    const std::size_t line = waiting_.find('\n');
    const std::string request = waiting_.substr(0, line);
    waiting_.erase(0, line + 1);
    if (request.find_first_not_of(" \t\r") != std::string::npos) begin(request, out);
  }
  void begin(std::string_view request, std::string& out) {
    later_ = std::make_shared<LaterAnswer>();
    const auto bring = [this, id = id_, later = later_,
                        server = server_.alive_](std::string lines) {
      if (std::exchange(later->over, true)) return;
      if (!later->begun) {
        later->lines = std::move(lines);
      } else if (std::string* const rest = *server == nullptr ? nullptr : (*server)->out(id)) {
        *rest += lines;
        later_ = nullptr;  // it is there, as its connection is
        (*server)->answered(id, later->due);
      }
    };
    Commands::Answer answer = server_.commands_.begin(request, by_, now_, bring);
    out += answer.lines;
    more_ = std::move(answer.more);
    if (answer.watch) server_.watch(id_, std::move(*answer.watch));
    later_->begun = true;
    out += later_->lines;
    if (!answer.later || later_->over) later_ = nullptr;
  }

  ControlServer& server_;
  const StreamId id_;
  const std::string by_;
  std::string waiting_;  // what has come of requests
  std::function<bool(std::string&)> more_;
  std::shared_ptr<LaterAnswer> later_;
  Seconds now_ = 0;
  bool ended_ = false;  // nothing more comes
};

ControlServer::ControlServer(Listener listener, Commands& commands, Service& service,
                             spdlog::logger& logger, StreamCounters& counters, std::size_t most)
    : commands_(commands),
      service_(service),
      watchers_([this](StreamId id) { return server_.out(id); },
                [this](StreamId id) { server_.answered(id, 0); }),
      server_(settings(most), only(std::move(listener)), *this, logger, counters),
      alive_(std::make_shared<StreamServer*>(&server_)) {}

ControlServer::~ControlServer() {
  *alive_ = nullptr;
  service_.tell_decisions(nullptr);
}

void ControlServer::attach(EventLoop& loop, std::function<Seconds()> clock) {
  clock_ = std::move(clock);
  ready_ = loop.watch(fd(), EventLoop::kRead, [this](unsigned) { handle(clock_()); });
  each_second_ = loop.every(1, [this] { tick(clock_()); });
}

std::unique_ptr<StreamTalk> ControlServer::accept(StreamId id, const StreamPeer& peer, Seconds) {
  return std::make_unique<Talk>(*this, id, peer.process.user);
}

void ControlServer::watch(StreamId id, RecordFilter filter) {
  const bool first = watchers_.empty();
  watchers_.add(id, std::move(filter));
  if (!first) return;  // and perhaps it is they who are being told
  service_.tell_decisions([this](std::span<const wire::Query> batch,
                                 std::span<const Decided> decisions,
                                 Seconds now) { watchers_.tell(batch, decisions, now); });
}

void ControlServer::unwatch(StreamId id) {
  watchers_.remove(id);
  if (watchers_.empty()) service_.tell_decisions(nullptr);
}

}  // namespace grey
