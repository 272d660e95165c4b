// Those who watch decisions as they are made.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>

#include "greyd/core/decision.h"
#include "greyd/core/record_filter.h"
#include "greyd/net/stream_protocol.h"
#include "greyd/wire/wire.h"

namespace grey {

class Watchers {
 public:
  // What a reader may leave unread: decisions beyond are counted, and told as {"lost":N} when there
  // is room.
  static constexpr std::size_t kMaxUnread = 128 * 1024;  // bytes

  // Where a watcher's lines go, nullptr when it has gone; and that something stands there.
  using Out = std::function<std::string*(StreamId)>;
  using Written = std::function<void(StreamId)>;
  Watchers(Out out, Written written) : out_(std::move(out)), written_(std::move(written)) {}

  void add(StreamId id, RecordFilter filter) { watchers_[id] = {std::move(filter), 0}; }
  void remove(StreamId id) { watchers_.erase(id); }
  bool empty() const { return watchers_.empty(); }

  void tell(std::span<const wire::Query> batch, std::span<const Decided> decisions, Seconds now);

 private:
  struct Watcher {
    RecordFilter filter;
    std::size_t lost = 0;
  };

  Out out_;
  Written written_;
  std::map<StreamId, Watcher> watchers_;
};

}  // namespace grey
