#include "greyd/shared/marks.h"

#include <algorithm>
#include <iterator>

#include "greyd/base/text.h"
#include "greyd/lists/network_set.h"

namespace grey::shared {
namespace {

constexpr std::size_t kSlice = 2000;           // records looked at
constexpr std::size_t kComparisons = 100'000;  // of a slice, at most: some milliseconds

// No other key begins so: what_it_names() has a brace.
std::string key_of_client(const Client& client) {
  return "=" + to_string(client);
}

}  // namespace

// ---- which there are ---------------------------------------------------------------------------

std::string Marks::key_of(const Order& order) const {
  const RecordFilter::Wanted& what = order.records;
  if (!what.client || what.sender || what.recipient || read_network(*what.client)) {
    return what_it_names(order);
  }
  const Policy& policy = service_.greylist().policy();
  Client client = Client::parse(*what.client);
  if (client.has_address() && !policy.clients_are_whole()) {
    client = client.ip.client_network(policy.ipv4_prefix, policy.ipv6_prefix);
  }
  return key_of_client(client);
}

Result<bool> Marks::obey(const Order& order) {
  std::string key = key_of(order);
  const auto there = by_key_.find(key);
  if (there != by_key_.end() && there->second->order.at >= order.at) return false;
  auto filter = RecordFilter::of(order.records, service_.greylist().policy());
  if (!filter) return tl::make_unexpected(filter.error());
  const bool wide = !key.starts_with('=');
  if (there != by_key_.end()) {
    remove(there->second);
  } else if (wide && wide_.size() == kMostWide) {
    drop(wide_.begin()->second);
  } else if (marks_.size() == kMost) {
    drop(marks_.begin());
  }
  Mark mark{order, key, ++turns_, nullptr, {}};
  if (wide) mark.filter = std::make_unique<RecordFilter>(std::move(*filter));
  const auto added = marks_.insert(marks_.end(), std::move(mark));
  if (wide) {
    wide_.emplace(turns_, added);
    index(*added);
  }
  last_sender_.reset();
  by_key_.emplace(std::move(key), added);
  return true;
}

void Marks::index(Mark& mark) {
  const std::optional<std::string> stored = mark.filter->stored_sender();
  if (!stored) {
    unwritten_.emplace(mark.turn, &mark);
    return;
  }
  mark.senders = {to_lower(*mark.order.records.sender)};
  if (to_lower(*stored) != mark.senders.front()) mark.senders.push_back(to_lower(*stored));
  if (by_sender_.empty()) most_of_sender_ = 0;
  for (const std::string& sender : mark.senders) {
    by_sender_.emplace(sender, &mark);
    most_of_sender_ = std::max(most_of_sender_, by_sender_.count(sender));
  }
}

void Marks::remove(All::iterator mark) {
  last_sender_.reset();
  by_key_.erase(mark->key);
  wide_.erase(mark->turn);
  unwritten_.erase(mark->turn);
  for (const std::string& sender : mark->senders) {
    const auto [begin, end] = by_sender_.equal_range(sender);
    by_sender_.erase(
        std::find_if(begin, end, [&](const auto& item) { return item.second == &*mark; }));
  }
  marks_.erase(mark);
}

void Marks::drop(All::iterator mark) {
  remove(mark);
  ++dropped_;
}

void Marks::expire(Seconds since) {
  for (auto next = marks_.begin(); next != marks_.end();) {
    const auto mark = next++;
    if (mark->order.at < since) remove(mark);
  }
}

void Marks::correct(Seconds latest, Seconds now) {
  for (Mark& mark : marks_) {
    if (mark.order.at > latest) mark.order.at = now;
  }
}

// ---- what they name ----------------------------------------------------------------------------

const Marks::Mark* Marks::of_client(const SavedRecord& record) const {
  if (marks_.size() == wide_.size()) return nullptr;
  const auto found = by_key_.find(key_of_client(record.client));
  return found == by_key_.end() ? nullptr : &*found->second;
}

Seconds Marks::reach(const Mark& mark, const SavedRecord& record) const {
  if (record.record_class != RecordClass::client) return mark.order.at;
  return mark.order.at + std::min(service_.greylist().policy().min_resend, kReach);
}

template <typename Visit>
void Marks::for_sender(std::string_view sender, Turn after, Visit visit) const {
  for (auto next = unwritten_.upper_bound(after); next != unwritten_.end(); ++next) {
    if (!visit(*next->second)) return;
  }
  if (by_sender_.empty()) return;
  const auto [begin, end] = by_sender_.equal_range(to_lower(sender));
  for (auto next = begin; next != end; ++next) {
    if (next->second->turn > after && !visit(*next->second)) return;
  }
}

const std::vector<const Marks::Mark*>& Marks::of_sender(std::string_view sender) const {
  if (last_sender_ == sender) return of_last_sender_;
  last_sender_.reset();
  of_last_sender_.clear();
  for_sender(sender, 0, [&](const Mark& mark) {
    if (mark.filter->fits_sender(sender)) of_last_sender_.push_back(&mark);
    return true;
  });
  last_sender_ = sender;
  return of_last_sender_;
}

Seconds Marks::forgotten(const SavedRecord& record) const {
  const Mark* const exact = of_client(record);
  Seconds last = exact != nullptr ? reach(*exact, record) : 0;
  const auto look = [&](const Mark& mark) {
    const Seconds at = reach(mark, record);
    if (at > last && mark.filter->matches(record)) last = at;
  };
  if (is_of_client(record.record_class)) {
    for (const auto& [turn, mark] : unwritten_) look(*mark);
  } else {
    for (const Mark* const mark : of_sender(record.sender)) look(*mark);
  }
  return last;
}

bool Marks::is_dead(const SavedRecord& record, Turn after) const {
  const Mark* const exact = of_client(record);
  if (exact != nullptr && record.seen <= reach(*exact, record)) return true;
  bool dead = false;
  for_sender(record.sender, after, [&](const Mark& mark) {
    dead = record.seen <= reach(mark, record) && mark.filter->matches(record);
    return !dead;
  });
  return dead;
}

// ---- forgetting --------------------------------------------------------------------------------

// All that wait are looked for in one walk; those that come meanwhile, in the next.
void Marks::work() {
  if (walk_ == nullptr) {
    if (walked_ == turns_) return;
    walk_.reset(new Greylist::Walk(service_.walk()));
    walk_to_ = turns_;
    walk_->start();
  }
  const auto unwritten = std::distance(unwritten_.upper_bound(walked_), unwritten_.end());
  const std::size_t comparisons = 1 + std::size_t(unwritten) + most_of_sender_;
  const auto slice = std::clamp<std::size_t>(kComparisons / comparisons, 1, kSlice);
  const bool more = service_.forget(
      *walk_, slice, [&](const SavedRecord& record) { return is_dead(record, walked_); });
  if (more) return;
  walk_.reset();
  walked_ = walk_to_;
}

bool Marks::crowded() const {
  const auto wide = std::size_t(std::distance(wide_.upper_bound(walked_), wide_.end()));
  return turns_ - walked_ > kMost * 3 / 4 || wide > kMostWide * 3 / 4;
}

// ---- what the store has of them ----------------------------------------------------------------

void Marks::lost() {
  for (Mark& mark : marks_) mark.in_store = false;
}

void Marks::is_in_store(const Order& order) {
  const auto mark = by_key_.find(key_of(order));
  if (mark != by_key_.end()) mark->second->in_store |= mark->second->order.at <= order.at;
}

std::vector<Order> Marks::missing() const {
  std::vector<Order> orders;
  for (const Mark& mark : marks_) {
    if (!mark.in_store) orders.push_back(mark.order);
  }
  return orders;
}

}  // namespace grey::shared
