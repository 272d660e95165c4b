// The batches of a front: made when they are needed, kept, and bounded in number. So memory is,
// when decisions come late.
//
//   idle --take()--> held --send_off()--> in flight --take_back()--> idle
//                     `------- (the holder lets go) ----------------'
//
// Ticks are the front's, one a second.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace grey {

template <typename Batch>
class BatchPool {
 public:
  explicit BatchPool(std::size_t most) : most_(most) { slots_.reserve(most); }
  BatchPool(const BatchPool&) = delete;
  BatchPool& operator=(const BatchPool&) = delete;

  struct LetGo {
    BatchPool* pool;
    void operator()(Batch* batch) const noexcept { pool->take_back(*batch); }
  };
  using Held = std::unique_ptr<Batch, LetGo>;

  // One that nobody has; null when all `most` are held or in flight. The pool must outlive it.
  Held take() {
    for (Slot& slot : slots_) {
      if (!slot.idle) continue;
      slot.idle = false;
      ++out_;
      return Held(slot.batch.get(), LetGo{this});
    }
    if (slots_.size() == most_) return Held(nullptr, LetGo{this});
    slots_.push_back({std::make_unique<Batch>(), false, false, 0});
    ++out_;
    return Held(slots_.back().batch.get(), LetGo{this});
  }
  // How many take() would give.
  std::size_t left() const { return most_ - out_; }

  // It is its decider's now, from this tick on, until take_back().
  Batch& send_off(Held held, unsigned tick) noexcept {
    Batch& batch = *held.release();
    Slot& slot = slot_of(batch);
    slot.in_flight = true;
    slot.since = tick;
    return batch;
  }
  // Never fails.
  void take_back(Batch& batch) noexcept {
    Slot& slot = slot_of(batch);
    slot.in_flight = false;
    slot.idle = true;
    --out_;
  }
  // One that has been in flight for so many ticks; nullptr when none has.
  Batch* overdue(unsigned tick, unsigned ticks) {
    for (Slot& slot : slots_) {
      if (slot.in_flight && tick - slot.since >= ticks) return slot.batch.get();
    }
    return nullptr;
  }

 private:
  struct Slot {
    std::unique_ptr<Batch> batch;
    bool idle = true, in_flight = false;
    unsigned since = 0;  // the tick of send_off()
  };
  // There are a few: looking is cheaper than remembering.
  Slot& slot_of(const Batch& batch) noexcept {
    std::size_t i = 0;
    while (slots_[i].batch.get() != &batch) ++i;
    return slots_[i];
  }

  const std::size_t most_;
  std::vector<Slot> slots_;
  std::size_t out_ = 0;  // held or in flight
};

}  // namespace grey
