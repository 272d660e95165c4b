// The store, as far as deciding goes: it runs scripts.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "greyd/shared/calls.h"

namespace grey::shared {

class ScriptStore {
 public:
  // Its texts, or nullptr when there is no answer, in time or at all.
  using Done = std::function<void(const std::vector<std::string>* answer)>;

  virtual ~ScriptStore() = default;
  // Whether it answers, as far as is known.
  virtual bool up() const = 0;
  // `done` is called once, in this call or later, within a bounded time.
  virtual void call(const Call& call, Done done) = 0;
};

}  // namespace grey::shared
