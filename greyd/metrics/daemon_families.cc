#include "greyd/metrics/daemon_families.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace grey::metrics {
namespace {

using nlohmann::json;
using Type = Family::Type;

// ---- counters ----------------------------------------------------------------------------------

struct CounterFamily {
  std::string_view name, help;
};
constexpr CounterFamily kCounters[] = {
    {"decisions", "Queries that were answered, by reason and by front."},
    {"faults", "What is no query, by kind and by front."},
    {"foreign_datagrams", "Datagrams from who may not ask."},
    {"lost_answers", "Queries that got no answer of their own, by cause and by front."},
    {"no_opinion_requests", "Requests of mail servers that needed no decision."},
    {"first_attempts", "Triplets that began to wait."},
    {"attempts_ended",
     "Triplets that were forgotten before a good retry: never, or trusted where their client had "
     "become known by another."},
    {"attempts_by_suspicion",
     "First attempts, and good retries, of clients that were suspect at each, and of others."},
    {"suspicions", "First attempts of suspect clients, by what makes them so: some by several."},
    {"pool_accepted", "Queries accepted as of a pool: its good retry, or a known one."},
    {"pool_waits",
     "Triplets that waited for their sender's domain's networks, by what came of it."},
    {"sent_told", "Addresses that ours have written to, as was told."},
    {"sent_unfit", "Of these: such as nothing is kept of."},
    {"evictions", "Records that had to go for others at the limit."},
    {"evictions_over_share", "Of these, such as were over the share of a network or an asker."},
    {"connections", "Connections by socket, and what has become of them."},
    {"snapshots", "Times that the whole state was saved."},
    {"save_failures", "Times that it could not be."},
    {"journal_failures", "Times that the journal was turned off."},
    {"unjournaled_changes", "Changes that were in memory alone until the next snapshot."},
    {"lost_records", "Records lost of a damaged context file at the start."},
    {"lost_changes", "Changes lost of a damaged journal at the start."},
    {"log_lines_dropped", "Lines of the log that its reader was too slow for."},
    {"unexpected_exceptions", "Events whose handling ended with an exception."},
    {"lookups_asked", "Domains whose networks were asked for."},
    {"lookups_answered", "Of those: what has become of it."},
    {"lookups_refused",
     "Domains that were not asked for: too many waited, or there was nobody to."},
    {"lookups_timed_out", "Domains that were asked for, without an answer in time."},
    {"lookups_lost", "Domains that were asked for when the helper died."},
    {"lookups_evicted", "Domains that had to go for others."},
    {"lookups_helper_restarts", "Times that the helper was started anew."},
    {"lookups_bad_messages", "What it said that makes no sense."},
    {"store_asked", "Queries of which the store was asked."},
    {"store_unanswered", "Of those: decided by what is known here, as no answer came."},
    {"store_told", "Records that the store was told."},
    {"store_untold", "Records of which that failed, or was not tried: healing tells them again."},
    {"store_healed", "Records that were told again when it was back."},
    {"store_healings", "Times that this was begun."},
    {"store_data_losses", "Times that the store was found to have lost what it was told."},
    {"store_policy_differences", "Times that its daemons were found to have another policy."},
    {"store_clock_differences", "Times that its clock was found to be another."},
    {"store_orders_said", "Forget, allow, block and unlist, said to the other daemons."},
    {"store_orders_heard", "Orders of others that were done here."},
    {"store_orders_refused", "What is no order, or cannot be done."},
    {"store_orders_dropped", "Orders that had to go for others."},
    {"store_calls", "Commands and scripts for the store."},
    {"store_answers", "Of those: answered."},
    {"store_failures", "Of those: not, or with a fault."},
    {"store_connects", "Times that the store came up."},
    {"store_connect_failures", "Attempts that did not bring it up, by fault."},
    {"store_losses", "Times that it was up, and went."},
    {"store_breaker_opened", "Times that it was left alone for its failures."},
    {"store_probes", "Attempts while it was left alone."},
    {"store_switches", "Times that another server was the master."},
    {"store_scripts_loaded", "Scripts that a server did not have."},
};

// Where a counter of `stats` belongs. With a dot at its end `counter` stands for all that begin so:
// what follows is the value of `label`.
struct CounterSource {
  std::string_view counter, family;
  std::string_view label{}, value{};
  std::string_view other_label{}, other_value{};
};
constexpr CounterSource kSources[] = {
    {"udp.decided.", "decisions", "reason", {}, "front", "udp"},
    {"policy.decided.", "decisions", "reason", {}, "front", "policy"},
    {"udp.faults.", "faults", "kind", {}, "front", "udp"},
    {"policy.faults.", "faults", "kind", {}, "front", "policy"},
    {"udp.foreign", "foreign_datagrams"},
    {"udp.overflow", "lost_answers", "cause", "overflow", "front", "udp"},
    {"udp.backlog", "lost_answers", "cause", "backlog", "front", "udp"},
    {"udp.undecided", "lost_answers", "cause", "undecided", "front", "udp"},
    {"udp.overdue", "lost_answers", "cause", "overdue", "front", "udp"},
    {"udp.unsent", "lost_answers", "cause", "unsent", "front", "udp"},
    {"policy.undecided", "lost_answers", "cause", "undecided", "front", "policy"},
    {"policy.overdue", "lost_answers", "cause", "overdue", "front", "policy"},
    {"policy.unanswered", "lost_answers", "cause", "unanswered", "front", "policy"},
    {"policy.no-opinion", "no_opinion_requests"},
    {"attempts.first", "first_attempts"},
    {"attempts.first.", "attempts_by_suspicion", "client", {}, "step", "first"},
    {"attempts.passed.", "attempts_by_suspicion", "client", {}, "step", "passed"},
    {"suspicions.", "suspicions", "reason"},
    {"attempts.never", "attempts_ended", "how", "never"},
    {"attempts.trusted", "attempts_ended", "how", "trusted"},
    {"pools.passed", "pool_accepted"},
    {"pools.joined", "pool_waits", "outcome", "joined"},
    {"pools.unlearned", "pool_waits", "outcome", "unlearned"},
    {"pools.dropped", "pool_waits", "outcome", "dropped"},
    {"replies.told", "sent_told"},
    {"replies.unfit", "sent_unfit"},
    {"records.evicted", "evictions"},
    {"records.evicted-over-share", "evictions_over_share"},
    {"policy.connections.", "connections", "event", {}, "socket", "policy"},
    {"control.connections.", "connections", "event", {}, "socket", "control"},
    {"state.saved", "snapshots"},
    {"state.save-failures", "save_failures"},
    {"state.journal-failures", "journal_failures"},
    {"state.unjournaled", "unjournaled_changes"},
    {"state.lost-records", "lost_records"},
    {"state.lost-changes", "lost_changes"},
    {"log.lines", "log_lines_dropped"},
    {"loop.unexpected", "unexpected_exceptions"},
    {"lookups.asked", "lookups_asked"},
    {"lookups.answered.", "lookups_answered", "end"},
    {"lookups.refused", "lookups_refused"},
    {"lookups.timed-out", "lookups_timed_out"},
    {"lookups.lost", "lookups_lost"},
    {"lookups.evicted", "lookups_evicted"},
    {"lookups.restarts", "lookups_helper_restarts"},
    {"lookups.bad", "lookups_bad_messages"},
    {"store.asked", "store_asked"},
    {"store.unanswered", "store_unanswered"},
    {"store.told", "store_told"},
    {"store.untold", "store_untold"},
    {"store.healed", "store_healed"},
    {"store.healings", "store_healings"},
    {"store.data-lost", "store_data_losses"},
    {"store.other-policy", "store_policy_differences"},
    {"store.other-clock", "store_clock_differences"},
    {"store.orders.said", "store_orders_said"},
    {"store.orders.heard", "store_orders_heard"},
    {"store.orders.refused", "store_orders_refused"},
    {"store.orders.dropped", "store_orders_dropped"},
    {"store.calls", "store_calls"},
    {"store.answered", "store_answers"},
    {"store.failures.", "store_failures", "fault"},
    {"store.connects", "store_connects"},
    {"store.connect-failures.", "store_connect_failures", "fault"},
    {"store.losses", "store_losses"},
    {"store.breaker-opened", "store_breaker_opened"},
    {"store.probes", "store_probes"},
    {"store.switches", "store_switches"},
    {"store.scripts-loaded", "store_scripts_loaded"},
};
// Of an enumeration, and never counted.
constexpr std::string_view kNoFault = "none";
constexpr std::string_view kOfParts[] = {"store_", "lookups_"};  // that not every daemon has

const json* find(const json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto at = object.find(name);
  return at == object.end() ? nullptr : &*at;
}

void add_sample(Family& family, const CounterSource& source, std::string_view rest,
                std::uint64_t value) {
  Sample sample{{}, value};
  if (!source.label.empty()) {
    sample.labels.emplace_back(source.label, source.value.empty() ? rest : source.value);
  }
  if (!source.other_label.empty()) {
    sample.labels.emplace_back(source.other_label, source.other_value);
  }
  family.samples.push_back(std::move(sample));
}

void add_counter(Family& family, const CounterSource& source, const json& counters) {
  if (!source.counter.ends_with('.')) {
    const json* const value = find(counters, source.counter);
    if (value != nullptr && value->is_number_unsigned()) {
      add_sample(family, source, {}, value->get<std::uint64_t>());
    }
    return;
  }
  for (const auto& [name, value] : counters.items()) {
    if (!std::string_view(name).starts_with(source.counter) || !value.is_number_unsigned())
      continue;
    const std::string_view rest = std::string_view(name).substr(source.counter.size());
    if (rest != kNoFault) add_sample(family, source, rest, value.get<std::uint64_t>());
  }
}

void add_counters(std::vector<Family>& families, const json& counters) {
  for (const CounterFamily& row : kCounters) {
    Family family{"greyd_" + std::string(row.name), Type::counter, std::string(row.help), {}, {}};
    for (const CounterSource& source : kSources) {
      if (source.family == row.name) add_counter(family, source, counters);
    }
    const bool of_part = std::ranges::any_of(
        kOfParts, [&](std::string_view part) { return row.name.starts_with(part); });
    if (family.samples.empty() && of_part) continue;  // it has none
    families.push_back(std::move(family));
  }
}

// ---- how long good retries have waited ---------------------------------------------------------

bool read_numbers(const json* list, std::vector<std::uint64_t>& numbers) {
  if (list == nullptr || !list->is_array()) return false;
  for (const json& number : *list) {
    if (!number.is_number_unsigned()) return false;
    numbers.push_back(number.get<std::uint64_t>());
  }
  return true;
}

void add_delays(std::vector<Family>& families, const json& stats, const json& counters) {
  const json* const attempts = find(stats, "attempts");
  const json* const waited = find(counters, "attempts.waited");
  Histogram delays;
  if (attempts == nullptr || waited == nullptr || !waited->is_number_unsigned() ||
      !read_numbers(find(*attempts, "bounds"), delays.bounds) ||
      !read_numbers(find(*attempts, "passed"), delays.counts) ||
      delays.counts.size() != delays.bounds.size() + 1) {
    return;
  }
  delays.sum = waited->get<std::uint64_t>();
  families.push_back({"greyd_retry_delay_seconds",
                      Type::histogram,
                      "How long triplets had waited at their good retry.",
                      {},
                      std::move(delays)});
}

// ---- how it stands -----------------------------------------------------------------------------

// One that `status` has below `path`, the names of objects within another.
struct GaugeSource {
  std::string_view name, help;
  std::string_view object, field;  // object: empty: the field is of the whole
};
constexpr GaugeSource kGauges[] = {
    {"records_limit", "The most records that are kept.", "records", "most"},
    {"records_over_share", "Records over the share of a network or an asker, which go first.",
     "records", "over_share"},
    {"records_bytes", "Memory of the records.", "records", "bytes"},
    {"saved_timestamp_seconds", "When the context file was written.", "state", "saved_at"},
    {"lists_loaded_timestamp_seconds", "When lists and rules were read.", "lists", "loaded_at"},
    {"start_time_seconds", "When the daemon has started.", "", "since"},
};

void add_gauge(std::vector<Family>& families, std::string_view name, std::string_view help,
               std::vector<Sample> samples) {
  families.push_back(
      {"greyd_" + std::string(name), Type::gauge, std::string(help), std::move(samples), {}});
}

void add_gauges(std::vector<Family>& families, const json& status) {
  for (const GaugeSource& source : kGauges) {
    const json* const object = source.object.empty() ? &status : find(status, source.object);
    const json* const value = object == nullptr ? nullptr : find(*object, source.field);
    if (value == nullptr || !value->is_number_unsigned()) continue;
    add_gauge(families, source.name, source.help, {{{}, value->get<std::uint64_t>()}});
  }
}

void add_records(std::vector<Family>& families, const json& status) {
  std::vector<Sample> samples;
  for (const char* const state : {"waiting", "bounce", "trapped", "passed", "known", "sent"}) {
    const json* const records = find(status, "records");
    const json* const count = records == nullptr ? nullptr : find(*records, state);
    if (count == nullptr || !count->is_number_unsigned()) continue;
    samples.push_back({{{"state", state}}, count->get<std::uint64_t>()});
  }
  add_gauge(families, "records", "Records that are remembered, by state.", std::move(samples));
}

void add_lists(std::vector<Family>& families, const json& status) {
  std::vector<Sample> samples;
  for (const char* const list : {"whitelist", "blacklist", "rules", "allowed", "blocked"}) {
    const json* const lists = find(status, "lists");
    const json* entries = lists == nullptr ? nullptr : find(*lists, list);
    if (entries != nullptr && entries->is_object()) entries = find(*entries, "entries");
    if (entries == nullptr || !entries->is_number_unsigned()) continue;
    samples.push_back({{{"list", list}}, entries->get<std::uint64_t>()});
  }
  add_gauge(families, "list_entries", "Entries in force, by list.", std::move(samples));
}

void add_state(std::vector<Family>& families, const json& status) {
  const json* const state = find(status, "state");
  const json* const journaling = state == nullptr ? nullptr : find(*state, "journaling");
  if (journaling != nullptr && journaling->is_boolean()) {
    add_gauge(families, "journaling",
              "1 while each change goes to the disk before it is answered, else 0.",
              {{{}, journaling->get<bool>() ? 1u : 0u}});
  }
  const json* const problems = find(status, "problems");
  if (problems != nullptr && problems->is_array()) {
    add_gauge(families, "problems", "What greyctl check would complain of, in number.",
              {{{}, problems->size()}});
  }
  const json* const version = find(status, "version");
  if (version != nullptr && version->is_string()) {
    families.push_back({"greyd_build",
                        Type::info,
                        "The daemon's version.",
                        {{{{"version", version->get<std::string>()}}, 1}},
                        {}});
  }
}

// Of a daemon that looks domains up.
void add_lookups(std::vector<Family>& families, const json& status) {
  const json* const lookups = find(status, "lookups");
  if (lookups == nullptr) return;
  const json* const up = find(*lookups, "up");
  add_gauge(families, "lookups_up", "1 while there is somebody to look domains up, else 0.",
            {{{}, up != nullptr && *up == true ? 1u : 0u}});
  constexpr GaugeSource kOfLookups[] = {
      {"lookups_domains", "Domains whose networks are known.", "", "domains"},
      {"lookups_bytes", "Memory of that.", "", "bytes"},
      {"lookups_waiting", "Domains that wait to be asked for.", "", "waiting"}};
  for (const GaugeSource& source : kOfLookups) {
    const json* const value = find(*lookups, source.field);
    if (value == nullptr || !value->is_number_unsigned()) continue;
    add_gauge(families, source.name, source.help, {{{}, value->get<std::uint64_t>()}});
  }
}

// Of a daemon that shares its state.
void add_store(std::vector<Family>& families, const json& status) {
  const json* const store = find(status, "store");
  if (store == nullptr) return;
  const auto is = [&](const char* name, const json& value) -> std::vector<Sample> {
    const json* const field = find(*store, name);
    return {{{}, field != nullptr && *field == value ? 1u : 0u}};
  };
  add_gauge(families, "store_up", "1 while the store answers, else 0.", is("up", true));
  add_gauge(families, "store_member",
            "1 while this daemon shares its state with the others, 0 while it decides alone.",
            is("state", "member"));
  add_gauge(families, "store_policy_differs",
            "1 while that is so as the others have another policy.", is("state", "other_policy"));
  add_gauge(families, "store_clock_differs", "1 while that is so as the store's clock is another.",
            is("state", "other_clock"));
  add_gauge(families, "store_healing", "1 while the store is told again what is known here.",
            is("healing", true));
}

void add_up(std::vector<Family>& families, bool up) {
  add_gauge(families, "up", "1 when the daemon answers, else 0.", {{{}, up ? 1u : 0u}});
}

}  // namespace

std::vector<Family> families_of(const json& stats, const json& status) {
  static const json kNone = json::object();
  const json* counters = find(stats, "counters");
  if (counters == nullptr || !counters->is_object()) counters = &kNone;
  std::vector<Family> families;
  add_up(families, true);
  add_state(families, status);
  add_counters(families, *counters);
  add_delays(families, stats, *counters);
  add_records(families, status);
  add_gauges(families, status);
  add_lists(families, status);
  add_lookups(families, status);
  add_store(families, status);
  return families;
}

std::vector<Family> families_of_nobody() {
  std::vector<Family> families;
  add_up(families, false);
  return families;
}

}  // namespace grey::metrics
