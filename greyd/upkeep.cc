#include "greyd/upkeep.h"

#include <csignal>

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
               spdlog::logger& logger, const Counters& counters)
    : options_(options),
      service_(service),
      pipe_(pipe),
      logger_(logger),
      counters_(counters),
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
}

void Upkeep::on_tick() {
  look_at_clocks();
  service_.files().tick(monotonic_clock());
  if (service_.files().saving()) save_slices_.restart();
}

Result<std::size_t> Upkeep::save_all() {
  auto saved = service_.files().save_all();
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
  if (service_.expire(look_at_clocks(), kExpirySlice) == kExpirySlice) expiry_slices_.restart();
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
  for (std::size_t c = 0; c < kRecordClasses; ++c) {
    for (auto ref = table.oldest(RecordClass(c)); ref != 0 && left > 0; --left) {
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
  pipe_.add_line(Priority::info,
                 [&](std::string& out) { append_counters(out, pipe_.format(), counters_); });
  pipe_.flush();
}

void Upkeep::on_hup() {
  service_.start_reload([this](const Result<std::size_t>& entries) {
    if (!entries) {
      logger_.error("lists not reloaded, the old ones stay in force: {}", entries.error().text);
    } else if (options_.verbosity >= Verbosity::decisions) {
      logger_.info("lists reloaded, {} entries", *entries);
    }
  });
}

}  // namespace grey
