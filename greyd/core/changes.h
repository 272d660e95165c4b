// Where the core tells of each change of a record, before anybody is answered.
#pragma once

#include "greyd/core/record.h"

namespace grey {

class Changes {
 public:
  virtual ~Changes() = default;
  // The record is as it says from now on, or is forgotten. It lives for the call only. Never
  // throws: a change that cannot be kept is a fault of who keeps it, and must not stop a decision
  // halfway.
  virtual void note(const SavedRecord& change) noexcept = 0;
};

}  // namespace grey
