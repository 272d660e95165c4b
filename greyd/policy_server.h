// The connections on which mail servers ask by policy_request.h, all behind one descriptor.
//
// Whoever runs the event loop watches fd() and calls handle() when it is readable; that does a
// bounded amount of work and returns, so that UDP has its turn. Requests that have come on several
// connections are decided as one batch, with one write to the journal before any of their answers.
//
// Bounds: connections in number (the one that has been idle for longest makes room); what each may
// leave unfinished (PolicyReader's limits) or unread (the answers to what one read brought, then it
// is not read from any more), and that in all; the time for either. A peer that sends what is no
// request is closed.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "greyd/hash_key.h"
#include "greyd/log.h"
#include "greyd/network_set.h"
#include "greyd/policy_listener.h"
#include "greyd/policy_request.h"
#include "greyd/service.h"

namespace grey {

struct PolicySettings {
  PolicyWords words;
  NetworkSet allow;  // who may connect by TCP
  bool log_decisions = true;
  std::size_t max_connections = 10'000;
  // Bytes of unfinished requests and unread answers, of all connections.
  std::size_t max_held = 32 << 20;
  unsigned idle_ticks = 600;       // Postfix itself gives up an idle connection after 300 seconds
  unsigned unfinished_ticks = 60;  // to end a request, or to take an answer
};

class PolicyServer {
 public:
  // Decides a batch, now or later: as Service::decide.
  using Decide =
      std::function<void(std::span<const wire::Query>, Seconds now, const Service::Done& done)>;

  // `pipe` and `logger` must outlive it, and it must outlive the decisions that it waits for.
  // Throws std::system_error when the system gives it no descriptor.
  PolicyServer(PolicySettings settings, std::vector<PolicyListener> listeners, Decide decide,
               LogPipe& pipe, spdlog::logger& logger);
  PolicyServer(const PolicyServer&) = delete;
  PolicyServer& operator=(const PolicyServer&) = delete;

  int fd() const { return epoll_.get(); }
  void handle(Seconds now);  // some of what there is to do
  void tick(Seconds now);    // once a second: time-outs

  std::size_t connections() const { return by_id_.size(); }

 private:
  // Never used twice, so that events and decisions of a closed connection find nobody.
  using Id = std::uint64_t;

  struct Connection {
    Id id = 0;
    Fd fd;
    std::optional<Endpoint> source;
    PolicyReader reader;
    std::string out;            // answers not taken yet
    unsigned undecided = 0;     // requests in batches
    unsigned since = 0;         // the tick at which it joined its list, or got on
    std::size_t held = 0;       // bytes
    std::uint32_t watched = 0;  // epoll events
    bool busy = false;          // in busy_, else in idle_
    bool ended = false;         // nothing more is read from it
  };
  using Connections = std::list<Connection>;

  // A request between its reading and its answer. The connection may be gone by then.
  struct Entry {
    Id connection = 0;
    std::optional<Endpoint> source;
    PolicyRequest request;
    bool asked = false;  // else it needs no decision
    Decision decision;
  };
  struct Batch {
    std::vector<Entry> entries;  // the first `size`; the others keep their memory
    std::size_t size = 0;
    std::vector<wire::Query> queries;
    std::vector<std::size_t> entry_of;  // number of each query's entry
    std::size_t undecided = 0;
  };

  void accept_from(std::size_t listener, Seconds now);
  bool make_room();
  void pause_accepting(bool pause);
  void add(Fd fd, const std::optional<Endpoint>& source);
  Connection* find(Id id);
  void close(Connection& connection);

  void on_event(Connection& connection, std::uint32_t events, Batch& batch, Seconds now);
  void receive(Connection& connection, Batch& batch, Seconds now);
  void take_request(Connection& connection, Batch& batch);
  void prepare(Batch& batch, Seconds now);
  void on_fault(RateLimit& limit, std::string_view fault, const std::optional<Endpoint>& source,
                Seconds now);
  std::unique_ptr<Batch> take_batch();
  void decide(std::unique_ptr<Batch> batch, Seconds now);
  void answer(Batch& batch);
  void append_answer_to(Connection& connection, const Entry& entry);
  void log(const Entry& entry, const wire::Query& query);
  void abandon(Batch& batch);

  void settle(Connection& connection);
  bool send(Connection& connection);
  void move(Connection& connection, bool busy);
  void watch(Connection& connection, std::uint32_t events);
  void account(Connection& connection);
  void expire(Connections& list, unsigned ticks, std::size_t& left);

  const PolicySettings settings_;
  const std::vector<PolicyListener> listeners_;
  const Decide decide_;
  LogPipe& pipe_;
  spdlog::logger& logger_;
  Fd epoll_;
  const HashKey question_key_ = new_hash_key();

  // Both in the order of `since`, the longest first.
  Connections idle_, busy_;
  std::unordered_map<Id, Connections::iterator> by_id_;
  Id next_id_;
  std::size_t held_ = 0;                 // bytes
  std::size_t slow_ = 0, overfull_ = 0;  // connections closed for it and not told yet
  unsigned now_ = 0;                     // ticks
  bool paused_ = false;                  // no connection is accepted until the next tick

  static constexpr int kEvents = 64;
  std::array<epoll_event, kEvents> events_{};
  int event_ = 0, event_count_ = 0;  // those not handled yet
  std::vector<std::unique_ptr<Batch>> idle_batches_;
  std::size_t batches_ = 0;  // all that were made

  RateLimit refused_limit_, full_limit_, held_limit_, slow_limit_, client_limit_;
  std::vector<RateLimit> fault_limits_;
};

}  // namespace grey
