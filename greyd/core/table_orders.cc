// The table's lists: in which one a record is, whose share it is in, and which goes first.
#include <algorithm>
#include <cstring>
#include <utility>

#include "greyd/core/key.h"
#include "greyd/core/table.h"

namespace grey {
namespace {

using enum RecordClass;
constexpr bool kOver = true, kWithin = false;

// What goes first.
constexpr std::array<RecordOrder, kOrders> kGoing{
    order_of(waiting, kOver),  order_of(bounce, kOver),    order_of(trapped, kOver),
    order_of(sent, kOver),     order_of(passed, kOver),    order_of(waiting, kWithin),
    order_of(bounce, kWithin), order_of(trapped, kWithin), order_of(sent, kWithin),
    order_of(passed, kWithin), order_of(client, kOver),    order_of(client, kWithin)};
constexpr std::size_t kTripletOrders = kOrders - 2;  // the first of these
constexpr std::array<RecordOrder, 2> kSentGoing{order_of(sent, kOver), order_of(sent, kWithin)};

constexpr std::size_t kMostTries = 32;  // of evict_over_share()

// Who writes to a trap has the room of triplets, so that nobody drives out known clients by that.
Shares::Kind kind_of(RecordClass record_class) {
  if (record_class == sent) return Shares::Kind::sent;
  return record_class == client ? Shares::Kind::client : Shares::Kind::triplet;
}

}  // namespace

// What has no place in 32 bits is as early or as late as there is.
std::uint32_t Table::stored(Seconds seen) {
  return std::uint32_t(std::clamp<Seconds>(seen, 0, Seconds{UINT32_MAX}));
}

// What waits has none: there is a mark in their place.
std::uint8_t Table::passes_in(RecordClass record_class, std::uint8_t octet) {
  return record_class == waiting ? std::uint8_t{0} : octet;
}

void Table::update(Ref ref, RecordClass record_class, Seconds seen, std::uint8_t passes,
                   const Ip& asker) {
  Record* record = at(ref);
  const RecordOrder before = order(ref);
  unlink(ref);
  record->seen = stored(seen);
  record->passes_or_mark = passes_in(record_class, passes);
  if (is_over_share(before)) return link(ref, take_share(record, record_class, asker));
  if (kind_of(record_class) != kind_of(class_of(before))) {
    shares_.remove(load_of(record, class_of(before), Shares::Asker(record->asker)));
    shares_.add(load_of(record, record_class, Shares::Asker(record->asker)));
  }
  link(ref, order_of(record_class, kWithin));
}

void Table::set_seen(Ref ref, Seconds seen) {
  at(ref)->seen = stored(seen);
}

// ---- shares ------------------------------------------------------------------------------------

Shares::Load Table::load_of(const Record* record, RecordClass record_class,
                            Shares::Asker asker) const {
  const std::string_view key = key_of(record);
  const std::uint32_t weight = Shares::weight_of(kHeader + record->key_size);
  const Shares::Kind kind = kind_of(record_class);
  if (key.size() == record->key_size) return shares_.load_of(key, kind, asker, weight);
  Shares::Load load{kind, {}, true, asker, weight};
  std::memcpy(load.cells.data(), key.data() + key.size(), sizeof load.cells);
  return load;
}

// Whose share a pool's record comes to. What its key says alone is what anybody may make up.
void Table::put_cells(Record* record, RecordClass record_class, const Ip& client) {
  const std::string_view key = key_of(record);
  const Shares::Kind kind = kind_of(record_class);
  const Shares::Cells cells = client == Ip() ? shares_.load_of(key, kind, Shares::kNobody, 1).cells
                                             : shares_.cells_of(client, kind);
  std::memcpy(reinterpret_cast<char*>(record) + kHeader + key.size(), cells.data(), sizeof cells);
}

// The list that a record belongs to which is in none; it counts from here on.
RecordOrder Table::take_share(Record* record, RecordClass record_class, const Ip& asker) {
  const Shares::Load load = load_of(record, record_class, shares_.place_of(asker));
  const bool within = shares_.has_room(load);
  if (within) shares_.add(load);
  record->asker = within ? load.asker : Shares::kNobody;
  return order_of(record_class, !within);
}

void Table::give_back_share(const Record* record) {
  const auto order = RecordOrder(record->order);
  if (is_over_share(order)) return;
  shares_.remove(load_of(record, class_of(order), Shares::Asker(record->asker)));
}

std::size_t Table::over_share() const {
  std::size_t records = 0;
  for (std::size_t order = kRecordClasses; order < kOrders; ++order)
    records += orders_[order].count;
  return records;
}

// ---- eviction ----------------------------------------------------------------------------------

void Table::count_eviction(RecordOrder order) {
  ++evictions_;
  if (is_over_share(order)) ++evictions_over_share_;
}

// REQUIRES: there is a record.
RecordOrder Table::lowest() const {
  return *std::ranges::find_if(kGoing, [&](RecordOrder order) { return orders_[order].head != 0; });
}

// The oldest of the first list that has any. False when none has.
bool Table::evict(std::span<const RecordOrder> from) {
  for (const RecordOrder order : from) {
    if (orders_[order].head == 0) continue;
    erase(orders_[order].head);
    count_eviction(order);
    return true;
  }
  return false;
}

// For one that comes.
void Table::evict_for(RecordClass record_class, std::uint32_t weight) {
  if (record_class == client) {
    const auto clients = std::span(kGoing).subspan<kTripletOrders>();
    while (client_weight_ + weight > client_room_ && evict(clients)) {
    }
  }
  if (record_class == sent) {
    while (sent_weight_ + weight > sent_room_ && evict(kSentGoing)) {
    }
  }
  if (size_ >= max_records_) evict(kGoing);
}

// The one of the bucket that goes first of them: of the lowest list, the oldest. False where there
// are clients only and it is no client that comes.
bool Table::evict_from_bucket(Hash hash, RecordClass newcomer) {
  const auto going = std::span(kGoing).first(newcomer == client ? kOrders : kTripletOrders);
  Ref goes = 0;
  auto lowest = going.end();
  for (const Slot& slot : bucket_of(hash).slots) {
    if (slot.ref == 0) continue;
    const auto place = std::find(going.begin(), going.end(), RecordOrder(at(slot.ref)->order));
    if (place == going.end() || place > lowest) continue;
    if (place == lowest && at(slot.ref)->seen >= at(goes)->seen) continue;
    lowest = place;
    goes = slot.ref;
  }
  if (goes == 0) return false;
  erase(goes);
  count_eviction(*lowest);
  return true;
}

// Evicts of what is over the shares, one by one, until there is a free block of that size. False
// when a few were not enough: then a chunk is to be cleared, which would be much for one of them.
bool Table::evict_over_share(std::size_t units) {
  const auto over = std::span(kGoing).first<kTripletOrders / 2>();
  for (std::size_t tries = 0; tries < kMostTries; ++tries) {
    if (!evict(over)) return false;
    if (free_[units] != 0) return true;
    for (std::size_t size = units + kMinUnits; size <= kMaxUnits; ++size) {
      if (free_[size] != 0) return true;
    }
  }
  return false;
}

// ---- order of age ------------------------------------------------------------------------------

// A pool's record may be stamped earlier than those before it, as it was learned later that it is
// one: it expires with these. That is no disorder, for which all of the list would be looked at.
void Table::append(Ref ref, RecordOrder order) {
  List& list = orders_[order];
  Record* record = at(ref);
  record->order = order & kFree;
  record->prev = list.tail;
  record->next = 0;
  if (list.tail != 0 && at(list.tail)->seen > record->seen && !is_pool_key(key_of(record))) {
    ++list.disorders;
  }
  (list.tail != 0 ? at(list.tail)->next : list.head) = ref;
  list.tail = ref;
  ++list.count;
}

void Table::link(Ref ref, RecordOrder order) {
  append(ref, order);
  weigh(at(ref), 1);
}

// Of what has a room of its own.
void Table::weigh(const Record* record, std::ptrdiff_t sign) {
  const RecordClass of = class_of(RecordOrder(record->order));
  if (of != client && of != sent) return;
  const auto weight = std::ptrdiff_t(Shares::weight_of(kHeader + record->key_size));
  (of == client ? client_weight_ : sent_weight_) += std::size_t(sign * weight);
}

void Table::unlink(Ref ref) {
  for (Cursor* cursor : cursors_) {
    if (cursor->next_ == ref) cursor->step();
    if (cursor->last_ == ref) cursor->last_ = at(ref)->prev;
  }
  const Record* record = at(ref);
  List& list = orders_[record->order];
  (record->prev != 0 ? at(record->prev)->next : list.head) = record->next;
  (record->next != 0 ? at(record->next)->prev : list.tail) = record->prev;
  --list.count;
  weigh(record, -1);
}

void Table::sort_by_age() {
  for (std::size_t order = 0; order < kOrders; ++order) {
    std::vector<std::pair<std::uint32_t, Ref>> refs;
    refs.reserve(orders_[order].count);
    for (Ref ref = orders_[order].head; ref != 0; ref = at(ref)->next) {
      refs.emplace_back(at(ref)->seen, ref);
    }
    std::stable_sort(refs.begin(), refs.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    orders_[order] = {0, 0, 0, orders_[order].disorders};
    for (const auto& [seen, ref] : refs) append(ref, RecordOrder(order));
    for (Cursor* cursor : cursors_) {
      if (cursor->order_ == order && cursor->next_ != 0) cursor->start_list();
    }
  }
}

}  // namespace grey
