// What has been forgotten by command, by whichever daemon: dated marks, kept for the timeout. What
// is stamped no later than its mark is dead, whoever brings it back: the store, another daemon that
// heals, a file.
//
// A stamp is a whole second, and so is a mark: what has come after the command, but within its
// second, is dead as well, and waits once more at worst. The other way round something would live
// on that was there before.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/base/seconds.h"
#include "greyd/service/service.h"
#include "greyd/shared/order.h"

namespace grey::shared {

class Marks {
 public:
  // `service` must outlive it.
  explicit Marks(Service& service) : service_(service) {}

  // REQUIRES of all orders: a forget.

  // Keeps a mark; what is here of it is forgotten by work(). False: one that is as late was there.
  // An error: it names what is none.
  Result<bool> obey(const Order& order);
  // How many had to go for others since the last call.
  Count take_dropped() { return std::exchange(dropped_, 0); }
  // Those that are older than `since` have no meaning any more.
  void expire(Seconds since);

  // The last time; 0: never.
  Seconds forgotten(const SavedRecord& record) const;

  // A slice of forgetting, while busy().
  void work();
  bool busy() const { return forgetting_ != nullptr || !to_forget_.empty(); }

  // Those that the store has are told apart from those that it has lost.
  void lost();
  void is_in_store(const Order& order);
  std::vector<Order> missing() const;

  static constexpr std::size_t kMost = 1000;
  // A daemon that had not heard yet may have noted a known client after the mark, and its clock
  // may be ahead. A client cannot have become known so soon, but for rules with a shorter min
  // resend: it was known before. At most min resend.
  static constexpr Seconds kReach = 60;

 private:
  struct Mark {
    Order order;
    std::string of;  // what it names: there is one of each
    RecordFilter filter;
    bool in_store = false;
  };
  struct Forgetting {
    Greylist::Walk walk;
    std::vector<Mark> marks;
  };

  bool names(const Mark& mark, const SavedRecord& record) const;
  Seconds reach(const Mark& mark, RecordClass record_class) const;

  Service& service_;
  std::vector<Mark> marks_;  // oldest first, as they came
  std::deque<Mark> to_forget_;
  std::unique_ptr<Forgetting> forgetting_;
  Count dropped_ = 0;
};

}  // namespace grey::shared
