// The decision: what to answer to a query, and what to remember of it (design section 3).
//
// Pure: `now` is an argument, nothing is read, written or logged here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/accepted_bounces.h"
#include "greyd/address_list.h"
#include "greyd/changes.h"
#include "greyd/key.h"
#include "greyd/policy.h"
#include "greyd/record_text.h"
#include "greyd/table.h"
#include "greyd/wire.h"

namespace grey {

// The operator's lists in force. Replaced whole when they are reloaded.
struct Lists {
  AddressList whitelist;
  AddressList blacklist;
};

struct Decision {
  wire::Reason reason = wire::Reason::error;
  // Seconds since the triplet that decided was first seen (new, early, stale, passed, bounce), or
  // since it or the client was last seen (known). 0 for the lists.
  Seconds age = 0;
};

// How long until a retry is not early: of the triplet that decided. Nothing where no retry helps,
// or nobody knows which.
std::optional<Seconds> wait_of(const Decision& decision, Seconds min_resend);

class Greylist {
 public:
  Greylist(const Policy& policy, std::size_t max_records, const HashKey& hash_key);

  // Decides `batch` in its order; decisions[i] is that of batch[i]. Together they cost less than
  // one by one: the memory that all of them need is fetched at once.
  // REQUIRES: decisions.size() >= batch.size().
  void decide(std::span<const wire::Query> batch, const Lists& lists, Seconds now,
              std::span<Decision> decisions);
  Decision decide(const wire::Query& query, const Lists& lists, Seconds now) {
    Decision decision;
    decide({&query, 1}, lists, now, {&decision, 1});
    return decision;
  }

  // Forgets up to `limit` records whose time is over at `now`; how many. Fewer than `limit` means
  // that none is left.
  std::size_t expire(Seconds now, std::size_t limit);

  // From now on `changes` is told of every change of a record, but for expiry and eviction, which
  // lose nothing that counts, and but for repeats within a thousandth of the timeout, which would
  // flood it. nullptr ends that.
  void note_changes_in(Changes* changes) { changes_ = changes; }

  // Puts a saved record back. Keys are made anew by the present policy, so that records saved under
  // another one go on counting where they can; of two that become one, the later seen is kept.
  // False when its time is over at `now`.
  bool restore(const SavedRecord& record, Seconds now);
  // The same for many: what a record needs of the table is fetched while the next ones are read, so
  // each is put back some calls later, in order, and the last ones by restore_pending(). Until that
  // nothing else is to be called.
  bool restore_later(const SavedRecord& record, Seconds now);
  void restore_pending();
  // After records were restored in no order: expiry and eviction need the oldest first.
  void sort_by_age() { table_.sort_by_age(); }
  // Does what a noted change says: the record is as it says from then on, or is forgotten.
  void replay(const SavedRecord& change, Seconds now);

  // Calls visit(const SavedRecord&) for each record, oldest first within each class.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::size_t c = 0; c < kRecordClasses; ++c) {
      for (Table::Ref ref = table_.oldest(RecordClass(c)); ref != 0;
           ref = table_.next_younger(ref)) {
        if (const auto record = to_saved(table_.view(ref))) visit(*record);
      }
    }
  }

  // The same in slices, while decisions go on: visits up to `limit` records; false after the last.
  // Records that change in the meantime may be left out, or be visited as they were: with the
  // changes noted since start_walk() the state is whole.
  void start_walk() { table_.start_walk(); }
  template <typename Visit>
  bool walk(std::size_t limit, Visit visit) {
    return table_.walk(limit, [&](const RecordView& view) {
      if (const auto record = to_saved(view)) visit(*record);
    });
  }

  const Table& table() const { return table_; }
  const Policy& policy() const { return policy_; }

 private:
  // A query's keys and their hashes.
  struct Prepared {
    KeyBuilder keys;
    Table::Hash client_hash = 0;
    Table::Hash first_hash = 0;  // of the triplet of the first recipient
  };

  // A record on its way back.
  struct Pending {
    std::string key;
    Table::Hash hash = 0;
    RecordView view;  // of this key
  };
  static constexpr std::size_t kPending = 32;

  struct HashedKey {
    std::string_view key;
    Table::Hash hash;
  };

  HashedKey triplet_key(std::string_view recipient, bool first);
  void prepare(std::span<const wire::Query> batch, const Lists& lists);
  Decision decide_one(const wire::Query& query, const Lists& lists, Seconds now);
  std::optional<Decision> listed(const wire::Query& query, const Lists& lists) const;
  std::optional<Decision> known_client(Seconds now);
  Decision by_triplets(const wire::Query& query, const Lists& lists, Seconds now);
  Decision by_triplets_greydaemon(const wire::Query& query, Seconds now);
  std::optional<Decision> triplet(const HashedKey& key, bool bounce, Seconds now);
  void forget_bounces(const wire::Query& query, Seconds now);
  Decision retry(Table::Ref ref, Seconds now);
  void earn_pass(Seconds now);
  void touch(Table::Ref ref, const RecordView& record, Seconds now);
  bool is_over(const RecordView& record, Seconds now) const;
  std::string_view key_of(const SavedRecord& record);
  RecordView view_of(const SavedRecord& record, Seconds now);
  void put_back(const RecordView& view, Table::Hash key_hash);
  void insert(const RecordView& record, Table::Hash key_hash);
  void update(Table::Ref ref, RecordClass record_class, Seconds seen, std::uint8_t passes);
  void note(Table::Ref ref, Change change);

  Policy policy_;
  Table table_;
  KeyBuilder restored_keys_;      // of records that come from a file
  std::vector<Pending> pending_;  // a ring, the oldest at pending_begin_
  std::size_t pending_begin_ = 0, pending_count_ = 0;
  std::vector<Prepared> prepared_;  // of the batch being decided
  Prepared* now_deciding_ = nullptr;
  Changes* changes_ = nullptr;
  AcceptedBounces accepted_bounces_;
  // Marks the waiting triplets that a query has stored or started anew, in their passes byte, so
  // that a recipient named twice in it counts once.
  std::uint8_t query_mark_ = 0;
};

}  // namespace grey
