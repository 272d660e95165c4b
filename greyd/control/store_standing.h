// How the state stands that a daemon shares with others: values, and the words for them in status
// and log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/base/json_line.h"
#include "greyd/base/seconds.h"

namespace grey {

struct StoreStanding {
  enum class State : std::uint8_t {
    alone,         // it decides by what it knows: the store is away, or has not been met yet
    other_policy,  // likewise, as the others have another policy, or another key
    other_clock,   // likewise, as the store's clock is another
    member,
  };

  std::string url;  // with its ports; no password is in one
  bool up = false;
  std::string where;  // "db1:6379", "10.0.0.2:6379, named by h1:26379"; empty: not known yet
  State state = State::alone;
  Seconds since = 0;          // of `up` and `state`, as they are
  std::string others_policy;  // under other_policy
  Seconds clock_ahead = 0;    // of the store's, under other_clock; below 0: behind
  std::string evicts_by;      // how it may drop what it was told: ServerFacts; empty: it does not
  bool healing = false;       // what is known here is being told again
  bool breaker_open = false;  // it has failed, and is left alone but for an attempt a second
  std::string last_fault;     // in words; empty: there was none
  bool may_pass = true;       // without anybody who mends that
  Seconds last_fault_at = 0;
  // What a member cannot do with orders, and why; empty: all is well. Unheard: it decides alone.
  std::string orders_fault;
  bool orders_unheard = false;
};

// "alone"
std::string_view to_string(StoreStanding::State state);

// "store: up at db1:6379", "store: down: db1:6379: no answer in time; this daemon decides alone"
std::string to_line(const StoreStanding& standing);
// The same where it is a problem; nothing where it is none. That it may drop what it was told is
// none by itself, as it may have room for all: that is for a warning.
std::optional<std::string> problem_of(const StoreStanding& standing, Seconds now);

// The object "store" of a status.
void add_store(JsonLine& line, const StoreStanding& standing);

}  // namespace grey
