// The UDP protocol's side of the daemon: datagrams to queries, decisions to answers.
//
// Whoever runs the event loop watches fd(), calls handle() when it is readable, and again while
// pending(). Each call does a bounded amount of work, counted by what it costs: queries of few
// recipients are decided together, at most kSize a batch; the others wait in a backlog and are
// decided one a call. So what one source sends delays the answers to others by one such query at
// most.
#pragma once

#include <spdlog/logger.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "greyd/backlog.h"
#include "greyd/files.h"
#include "greyd/full_forms.h"
#include "greyd/hash_key.h"
#include "greyd/log.h"
#include "greyd/network_set.h"
#include "greyd/service.h"
#include "greyd/udp_socket.h"
#include "greyd/wire.h"

namespace grey {

struct UdpSettings {
  NetworkSet allow;  // who may ask
  bool log_decisions = true;
  wire::Dialect dialect = wire::Dialect::qmail_greyd;
};

// What went without an answer, each since the start. The asker sends it again, or takes silence as
// GREYFAIL says.
struct UdpLosses {
  std::uint64_t overflow = 0;   // datagrams that the system dropped: its queue was full, or they
                                // came from outside with an address of this host
  std::uint64_t backlog = 0;    // dear queries that had to make room for others
  std::uint64_t undecided = 0;  // there was no memory to decide these
  std::uint64_t unsent = 0;     // answers that the system did not take
  auto operator<=>(const UdpLosses&) const = default;
};

class UdpFront {
 public:
  // `socket` from bind_udp. All by reference must outlive it, and it must outlive the decisions
  // that it waits for.
  UdpFront(UdpSettings settings, Fd socket, Service& service, LogPipe& pipe,
           spdlog::logger& logger);
  UdpFront(const UdpFront&) = delete;
  UdpFront& operator=(const UdpFront&) = delete;

  int fd() const { return socket_.get(); }
  void handle(Seconds now);
  bool pending() const { return !backlog_.empty(); }
  void tick(Seconds now);  // once a second: tells of losses, at most once a minute

  const UdpLosses& losses() const { return losses_; }

 private:
  // Queries decided together, until all of them are.
  struct Batch {
    DatagramBatch datagrams;
    std::array<wire::Query, DatagramBatch::kSize> queries;
    std::array<std::size_t, DatagramBatch::kSize> datagram_of{};  // number of each one's datagram
    std::array<std::string, DatagramBatch::kSize>
        completed;  // what a query's views are into instead
    std::size_t undecided = 0;
  };

  std::unique_ptr<Batch> take_batch();
  // False when no more waits in the socket, or it was much.
  bool handle_batch(Seconds now);
  void handle_dear(Seconds now);
  void parse_and_decide(std::unique_ptr<Batch> batch, bool set_dear_aside, Seconds now);
  std::size_t parse(Batch& batch, bool set_dear_aside, Seconds now);
  void complete(wire::Query& query, std::string_view datagram, std::uint64_t question,
                std::string& text, Seconds now);
  bool is_foreign(const Endpoint& source, Seconds now);
  void set_aside(const Batch& batch, std::size_t index, const Ip& source);
  void decide(std::unique_ptr<Batch> batch, std::size_t queries, Seconds now);
  void on_decision(Batch& batch, std::size_t index, const Decided& decision);
  void answer(Batch& batch, std::size_t index, const Decision& decision);
  void on_bad_datagram(wire::Fault fault, const Endpoint& source, Seconds now);

  const UdpSettings settings_;
  const Fd socket_;
  Service& service_;
  LogPipe& pipe_;
  spdlog::logger& logger_;
  const HashKey question_key_ = new_hash_key();

  std::vector<std::unique_ptr<Batch>> idle_batches_;
  std::size_t batches_ = 0;  // all that were made
  FullForms full_forms_;
  Backlog<Datagram> backlog_;
  UdpLosses losses_, told_;
  std::uint32_t overflow_seen_ = 0;  // the system's counter
  std::vector<RateLimit> bad_datagram_limits_;
  RateLimit foreign_limit_, losses_limit_;
};

}  // namespace grey
