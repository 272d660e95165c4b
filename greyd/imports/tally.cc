#include "greyd/imports/tally.h"

namespace grey::imports {
namespace {

// Of numbers that come from outside: as large as there can be one, at most.
std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
  return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

}  // namespace

void Tally::skipped(const Item& item, Reason reason) {
  ++reasons_[std::size_t(reason)];
  // What is over is counted and needs no looking after.
  if (reason == Reason::expired || shown_.size() == kShown) return;
  std::string line = to_string(item.place);
  if (const std::string about = describe(item); !about.empty()) line += ": " + about;
  shown_.push_back({reason, std::move(line)});
}

void Tally::add(const Sums& sums) {
  sums_.blocked = sum(sums_.blocked, sums.blocked);
  sums_.passed = sum(sums_.passed, sums.passed);
  sums_.counted = sums_.counted || sums.counted;
}

std::string Tally::text() const {
  std::string text =
      "taken: " + std::to_string(records_) + " records, " + std::to_string(entries_) + " entries\n";
  text += "newer here: " + std::to_string(had_) + "\n";
  if (repeated_ > 0) text += "again: " + std::to_string(repeated_) + "\n";
  text += "expired: " + std::to_string(skipped(Reason::expired)) + "\n";
  for (std::size_t i = 0; i < kReasons; ++i) {
    const auto reason = Reason(i);
    if (reason == Reason::expired || reasons_[i] == 0) continue;
    text +=
        "skipped: " + std::to_string(reasons_[i]) + ", " + std::string(to_string(reason)) + "\n";
    for (const Shown& shown : shown_) {
      if (shown.reason == reason) text += "  " + shown.line + "\n";
    }
  }
  if (sums_.counted) {
    text += "counted there: " + std::to_string(sums_.blocked) + " blocked, " +
            std::to_string(sums_.passed) + " passed\n";
  }
  return text;
}

}  // namespace grey::imports
