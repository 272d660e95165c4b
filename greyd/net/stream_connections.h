// Who is connected to a stream server, and who goes when there are too many or they hold too much.
//
// Honest programs and whoever keeps them from being heard come to the same socket, so that bounds
// on all together would let one take everything. What a source has is counted by source: an IPv4
// address, an IPv6 /64 (what one host can choose from), or a user of this system. When a bound is
// reached, the source that has most loses its oldest. A source that has no more than the bound
// divided by the number of sources therefore loses nothing, whatever the others do.
#pragma once

#include <sys/epoll.h>
#include <sys/types.h>

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/net/stream_protocol.h"
#include "greyd/wire/endpoint.h"

namespace grey {

// What counts as one source.
struct StreamSourceKey {
  std::optional<uid_t> user;  // of a unix socket; else the network counts
  Ip network;

  static StreamSourceKey of_user(uid_t user) { return {user, {}}; }
  static StreamSourceKey of_address(const Ip& address);
  auto operator<=>(const StreamSourceKey&) const = default;
};

class StreamConnections {
 public:
  // Of connections and sources. Never used twice, so that events and decisions of a closed
  // connection find nobody.
  using Id = StreamId;
  struct Source;

  struct Connection {
    Id id = 0;
    Fd fd;
    std::optional<Endpoint> peer;  // of a TCP connection
    std::unique_ptr<StreamTalk> talk;
    std::string out;            // answers not taken yet
    unsigned due = 0;           // answers to come
    unsigned since = 0;         // the tick at which it joined its list, or got on
    std::size_t held = 0;       // bytes of unfinished requests and unread answers
    std::size_t drained = 0;    // bytes that came behind the last that counts
    std::uint32_t watched = 0;  // epoll events
    bool busy = false;          // else idle
    bool ended = false;         // no more requests are read from it
    bool drains = false;        // its end is ours: what follows is not looked at
    bool draining = false;      // and its last answer has been sent
    bool streams = false;       // a long answer has more pieces
    bool closed = false;        // it is of the dead, see bury()
    Source* source = nullptr;
  };
  using List = std::list<Connection>;

  // What is ready of one source is behind one descriptor of its own, so that each source has its
  // turn, whatever the number of its connections.
  struct Source {
    static constexpr int kEvents = 64;

    StreamSourceKey key;
    Id id = 0;
    Fd epoll;
    std::array<epoll_event, kEvents> events{};
    int event = 0, event_count = 0;  // those not handled yet
    std::size_t count = 0;           // connections
    std::size_t held = 0;            // bytes, of all of them
    List idle, busy;                 // both in the order of `since`, the longest first
  };

  // Ids begin with `first_id`. Sources are watched in `epoll`, which must outlive it.
  StreamConnections(std::size_t most, Id first_id, int epoll)
      : most_(most), next_id_(first_id), epoll_(epoll) {}

  std::size_t size() const { return by_id_.size(); }
  std::size_t sources() const { return sources_.size(); }
  std::size_t held() const { return held_; }
  // There is one too many. (The sources' descriptors count as well, but for a few.)
  bool overfull() const;
  // The few: descriptors that a server of so many connections may have for sources besides.
  static constexpr std::size_t free_sources(std::size_t most) {
    return std::min<std::size_t>(16, 1 + most / 4);
  }
  // The most connections that so many descriptors are enough for; one at least.
  static constexpr std::size_t most_within(std::size_t descriptors) {
    std::size_t most = std::max<std::size_t>(descriptors, 17) - 16;
    for (; most + 1 + free_sources(most + 1) <= descriptors; ++most) {
    }
    return most;
  }

  Id new_id() { return next_id_++; }
  // A new one with an id of new_id(), idle. Nothing when the system has no descriptor for it.
  Connection* add(Id id, Fd fd, const std::optional<Endpoint>& peer, const StreamSourceKey& key,
                  unsigned now);
  Connection* find(Id id);
  Source* find_source(Id id);
  // Its descriptor is closed and nobody finds it any more; the object stays until bury(), for who
  // has it in hand.
  void close(Connection& connection);
  void bury() { dead_.clear(); }

  void move(Connection& connection, bool busy, unsigned now);
  void watch(Connection& connection, std::uint32_t events);
  void set_held(Connection& connection, std::size_t bytes);

  // Who is to go, of those that wait for no answer of ours; nothing when all do. `newcomer`: who
  // needs the room, if it is there already; among equals its own source gives way.
  Connection* to_make_room(const Connection* newcomer);
  Connection* to_free_memory();
  // Those that have been idle, or busy, for so many ticks; at most so many.
  std::vector<Id> expired(bool busy, unsigned ticks, unsigned now, std::size_t most) const;

 private:
  using Ranking = std::set<std::pair<std::size_t, Source*>>;  // the one with most is the last

  Source* source_of(const StreamSourceKey& key);
  static void rank(Ranking& ranking, Source* source, std::size_t from, std::size_t to);
  void remove_if_empty(Source& source);

  const std::size_t most_;
  Id next_id_;
  const int epoll_;
  std::map<StreamSourceKey, Source> sources_;
  std::unordered_map<Id, Source*> sources_by_id_;
  std::unordered_map<Id, List::iterator> by_id_;
  Ranking by_count_, by_held_;
  std::size_t held_ = 0;  // bytes, of all
  List dead_;
};

}  // namespace grey
