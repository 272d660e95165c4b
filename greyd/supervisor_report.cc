#include "greyd/supervisor_report.h"

#include <algorithm>

#include "greyd/wire/wire.h"

namespace grey {
namespace {

using namespace std::chrono_literals;

constexpr auto kExtendEvery = 5s;
// Until the next word at the latest: a disk may stall for a while, and all of a file is looked at
// before its first record is.
constexpr auto kExtendBy = 120s;
constexpr unsigned kStatusEvery = 10;  // seconds
constexpr std::size_t kMuch = 100;     // records; fewer are never much
constexpr std::size_t kMuchPart = 10;  // nor is less than this part of what there was

void count(const ReasonCounts& counts, Standing& standing) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const bool accepted = wire::verdict_of(wire::Reason(i)) == wire::Verdict::accept;
    (accepted ? standing.accepted : standing.deferred) += counts[i];
  }
}

std::size_t records(const Standing& standing) {
  return standing.waiting + standing.passed + standing.clients + standing.bounces;
}

}  // namespace

Standing standing_of(const Table& table, const Counters& counters) {
  Standing standing;
  standing.waiting = table.count(RecordClass::waiting);
  standing.passed = table.count(RecordClass::passed);
  standing.clients = table.count(RecordClass::client);
  standing.bounces = table.count(RecordClass::bounce);
  count(counters.udp.decided, standing);
  count(counters.policy.decided, standing);
  standing.unsaved = counters.state.unjournaled;
  return standing;
}

std::string to_text(const Standing& standing) {
  std::string text =
      std::to_string(standing.waiting) + " waiting, " + std::to_string(standing.passed) +
      " passed, " + std::to_string(standing.clients) + " known clients, " +
      std::to_string(standing.bounces) + " bounces; " + std::to_string(standing.accepted) +
      " accepted, " + std::to_string(standing.deferred) + " deferred";
  if (standing.unsaved == 0) return text;
  return text + "; " + std::to_string(standing.unsaved) + " changes in memory alone";
}

bool differs_much(const Standing& told, const Standing& now) {
  const std::size_t before = records(told), after = records(now);
  const std::size_t difference = std::max(before, after) - std::min(before, after);
  return difference >= std::max(kMuch, before / kMuchPart);
}

SupervisorReport::SupervisorReport(SupervisorNotice& notice, const Table& table,
                                   const Counters& counters)
    : notice_(notice), table_(table), counters_(counters) {}

void SupervisorReport::at_work(std::chrono::microseconds monotonic) {
  if (extended_at_ && monotonic - *extended_at_ < kExtendEvery) return;
  extended_at_ = monotonic;
  notice_.extend_timeout(kExtendBy);
}

void SupervisorReport::ready(EventLoop& loop) {
  serves_ = true;
  tell_ready();
  if (notice_.tells_systemd()) seconds_ = loop.every(1, [this] { on_second(); });
  if (const auto every = notice_.alive_every()) {
    alive_ = loop.every(std::chrono::duration<double>(*every).count(), [this] { notice_.alive(); });
  }
}

void SupervisorReport::reading_lists(std::chrono::microseconds monotonic) {
  ++lists_being_read_;
  ready_is_told_ = true;  // no longer: it is told after this
  notice_.reloading(monotonic);
}

void SupervisorReport::lists_read(const Result<std::size_t>& entries) {
  lists_ = entries ? std::to_string(*entries) + " list entries"
                   : "lists not reloaded: " + entries.error().text;
  if (lists_being_read_ > 0) --lists_being_read_;
  if (serves_ && lists_being_read_ == 0) tell_ready();
}

void SupervisorReport::stopping() {
  seconds_.reset();
  alive_.reset();
  extended_at_.reset();  // that was the time for the start
  notice_.stopping();
}

void SupervisorReport::tell_ready() {
  ready_is_told_ = notice_.ready(note(standing_of(table_, counters_)));
}

void SupervisorReport::on_second() {
  if (!ready_is_told_) tell_ready();
  ++seconds_since_told_;
  const Standing now = standing_of(table_, counters_);
  const bool due = seconds_since_told_ >= kStatusEvery && now != told_;
  if (due || differs_much(told_, now)) notice_.status(note(now));
}

std::string SupervisorReport::note(const Standing& standing) {
  told_ = standing;
  seconds_since_told_ = 0;
  const std::string text = to_text(standing);
  return lists_.empty() ? text : text + "; " + lists_;
}

}  // namespace grey
