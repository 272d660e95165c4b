#include "greyd/table.h"

#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace grey {
namespace {

std::size_t units_for(std::size_t bytes) {
  return (bytes + 7) / 8;
}

std::uint32_t stored(Seconds seen) {
  return std::uint32_t(std::clamp<Seconds>(seen, 0, Seconds{UINT32_MAX}));
}

}  // namespace

Table::Table(std::size_t max_records, const HashKey& hash_key)
    : max_records_(std::max<std::size_t>(max_records, 1)), hash_key_(hash_key) {
  buckets_.push_back(std::make_unique<Bucket>());
  directory_.push_back(0);
}

// ---- records -----------------------------------------------------------------------------------

std::string_view Table::key_of(const Record* record) const {
  return {reinterpret_cast<const char*>(record) + kHeader, record->key_size};
}

RecordView Table::view(Ref ref) const {
  const Record* record = at(ref);
  return {key_of(record), record->seen, RecordClass(record->record_class), record->passes_or_zero};
}

Table::Ref Table::allocate(std::size_t units) {
  if (free_[units] != 0) {
    const Ref ref = free_[units];
    free_[units] = at(ref)->next;
    return ref;
  }
  if (bump_ + units > kUnitsPerChunk) {
    // for_overwrite: a chunk's pages become resident only as they are used.
    chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kChunk));
    bump_ = chunks_.size() == 1 ? 1 : 0;  // unit 0 of all stays unused: Ref 0 names no record
  }
  const Ref ref = Ref((chunks_.size() - 1) * kUnitsPerChunk + bump_);
  bump_ += units;
  return ref;
}

void Table::release(Ref ref, std::size_t units) {
  at(ref)->next = free_[units];
  free_[units] = ref;
}

Table::Ref Table::insert(const RecordView& record) {
  assert(record.key.size() <= kMaxKey);
  if (size_ >= max_records_) evict();
  const Ref ref = allocate(units_for(kHeader + record.key.size()));
  Record* stored_record = at(ref);
  stored_record->seen = stored(record.seen);
  stored_record->key_size = std::uint16_t(record.key.size());
  stored_record->passes_or_zero = record.passes;
  std::memcpy(reinterpret_cast<char*>(stored_record) + kHeader, record.key.data(),
              record.key.size());
  link(ref, record.record_class);
  index(hash(record.key), ref);
  ++size_;
  return ref;
}

void Table::update(Ref ref, RecordClass record_class, Seconds seen, std::uint8_t passes) {
  unlink(ref);
  at(ref)->seen = stored(seen);
  at(ref)->passes_or_zero = passes;
  link(ref, record_class);
}

void Table::set_seen(Ref ref, Seconds seen) {
  at(ref)->seen = stored(seen);
}

void Table::erase(Ref ref) {
  const Record* record = at(ref);
  unindex(hash(key_of(record)), ref);
  unlink(ref);
  release(ref, units_for(kHeader + record->key_size));
  --size_;
}

void Table::evict() {
  for (const Order& order : orders_) {
    if (order.head == 0) continue;
    erase(order.head);
    ++evictions_;
    return;
  }
}

std::size_t Table::memory() const {
  return chunks_.size() * kChunk + buckets_.size() * sizeof(Bucket) +
         directory_.size() * sizeof(directory_[0]);
}

// ---- order of age ------------------------------------------------------------------------------

void Table::link(Ref ref, RecordClass record_class) {
  Order& order = orders_[std::size_t(record_class)];
  Record* record = at(ref);
  record->record_class = std::uint8_t(record_class);
  record->prev = order.tail;
  record->next = 0;
  (order.tail != 0 ? at(order.tail)->next : order.head) = ref;
  order.tail = ref;
  ++order.count;
}

void Table::unlink(Ref ref) {
  if (ref == walk_.next) walk_.next = at(ref)->next;
  const Record* record = at(ref);
  Order& order = orders_[record->record_class];
  (record->prev != 0 ? at(record->prev)->next : order.head) = record->next;
  (record->next != 0 ? at(record->next)->prev : order.tail) = record->prev;
  --order.count;
}

void Table::start_walk() {
  walk_ = {0, orders_[0].head, orders_[0].count};
}

// Moves on to the next class when this one has been walked; false after the last.
bool Table::find_walk_record() {
  while (walk_.record_class < kRecordClasses) {
    if (walk_.next != 0 && walk_.left > 0) return true;
    if (++walk_.record_class == kRecordClasses) break;
    const Order& order = orders_[walk_.record_class];
    walk_.next = order.head;
    walk_.left = order.count;
  }
  walk_.next = 0;
  return false;
}

// ---- index -------------------------------------------------------------------------------------

Table::Hash Table::hash(std::string_view key) const {
  unsigned char result[crypto_shorthash_BYTES];
  crypto_shorthash(result, reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                   hash_key_.data());
  Hash hash;
  std::memcpy(&hash, result, sizeof hash);
  return hash;
}

std::size_t Table::directory_index(Hash hash) const {
  return directory_depth_ == 0 ? 0 : hash >> (32 - directory_depth_);
}

Table::Ref Table::find(std::string_view key) const {
  const Hash key_hash = hash(key);
  const Bucket& bucket = bucket_of(key_hash);
  for (std::size_t i = key_hash % kSlots; bucket.slots[i].ref != 0; i = (i + 1) % kSlots) {
    const Slot& slot = bucket.slots[i];
    if (slot.hash == key_hash && key_of(at(slot.ref)) == key) return slot.ref;
  }
  return 0;
}

void Table::index(Hash hash, Ref ref) {
  while (bucket_of(hash).used >= kMaxFill) split(hash);
  Bucket& bucket = bucket_of(hash);
  std::size_t i = hash % kSlots;
  while (bucket.slots[i].ref != 0) i = (i + 1) % kSlots;
  bucket.slots[i] = {hash, ref};
  ++bucket.used;
}

void Table::unindex(Hash hash, Ref ref) {
  Bucket& bucket = bucket_of(hash);
  std::size_t hole = hash % kSlots;
  while (bucket.slots[hole].ref != ref) hole = (hole + 1) % kSlots;
  // Close the gap, so that no search stops early: a later slot moves into the hole unless its own
  // place lies between the hole and it.
  for (std::size_t i = (hole + 1) % kSlots; bucket.slots[i].ref != 0; i = (i + 1) % kSlots) {
    const std::size_t home = bucket.slots[i].hash % kSlots;
    if ((i - home) % kSlots >= (i - hole) % kSlots) {
      bucket.slots[hole] = bucket.slots[i];
      hole = i;
    }
  }
  bucket.slots[hole] = {};
  --bucket.used;
}

void Table::split(Hash hash_of_full) {
  const std::uint32_t full = directory_[directory_index(hash_of_full)];
  if (buckets_[full]->depth == directory_depth_) {
    std::vector<std::uint32_t> doubled(directory_.size() * 2);
    for (std::size_t i = 0; i < doubled.size(); ++i) doubled[i] = directory_[i / 2];
    directory_ = std::move(doubled);
    ++directory_depth_;
  }
  const std::unique_ptr<Bucket> old = std::move(buckets_[full]);
  const std::uint32_t depth = old->depth + 1;
  const std::uint32_t sibling = std::uint32_t(buckets_.size());
  buckets_[full] = std::make_unique<Bucket>();
  buckets_.push_back(std::make_unique<Bucket>());
  buckets_[full]->depth = buckets_[sibling]->depth = depth;

  // The directory entries of the old bucket are one run; its second half is the sibling's.
  const std::size_t run = std::size_t{1} << (directory_depth_ - depth);
  const std::size_t first = directory_index(hash_of_full) / (run * 2) * (run * 2);
  std::fill_n(directory_.begin() + std::ptrdiff_t(first + run), run, sibling);

  for (const Slot& slot : old->slots) {
    if (slot.ref != 0) index(slot.hash, slot.ref);
  }
}

}  // namespace grey
