#include "greyd/upkeep.h"

#include <algorithm>
#include <csignal>
#include <iterator>
#include <utility>

#include "greyd/fronts/counters_text.h"
#include "greyd/fronts/record_log.h"
#include "greyd/net/clock.h"

namespace grey {
namespace {

constexpr double kTick = 1;                 // seconds
constexpr std::size_t kExpirySlice = 2000;  // records freed at once: queries wait for no more
constexpr double kExpiryPause = 0.01;       // seconds between slices
constexpr std::size_t kSaveSlice = 1000;    // records written at once, likewise
constexpr double kSavePause = 0.001;        // seconds between slices
constexpr std::size_t kMaxPrintedRecords = 10'000;

}  // namespace

Upkeep::Upkeep(EventLoop& loop, const Options& options, Service& service, LogPipe& pipe,
               spdlog::logger& logger, const Counters& counters, SupervisorReport& supervisor)
    : options_(options),
      service_(service),
      pipe_(pipe),
      logger_(logger),
      counters_(counters),
      supervisor_(supervisor),
      tick_(loop.every(kTick, [this] { on_tick(); })),
      save_(loop.every(double(options.save_interval), [this] { start_save(); })),
      save_slices_(loop.every(kSavePause, [this] { save_slice(); })),
      expiry_(loop.every(double(options.free_interval), [this] { start_expiry(); })),
      expiry_slices_(loop.after(kExpiryPause, [this] { expire_slice(); })),
      signals_{loop.on_signal(SIGTERM, [&loop] { loop.stop(); }),
               loop.on_signal(SIGINT, [&loop] { loop.stop(); }),
               loop.on_signal(SIGHUP, [this] { on_hup(); }),
               loop.on_signal(SIGUSR1, [this] { start_save(); }),
               loop.on_signal(SIGUSR2, [this] { on_usr2(); })} {
  save_slices_.stop();
  expiry_slices_.stop();
}

Seconds Upkeep::look_at_clocks() {
  const Seconds now = wall_clock();
  service_.look_at_clocks(now, monotonic_clock());
  return now;
}

// ---- saving ------------------------------------------------------------------------------------

// A snapshot is written in slices, so that queries are answered between them.
void Upkeep::start_save() {
  service_.files().start_save();
  if (service_.files().saving()) save_slices_.restart();
}

void Upkeep::save_slice() {
  service_.files().save_slice(kSaveSlice);
  if (!service_.files().saving()) save_slices_.stop();
  tell_savers();
}

void Upkeep::save(Done done) {
  const StateCounters& state = counters_.state;
  const Count needed = service_.files().saving() ? 2 : 1;
  savers_.push_back({std::move(done), state.saved, state.save_failures, needed});
  start_save();
}

void Upkeep::tell_savers() {
  if (savers_.empty()) return;
  const StateCounters& state = counters_.state;
  const auto over = std::partition(savers_.begin(), savers_.end(), [&](const Saver& saver) {
    return state.saved < saver.saved + saver.needed && state.save_failures == saver.failures;
  });
  std::vector<Saver> told(std::make_move_iterator(over), std::make_move_iterator(savers_.end()));
  savers_.erase(over, savers_.end());
  for (const Saver& saver : told) {
    if (state.save_failures == saver.failures) {
      saver.done(service_.greylist().table().size());
    } else {
      saver.done(failure(service_.last_error()));
    }
  }
}

void Upkeep::on_tick() {
  const Seconds now = look_at_clocks();
  tell_shortage(now);
  service_.files().tick(monotonic_clock());
  if (service_.files().saving()) save_slices_.restart();
  tell_savers();
}

void Upkeep::tell_shortage(Seconds now) {
  const Table& table = service_.greylist().table();
  if (table.shortages() == shortages_told_ || shortage_limit_.due(now) == 0) return;
  shortages_told_ = table.shortages();
  logger_.error(
      "no memory for more than the {} records that there are (--max-records {}): the oldest go for "
      "those that come",
      table.size(), options_.max_records);
}

Result<std::size_t> Upkeep::save_all() {
  auto saved = service_.save_all(wall_clock());
  if (options_.verbosity >= Verbosity::state) print_counters();
  if (saved && options_.verbosity >= Verbosity::decisions) {
    logger_.info("saved {} records in {}, exiting", *saved, options_.context_file);
  }
  return saved;
}

// ---- expiry, lists -----------------------------------------------------------------------------

void Upkeep::start_expiry() {
  if (!expiry_slices_.running()) expire_slice();
}

void Upkeep::expire_slice() {
  expiry_slices_.stop();
  const Seconds now = look_at_clocks();
  const std::size_t before = service_.greylist().table().size();
  const bool more = service_.expire(now, kExpirySlice) == kExpirySlice;
  expired_ += before - service_.greylist().table().size();
  if (more) {
    expiry_slices_.restart();
  } else {
    tell_expirers();
  }
}

// A pass that runs may have gone by what is over by now: then another follows it.
void Upkeep::expire(Done done) {
  next_expirers_.push_back(std::move(done));
  if (!expiry_slices_.running()) tell_expirers();
}

// A pass is over, or none runs.
void Upkeep::tell_expirers() {
  for (const Done& done : std::exchange(expirers_, {})) done(expired_);
  if (next_expirers_.empty()) return;
  expirers_ = std::exchange(next_expirers_, {});
  expired_ = 0;
  expire_slice();
}

void Upkeep::on_usr2() {
  start_expiry();
  if (options_.verbosity >= Verbosity::records) print_records();
}

void Upkeep::print_records() {
  const Table& table = service_.greylist().table();
  logger_.info("records waiting={} passed={} clients={} bounces={} bytes={}",
               table.count(RecordClass::waiting), table.count(RecordClass::passed),
               table.count(RecordClass::client), table.count(RecordClass::bounce), table.memory());
  std::size_t left = kMaxPrintedRecords;
  for (RecordOrder order = 0; order < kOrders; ++order) {
    for (auto ref = table.oldest(order); ref != 0 && left > 0; --left) {
      if (const auto record = to_saved(table.view(ref))) {
        pipe_.add_line(Priority::info,
                       [&](std::string& out) { append_record_line(out, pipe_.format(), *record); });
      }
      ref = table.next_younger(ref);
    }
  }
  pipe_.flush();
  if (table.size() > kMaxPrintedRecords) {
    logger_.info("{} more records not printed", table.size() - kMaxPrintedRecords);
  }
  print_counters();
}

void Upkeep::print_counters() {
  pipe_.add_line(Priority::info, [&](std::string& out) {
    append_counters(out, pipe_.format(), counters_, more_counters_);
  });
  pipe_.flush();
}

void Upkeep::on_hup() {
  reload([](const Result<std::size_t>&) {});
}

void Upkeep::reload(Done done) {
  supervisor_.reading_lists(monotonic_microseconds());
  service_.start_reload([this, done = std::move(done)](const Result<std::size_t>& entries) {
    if (!entries) {
      logger_.error("lists not reloaded, the old ones stay in force: {}{}", entries.error().text,
                    hint_ ? hint_() : std::string());
    } else if (options_.verbosity >= Verbosity::decisions) {
      logger_.info("lists reloaded, {} entries", *entries);
    }
    if (keys_ != nullptr) return reload_keys(entries, done);
    supervisor_.lists_read(entries);
    done(entries);
  });
}

// After the lists, of which `entries` tells. What was wrong with these is told first.
void Upkeep::reload_keys(const Result<std::size_t>& entries, const Done& done) {
  keys_->start_reload([this, entries, done](const Result<std::size_t>& keys) {
    if (!keys) {
      logger_.error("keys not reloaded, the old ones stay in force: {}", keys.error().text);
    } else if (options_.verbosity >= Verbosity::decisions) {
      logger_.info("keys reloaded, {}", *keys);
    }
    const auto& told = entries && !keys ? keys : entries;
    supervisor_.lists_read(told);
    done(told);
  });
}

}  // namespace grey
