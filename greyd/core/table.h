// The store: opaque keys with a time stamp, in bounded memory, in order of age.
//
// Layout, and why:
// - Records lie in 1 MiB chunks, 8-byte aligned, and are named by a 32-bit number of 8-byte units
//   (so 32 GiB at most). Freed records go to a free list of their size and are used again, whole or
//   cut. When the bytes allowed are used up and no free block fits, the chunk of the oldest record
//   is cleared of its class and compacted, so that no mix of sizes can grow the table.
// - The index is an extendible hash: a directory of buckets of 512 slots. A full bucket splits in
//   two; nothing else moves, so no insertion pays for a rehash of the whole table. The directory
//   alone doubles as a whole, and is small: 4 bytes for about 300 records.
// - Keys come from outside, so they are hashed with SipHash under a secret key and compared whole.
// - Every record is in one of ten lists, in the order in which they were put there: waiting
//   triplets, accepted bounces, clients that have written to traps, passed triplets, known clients,
//   what was sent, each twice, for what is within the shares of whoever holds it and for what is
//   over them (shares.h). That is the order of their stamps too, unless the clock was set: each
//   list counts how often it was not. Eviction takes from the heads, and so never searches; nor
//   does expiry, where the order holds.
// - What is evicted for a triplet: triplets over the shares, then within, each in the order of the
//   classes, with what was sent before those that have passed; who has written to a trap counts as
//   one here. A client goes for clients only, as a sixteenth of the records is left to triplets; or
//   where there is no triplet to go, as the system has no memory. What is sent has an eighth of the
//   records, and goes for itself beyond that.
// - Whether a record is within is said when it comes. Later it may come within, when it is updated
//   and there is room now; it is never put out.
//
// Reads no clock, does no IO, does not log. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "greyd/base/hash_key.h"
#include "greyd/core/record_state.h"
#include "greyd/core/shares.h"

namespace grey {

// A record; see RecordState. Of `seen` the table keeps 32 unsigned bits.
struct RecordView {
  std::string_view key;  // valid until the next insert or erase
  Seconds seen = 0;
  RecordClass record_class = RecordClass::waiting;
  std::uint8_t passes = 0;

  RecordState state() const { return {record_class, seen, passes}; }
};

// A list of records: their class, and whether they are over the shares.
using RecordOrder = std::uint8_t;
constexpr std::size_t kOrders = 2 * kRecordClasses;
constexpr RecordOrder order_of(RecordClass record_class, bool over) {
  return RecordOrder(std::size_t(record_class) + (over ? kRecordClasses : 0));
}
constexpr RecordClass class_of(RecordOrder order) {
  return RecordClass(order % kRecordClasses);
}
constexpr bool is_over_share(RecordOrder order) {
  return order >= kRecordClasses;
}

class Table {
 public:
  // Names a record; 0 names none. Valid until that record is erased, or another is inserted.
  using Ref = std::uint32_t;
  static constexpr std::size_t kMaxKey = 1023;  // bytes

  // At `max_records` (at least 1) an insertion evicts another record, see above. All records
  // together take at most kBytesPerRecord for each that is allowed (and 1 MiB at least).
  static constexpr std::size_t kBytesPerRecord = 128;
  Table(std::size_t max_records, const HashKey& hash_key);

  // The top bits of a hash choose the bucket, its low bits the place in the bucket. A slot keeps
  // the whole of it, so that a split touches no record. 32 bits serve 2^23 buckets, which is more
  // than 32 GiB of records can fill.
  using Hash = std::uint32_t;
  Hash hash(std::string_view key) const { return Hash(wide_hash(key)); }
  const HashKey& hash_key() const { return hash_key_; }
  std::uint64_t wide_hash(std::string_view key) const;  // no two keys in reach have the same

  // `key_hash` is always hash(key): who looks up many hashes them first, calls prefetch_bucket()
  // for each, then prefetch_slot(), then prefetch_record(), and finds their memory waiting in the
  // cache.
  Ref find(std::string_view key, Hash key_hash) const;
  Ref find(std::string_view key) const { return find(key, hash(key)); }
  void prefetch_bucket(Hash key_hash) const;
  void prefetch_slot(Hash key_hash) const;
  // Whether there is one of that hash.
  bool prefetch_record(Hash key_hash) const;
  // REQUIRES: no record of this key, key.size() <= kMaxKey. May evict other records. Throws
  // std::bad_alloc, with no record changed, when there is no memory for the index.
  // `asker`: the host that asks, whose share it comes to; Ip() where there is none. `client`: of a
  // pool's record, to the share of whose network it comes; Ip() where nobody knows.
  Ref insert(const RecordView& record, Hash key_hash, const Ip& asker = Ip(),
             const Ip& client = Ip());
  Ref insert(const RecordView& record) { return insert(record, hash(record.key)); }
  // Gives the record a new class, stamp and passes, and puts it at the young end of its list. What
  // was over the shares and has room in them now comes to those of `asker`.
  void update(Ref ref, RecordClass record_class, Seconds seen, std::uint8_t passes,
              const Ip& asker = Ip());
  // Changes the stamp alone; its place among the old and young stays.
  void set_seen(Ref ref, Seconds seen);
  // An octet that may be noted with a record that waits, and is gone when it is updated: 0 at
  // first. REQUIRES: of the class waiting.
  void set_mark(Ref ref, std::uint8_t mark) { at(ref)->passes_or_mark = mark; }
  std::uint8_t mark(Ref ref) const { return std::uint8_t(at(ref)->passes_or_mark); }
  void erase(Ref ref);

  // Puts each list in order of its stamps; those of one second keep theirs. Slow: for a start. A
  // cursor in the midst of a list begins it again, so that it misses none.
  void sort_by_age();

  RecordView view(Ref ref) const;
  RecordOrder order(Ref ref) const { return RecordOrder(at(ref)->order); }
  Ref oldest(RecordOrder order) const { return orders_[order].head; }
  Ref oldest(RecordClass record_class) const { return oldest(order_of(record_class, false)); }
  Ref next_younger(Ref ref) const { return at(ref)->next; }  // of its list

  // How often a record came into this list behind a younger one, as the clock was set back or as
  // it was restored so.
  std::uint64_t disorders(RecordOrder order) const { return orders_[order].disorders; }

  // A way through all records: list by list, what is within the shares first, so that what is
  // restored in that order finds the same room, and in each from its oldest. It may
  // pause while the table changes: each record that is neither erased nor updated in the meantime
  // is visited once; others may or may not be. Any number of cursors at a time. The table must
  // outlive its cursors. Records that go to the young end meanwhile must not keep it going for
  // ever, nor take the turn of others: of each list it ends with the record that was the youngest
  // when it came to it. After sort_by_age() in the meantime a record may be visited twice.
  //
  // One that is `following` ends with the youngest there is then, after twice as many as there were
  // at most: what is updated it may visit twice, and misses only what goes to a list that is done.
  //
  // One `from_young` goes the other way, from the youngest that there was of each list.
  enum class Way : std::uint8_t { from_old, following, from_young };

  class Cursor {
   public:
    explicit Cursor(Table& table, Way way = Way::from_old);  // at the end
    ~Cursor();
    Cursor(const Cursor&) = delete;
    Cursor& operator=(const Cursor&) = delete;

    void start();
    Ref next();        // the record it is at; 0 at the end
    void step();       // moves on from there. REQUIRES: next() is not 0.
    void skip_list();  // moves on to the next list
    // Calls visit(const RecordView&) for up to `limit` records. False when it is at the end.
    template <typename Visit>
    bool walk(std::size_t limit, Visit visit) {
      while (limit-- > 0) {
        const Ref ref = next();
        if (ref == 0) return false;
        step();
        visit(std::as_const(table_).view(ref));
      }
      return next() != 0;
    }

   private:
    friend class Table;
    void start_list();

    Table& table_;
    std::size_t order_ = kOrders;
    Ref next_ = 0;  // 0: the list is done
    Ref last_ = 0;  // of the list, at next_ or younger; of no use from_young
    const Way way_;
    std::size_t left_ = 0;  // of the list, where it is following
  };

  std::size_t size() const { return size_; }
  std::size_t count(RecordClass c) const {
    return orders_[order_of(c, false)].count + orders_[order_of(c, true)].count;
  }
  std::size_t over_share() const;  // records
  std::uint64_t evictions() const { return evictions_; }
  std::uint64_t evictions_over_share() const { return evictions_over_share_; }  // of these
  // Times that the system had no memory for more records: others go for them, below max_records.
  std::uint64_t shortages() const { return shortages_; }
  // Others need memory, and there is none: what is kept for them is theirs.
  void give_up_spare() noexcept { spare_.reset(); }
  const Shares& shares() const { return shares_; }
  std::size_t memory() const;  // bytes held for records and index

 private:
  // A record's bytes: this header, then the key, then of a pool's record the cells of the network
  // that it counts to (shares.h), which are in key_size, too. A free block is a header, too: linked
  // in its free list, in the order kFree, and with a key_size that makes up its length.
  struct Record {
    std::uint32_t next;
    std::uint32_t prev;
    std::uint32_t seen;
    std::uint32_t key_size : 11;
    std::uint32_t order : 5;
    std::uint32_t asker : 8;           // whose share it is in, if it is within
    std::uint32_t passes_or_mark : 8;  // of a client, or set_mark()
  };
  static constexpr std::size_t kHeader = sizeof(Record);
  static_assert(kHeader == 16);
  static constexpr std::size_t kUnit = 8;
  static constexpr std::size_t kChunk = std::size_t{1} << 20;
  static constexpr std::size_t kUnitsPerChunk = kChunk / kUnit;
  static constexpr std::uint32_t kFree = 0x1f;
  static constexpr std::uint32_t kMaxKeySize = 0x7ff;        // that fits, of a free block
  static constexpr std::size_t kMinUnits = kHeader / kUnit;  // of any block
  static constexpr std::size_t kMaxUnits = (kHeader + kMaxKey + kUnit - 1) / kUnit;

  struct Slot {
    Hash hash;
    Ref ref;  // 0: empty
  };
  static constexpr std::size_t kSlots = 512;
  static constexpr std::size_t kMaxFill = 432;
  struct Bucket {
    std::array<Slot, kSlots> slots{};
    std::uint32_t used = 0;
    std::uint32_t depth = 0;  // how many top bits of the hash its records have in common
  };
  struct List {
    Ref head = 0, tail = 0;
    std::size_t count = 0;
    std::uint64_t disorders = 0;
  };

  Record* at(Ref ref) const {
    return reinterpret_cast<Record*>(chunks_[ref / kUnitsPerChunk].get() +
                                     ref % kUnitsPerChunk * kUnit);
  }
  static std::size_t cells_behind(std::string_view key);
  std::string_view key_of(const Record* record) const;
  static std::uint32_t stored(Seconds seen);
  static std::uint8_t passes_in(RecordClass record_class, std::uint8_t octet);
  std::size_t directory_index(Hash hash) const;
  Bucket& bucket_of(Hash hash) const { return *directory_[directory_index(hash)]; }
  void index(Hash hash, Ref ref);
  void unindex(Hash hash, Ref ref);
  void make_room(Hash hash, RecordClass newcomer);
  void split(Hash hash);
  Slot& slot_of(Hash hash, Ref ref);
  static std::size_t units_of(const Record* record);
  Ref allocate(std::size_t units);
  Ref take_free(std::size_t size, std::size_t units);
  bool add_chunk();
  void reclaim_chunk();
  void relocate(Ref from, Ref to);
  void give_back_bump();
  void release(Ref ref, std::size_t units);
  void remove_free(Ref ref);
  Shares::Load load_of(const Record* record, RecordClass record_class, Shares::Asker asker) const;
  void put_cells(Record* record, RecordClass record_class, const Ip& client);
  RecordOrder take_share(Record* record, RecordClass record_class, const Ip& asker);
  void give_back_share(const Record* record);
  void append(Ref ref, RecordOrder order);
  void link(Ref ref, RecordOrder order);
  void unlink(Ref ref);
  void forget(Ref ref);
  void count_eviction(RecordOrder order);
  RecordOrder lowest() const;
  bool evict(std::span<const RecordOrder> from);
  void evict_for(RecordClass record_class, std::uint32_t weight);
  void weigh(const Record* record, std::ptrdiff_t sign);
  bool evict_from_bucket(Hash hash, RecordClass newcomer);
  bool evict_over_share(std::size_t units);

  std::size_t max_records_;
  HashKey hash_key_;
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  // Address space without pages, kept for the others: it is given up where the system has no more,
  // so that a snapshot can be written and queries are decided.
  std::unique_ptr<std::byte[]> spare_;
  std::size_t max_chunks_;
  Ref bump_ = 0, bump_end_ = 0;  // in no record or free block: none, or kMinUnits at least
  std::array<Ref, kMaxUnits + 1> free_{};
  std::vector<std::unique_ptr<Bucket>> buckets_;
  std::vector<Bucket*> directory_;  // 2^directory_depth_ of them, a bucket in as many as it spans
  unsigned directory_depth_ = 0;
  std::array<List, kOrders> orders_{};
  std::size_t client_room_;  // units of Shares that clients may weigh
  std::size_t client_weight_ = 0;
  std::size_t sent_room_, sent_weight_ = 0;  // likewise, of what was sent
  Shares shares_;
  std::size_t size_ = 0;
  std::uint64_t evictions_ = 0, evictions_over_share_ = 0, shortages_ = 0;
  std::vector<Cursor*> cursors_;  // whose places are kept in order
};

}  // namespace grey
