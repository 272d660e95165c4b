#include "greyd/shared/orders.h"

#include <algorithm>
#include <set>
#include <utility>

#include "greyd/shared/scripts.h"

namespace grey::shared {
namespace {

constexpr std::size_t kSlice = 500;  // records looked at

}  // namespace

Orders::Orders(Service& service, ScriptStore& link, std::string name, OrderCounters& counters)
    : service_(service), link_(link), name_(std::move(name)), counters_(counters) {}

Orders::~Orders() {
  *self_ = nullptr;
}

// ---- saying ------------------------------------------------------------------------------------

void Orders::say(Order order) {
  if (order.kind == Order::Kind::forget) {
    if (auto filter = RecordFilter::of(order.records, service_.greylist().policy()); filter) {
      marks_.push_back({order.at, std::move(*filter)});
    }
  }
  order.by += "@" + name_;
  if (waiting_.size() == kMostWaiting) {
    waiting_.pop_front();
    ++counters_.dropped;
  }
  waiting_.push_back(std::move(order));
  if (joined_ && link_.up()) send();
}

void Orders::send() {
  while (!waiting_.empty()) {
    const Order order = std::move(waiting_.front());
    waiting_.pop_front();
    const Seconds useful = std::max<Seconds>(order.at - service_.greylist().policy().timeout, 0);
    link_.call({kSay,
                {kStreamKey, kEntriesKey},
                {to_text(order), std::to_string(order.at), order.entry, std::to_string(useful)}},
               [self = self_, order](const auto* answer) {
                 if (*self == nullptr) return;
                 if (answer != nullptr) {
                   ++(*self)->counters_.said;
                 } else {
                   (*self)->waiting_.push_back(order);  // to be said once more: twice is once
                 }
               });
    if (!link_.up()) return;
  }
}

// ---- hearing -----------------------------------------------------------------------------------

void Orders::join() {
  joined_ = false;
}

void Orders::tick(Seconds now) {
  now_ = now;
  const Seconds useful = now - service_.greylist().policy().timeout;
  std::erase_if(marks_, [&](const Mark& mark) { return mark.at < useful; });
  if (!link_.up() || asking_) return;
  if (!joined_) {
    asking_ = true;
    link_.call({kEntries, {kEntriesKey}, {}}, [self = self_](const auto* answer) {
      if (*self == nullptr) return;
      (*self)->asking_ = false;
      if (answer == nullptr) return;
      (*self)->joined_ = true;
      (*self)->hear_entries(*answer);
    });
    if (!joined_) return;
  }
  send();
  asking_ = true;
  link_.call({kHear, {kStreamKey}, {last_}}, [self = self_](const auto* answer) {
    if (*self == nullptr) return;
    (*self)->asking_ = false;
    if (answer != nullptr) (*self)->hear(*answer);
  });
}

void Orders::hear(const std::vector<std::string>& answer) {
  for (std::size_t i = 0; i + 1 < answer.size(); i += 2) {
    last_ = answer[i];
    if (const auto order = read_order(answer[i + 1])) {
      if (order->by.ends_with("@" + name_)) continue;
      ++counters_.heard;
      obey(*order);
    } else {
      ++counters_.refused;
    }
  }
}

// The latest of each entry. What is here alone is told to the others.
void Orders::hear_entries(const std::vector<std::string>& answer) {
  std::set<std::string, std::less<>> known;
  for (const std::string& text : answer) {
    const auto order = read_order(text);
    if (!order) {
      ++counters_.refused;
      continue;
    }
    known.insert(order->entry);
    change_entry(*order);
  }
  service_.entries().entries().for_each([&](const Entry& entry) {
    if (known.contains(entry.text)) return;
    const auto kind = entry.kind == Entry::Kind::allow ? Order::Kind::allow : Order::Kind::block;
    waiting_.push_back({kind, entry.since, entry.by, {}, entry.text, entry.until});
  });
}

void Orders::obey(const Order& order) {
  if (order.kind == Order::Kind::forget) {
    forget(order);
  } else {
    change_entry(order);
  }
}

void Orders::forget(const Order& order) {
  auto filter = RecordFilter::of(order.records, service_.greylist().policy());
  if (!filter) {
    ++counters_.refused;
    return;
  }
  if (marks_.size() == kMostMarks) {
    marks_.erase(marks_.begin());
    ++counters_.dropped;
  }
  marks_.push_back({order.at, *filter});
  to_forget_.push_back({order.at, std::move(*filter)});
}

// What was made here later stands.
void Orders::change_entry(const Order& order) {
  const auto change = [order, now = now_](Entries& entries) -> Result<void> {
    bool later = false;
    entries.for_each(
        [&](const Entry& entry) { later |= entry.text == order.entry && entry.since > order.at; });
    if (later || (order.until && *order.until <= now)) return {};
    if (order.kind == Order::Kind::unlist) {
      const auto removed = entries.remove(order.entry);
      return removed ? Result<void>() : tl::make_unexpected(removed.error());
    }
    const auto kind = order.kind == Order::Kind::allow ? Entry::Kind::allow : Entry::Kind::block;
    return entries.put(
        {kind, order.entry, order.at, order.until, order.by.substr(0, Entries::kMaxBy)});
  };
  service_.entries().change(change, [self = self_](const Result<void>& done) {
    if (*self != nullptr && !done) ++(*self)->counters_.refused;
  });
}

// ---- forgetting --------------------------------------------------------------------------------

void Orders::work() {
  if (!forgetting_) {
    if (to_forget_.empty()) return;
    forgetting_.reset(new Forgetting{service_.walk(), std::move(to_forget_.front())});
    to_forget_.pop_front();
    forgetting_->walk.start();
  }
  const Mark& mark = forgetting_->mark;
  const bool more = service_.forget(forgetting_->walk, kSlice, [&](const SavedRecord& record) {
    return record.seen <= mark.at && mark.filter.matches(record);
  });
  if (!more) forgetting_.reset();
}

Seconds Orders::forgotten(const SavedRecord& record) const {
  Seconds last = 0;
  for (const Mark& mark : marks_) {
    if (mark.at > last && mark.filter.matches(record)) last = mark.at;
  }
  return last;
}

}  // namespace grey::shared
