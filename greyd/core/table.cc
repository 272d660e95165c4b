#include "greyd/core/table.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>
#include <utility>

#include "greyd/core/key.h"

namespace grey {
namespace {
// Address space that a save can have where the system has no more: what waits for look-ups, and the
// text of a save, come to some more than a chunk.
constexpr std::size_t kSpare = std::size_t{3} << 20;
}  // namespace

namespace {

std::size_t units_for(std::size_t bytes) {
  return (bytes + 7) / 8;
}

constexpr std::size_t kTripletPart = 16;  // of the records, that no client takes
constexpr std::size_t kSentPart = 8;      // that what was sent may take
static_assert(Shares::kUnit == Table::kBytesPerRecord);

}  // namespace

Table::Table(std::size_t max_records, const HashKey& hash_key)
    : max_records_(std::max<std::size_t>(max_records, 1)),
      hash_key_(hash_key),
      // As many chunks as a Ref can name, at most.
      max_chunks_(std::clamp<std::size_t>(max_records_ * kBytesPerRecord / kChunk, 1,
                                          (std::size_t{1} << 32) / kUnitsPerChunk - 1)),
      client_room_(max_records_ - std::max<std::size_t>(max_records_ / kTripletPart, 1)),
      sent_room_(max_records_ / kSentPart),
      shares_(max_records_, client_room_, sent_room_, hash_key) {
  buckets_.push_back(std::make_unique<Bucket>());
  directory_.push_back(buckets_.back().get());
}

// ---- records -----------------------------------------------------------------------------------

// Octets behind a key of that beginning.
std::size_t Table::cells_behind(std::string_view key) {
  return is_pool_key(key) ? sizeof(Shares::Cells) : 0;
}

std::string_view Table::key_of(const Record* record) const {
  const std::string_view octets(reinterpret_cast<const char*>(record) + kHeader, record->key_size);
  return octets.substr(0, octets.size() - cells_behind(octets));
}

RecordView Table::view(Ref ref) const {
  const Record* record = at(ref);
  const RecordClass record_class = class_of(RecordOrder(record->order));
  return {key_of(record), record->seen, record_class,
          passes_in(record_class, std::uint8_t(record->passes_or_mark))};
}

std::size_t Table::units_of(const Record* record) {
  return units_for(kHeader + record->key_size);
}

Table::Ref Table::allocate(std::size_t units) {
  for (;;) {
    if (free_[units] != 0) return take_free(units, units);
    // What would be left must be nothing or a block: less than its header is neither.
    if (bump_ + units == bump_end_ || bump_ + units + kMinUnits <= bump_end_) {
      bump_ += Ref(units);
      return bump_ - Ref(units);
    }
    for (std::size_t size = units + kMinUnits; size <= kMaxUnits; ++size) {
      if (free_[size] != 0) return take_free(size, units);
    }
    if (add_chunk() || evict_over_share(units)) continue;
    reclaim_chunk();
  }
}

// The first `units` of the first free block of that size; the rest stays free.
Table::Ref Table::take_free(std::size_t size, std::size_t units) {
  const Ref ref = free_[size];
  remove_free(ref);
  if (size != units) release(ref + Ref(units), size - units);
  return ref;
}

void Table::release(Ref ref, std::size_t units) {
  assert(units >= kMinUnits && units <= kMaxUnits);
  Record* block = at(ref);
  block->order = kFree;
  block->key_size = std::uint32_t(units * kUnit - kHeader) & kMaxKeySize;
  block->prev = 0;
  block->next = free_[units];
  if (block->next != 0) at(block->next)->prev = ref;
  free_[units] = ref;
}

void Table::remove_free(Ref ref) {
  const Record* block = at(ref);
  (block->prev != 0 ? at(block->prev)->next : free_[units_of(block)]) = block->next;
  if (block->next != 0) at(block->next)->prev = block->prev;
}

// Makes free blocks of what is left to allocate from, which is then empty.
void Table::give_back_bump() {
  while (bump_ < bump_end_) {
    std::size_t units = std::min<std::size_t>(bump_end_ - bump_, kMaxUnits);
    const std::size_t rest = bump_end_ - bump_ - units;
    if (rest > 0 && rest < kMinUnits) units -= kMinUnits;
    release(bump_, units);
    bump_ += Ref(units);
  }
}

// False when there may be no more, or the system has none.
bool Table::add_chunk() {
  if (chunks_.size() >= max_chunks_) return false;
  try {
    // for_overwrite: a chunk's pages become resident only as they are used.
    if (spare_ == nullptr) spare_ = std::make_unique_for_overwrite<std::byte[]>(kSpare);
    chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kChunk));
  } catch (const std::bad_alloc&) {
    spare_.reset();
    if (size_ == 0) throw;
    ++shortages_;
    return false;
  }
  give_back_bump();
  bump_ = Ref((chunks_.size() - 1) * kUnitsPerChunk);
  bump_end_ = bump_ + Ref(kUnitsPerChunk);
  if (bump_ == 0) bump_ = Ref(kMinUnits);  // Ref 0 names no record
  return true;
}

// Evicts all records of the lowest list from the chunk that holds the oldest of them, and moves
// the others to its beginning: the rest is to be allocated from.
void Table::reclaim_chunk() {
  if (size_ == 0) {  // nothing but free blocks that are all too small: begin anew
    chunks_.resize(1);
    free_.fill(0);
    bump_ = Ref(kMinUnits);
    bump_end_ = Ref(kUnitsPerChunk);
    return;
  }
  const RecordOrder doomed = lowest();
  give_back_bump();
  const std::size_t chunk = orders_[doomed].head / kUnitsPerChunk;
  const Ref end = Ref((chunk + 1) * kUnitsPerChunk);
  Ref to = chunk == 0 ? Ref(kMinUnits) : Ref(chunk * kUnitsPerChunk);
  for (Ref from = to; from < end;) {
    const Record* record = at(from);
    const auto units = Ref(units_of(record));
    if (record->order == kFree) {
      remove_free(from);
    } else if (record->order == doomed) {
      forget(from);
      count_eviction(doomed);
    } else {
      if (from != to) relocate(from, to);
      to += units;
    }
    from += units;
  }
  bump_ = to;
  bump_end_ = end;
}

// Moves a record down to where nothing is: its bytes, and all that names it.
void Table::relocate(Ref from, Ref to) {
  slot_of(hash(key_of(at(from))), from).ref = to;
  std::memmove(static_cast<void*>(at(to)), at(from), units_of(at(from)) * kUnit);
  const Record* record = at(to);
  List& list = orders_[record->order];
  (record->prev != 0 ? at(record->prev)->next : list.head) = to;
  (record->next != 0 ? at(record->next)->prev : list.tail) = to;
  for (Cursor* cursor : cursors_) {
    if (cursor->next_ == from) cursor->next_ = to;
    if (cursor->last_ == from) cursor->last_ = to;
  }
}

Table::Ref Table::insert(const RecordView& record, Hash key_hash, const Ip& asker,
                         const Ip& client) {
  const std::size_t behind = cells_behind(record.key);
  assert(record.key.size() + behind <= kMaxKey);
  const std::size_t octets = kHeader + record.key.size() + behind;
  evict_for(record.record_class, Shares::weight_of(octets));
  make_room(key_hash,
            record.record_class);  // this and the next line may throw; what follows may not
  const Ref ref = allocate(units_for(octets));
  Record* stored_record = at(ref);
  stored_record->seen = stored(record.seen);
  stored_record->key_size = std::uint32_t(record.key.size() + behind) & kMaxKeySize;
  stored_record->passes_or_mark = passes_in(record.record_class, record.passes);
  std::memcpy(reinterpret_cast<char*>(stored_record) + kHeader, record.key.data(),
              record.key.size());
  if (behind > 0) put_cells(stored_record, record.record_class, client);
  link(ref, take_share(stored_record, record.record_class, asker));
  index(key_hash, ref);
  ++size_;
  return ref;
}

void Table::erase(Ref ref) {
  const std::size_t units = units_of(at(ref));
  forget(ref);
  release(ref, units);
}

// All but its memory.
void Table::forget(Ref ref) {
  const Record* record = at(ref);
  give_back_share(record);
  unindex(hash(key_of(record)), ref);
  unlink(ref);
  --size_;
}

std::size_t Table::memory() const {
  return chunks_.size() * kChunk + buckets_.size() * sizeof(Bucket) +
         directory_.size() * sizeof(void*) + shares_.memory();
}

// ---- index -------------------------------------------------------------------------------------

std::uint64_t Table::wide_hash(std::string_view key) const {
  return keyed_hash(hash_key_, key);
}

std::size_t Table::directory_index(Hash hash) const {
  return directory_depth_ == 0 ? 0 : hash >> (32 - directory_depth_);
}

void Table::prefetch_bucket(Hash key_hash) const {
  __builtin_prefetch(&directory_[directory_index(key_hash)]);
}

void Table::prefetch_slot(Hash key_hash) const {
  const Bucket& bucket = bucket_of(key_hash);
  __builtin_prefetch(&bucket.slots[key_hash % kSlots]);
  __builtin_prefetch(&bucket.used);
}

bool Table::prefetch_record(Hash key_hash) const {
  const Bucket& bucket = bucket_of(key_hash);
  for (std::size_t i = key_hash % kSlots; bucket.slots[i].ref != 0; i = (i + 1) % kSlots) {
    if (bucket.slots[i].hash != key_hash) continue;
    const Record* record = at(bucket.slots[i].ref);
    __builtin_prefetch(record);
    __builtin_prefetch(reinterpret_cast<const char*>(record) + 64);  // most cross a cache line
    return true;
  }
  return false;
}

Table::Ref Table::find(std::string_view key, Hash key_hash) const {
  const Bucket& bucket = bucket_of(key_hash);
  for (std::size_t i = key_hash % kSlots; bucket.slots[i].ref != 0; i = (i + 1) % kSlots) {
    const Slot& slot = bucket.slots[i];
    if (slot.hash == key_hash && key_of(at(slot.ref)) == key) return slot.ref;
  }
  return 0;
}

// Splits the key's bucket until it has a free slot. Where there is no memory for that, one goes
// that is in it: else none could ever come there.
void Table::make_room(Hash hash, RecordClass newcomer) {
  try {
    while (bucket_of(hash).used >= kMaxFill) split(hash);
  } catch (const std::bad_alloc&) {
    spare_.reset();
    ++shortages_;
    if (!evict_from_bucket(hash, newcomer)) throw;
  }
}

// REQUIRES: make_room(hash).
void Table::index(Hash hash, Ref ref) {
  Bucket& bucket = bucket_of(hash);
  std::size_t i = hash % kSlots;
  while (bucket.slots[i].ref != 0) i = (i + 1) % kSlots;
  bucket.slots[i] = {hash, ref};
  ++bucket.used;
}

// REQUIRES: the record is indexed.
Table::Slot& Table::slot_of(Hash hash, Ref ref) {
  Bucket& bucket = bucket_of(hash);
  std::size_t i = hash % kSlots;
  while (bucket.slots[i].ref != ref) i = (i + 1) % kSlots;
  return bucket.slots[i];
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
  // First all that may throw: a failure leaves the table as it was, or with a larger directory.
  auto sibling = std::make_unique<Bucket>();
  if (buckets_.size() == buckets_.capacity()) buckets_.reserve(2 * buckets_.size());
  Bucket& full = bucket_of(hash_of_full);
  const unsigned depth = full.depth + 1;
  if (depth > directory_depth_) {
    std::vector<Bucket*> doubled(directory_.size() * 2);
    for (std::size_t i = 0; i < doubled.size(); ++i) doubled[i] = directory_[i / 2];
    directory_ = std::move(doubled);
    ++directory_depth_;
  }

  full.depth = sibling->depth = depth;
  // The directory entries of the full bucket are one run; its second half is the sibling's.
  const std::size_t run = std::size_t{1} << (directory_depth_ - depth);
  const std::size_t first = directory_index(hash_of_full) / (run * 2) * (run * 2);
  std::fill_n(directory_.begin() + std::ptrdiff_t(first + run), run, sibling.get());
  buckets_.push_back(std::move(sibling));
  const auto slots = std::exchange(full.slots, {});
  full.used = 0;
  for (const Slot& slot : slots) {
    if (slot.ref != 0) index(slot.hash, slot.ref);
  }
}

}  // namespace grey
