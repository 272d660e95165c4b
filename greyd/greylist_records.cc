// Greylist's records apart from decisions: how they go when their time is over, and how they come
// back from a file.
#include <algorithm>
#include <utility>

#include "greyd/greylist.h"

namespace grey {

// ---- expiry ------------------------------------------------------------------------------------

std::size_t Greylist::expire(Seconds now, std::size_t limit) {
  if (expiry_ != Expiry::usual) return 0;
  ExpiryPass& pass = expiry_pass_;
  if (!std::exchange(pass.running, true)) {
    expiry_cursor_.start();
    pass.record_class = kRecordClasses;
  }
  for (std::size_t done = 0; done < limit; ++done) {
    const Table::Ref ref = expiry_cursor_.next();
    if (ref == 0) {
      end_class();
      pass.running = false;
      return done;
    }
    const RecordView record = table_.view(ref);
    if (std::size_t(record.record_class) != pass.record_class) {
      end_class();
      begin_class(std::size_t(record.record_class));
    }
    if (is_over(record, now)) {
      expiry_cursor_.step();
      table_.erase(ref);
    } else if (table_.disorders(record.record_class) == settled_[pass.record_class]) {
      expiry_cursor_.skip_class();  // all that come behind are younger
      pass.record_class = kRecordClasses;
    } else {
      pass.in_order &= record.seen >= pass.last;
      pass.last = record.seen;
      expiry_cursor_.step();
    }
  }
  return limit;
}

void Greylist::begin_class(std::size_t record_class) {
  expiry_pass_.record_class = record_class;
  expiry_pass_.disorders = table_.disorders(RecordClass(record_class));
  expiry_pass_.in_order = true;
  expiry_pass_.last = 0;
}

// The pass has looked at all of a class. When it found them in order, and nothing has come out of
// order since, the next pass may stop early again.
void Greylist::end_class() {
  const ExpiryPass& pass = expiry_pass_;
  if (pass.record_class == kRecordClasses || !pass.in_order) return;
  if (table_.disorders(RecordClass(pass.record_class)) == pass.disorders) {
    settled_[pass.record_class] = pass.disorders;
  }
}

bool Greylist::has_over(Seconds then) const {
  for (std::size_t c = 0; c < kRecordClasses; ++c) {
    const Table::Ref oldest = table_.oldest(RecordClass(c));
    if (oldest != 0 && is_over(table_.view(oldest), then)) return true;
  }
  return false;
}

void Greylist::sort_by_age() {
  table_.sort_by_age();
  for (std::size_t c = 0; c < kRecordClasses; ++c) settled_[c] = table_.disorders(RecordClass(c));
}

// ---- records that come back --------------------------------------------------------------------

// Valid until the next call.
std::string_view Greylist::key_of(const SavedRecord& record) {
  restored_keys_.envelope(record.client, record.sender);
  const bool is_client = record.record_class == RecordClass::client;
  return is_client ? restored_keys_.client() : restored_keys_.triplet(record.recipient);
}

// Its key is valid until the next call.
RecordView Greylist::view_of(const SavedRecord& record) {
  latest_restored_ = std::max(latest_restored_, record.seen);
  return {key_of(record), record.seen, record.record_class,
          std::uint8_t(std::min(record.passes, 255u))};
}

bool Greylist::comes_back(const RecordView& record, Seconds now) {
  if (!is_over(record, now)) return true;
  ++over_restored_;
  return expiry_ != Expiry::usual;
}

// Of two records of one key the one that stands, as if the later had come upon the earlier.
bool Greylist::stands_before(const RecordView& next, const RecordView& stored) const {
  const bool next_is_later = next.seen >= stored.seen;
  const RecordView& earlier = next_is_later ? stored : next;
  const RecordView& later = next_is_later ? next : stored;
  if (is_over(earlier, later.seen)) return next_is_later;
  if (earlier.record_class != later.record_class) {
    return next.record_class > stored.record_class;
  }
  // Seen again within the window, it has waited since it was seen first.
  const bool begun_anew = later.seen - earlier.seen >= policy_.resend_window;
  const bool later_stands = later.record_class != RecordClass::waiting || begun_anew;
  return later_stands == next_is_later;
}

void Greylist::put_back(const RecordView& view, Table::Hash key_hash) {
  const Table::Ref ref = table_.find(view.key, key_hash);
  if (ref == 0) {
    table_.insert(view, key_hash);
  } else if (stands_before(view, table_.view(ref))) {
    table_.update(ref, view.record_class, view.seen, view.passes);
  }
}

bool Greylist::restore(const SavedRecord& record, Seconds now) {
  const RecordView view = view_of(record);
  if (!comes_back(view, now)) return false;
  put_back(view, table_.hash(view.key));
  return true;
}

bool Greylist::restore_later(const SavedRecord& record, Seconds now) {
  const RecordView view = view_of(record);
  if (!comes_back(view, now)) return false;
  pending_.resize(kPending);
  Pending& next = pending_[(pending_begin_ + pending_count_) % kPending];
  if (pending_count_ == kPending) {
    put_back(next.view, next.hash);
    pending_begin_ = (pending_begin_ + 1) % kPending;
  } else {
    ++pending_count_;
  }
  next.key = view.key;
  next.hash = table_.hash(next.key);
  next.view = view;
  next.view.key = next.key;
  table_.prefetch_slot(next.hash);
  return true;
}

void Greylist::restore_pending() {
  for (; pending_count_ > 0; --pending_count_) {
    const Pending& next = pending_[pending_begin_];
    put_back(next.view, next.hash);
    pending_begin_ = (pending_begin_ + 1) % kPending;
  }
}

void Greylist::replay(const SavedRecord& change, Seconds now) {
  const RecordView view = view_of(change);
  const Table::Ref ref = table_.find(view.key);
  const bool over = expiry_ == Expiry::usual && is_over(view, now);
  if (change.change == Change::forgotten || over) {
    if (ref != 0) table_.erase(ref);
  } else if (ref == 0) {
    table_.insert(view);
  } else {
    table_.update(ref, view.record_class, view.seen, view.passes);
  }
}

}  // namespace grey
