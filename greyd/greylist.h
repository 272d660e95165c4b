// The decision: what to answer to a query, and what to remember of it (design section 3).
//
// Pure: `now` is an argument, nothing is read, written or logged here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "greyd/address_list.h"
#include "greyd/key.h"
#include "greyd/policy.h"
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

// A record as it is saved: what a key stands for, in readable parts.
struct SavedRecord {
  RecordClass record_class = RecordClass::waiting;
  Seconds seen = 0;
  unsigned passes = 0;  // client
  Ip client;
  std::string_view sender, recipient;  // waiting, passed
};

class Greylist {
 public:
  Greylist(const Policy& policy, std::size_t max_records, const HashKey& hash_key);

  Decision decide(const wire::Query& query, const Lists& lists, Seconds now);

  // Forgets up to `limit` records whose time is over at `now`; how many. Fewer than `limit` means
  // that none is left.
  std::size_t expire(Seconds now, std::size_t limit);

  // Puts a saved record back. Keys are made anew by the present policy, so that records saved under
  // another one go on counting where they can; of two that become one, the later seen is kept.
  // False when its time is over at `now`.
  bool restore(const SavedRecord& record, Seconds now);

  // Calls visit(const SavedRecord&) for each record, oldest first within each class.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::size_t c = 0; c < kRecordClasses; ++c) {
      for (Table::Ref ref = table_.oldest(RecordClass(c)); ref != 0;
           ref = table_.next_younger(ref)) {
        if (const auto record = saved(ref)) visit(*record);
      }
    }
  }

  const Table& table() const { return table_; }
  const Policy& policy() const { return policy_; }

 private:
  std::optional<Decision> listed(const wire::Query& query, const Lists& lists) const;
  std::optional<Decision> known_client(Seconds now);
  Decision by_triplets(const wire::Query& query, const Lists& lists, Seconds now);
  Decision by_triplets_greydaemon(const wire::Query& query, Seconds now);
  Decision triplet(std::string_view recipient, bool bounce, Seconds now);
  Decision retry(Table::Ref ref, Seconds now);
  void earn_pass(Seconds now);
  void touch(Table::Ref ref, const RecordView& record, Seconds now);
  bool is_over(const RecordView& record, Seconds now) const;
  std::optional<SavedRecord> saved(Table::Ref ref) const;

  Policy policy_;
  Table table_;
  KeyBuilder keys_;
};

}  // namespace grey
