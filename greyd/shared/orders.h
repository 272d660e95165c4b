// The orders of all daemons that share a state: what was said here is said to the others, and what
// they say is done here. Who was away hears it later. Of orders about one entry the last counts,
// wherever it was given; what was forgotten stays so (marks.h).
//
// The store has them as a stream, and of each entry, or what else they name, the last one. What is
// known here and not there, as the store has lost it or was away, is said again whenever it comes
// back.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/service/service.h"
#include "greyd/shared/marks.h"
#include "greyd/shared/order.h"
#include "greyd/shared/script_store.h"
#include "greyd/shared/shared_decider.h"

namespace grey::shared {

struct OrderCounters {
  Count said = 0;
  Count heard = 0;    // that were news, and done
  Count refused = 0;  // heard, and none: another version's, or damaged
  Count dropped = 0;  // that could not be said, or are too many to be kept
};

class Orders : public ForgetMarks {
 public:
  // `name`: this daemon's, for people to read who has ordered something. All by reference must
  // outlive it.
  Orders(Service& service, ScriptStore& link, std::string name, OrderCounters& counters);
  ~Orders() override;

  // The wall clock, between ticks: it may have been set.
  void look_at(Seconds now) { now_ = now; }
  // What has been done here by command: it is in force.
  void say(Order order);
  // What was given to say() and has not been said, as it was before the daemon ended: unsaid().
  void restore(std::vector<Order> orders);
  std::vector<Order> unsaid() const;
  // Another one whenever that is another.
  std::uint64_t unsaid_version() const { return unsaid_version_; }
  // The store answers again, or for the first time: all orders are heard anew.
  void join();
  // About once a second: says what waits, and hears what is new.
  void tick(Seconds now);
  // A slice of forgetting, while busy().
  void work() { marks_.work(); }
  bool busy() const { return marks_.busy(); }

  Seconds forgotten(const SavedRecord& record) const override { return marks_.forgotten(record); }
  bool heard() override;
  // What the store does not let this daemon do, though it answers, for longer than that takes.
  enum class Trouble : std::uint8_t { none, unheard, unsaid };
  Trouble trouble() const;

  static constexpr std::size_t kMostWaiting = 20'000;  // to be said
  static constexpr std::size_t kMostCalls = 16;        // that say something, at a time
  // Entries that are remembered: all that can be in force, and as many again that are not.
  static constexpr std::size_t kMostKnown = 2 * Entries::kMax;
  // An order that is stamped later than now by more is of a clock that was ahead: it counts as one
  // of now, and is said as one. Two that share a store may differ by 60 seconds
  // (Member::kMostClockDifference), and orders about one entry may be some seconds ahead.
  static constexpr Seconds kMostAhead = 90;
  // What has not been heard for so long is not known any more.
  static constexpr Seconds kHearsWithin = 5;
  // Of entries and stream, between two ticks: what a store says has no end that it must keep to. A
  // page that changes entries, which are written and read anew, counts as kPagesOfChange.
  static constexpr std::size_t kMostPages = 200;
  static constexpr std::size_t kPagesOfChange = 4;
  // Who has been away for longer brings an entry back that was taken out meanwhile.
  static constexpr Seconds kUnlistLife = 30 * 86400;

 private:
  // Which of two orders about one entry stands: the larger. The second number decides between
  // daemons that could not know of each other, and is the same for all.
  struct Stamp {
    Seconds at = 0;
    std::int64_t rank = 0;
    auto operator<=>(const Stamp&) const = default;
  };
  // The last order about an entry.
  struct Last {
    Order order;
    bool in_store = false;
  };
  // To be said.
  struct Waiting {
    Order order;
    bool given = false;   // here, by command: else it is known to be kept elsewhere
    bool saying = false;  // a call is out
  };
  enum class Joining { no, entries, stream, done };

  static Stamp stamp_of(const Order& order);
  Seconds over_at(const Order& order) const;
  bool is_ahead(Seconds at) const { return at > now_ + kMostAhead; }
  void correct();
  void correct_entries();
  void hear();
  bool say_entry(Order& order);
  void wait(Order order, bool given);
  void was_said(std::uint64_t turn);
  void send();
  Call say_call(const Order& order) const;
  void hear_entries();
  void hear_stream();
  void take_entries(const std::vector<std::string>& answer);
  void take_stream(const std::vector<std::string>& answer);
  // A text, and when it was said, as far as is known.
  struct Said {
    std::string text;
    Seconds at;
  };
  void take(const std::vector<Said>& said);
  // Nothing, and it is counted, for what is no order.
  std::optional<Order> read(std::string_view text);
  void take_forget(const Order& order);
  bool is_news(const Order& order);
  void change_entries(std::vector<Order> orders);
  bool change(Entries& entries, const Order& order);
  void not_written(const std::vector<Order>& orders);
  void remember_entries();
  void say_missing_entries();
  void prune();

  Service& service_;
  ScriptStore& link_;
  const std::string name_;
  OrderCounters& counters_;
  Marks marks_;
  std::map<std::string, Last, std::less<>> entries_;  // by Entries::key_of
  std::map<std::uint64_t, Waiting> waiting_;          // by their turns
  std::uint64_t turns_ = 0;
  std::uint64_t unsaid_version_ = 0;
  std::size_t saying_ = 0;  // calls that are out
  Joining joining_ = Joining::no;
  bool heard_ = false;  // all, since the store was away
  Seconds heard_at_ = 0;
  Seconds unheard_for_ = 0;   // of ticks, while the store was up
  Seconds unsaid_since_ = 0;  // 0: saying has not failed, or all has been said
  std::size_t pages_ = 0;     // since the last tick
  bool failed_ = false;       // hearing, since then
  std::string page_ = "0";    // of the entries, to be heard next
  std::string last_ = "0";    // heard, of the stream
  bool asking_ = false;
  Seconds now_ = 0;
  Seconds pruned_ = 0;
  std::shared_ptr<Orders*> self_ = std::make_shared<Orders*>(this);
};

}  // namespace grey::shared
