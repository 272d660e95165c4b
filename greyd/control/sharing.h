// A state that other daemons share, as far as commands are concerned: who passes on what they have
// done, and who knows how the store stands. They know neither.
#pragma once

#include <functional>
#include <string>

#include "greyd/base/counters.h"
#include "greyd/base/seconds.h"
#include "greyd/control/store_standing.h"
#include "greyd/core/entries.h"
#include "greyd/core/record_filter.h"

namespace grey {

class Sharing {
 public:
  virtual ~Sharing() = default;

  // What has been done by command, and is in force here, holds for all.
  // `at`: when the command was given, of a forget the youngest stamp of what it has forgotten if
  // that is later; `by`: by whom.
  virtual void forgot(const RecordFilter::Wanted& what, Seconds at, const std::string& by) = 0;
  virtual void put(const Entry& entry) = 0;
  virtual void removed(const std::string& entry, Seconds at, const std::string& by) = 0;

  virtual StoreStanding standing() const = 0;
  // What has been counted of it.
  virtual void visit_counters(const VisitCounter& visit) const = 0;
};

}  // namespace grey
