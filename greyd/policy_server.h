// The connections on which mail servers ask by policy_request.h, all behind one descriptor.
//
// Whoever runs the event loop watches fd() and calls handle() when it is readable; that does a
// bounded amount of work and returns, so that UDP has its turn. Requests that have come on several
// connections are decided as one batch, with one write to the journal before any of their answers.
//
// Bounds: connections in number; what each may leave unfinished (PolicyReader's limits) or unread
// (the answers to what one read brought, then it is not read from any more), and that in all; the
// time for either. PolicyConnections says who goes, by source. Sources take turns, too, so that one
// with many connections, or requests, takes no more of the time than another that asks.
//
// What is no request is answered where its form is known, and ends its connection.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "greyd/hash_key.h"
#include "greyd/log.h"
#include "greyd/network_set.h"
#include "greyd/policy_connections.h"
#include "greyd/policy_listener.h"
#include "greyd/policy_request.h"
#include "greyd/service.h"

namespace grey {

struct PolicySettings {
  PolicyWords words;
  Decision unreadable;  // what a request is answered with that cannot be read
  NetworkSet allow;     // who may connect by TCP
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

  std::size_t connections() const { return connections_.size(); }

 private:
  using Id = PolicyConnections::Id;
  using Connection = PolicyConnections::Connection;
  using Source = PolicyConnections::Source;

  // A request between its reading and its answer. The connection may be gone by then.
  struct Entry {
    Id connection = 0;
    std::optional<Endpoint> source;
    PolicyForm form = PolicyForm::postfix;  // of the answer
    PolicyRequest request;
    bool asked = false;      // else it needs no decision
    std::string_view fault;  // not empty: it could not be read
    Decided decision;
  };
  struct Batch {
    std::vector<Entry> entries;  // the first `size`; the others keep their memory
    std::size_t size = 0;
    std::vector<wire::Query> queries;
    std::vector<std::size_t> entry_of;  // number of each query's entry
    std::size_t undecided = 0;
  };

  static std::string to_text(const std::optional<Endpoint>& source);  // for the log

  void accept_from(std::size_t listener, Seconds now);
  bool make_room(const Connection* newcomer);
  void pause_accepting(bool pause);
  void add(Fd fd, const std::optional<Endpoint>& peer);

  void serve(Id source, std::size_t most, Batch& batch, Seconds now);
  void on_event(Connection& connection, std::uint32_t events, Batch& batch, Seconds now);
  void receive(Connection& connection, Batch& batch, Seconds now);
  void drain(Connection& connection);
  Entry& take_request(Connection& connection, Batch& batch);
  void take_fault(Connection& connection, Batch& batch, Seconds now);
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
  void account(Connection& connection);
  void expire();

  const PolicySettings settings_;
  const std::vector<PolicyListener> listeners_;
  const Decide decide_;
  LogPipe& pipe_;
  spdlog::logger& logger_;
  Fd epoll_;  // of listeners and sources
  const HashKey question_key_ = new_hash_key();

  PolicyConnections connections_;
  // Connections closed for it and not told yet; and the last that had to make room.
  std::size_t slow_ = 0, overfull_ = 0, crowded_ = 0;
  std::optional<Endpoint> crowd_;
  unsigned now_ = 0;     // ticks
  bool paused_ = false;  // no connection is accepted until the next tick
  Id handled_ = 0;       // the connection whose event is being handled

  static constexpr int kEvents = 64;
  std::array<epoll_event, kEvents> events_{};
  int event_ = 0, event_count_ = 0;  // those not handled yet
  std::vector<std::unique_ptr<Batch>> idle_batches_;
  std::size_t batches_ = 0;  // all that were made

  RateLimit refused_limit_, full_limit_, held_limit_, slow_limit_, crowd_limit_, client_limit_,
      no_client_limit_;
  std::vector<RateLimit> fault_limits_;
};

}  // namespace grey
