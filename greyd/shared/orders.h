// The orders of all daemons that share a state: what was said here is said to the others, and what
// they say is done here. Who was away hears it later; of orders about one entry the latest counts,
// and what is stamped no later than it was forgotten is dead, whoever brings it back.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "greyd/service/service.h"
#include "greyd/shared/order.h"
#include "greyd/shared/script_store.h"
#include "greyd/shared/shared_decider.h"

namespace grey::shared {

struct OrderCounters {
  Count said = 0;
  Count heard = 0;    // and done
  Count refused = 0;  // heard, and none: another version's, or damaged
  Count dropped = 0;  // that could not be said, or are too many to be kept
};

class Orders : public ForgetMarks {
 public:
  // `name`: this daemon's, in all that it says. All by reference must outlive it.
  Orders(Service& service, ScriptStore& link, std::string name, OrderCounters& counters);
  ~Orders() override;

  // What has been done here by command.
  void say(Order order);
  // The store answers again, or for the first time: all orders are heard anew.
  void join();
  // About once a second: says what waits, and hears what is new.
  void tick(Seconds now);
  // A slice of forgetting, while busy().
  void work();
  bool busy() const { return forgetting_ != nullptr || !to_forget_.empty(); }

  Seconds forgotten(const SavedRecord& record) const override;

  static constexpr std::size_t kMostWaiting = 1000, kMostMarks = 1000;

 private:
  struct Mark {
    Seconds at;
    RecordFilter filter;
  };
  struct Forgetting {
    Greylist::Walk walk;
    Mark mark;
  };

  void hear(const std::vector<std::string>& answer);
  void hear_entries(const std::vector<std::string>& answer);
  void obey(const Order& order);
  void forget(const Order& order);
  void change_entry(const Order& order);
  void send();

  Service& service_;
  ScriptStore& link_;
  const std::string name_;
  OrderCounters& counters_;
  std::deque<Order> waiting_;  // to be said
  std::string last_ = "0";     // heard
  std::vector<Mark> marks_;    // oldest first
  std::deque<Mark> to_forget_;
  std::unique_ptr<Forgetting> forgetting_;
  bool asking_ = false, joined_ = false;
  Seconds now_ = 0;
  std::shared_ptr<Orders*> self_ = std::make_shared<Orders*>(this);
};

}  // namespace grey::shared
