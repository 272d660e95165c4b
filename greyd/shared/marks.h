// What has been forgotten by command, by whichever daemon: dated marks, kept for the timeout. What
// is stamped no later than its mark is dead, whoever brings it back: the store, another daemon that
// heals, a file.
//
// A stamp is a whole second, and so is a mark: what has come after the command, but within its
// second, is dead as well, and waits once more at worst. The other way round something would live
// on that was there before.
//
// Most name a client and nothing else: of these there may be many, and they are found by their
// client. So are those of a sender that is written out, by that. The others, of a network, a
// recipient or a pattern, are compared with each record; those of a sender with each message's
// once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
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
  // Those that are later than `latest` are of a clock that was ahead, and become ones of `now`.
  void correct(Seconds latest, Seconds now);

  // The last time; 0: never.
  Seconds forgotten(const SavedRecord& record) const;

  // A slice of forgetting, while busy().
  void work();
  bool busy() const { return walk_ != nullptr || walked_ != turns_; }
  // So many are still to be worked on that more might push them out.
  bool crowded() const;

  // Those that the store has are told apart from those that it has lost.
  void lost();
  void is_in_store(const Order& order);
  std::vector<Order> missing() const;

  static constexpr std::size_t kMost = 10'000;
  static constexpr std::size_t kMostWide = 1000;  // of those that do not name a client alone
  // A daemon that had not heard yet may have noted a known client after the mark, and its clock
  // may be ahead. A client cannot have become known so soon, but for rules with a shorter min
  // resend: it was known before. At most min resend.
  static constexpr Seconds kReach = 60;

 private:
  using Turn = std::uint64_t;  // in which they came: from 1 on
  struct Mark {
    Order order;
    std::string key;  // see key_of(): there is one of each
    Turn turn;
    std::unique_ptr<const RecordFilter> filter;  // nothing: its client is all that it names
    std::vector<std::string> senders;            // its keys in by_sender_
    bool in_store = false;
  };
  using All = std::list<Mark>;  // oldest first, as they came

  // What it names: of a client alone that of its records, as the policy stores them.
  std::string key_of(const Order& order) const;
  const Mark* of_client(const SavedRecord& record) const;
  // Those with a filter that may name triplets of that sender. Valid until marks change, or another
  // sender is asked about.
  const std::vector<const Mark*>& of_sender(std::string_view sender) const;
  void index(Mark& mark);
  // Calls visit(const Mark&) for those with a filter that came later than `after`; of those that
  // write their sender out, which are many, only for whose it may be. Until it says false.
  template <typename Visit>
  void for_sender(std::string_view sender, Turn after, Visit visit) const;
  Seconds reach(const Mark& mark, const SavedRecord& record) const;
  // Whether one that came later than `after` names it, or any that names its client.
  bool is_dead(const SavedRecord& record, Turn after) const;
  void remove(All::iterator mark);
  void drop(All::iterator mark);

  Service& service_;
  All marks_;
  std::unordered_map<std::string, All::iterator> by_key_;
  std::map<Turn, All::iterator> wide_;     // those with a filter
  std::map<Turn, const Mark*> unwritten_;  // of these who write no sender out
  // The others, by the sender as it is written and as it is stored, in lower case.
  std::unordered_multimap<std::string, const Mark*> by_sender_;
  std::size_t most_of_sender_ = 0;  // that one sender has had there, since there was none
  mutable std::optional<std::string> last_sender_;  // absent: marks have changed since
  mutable std::vector<const Mark*> of_last_sender_;
  Turn turns_ = 0;
  Turn walked_ = 0;  // up to that one all has been forgotten here
  Turn walk_to_ = 0;
  std::unique_ptr<Greylist::Walk> walk_;
  Count dropped_ = 0;
};

}  // namespace grey::shared
