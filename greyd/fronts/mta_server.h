// Mail servers that ask by mta_request.h on stream connections.
//
// The connections, with their bounds and turns, are StreamServer's. Requests that have come on
// several of them are decided as one batch, with one write to the journal before any of their
// answers. Decisions may come late: a few batches are in flight at once, and while all are nothing
// is read. One that does not come back in time is given up, and who waits for it is closed.
//
// What is no request is answered where its form is known, and ends its connection.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "greyd/base/counters.h"
#include "greyd/base/hash_key.h"
#include "greyd/base/rate_limit.h"
#include "greyd/core/decider.h"
#include "greyd/fronts/batch_pool.h"
#include "greyd/fronts/mta_request.h"
#include "greyd/lists/network_set.h"
#include "greyd/net/event_loop.h"
#include "greyd/net/log.h"
#include "greyd/net/stream_server.h"

namespace grey {

struct MtaSettings {
  MtaWords words;
  Decision unreadable;  // what a request is answered with that cannot be read
  NetworkSet allow;     // who may connect by TCP
  bool log_decisions = true;
  // Postfix itself gives up an idle connection after 300 seconds.
  StreamSettings stream{.name = "policy", .idle_ticks = 600, .unfinished_ticks = 60};
  std::size_t max_batches = 16;  // in flight
  unsigned patience = 30;        // ticks for a decision
  bool submission = false;       // all who ask are ours: they are told of, and never greylisted
};

class MtaServer : private StreamProtocol {
 public:
  // Of a unix socket's file: any local user may ask. Its directory says who gets there.
  static constexpr mode_t kSocketMode = 0666;

  // All by reference must outlive it. Throws std::system_error when the system gives it no
  // descriptor.
  MtaServer(MtaSettings settings, std::vector<Listener> listeners, Decider& decider, LogPipe& pipe,
            spdlog::logger& logger, MtaCounters& counters);
  ~MtaServer() override;  // the decider forgets what is in flight
  MtaServer(const MtaServer&) = delete;
  MtaServer& operator=(const MtaServer&) = delete;

  // As UdpFront has it.
  void attach(EventLoop& loop, std::function<Seconds()> clock);

  int fd() const { return server_.fd(); }
  void handle(Seconds now) { server_.handle(now); }  // when fd() is readable
  void tick(Seconds now);                            // once a second: time-outs

  std::size_t connections() const { return server_.connections(); }

 private:
  class Talk;
  using Id = StreamId;

  // A request between its reading and its answer. The connection may be gone by then.
  struct Entry {
    Id connection = 0;
    std::optional<Endpoint> source;
    MtaForm form = MtaForm::postfix;  // of the answer
    MtaRequest request;
    bool asked = false;      // else it needs no decision
    std::string_view fault;  // not empty: it could not be read
    bool decided = false;
    Decided decision;
  };
  struct Batch {
    std::vector<Entry> entries;  // the first `size`; the others keep their memory
    std::size_t size = 0;
    std::vector<wire::Query> queries;
    std::vector<wire::Sent> sent;       // told, and not decided
    std::vector<std::size_t> entry_of;  // number of each query's entry
    std::size_t undecided = 0;
  };
  using Batches = BatchPool<Batch>;

  // StreamProtocol
  std::unique_ptr<StreamTalk> accept(StreamId id, const StreamPeer& peer, Seconds now) override;
  bool ready() const override { return turn_ != nullptr || batches_.left() > 0; }
  void turn_over(Seconds now) override;
  void turn_failed() noexcept override;

  Entry& add_entry();
  void on_fault(RateLimit& limit, std::size_t kind, std::string_view fault,
                const std::optional<Endpoint>& source, Seconds now);
  void prepare(Batch& batch, Seconds now);
  void decide(Batches::Held held, Seconds now);
  std::size_t lose(Batch& batch);
  void finish(Batch& batch);
  void answer(Batch& batch);
  void tell(const Entry& entry, const wire::Query& query);
  void answer(const Entry& entry, std::string& out);
  void abandon(Batch& batch) noexcept;

  const MtaSettings settings_;
  Decider& decider_;
  LogPipe& pipe_;
  spdlog::logger& logger_;
  MtaCounters& counters_;
  const HashKey question_key_ = new_hash_key();

  Batches batches_;
  Batches::Held turn_;  // what has come in the turn that is not over
  unsigned ticks_ = 0;
  RateLimit refused_limit_, client_limit_, no_client_limit_;
  std::vector<RateLimit> fault_limits_;
  StreamServer server_;

  // Of the loop that it is attached to.
  std::function<Seconds()> clock_;
  EventLoop::Watch ready_;
  EventLoop::Timer each_second_;
};

}  // namespace grey
