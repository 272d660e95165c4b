// A bounded memory of what happened a moment ago, by an id that cannot be guessed.
//
// Pure: `now` is an argument. Of more than `most` things the oldest are let go, and so is one that
// there is no memory for: who uses it must be right, if less good, without it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <unordered_map>
#include <vector>

#include "greyd/base/seconds.h"

namespace grey {

template <typename Value>
class Recent {
 public:
  explicit Recent(std::size_t most) : most_(most) {}

  // Replaces what is there of this id.
  void remember(std::uint64_t id, const Value& value, Seconds now) noexcept {
    try {
      if (!entries_.insert_or_assign(id, Entry{value, now}).second) return;
      if (order_.size() < most_) {
        order_.push_back(id);
        return;
      }
    } catch (const std::bad_alloc&) {
      entries_.erase(id);
      return;
    }
    entries_.erase(order_[oldest_]);
    order_[oldest_] = id;
    oldest_ = (oldest_ + 1) % most_;
  }

  // As it is here, in another.
  void copy_to(Recent& other, std::uint64_t id) const {
    const auto found = entries_.find(id);
    if (found != entries_.end()) other.remember(id, found->second.value, found->second.time);
  }

  // Valid until the next call; nothing when it is further from `now` than `life`, either way.
  const Value* find(std::uint64_t id, Seconds now, Seconds life) const {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return nullptr;
    const Seconds age = now - found->second.time;
    return age <= life && age >= -life ? &found->second.value : nullptr;
  }

 private:
  struct Entry {
    Value value;
    Seconds time;
  };
  std::size_t most_;
  std::unordered_map<std::uint64_t, Entry> entries_;
  std::vector<std::uint64_t> order_;  // of the ids in entries_, round about
  std::size_t oldest_ = 0;            // in order_, once that is full
};

}  // namespace grey
