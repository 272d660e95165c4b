// The UDP protocol's side of the daemon: datagrams to queries, decisions to answers.
//
// Whoever runs the event loop watches fd(), calls handle() when it is readable, and again while
// pending(). Each call does a bounded amount of work, counted by what it costs: queries of few
// recipients are decided together, at most kSize a batch; the others wait in a backlog and are
// decided one a call. So what one source sends delays the answers to others by one such query at
// most.
//
// Decisions may come late. A few batches are in flight at once; when all are, nothing is read until
// one comes back: what comes waits in the system's queue, and is counted where that is full. A
// batch that does not come back in time is given up, so that the others go on.
#pragma once

#include <spdlog/logger.h>

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "greyd/base/counters.h"
#include "greyd/base/files.h"
#include "greyd/base/hash_key.h"
#include "greyd/base/rate_limit.h"
#include "greyd/core/decider.h"
#include "greyd/fronts/admission.h"
#include "greyd/fronts/backlog.h"
#include "greyd/fronts/batch_pool.h"
#include "greyd/fronts/full_forms.h"
#include "greyd/net/event_loop.h"
#include "greyd/net/log.h"
#include "greyd/net/udp_socket.h"
#include "greyd/wire/wire.h"

namespace grey {

struct UdpSettings : AdmissionSettings {
  bool log_decisions = true;
  wire::Dialect dialect = wire::Dialect::qmail_greyd;
  std::size_t max_batches = 8;  // in flight; each reserves 4.2 MB, where they are needed
  unsigned patience = 30;       // ticks; no asker waits for so long
};

class UdpFront {
 public:
  // `socket` from bind_udp. All by reference must outlive it.
  UdpFront(UdpSettings settings, Fd socket, Decider& decider, LogPipe& pipe, spdlog::logger& logger,
           UdpCounters& counters);
  ~UdpFront();  // the decider forgets what is in flight
  UdpFront(const UdpFront&) = delete;
  UdpFront& operator=(const UdpFront&) = delete;

  // From now on `loop`, which must outlive it, does all that is to be done. `clock` is asked for
  // `now`, once a call. Without a loop (in tests) somebody calls the next ones.
  void attach(EventLoop& loop, std::function<Seconds()> clock);

  void handle(Seconds now);
  // A call would get on without anything to read: there is a backlog, and a batch for it.
  bool pending() const { return !backlog_.empty() && reading(); }
  // False while all batches are in flight: then handle() does nothing.
  bool reading() const { return batches_.left() > 0; }
  // Once a second: gives up what is overdue, and tells of losses, at most once a minute.
  void tick(Seconds now);

 private:
  // Queries decided together, until all of them are.
  struct Batch {
    std::span<const wire::Query> asked() const { return {queries.data(), size}; }

    DatagramBatch datagrams;
    std::array<wire::Query, DatagramBatch::kSize> queries;
    std::array<std::size_t, DatagramBatch::kSize> datagram_of{};  // number of each one's datagram
    std::array<AnswerKey, DatagramBatch::kSize> keys;             // by query
    std::array<std::string, DatagramBatch::kSize>
        completed;                 // what a query's views are into instead
    std::size_t size = 0;          // of the queries
    std::vector<wire::Sent> sent;  // what else is told
    std::size_t undecided = 0;
  };
  using Batches = BatchPool<Batch>;

  // False when no more waits in the socket, or it was much.
  bool handle_batch(Seconds now);
  void handle_dear(Seconds now);
  void parse(Batch& batch, bool set_dear_aside, Seconds now);
  std::size_t parse_all(Batch& batch, bool set_dear_aside, Seconds now);
  void complete(wire::Query& query, std::string_view datagram, std::uint64_t question,
                std::string& text, Seconds now);
  bool admit(const Endpoint& source, std::string_view datagram, Seconds now, AnswerKey& key);
  void take_sent(Batch& batch, std::size_t index, bool set_dear_aside, Seconds now);
  void set_aside(const Batch& batch, std::size_t index, const Ip& source);
  void decide(Batches::Held held, Seconds now);
  void on_decision(Batch& batch, std::size_t index, const Decided& decision) noexcept;
  std::size_t lose(Batch& batch);
  void finish(Batch& batch);
  void settle();
  void tell_losses(Seconds now);
  void answer(Batch& batch, std::size_t index, const Decided& decision);
  void send(Batch& batch, std::size_t index, std::string_view answer);
  void on_bad_datagram(wire::Fault fault, const Endpoint& source, Seconds now, Seconds behind = 0);

  const UdpSettings settings_;
  const Admission admission_;
  const Fd socket_;
  Decider& decider_;
  LogPipe& pipe_;
  spdlog::logger& logger_;
  const HashKey question_key_ = new_hash_key();

  Batches batches_;
  unsigned ticks_ = 0;
  FullForms full_forms_;
  Backlog<Datagram> backlog_;
  UdpCounters& counters_;
  UdpCounters told_;                 // of the losses
  std::uint32_t overflow_seen_ = 0;  // the system's counter
  std::vector<RateLimit> bad_datagram_limits_;
  RateLimit foreign_limit_, losses_limit_;

  // Of the loop that it is attached to.
  std::function<Seconds()> clock_;
  EventLoop::Watch readable_;
  EventLoop::Idle backlog_waits_;
  EventLoop::Timer each_second_;
};

}  // namespace grey
