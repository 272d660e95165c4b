// The upkeep of what the fronts serve, at its times and by signals: saving, expiry, new lists, the
// end (qmail-greyd(8), SIGNALS).
#pragma once

#include <spdlog/logger.h>

#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "greyd/base/counters.h"
#include "greyd/base/error.h"
#include "greyd/base/rate_limit.h"
#include "greyd/fronts/counters_text.h"
#include "greyd/fronts/key_keeper.h"
#include "greyd/net/event_loop.h"
#include "greyd/net/log.h"
#include "greyd/options.h"
#include "greyd/service/service.h"
#include "greyd/supervisor_report.h"

namespace grey {

class Upkeep {
 public:
  // It begins with this, on `loop`. All by reference must outlive it.
  Upkeep(EventLoop& loop, const Options& options, Service& service, LogPipe& pipe,
         spdlog::logger& logger, const Counters& counters, SupervisorReport& supervisor);
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

  // Now, of which the service has been told.
  Seconds look_at_clocks();

  // By command; see Upkeeping (control/commands.h).
  using Done = std::function<void(const Result<std::size_t>&)>;
  void save(Done done);    // a whole snapshot that is begun after this
  void expire(Done done);  // all that is over now
  void reload(Done done);

  // Keys that are read again with the lists; they must outlive it.
  void reload_also(KeyKeeper& keys) { keys_ = &keys; }

  // Counters that stand behind the others in the log.
  void print_also(MoreCounters more) { more_counters_ = std::move(more); }

  // What is said behind a failure to read lists; empty: nothing.
  void explain_failures(std::function<std::string()> hint) { hint_ = std::move(hint); }

  // For the end, when nobody is answered any more. How many records were saved.
  Result<std::size_t> save_all();

 private:
  void start_save();
  void save_slice();
  void on_tick();
  void tell_shortage(Seconds now);
  void start_expiry();
  void expire_slice();
  void on_usr2();
  void on_hup();
  void reload_keys(const Result<std::size_t>& entries, const Done& done);
  void print_records();
  void print_counters();
  void tell_savers();
  void tell_expirers();

  // Who waits for a snapshot, and what had been counted when they came.
  struct Saver {
    Done done;
    Count saved, failures;
    Count needed;  // snapshots: one that had been begun before is not the one that is meant
  };

  const Options& options_;
  Service& service_;
  LogPipe& pipe_;
  spdlog::logger& logger_;
  const Counters& counters_;
  SupervisorReport& supervisor_;
  MoreCounters more_counters_;
  KeyKeeper* keys_ = nullptr;  // nullptr: there are none
  std::function<std::string()> hint_;

  std::vector<Saver> savers_;
  std::vector<Done> expirers_;       // who wait for the pass that runs
  std::vector<Done> next_expirers_;  // and for the next
  std::size_t expired_ = 0;          // records, of that pass

  EventLoop::Timer tick_, save_, save_slices_, expiry_, expiry_slices_;
  std::array<EventLoop::Signal, 5> signals_;
  std::uint64_t shortages_told_ = 0;
  RateLimit shortage_limit_{60};  // seconds
};

}  // namespace grey
