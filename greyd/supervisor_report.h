// What the daemon tells who supervises it, and when (net/supervisor_notice.h says how): that a long
// start or end goes on, that it answers, what it holds, that its loop turns, that it reads its
// lists.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "greyd/base/counters.h"
#include "greyd/base/error.h"
#include "greyd/core/table.h"
#include "greyd/net/event_loop.h"
#include "greyd/net/supervisor_notice.h"

namespace grey {

// What its status line says, in numbers.
struct Standing {
  std::size_t waiting = 0, passed = 0, clients = 0, bounces = 0;  // records
  Count accepted = 0, deferred = 0;                               // queries since the start
  Count unsaved = 0;  // changes that are in memory alone
  bool operator==(const Standing&) const = default;
};
Standing standing_of(const Table& table, const Counters& counters);

// "12 waiting, 3 passed, 1 known clients, 0 bounces; 40 accepted, 12 deferred", and that of the
// last when there are any.
std::string to_text(const Standing& standing);

// Whether what `told` says is misleading by now: a tenth of the records has come or gone, and not
// just a few.
bool differs_much(const Standing& told, const Standing& now);

class SupervisorReport {
 public:
  // All must outlive it.
  SupervisorReport(SupervisorNotice& notice, const Table& table, const Counters& counters);
  SupervisorReport(const SupervisorReport&) = delete;
  SupervisorReport& operator=(const SupervisorReport&) = delete;

  // A start or an end has come a step further: to be called at any rate while it lasts.
  // `monotonic`: CLOCK_MONOTONIC.
  void at_work(std::chrono::microseconds monotonic);

  // Whoever asks is answered from now on. While `loop` turns the watchdog hears of it, and the
  // status line follows, every ten seconds when something has changed, at once when much has.
  void ready(EventLoop& loop);

  // The lists are being read again; each is followed by lists_read().
  void reading_lists(std::chrono::microseconds monotonic);
  // How many entries are in force, or why those from before still are.
  void lists_read(const Result<std::size_t>& entries);

  // It answers nobody any more, and saves.
  void stopping();

 private:
  void on_second();
  void tell_ready();
  std::string note(const Standing& standing);  // the status line; that is told now

  SupervisorNotice& notice_;
  const Table& table_;
  const Counters& counters_;

  std::optional<std::chrono::microseconds> extended_at_;
  Standing told_;
  unsigned seconds_since_told_ = 0;
  std::string lists_;  // what is to be said of them; empty: nothing yet
  unsigned lists_being_read_ = 0;
  bool serves_ = false;
  bool ready_is_told_ = true;  // false: systemd waits for it
  EventLoop::Timer seconds_, alive_;
};

}  // namespace grey
