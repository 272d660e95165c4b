#include "greyd/shared/orders.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

#include "greyd/shared/scripts.h"

namespace grey::shared {
namespace {

constexpr std::size_t kPage = 100;                         // orders of the stream, at most
constexpr std::size_t kPageOctets = 16 << 10;              // of these: one that reaches it ends
constexpr Seconds kPrunePeriod = 3600;                     // seconds
constexpr std::int64_t kKindRank = 1'000'000'000'000'000;  // above all ends

// What it is about; an entry's has no brace.
std::string key_of(const Order& order) {
  if (order.kind == Order::Kind::forget) return what_it_names(order);
  return Entries::key_of(order.entry).value_or(std::string());
}

Order order_of(const Entry& entry) {
  const auto kind = entry.kind == Entry::Kind::allow ? Order::Kind::allow : Order::Kind::block;
  return {kind, entry.since, entry.by, {}, entry.text, entry.until};
}

// When the store was told what it names so: "1764172800000-0". What no clock says is not known.
Seconds time_of(const std::string& id) {
  Seconds milliseconds = 0;
  const auto read = std::from_chars(id.data(), id.data() + id.size(), milliseconds);
  return read.ec == std::errc() ? milliseconds / 1000 : std::numeric_limits<Seconds>::max();
}

}  // namespace

Orders::Orders(Service& service, ScriptStore& link, std::string name, OrderCounters& counters)
    : service_(service),
      link_(link),
      name_(std::move(name)),
      counters_(counters),
      marks_(service) {}

Orders::~Orders() {
  *self_ = nullptr;
}

// ---- which stands ------------------------------------------------------------------------------

Orders::Stamp Orders::stamp_of(const Order& order) {
  const Seconds until = std::min<Seconds>(order.until.value_or(kKindRank - 1), kKindRank - 1);
  return {order.at, std::int64_t(order.kind) * kKindRank + until};
}

// When nobody needs to hear of it any more; 0: never.
Seconds Orders::over_at(const Order& order) const {
  if (order.kind == Order::Kind::forget) {
    return order.at + service_.greylist().policy().longest_life();
  }
  if (order.kind == Order::Kind::unlist) return order.at + kUnlistLife;
  return order.until.value_or(0);
}

// True: it is later than what is known of its entry, and is known from now on.
bool Orders::is_news(const Order& order) {
  const std::string key = key_of(order);
  if (entries_.size() >= kMostKnown && !entries_.contains(key)) {
    ++counters_.dropped;
    return true;
  }
  Last& last = entries_[key];
  const Stamp stamp = stamp_of(order), known = stamp_of(last.order);
  if (last.order.entry.empty() || stamp > known) {
    last = {order, true};
    return true;
  }
  last.in_store |= stamp == known;
  return false;
}

// What is in the file and not known otherwise: of an earlier run, or made while none ran.
void Orders::remember_entries() {
  service_.entries().entries().for_each([&](const Entry& entry) {
    Order order = order_of(entry);
    if (is_ahead(order.at)) order.at = now_;
    Last& last = entries_[key_of(order)];
    if (last.order.entry.empty()) last.order = std::move(order);
  });
}

// Whoever comes to the store has a clock that is right. What was stamped by one that was ahead is
// of now, at the latest: it would be in force over all that others order until then.
void Orders::correct() {
  const auto correct_one = [this](Order& order) {
    if (is_ahead(order.at)) order.at = now_;
  };
  marks_.correct(now_ + kMostAhead, now_);
  for (auto& [key, last] : entries_) correct_one(last.order);
  bool given = false;
  for (auto& [turn, waiting] : waiting_) {
    given |= waiting.given && is_ahead(waiting.order.at);
    correct_one(waiting.order);
  }
  if (given) ++unsaid_version_;
  correct_entries();
}

// In the file, too: else each start would make them younger.
void Orders::correct_entries() {
  bool any = false;
  service_.entries().entries().for_each([&](const Entry& entry) { any |= is_ahead(entry.since); });
  if (!any) return;
  const auto change = [now = now_](Entries& entries) -> Result<void> {
    std::vector<Entry> ahead;
    entries.for_each([&](const Entry& entry) {
      if (entry.since > now + kMostAhead) ahead.push_back(entry);
    });
    for (Entry& entry : ahead) {
      entry.since = now;
      if (const auto put = entries.put(std::move(entry)); !put) return put;
    }
    return {};
  };
  service_.entries().change(change, [](const Result<void>&) {});
}

void Orders::prune() {
  pruned_ = now_;
  std::erase_if(entries_, [&](const auto& item) {
    const Seconds over = over_at(item.second.order);
    return over != 0 && over <= now_;
  });
}

// ---- saying ------------------------------------------------------------------------------------

void Orders::say(Order order) {
  order.by += "@" + name_;
  if (joining_ == Joining::done) order.at = std::min(order.at, now_ + kMostAhead);
  if (order.kind == Order::Kind::forget) {
    // What the store has brought back meanwhile goes once more.
    if (const auto added = marks_.obey(order); !added) return;
  } else if (!say_entry(order)) {
    return;
  }
  wait(std::move(order), true);
  if (joining_ == Joining::done && link_.up()) send();
}

// It was given by who could know of all that is known here, whatever their clocks say. False: what
// another has ordered meanwhile has taken its place.
bool Orders::say_entry(Order& order) {
  const Entry* const here = service_.entries().entries().find(order.entry);
  const bool is_there = here != nullptr && order_of(*here).kind == order.kind;
  if (order.kind == Order::Kind::unlist ? here != nullptr : !is_there) return false;
  Last& last = entries_[key_of(order)];
  if (!last.order.entry.empty()) order.at = std::max(order.at, last.order.at + 1);
  last = {order, false};
  return true;
}

void Orders::restore(std::vector<Order> orders) {
  for (Order& order : orders) {
    if (order.kind == Order::Kind::forget) {
      if (const auto added = marks_.obey(order); !added) continue;
    } else {
      const std::string key = key_of(order);
      if (key.empty()) continue;
      entries_[key] = {order, false};
    }
    wait(std::move(order), true);
  }
}

std::vector<Order> Orders::unsaid() const {
  std::vector<Order> orders;
  for (const auto& [turn, waiting] : waiting_) {
    if (waiting.given) orders.push_back(waiting.order);
  }
  return orders;
}

void Orders::wait(Order order, bool given) {
  if (waiting_.size() == kMostWaiting) {
    waiting_.erase(waiting_.begin());
    ++counters_.dropped;
    ++unsaid_version_;
  }
  waiting_.emplace(++turns_, Waiting{std::move(order), given});
  if (given) ++unsaid_version_;
}

void Orders::was_said(std::uint64_t turn) {
  const auto of = waiting_.find(turn);
  if (of == waiting_.end()) return;
  if (of->second.given) ++unsaid_version_;
  waiting_.erase(of);
}

// What fails is said once more: twice is once.
void Orders::send() {
  struct Sending {
    bool now = true;
    bool failed = false;
  };
  const auto sending = std::make_shared<Sending>();
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    if (sending->failed || saying_ >= kMostCalls || !link_.up()) break;
    const std::uint64_t turn = next->first;
    if (!std::exchange(next->second.saying, true)) {
      ++saying_;
      link_.call(say_call(next->second.order), [self = self_, turn, sending](const auto* answer) {
        if (*self == nullptr) return;
        Orders& of = **self;
        --of.saying_;
        if (answer != nullptr) {
          of.unsaid_since_ = 0;
        } else if (of.unsaid_since_ == 0) {
          of.unsaid_since_ = of.now_;
        }
        if (answer == nullptr) {
          if (const auto again = of.waiting_.find(turn); again != of.waiting_.end()) {
            again->second.saying = false;
          }
          sending->failed = true;
        } else {
          ++of.counters_.said;
          of.was_said(turn);
          if (!sending->now) of.send();
        }
      });
    }
    next = waiting_.upper_bound(turn);  // it may have been said by now
  }
  sending->now = false;
}

Call Orders::say_call(const Order& order) const {
  const Stamp stamp = stamp_of(order);
  const Seconds useful = std::max<Seconds>(now_ - service_.greylist().policy().longest_life(), 0);
  return {kSay,
          {kStreamKey, kEntriesKey},
          {to_text(order), key_of(order), std::to_string(stamp.at), std::to_string(stamp.rank),
           std::to_string(over_at(order)), std::to_string(useful), std::to_string(kMostAhead)},
          true};
}

// ---- hearing -----------------------------------------------------------------------------------

void Orders::join() {
  if (joining_ == Joining::no) return;
  joining_ = Joining::no;
  page_ = last_ = "0";
  std::erase_if(waiting_, [](const auto& item) {  // what is missing is found anew
    return !item.second.given && !item.second.saying;
  });
  marks_.lost();
  for (auto& [key, last] : entries_) last.in_store = false;
}

// Who asks does not wait for the next tick, but where that has failed since the last.
bool Orders::heard() {
  if (!heard_) hear();
  return heard_;
}

void Orders::tick(Seconds now) {
  now_ = now;
  pages_ = 0;
  failed_ = false;
  marks_.expire(now - service_.greylist().policy().longest_life());
  counters_.dropped += marks_.take_dropped();
  if (now - pruned_ >= kPrunePeriod) prune();
  if (now - heard_at_ > kHearsWithin) heard_ = false;
  hear();
  if (!link_.up() || waiting_.empty()) unsaid_since_ = 0;
  // Of times of being up: who is cut off again and again has not heard, either.
  if (heard_) {
    unheard_for_ = 0;
  } else if (link_.up()) {
    ++unheard_for_;
  }
}

Orders::Trouble Orders::trouble() const {
  if (!link_.up()) return Trouble::none;
  if (unheard_for_ > kHearsWithin) return Trouble::unheard;
  const bool unsaid = unsaid_since_ != 0 && now_ - unsaid_since_ > kHearsWithin;
  return unsaid ? Trouble::unsaid : Trouble::none;
}

void Orders::hear() {
  if (!link_.up()) heard_ = false;
  if (!link_.up() || asking_ || failed_ || marks_.crowded()) return;
  if (joining_ == Joining::no) {
    correct();
    remember_entries();
    joining_ = Joining::entries;
  }
  if (joining_ == Joining::entries) return hear_entries();
  if (joining_ == Joining::done) send();
  hear_stream();
}

void Orders::hear_entries() {
  if (++pages_ > kMostPages || marks_.crowded()) return;
  asking_ = true;
  link_.call(
      {kEntries, {kEntriesKey}, {page_, std::to_string(kLongestOrder), std::to_string(now_)}, true},
      [self = self_](const auto* answer) {
        if (*self == nullptr) return;
        (*self)->asking_ = false;
        (*self)->failed_ |= answer == nullptr;
        if (answer != nullptr && !answer->empty()) (*self)->take_entries(*answer);
      });
}

void Orders::take_entries(const std::vector<std::string>& answer) {
  if (joining_ != Joining::entries) return;
  std::vector<Said> said;
  for (std::size_t i = 1; i < answer.size(); ++i) said.push_back({answer[i], now_});
  take(said);
  page_ = answer.front();
  if (page_ != "0") return hear_entries();
  say_missing_entries();
  joining_ = Joining::stream;
  hear_stream();
}

std::optional<Order> Orders::read(std::string_view text) {
  auto order = read_order(text);
  const bool forgets = order && order->kind == Order::Kind::forget;
  const bool good = order && (forgets || Entries::key_of(order->entry).has_value());
  if (good) return order;
  ++counters_.refused;
  return std::nullopt;
}

void Orders::say_missing_entries() {
  for (const auto& [key, last] : entries_) {
    const Seconds over = over_at(last.order);
    if (!last.in_store && (over == 0 || over > now_)) wait(last.order, false);
  }
}

void Orders::hear_stream() {
  if (++pages_ > kMostPages) return;  // the rest at the next tick
  asking_ = true;
  link_.call(
      {kHear,
       {kStreamKey},
       {last_, std::to_string(kLongestOrder), std::to_string(kPage), std::to_string(kPageOctets)},
       true},
      [self = self_](const auto* answer) {
        if (*self == nullptr) return;
        (*self)->asking_ = false;
        (*self)->failed_ |= answer == nullptr;
        if (answer != nullptr) (*self)->take_stream(*answer);
      });
}

void Orders::take_stream(const std::vector<std::string>& answer) {
  if (joining_ != Joining::stream && joining_ != Joining::done) return;
  std::vector<Said> said;
  std::size_t octets = 0;
  for (std::size_t i = 0; i + 1 < answer.size(); i += 2) {
    last_ = answer[i];
    said.push_back({answer[i + 1], time_of(last_)});
    octets += answer[i].size() + answer[i + 1].size();
  }
  const bool is_full = said.size() >= kPage || octets >= kPageOctets;
  take(said);
  if (is_full) return marks_.crowded() ? void() : hear_stream();
  heard_ = true;
  heard_at_ = now_;
  if (joining_ == Joining::done) return;
  for (Order& order : marks_.missing()) wait(std::move(order), false);
  joining_ = Joining::done;
  send();
}

// What is stamped ahead counts from when it was said on, which is the same for all who hear it; and
// it is said as such, so that who comes later is told that.
void Orders::take(const std::vector<Said>& said) {
  std::vector<Order> news;
  for (const auto& [text, said_at] : said) {
    auto order = read(text);
    if (!order) continue;
    const Seconds latest = std::min(said_at, now_);
    const bool ahead = order->at > latest + kMostAhead;
    if (ahead) order->at = latest;
    if (order->kind == Order::Kind::forget) {
      take_forget(*order);
    } else if (is_news(*order)) {
      news.push_back(*order);
    }
    if (ahead) wait(std::move(*order), false);
  }
  change_entries(std::move(news));
}

void Orders::take_forget(const Order& order) {
  if (order.at < now_ - service_.greylist().policy().longest_life()) return;
  if (const auto news = marks_.obey(order); !news) {
    ++counters_.refused;
  } else if (*news) {
    ++counters_.heard;
  }
  marks_.is_in_store(order);
}

// ---- doing -------------------------------------------------------------------------------------

// All at once: each change of the entries is a file that is written.
void Orders::change_entries(std::vector<Order> orders) {
  if (orders.empty()) return;
  pages_ += kPagesOfChange - 1;
  const auto changed = std::make_shared<std::vector<Order>>();
  const auto change = [self = self_, orders = std::move(orders),
                       changed](Entries& entries) -> Result<void> {
    if (*self == nullptr) return {};
    for (const Order& order : orders) {
      if ((*self)->change(entries, order)) changed->push_back(order);
    }
    if (!changed->empty()) return {};
    return failure("nothing is to be changed");
  };
  service_.entries().change(change, [self = self_, changed](const Result<void>& done) {
    if (*self != nullptr && !done && !changed->empty()) (*self)->not_written(*changed);
  });
}

// They are not in force: to be heard once more.
void Orders::not_written(const std::vector<Order>& orders) {
  for (const Order& order : orders) entries_.erase(key_of(order));
  join();
}

// What was ordered later, or is being said here, stands. One that is over has ended all the same
// what it had taken the place of.
bool Orders::change(Entries& entries, const Order& order) {
  const auto last = entries_.find(key_of(order));
  if (last != entries_.end() && stamp_of(last->second.order) > stamp_of(order)) return false;
  const Entry* const here = entries.find(order.entry);
  if (here != nullptr && !is_ahead(here->since) && here->since > order.at) return false;
  const bool over = order.until && *order.until <= now_;
  Result<void> done;
  if (order.kind == Order::Kind::unlist || over) {
    if (here == nullptr) return false;
    if (const auto removed = entries.remove(order.entry); !removed) {
      done = tl::make_unexpected(removed.error());
    }
  } else {
    const auto kind = order.kind == Order::Kind::allow ? Entry::Kind::allow : Entry::Kind::block;
    done = entries.put({kind, order.entry, order.at, order.until, order.by});
  }
  ++(done ? counters_.heard : counters_.refused);
  return done.has_value();
}

}  // namespace grey::shared
