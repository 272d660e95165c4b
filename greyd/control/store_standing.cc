#include "greyd/control/store_standing.h"

#include <array>
#include <cstdlib>

namespace grey {
namespace {

using State = StoreStanding::State;

// Who has just found the store meets the others within a second.
constexpr Seconds kMeets = 5;

constexpr std::string_view kAlone = "; this daemon decides alone";

std::string evicts(const std::string& policy) {
  return policy.empty() ? policy
                        : ", which may drop what it was told (maxmemory-policy " + policy +
                              "; noeviction keeps it)";
}

}  // namespace

std::string_view to_string(State state) {
  static constexpr std::array<std::string_view, 4> kNames = {"alone", "other_policy", "other_clock",
                                                             "member"};
  return kNames[std::size_t(state)];
}

std::string to_line(const StoreStanding& standing) {
  if (!standing.up) {
    const std::string& fault = standing.last_fault;
    return "store: down: " + (fault.empty() ? "not connected yet" : fault) +
           (standing.may_pass ? "" : " (that does not pass by itself)") + std::string(kAlone);
  }
  std::string text = "store: up at " + standing.where;
  if (standing.state == State::member) {
    if (standing.orders_fault.empty()) return text + evicts(standing.evicts_by);
    text += ", its orders cannot be " + std::string(standing.orders_unheard ? "heard" : "said");
    text += " (" + standing.orders_fault + ")";
    return standing.orders_unheard ? text.append(kAlone) : text;
  }
  if (standing.state == State::other_policy) {
    text += ", shared under another policy (" + standing.others_policy + ")";
  } else if (standing.state == State::other_clock) {
    const bool ahead = standing.clock_ahead > 0;
    text += ", this host's clock is " + std::to_string(std::abs(standing.clock_ahead)) +
            " seconds " + (ahead ? "ahead of" : "behind") + " its";
  } else {
    text += ", the others are not met yet";
  }
  return text.append(kAlone);
}

std::optional<std::string> problem_of(const StoreStanding& standing, Seconds now) {
  const bool well = standing.orders_fault.empty();
  if (standing.state == State::member && standing.up && well) return std::nullopt;
  const bool meets = standing.up && standing.state == State::alone;
  if (meets && now - standing.since < kMeets) return std::nullopt;
  return to_line(standing);
}

void add_store(JsonLine& line, const StoreStanding& standing) {
  line.begin_object("store").text("url", standing.url).text("where", standing.where);
  line.flag("up", standing.up).text("state", to_string(standing.state));
  line.number("since", standing.since).flag("healing", standing.healing);
  line.flag("breaker_open", standing.breaker_open);
  if (!standing.evicts_by.empty()) line.text("evicts_by", standing.evicts_by);
  if (!standing.others_policy.empty()) line.text("others_policy", standing.others_policy);
  if (standing.clock_ahead != 0) line.number("clock_ahead", standing.clock_ahead);
  if (!standing.last_fault.empty()) {
    line.text("last_fault", standing.last_fault).number("last_fault_at", standing.last_fault_at);
  }
  if (!standing.orders_fault.empty()) line.text("orders_fault", standing.orders_fault);
  line.end_object();
}

}  // namespace grey
