#include "greyd/net/stream_connections.h"

#include <algorithm>
#include <iterator>

namespace grey {
namespace {

using Connection = StreamConnections::Connection;
using Source = StreamConnections::Source;
using List = StreamConnections::List;

constexpr std::size_t kLookedAt = 64;    // sources, of those that have as much as each other
constexpr unsigned kNetworkOfHost = 64;  // bits of an IPv6 address

// The first that waits for no answer of ours and is not `except`.
Connection* first_of(List& list, const Connection* except) {
  const auto goes = [&](const Connection& connection) {
    return connection.due == 0 && &connection != except;
  };
  const auto at = std::ranges::find_if(list, goes);
  return at == list.end() ? nullptr : &*at;
}

Connection* oldest_of(Source& source, const Connection* except) {
  Connection* const idle = first_of(source.idle, except);
  Connection* const busy = first_of(source.busy, except);
  if (idle == nullptr || busy == nullptr) return idle != nullptr ? idle : busy;
  return busy->since < idle->since ? busy : idle;
}

}  // namespace

StreamSourceKey StreamSourceKey::of_address(const Ip& address) {
  return {std::nullopt, address.is_v4() ? address : address.network(kNetworkOfHost)};
}

bool StreamConnections::overfull() const {
  const std::size_t sources = sources_.size();
  return by_id_.size() + sources - std::min(sources, free_sources(most_)) > most_;
}

// ---- they come and go --------------------------------------------------------------------------

Source* StreamConnections::source_of(const StreamSourceKey& key) {
  if (const auto at = sources_.find(key); at != sources_.end()) return &at->second;
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  const Id id = next_id_++;
  epoll_event event{EPOLLIN, {.u64 = id}};
  if (!epoll || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, epoll.get(), &event) != 0) return nullptr;
  Source* const source = &sources_[key];
  source->key = key;
  source->id = id;
  source->epoll = std::move(epoll);
  try {
    sources_by_id_.emplace(id, source);
    by_count_.emplace(0, source);
    by_held_.emplace(0, source);
  } catch (...) {
    remove_if_empty(*source);
    throw;
  }
  return source;
}

void StreamConnections::remove_if_empty(Source& source) {
  if (source.count > 0) return;
  by_count_.erase({source.count, &source});
  by_held_.erase({source.held, &source});
  sources_by_id_.erase(source.id);
  sources_.erase(StreamSourceKey(source.key));
}

Connection* StreamConnections::add(Id id, Fd fd, const std::optional<Endpoint>& peer,
                                   const StreamSourceKey& key, unsigned now) {
  Source* const source = source_of(key);
  if (source == nullptr) return nullptr;
  epoll_event event{EPOLLIN, {.u64 = id}};
  bool listed = false;
  try {
    if (::epoll_ctl(source->epoll.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
      remove_if_empty(*source);
      return nullptr;
    }
    source->idle.emplace_back();
    listed = true;
    by_id_.emplace(id, std::prev(source->idle.end()));
  } catch (...) {
    if (listed) source->idle.pop_back();
    remove_if_empty(*source);
    throw;
  }
  Connection& connection = source->idle.back();
  connection.id = id;
  connection.fd = std::move(fd);
  connection.peer = peer;
  connection.since = now;
  connection.watched = EPOLLIN;
  connection.source = source;
  rank(by_count_, source, source->count, source->count + 1);
  ++source->count;
  return &connection;
}

Connection* StreamConnections::find(Id id) {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : &*at->second;
}

Source* StreamConnections::find_source(Id id) {
  const auto at = sources_by_id_.find(id);
  return at == sources_by_id_.end() ? nullptr : at->second;
}

void StreamConnections::close(Connection& connection) {
  set_held(connection, 0);
  Source* const source = connection.source;
  const auto at = by_id_.find(connection.id);
  const List::iterator place = at->second;
  by_id_.erase(at);
  dead_.splice(dead_.end(), place->busy ? source->busy : source->idle, place);
  connection.fd.reset();
  connection.closed = true;
  connection.source = nullptr;
  rank(by_count_, source, source->count, source->count - 1);
  --source->count;
  remove_if_empty(*source);
}

// ---- their state -------------------------------------------------------------------------------

void StreamConnections::move(Connection& connection, bool busy, unsigned now) {
  List& from = connection.busy ? connection.source->busy : connection.source->idle;
  List& to = busy ? connection.source->busy : connection.source->idle;
  to.splice(to.end(), from, by_id_.find(connection.id)->second);
  connection.busy = busy;
  connection.since = now;
}

void StreamConnections::watch(Connection& connection, std::uint32_t events) {
  if (events == connection.watched) return;
  epoll_event event{events, {.u64 = connection.id}};
  ::epoll_ctl(connection.source->epoll.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
  connection.watched = events;
}

void StreamConnections::set_held(Connection& connection, std::size_t bytes) {
  if (bytes == connection.held) return;
  Source* const source = connection.source;
  const std::size_t now = source->held - connection.held + bytes;
  rank(by_held_, source, source->held, now);
  held_ += bytes - connection.held;
  source->held = now;
  connection.held = bytes;
}

// No allocation, so that it cannot fail.
void StreamConnections::rank(Ranking& ranking, Source* source, std::size_t from, std::size_t to) {
  auto node = ranking.extract({from, source});
  node.value().first = to;
  ranking.insert(std::move(node));
}

// ---- who goes ----------------------------------------------------------------------------------

Connection* StreamConnections::to_make_room(const Connection* newcomer) {
  if (by_count_.empty()) return nullptr;
  if (newcomer != nullptr && newcomer->source->count == by_count_.rbegin()->first) {
    if (Connection* goes = oldest_of(*newcomer->source, newcomer)) return goes;
  }
  // Where there are more sources than room even one is more than a share: then the one that has
  // waited longest goes, of some, and not who has come last.
  const std::size_t room = by_id_.size() - (overfull() ? 1 : 0);
  Connection* goes = nullptr;
  std::size_t looked_at = 0;
  for (auto at = by_count_.rbegin(); at != by_count_.rend() && looked_at < kLookedAt; ++at) {
    if (goes != nullptr && at->first < goes->source->count) break;
    // Who has no more than its share need not go because others' answers take long.
    const bool in_share = at->first * sources_.size() <= room;
    if (in_share && at != by_count_.rbegin()) break;
    Connection* const oldest = oldest_of(*at->second, newcomer);
    if (oldest == nullptr) continue;
    ++looked_at;
    const auto rank_of = [](const Connection& c) { return std::pair(c.since, c.id); };
    if (goes == nullptr || rank_of(*oldest) < rank_of(*goes)) goes = oldest;
  }
  return goes;
}

Connection* StreamConnections::to_free_memory() {
  for (auto at = by_held_.rbegin(); at != by_held_.rend() && at->first > 0; ++at) {
    if (Connection* goes = first_of(at->second->busy, nullptr)) return goes;
    if (Connection* goes = first_of(at->second->idle, nullptr)) return goes;
  }
  return nullptr;
}

std::vector<StreamConnections::Id> StreamConnections::expired(bool busy, unsigned ticks,
                                                              unsigned now,
                                                              std::size_t most) const {
  std::vector<Id> ids;
  for (const auto& [key, source] : sources_) {
    for (const Connection& connection : busy ? source.busy : source.idle) {
      if (now - connection.since < ticks) break;
      if (ids.size() == most) return ids;
      ids.push_back(connection.id);
    }
  }
  return ids;
}

}  // namespace grey
