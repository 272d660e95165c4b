// Queries that are dear to decide, one at a time and in turns.
//
// A query costs by its recipients, not by its datagram: one of 65 KB names more than all others of
// a second together. Those wait here while cheap ones are answered. Whoever sends many of them
// waits longer, and is first to lose some when there are too many; the others hardly notice.
//
// Pure: no socket, no clock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "greyd/wire/ip.h"

namespace grey {

constexpr std::size_t kCheapRecipients = 16;  // a query of more is dear, whoever asks

template <typename Item>
class Backlog {
 public:
  // `max_bytes`: of all that waits. An item counts as a 64th of it at least, so there are no more.
  explicit Backlog(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // Whether there is room for an item of so many bytes of `source` (who asks) about `client` (whom
  // it asks about); if so, add() must follow. What takes most makes room: of the source that has
  // most the client that has most, and of that the last to come, which may be this one.
  bool make_room(const Ip& source, std::string_view client, std::size_t bytes);
  // Strong exception guarantee.
  void add(const Ip& source, std::string_view client, std::size_t bytes, Item&& item);
  // The next one; nothing when none waits. Each client of each source has its turn.
  std::optional<Item> take();

  bool empty() const { return waiting_.empty(); }
  // How many had to make room, or found none, in all.
  std::uint64_t dropped() const { return dropped_; }

 private:
  struct Waiting {
    Ip source;
    std::string client;
    std::size_t bytes;
    std::uint64_t turn;
    Item item;
  };
  using List = std::list<Waiting>;

  std::size_t cost_of(std::size_t bytes) const { return std::max(bytes, max_bytes_ / 64); }
  // What waits of a source, or of one client of it.
  std::size_t bytes_of(const Ip& source, std::optional<std::string_view> client) const;

  std::size_t max_bytes_, bytes_ = 0;
  List waiting_;  // in the order of their coming: some dozens at most
  std::uint64_t turn_ = 0;
  std::uint64_t dropped_ = 0;
};

template <typename Item>
std::size_t Backlog<Item>::bytes_of(const Ip& source,
                                    std::optional<std::string_view> client) const {
  std::size_t bytes = 0;
  for (const Waiting& one : waiting_) {
    if (one.source == source && (!client || one.client == *client)) bytes += one.bytes;
  }
  return bytes;
}

template <typename Item>
bool Backlog<Item>::make_room(const Ip& source, std::string_view client, std::size_t bytes) {
  const std::size_t cost = cost_of(bytes);
  while (bytes_ + cost > max_bytes_) {
    ++dropped_;
    std::pair worst(bytes_of(source, {}) + cost, bytes_of(source, client) + cost);
    auto goes = waiting_.end();  // this one
    for (auto one = waiting_.begin(); one != waiting_.end(); ++one) {
      const bool same_source = one->source == source;
      const bool same_client = same_source && one->client == client;
      const std::pair takes(bytes_of(one->source, {}) + (same_source ? cost : 0),
                            bytes_of(one->source, one->client) + (same_client ? cost : 0));
      if (takes < worst || (takes == worst && goes == waiting_.end())) continue;
      worst = takes;
      goes = one;
    }
    if (goes == waiting_.end()) return false;
    bytes_ -= goes->bytes;
    waiting_.erase(goes);
  }
  return true;
}

template <typename Item>
void Backlog<Item>::add(const Ip& source, std::string_view client, std::size_t bytes, Item&& item) {
  // One turn after the last of the same asker and client, as if each had a queue of its own.
  std::uint64_t turn = turn_;
  for (const Waiting& one : waiting_) {
    if (one.source == source && one.client == client) turn = one.turn;
  }
  waiting_.push_back({source, std::string(client), cost_of(bytes), turn + 1, std::move(item)});
  bytes_ += waiting_.back().bytes;
}

template <typename Item>
std::optional<Item> Backlog<Item>::take() {
  auto next = waiting_.begin();
  for (auto one = waiting_.begin(); one != waiting_.end(); ++one) {
    if (one->turn < next->turn) next = one;
  }
  if (next == waiting_.end()) return std::nullopt;
  std::optional<Item> item(std::move(next->item));
  turn_ = next->turn;
  bytes_ -= next->bytes;
  waiting_.erase(next);
  return item;
}

}  // namespace grey
