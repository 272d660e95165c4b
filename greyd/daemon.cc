#include "greyd/daemon.h"

#include <filesystem>
#include <utility>

#include "greyd/confine.h"
#include "greyd/control/hour_events.h"
#include "greyd/front_settings.h"
#include "greyd/net/clock.h"
#include "greyd/state/state_place.h"

namespace grey {
namespace {

constexpr Seconds kUnexpectedLogPeriod = 10;  // seconds

std::string_view to_string(RequireKey require) {
  constexpr std::string_view kWords[] = {"never", "remote", "always"};
  return kWords[std::size_t(require)];
}

DaemonFacts facts_of(const Options& options, KeyKeeper* keys) {
  DaemonFacts facts;
  facts.keys = keys;
  facts.require_key = to_string(options.require_key);
  facts.listen.push_back(to_string(options.listen.ip) + "@" + std::to_string(options.listen.port));
  for (const ListenAddress& address : policy_places(options)) {
    facts.listen.push_back(address.path.empty() ? to_text(address.endpoint) : address.path);
  }
  std::error_code error;
  facts.context_file = std::filesystem::absolute(options.context_file, error);
  facts.max_records = options.max_records;
  facts.since = wall_clock();
  return facts;
}

Upkeeping upkeeping_of(Upkeep& upkeep) {
  return {.save = [&](Upkeeping::Done done) { upkeep.save(std::move(done)); },
          .expire = [&](Upkeeping::Done done) { upkeep.expire(std::move(done)); },
          .reload = [&](Upkeeping::Done done) { upkeep.reload(std::move(done)); }};
}

// Those of the domains that lists and rules name.
void learn_listed_networks(Lookups& lookups, Service& service) {
  lookups.tell_ended([&](const std::string& domain, const spf::Flattened& flattened, Seconds now) {
    service.take_networks(domain, flattened, now);
  });
  service.networks().ask_by(
      [&](const std::string& domain, Seconds) { lookups.want_first(domain); });
}

}  // namespace

// ---- what it stands on -------------------------------------------------------------------------

Ground::Ground(const Surroundings& around, const sandbox::Sandbox& sandbox)
    : around_(around),
      sandbox_(sandbox),
      unexpected_(kUnexpectedLogPeriod),
      loop_([this](const std::exception& error) { on_unexpected(error); }),
      background_(loop_),
      service_(
          service_settings(around.options), new_hash_key(), background_,
          [this](StateFiles::Level level, const std::string& text) { report(level, text); },
          around.counters),
      supervisor_(around.notice, service_.greylist().table(), around.counters) {
  if (const int fault = background_.fault()) {
    around.logger.warn("{}; queries wait for the disk",
                       system_error("start", "a thread", fault).text);
  }
  service_.files().tell_progress([this] { supervisor_.at_work(monotonic_microseconds()); });
}

void Ground::on_unexpected(const std::exception& error) {
  ++around_.counters.unexpected;
  if (const auto count = unexpected_.due(wall_clock())) {
    around_.logger.error("unexpected: {} count={}", error.what(), count);
  }
}

std::string Ground::hint() const {
  return restart_hint(sandbox_);
}

void Ground::report(StateFiles::Level level, const std::string& text) {
  using Level = StateFiles::Level;
  const Verbosity least = level == Level::notice ? Verbosity::decisions : Verbosity::state;
  if (level == Level::error) {
    around_.logger.error("{}{}", text, hint());
  } else if (level == Level::warning) {
    around_.logger.warn("{}", text);
  } else if (around_.options.verbosity >= least) {
    around_.logger.info("{}", text);
  }
}

Result<void> Ground::load() {
  const auto lists = service_.reload_lists();
  if (!lists) return tl::make_unexpected(lists.error());
  if (!around_.options.key_file.empty()) {
    keys_.emplace(around_.options.key_file, background_);
    if (auto loaded = keys_->load(); !loaded) return tl::make_unexpected(loaded.error());
  }
  supervisor_.lists_read(lists);
  if (auto loaded = load_state(); !loaded) return loaded;
  service_.totals().happened_is([this] { return hour_events(around_.counters); });
  return {};
}

Result<void> Ground::load_state() {
  const Options& options = around_.options;
  if (auto place = check_state_place(options.context_file); !place) return place;
  const auto report = service_.load(wall_clock(), monotonic_clock());
  if (!report) return tl::make_unexpected(report.error());
  for (const std::string& note : report->notes) around_.logger.warn("{}", note);
  if (options.verbosity >= Verbosity::decisions) {
    around_.logger.info("loaded {} records from {}, {} expired, {} changes from the journal",
                        report->records, options.context_file, report->expired, report->changes);
  }
  return {};
}

// ---- who decides -------------------------------------------------------------------------------

Deciders::Deciders(const Surroundings& around, Ground& ground, Opened& opened)
    : inner_(make_inner(around, ground, opened)),
      pools_(around.options.policy, std::move(opened.parents), lookups(), around.counters.pools,
             [&](const SavedRecord& waiting, const Client& pool, Seconds now, const Ip& by) {
               if (shared_) return shared_->wait_in_pool(waiting, pool, now, by);
               ground.service().wait_in_pool(waiting, pool, now, by);
             }),
      pooled_(inner_, pools_),
      has_pools_(around.options.policy.pools != PoolUse::off || around.options.policy.replies > 0) {
  if (has_pools_) ground.service().use_pools(&pools_);
}

Decider& Deciders::make_inner(const Surroundings& around, Ground& ground, Opened& opened) {
  spdlog::logger& logger = around.logger;
  const auto warn = [&logger](const std::string& text) { logger.warn("{}", text); };
  if (opened.lookup_helper) {
    lookups_.emplace(ground.loop(), std::move(opened.lookup_helper),
                     Lookups::Clocks{wall_clock, monotonic_clock}, warn, lookup_counters_);
    learn_listed_networks(*lookups_, ground.service());
  }
  if (!opened.sharing) return ground.service();
  shared_.emplace(ground.loop(), ground.background(), *opened.sharing, ground.service(),
                  shared_counters_, wall_clock, warn);
  store_.emplace(ground.loop(), *shared_, shared_counters_, to_string(opened.sharing->url), logger,
                 around.options.verbosity >= Verbosity::decisions);
  return shared_->decider();
}

void Deciders::visit_counters(const VisitCounter& visit) const {
  if (store_) store_->visit_counters(visit);
  if (lookups_) grey::visit_counters(lookup_counters_, visit);
}

void Deciders::drain() {
  decider().drain();
  if (shared_) shared_->save();
}

// ---- who asks ----------------------------------------------------------------------------------

Askers::Askers(const Surroundings& around, Ground& ground, Deciders& deciders, Opened& opened)
    : udp_(udp_settings(around.options, opened.local,
                        ground.keys() != nullptr ? &ground.keys()->keys() : nullptr),
           std::move(opened.udp), deciders.decider(), around.pipe, around.logger,
           around.counters.udp),
      upkeep_(ground.loop(), around.options, ground.service(), around.pipe, around.logger,
              around.counters, ground.supervisor()),
      commands_(facts_of(around.options, ground.keys()), ground.service(), around.counters,
                upkeeping_of(upkeep_), deciders.store(), deciders.lookups()) {
  if (ground.keys() != nullptr) upkeep_.reload_also(*ground.keys());
  upkeep_.explain_failures([&] { return ground.hint(); });
  upkeep_.print_also([&](const VisitCounter& visit) { deciders.visit_counters(visit); });
  const auto clock = [this] { return upkeep_.look_at_clocks(); };
  udp_.attach(ground.loop(), clock);
  const auto serve_mta = [&](std::optional<MtaServer>& server, std::vector<Listener>& listeners,
                             bool submission) {
    if (listeners.empty()) return;
    MtaSettings settings = mta_settings(around.options, opened.local);
    settings.submission = submission;
    server.emplace(std::move(settings), std::move(listeners), deciders.decider(), around.pipe,
                   around.logger, around.counters.policy);
    server->attach(ground.loop(), clock);
  };
  serve_mta(mta_, opened.mta, false);
  serve_mta(submission_, opened.submission, true);
  if (opened.control.listener) {
    control_.emplace(std::move(*opened.control.listener), commands_, ground.service(),
                     around.logger, around.counters.control, control_connections());
    control_->attach(ground.loop(), clock);
  }
}

// ---- all of it ---------------------------------------------------------------------------------

Result<int> serve(const Surroundings& around) {
  const Options& options = around.options;
  auto opened = start_up(options, around.logger);
  if (!opened) return tl::make_unexpected(opened.error());
  Ground ground(around, opened->sandbox);
  if (const auto loaded = ground.load(); !loaded) return tl::make_unexpected(loaded.error());
  Deciders deciders(around, ground, *opened);
  Askers askers(around, ground, deciders, *opened);
  if (!opened->control.warning.empty()) around.logger.warn("{}", opened->control.warning);
  // Said only now: who reads it may send signals at once.
  if (options.verbosity >= Verbosity::decisions) {
    around.logger.info("listening on {}@{}{}", to_string(options.listen.ip), options.listen.port,
                       options.policy.dry_run ? ", dry run: all is accepted" : "");
  }
  ground.supervisor().ready(ground.loop());
  ground.loop().run();
  ground.supervisor().stopping();
  deciders.drain();
  const auto saved = askers.upkeep().save_all();
  if (saved) return 0;
  around.logger.error("{}", saved.error().text);
  return saved.error().exit_code;
}

}  // namespace grey
