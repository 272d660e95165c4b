#include "greyd/control/status.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "greyd/base/json_line.h"
#include "greyd/core/record_filter.h"
#include "greyd/fronts/counters_text.h"

namespace grey {
namespace {

constexpr std::array<std::string_view, 4> kSenderKeys = {"full", "normalized", "domain", "none"};

constexpr std::array<std::string_view, 2> kSelects = {"all", "suspect"};

constexpr std::array<std::string_view, 4> kPoolUses = {"on", "name", "spf", "off"};

std::string_view name_of(SenderKey key) {
  return kSenderKeys[std::size_t(key)];
}

std::optional<Seconds> modified(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return Seconds(status.st_mtime);
}

void add_list(JsonLine& line, std::string_view name, const AddressList& list) {
  line.begin_object(name).number("entries", list.entries()).begin_list("files");
  for (const std::string& file : list.files()) line.text({}, file);
  line.end_list().end_object();
}

void add_records(JsonLine& line, const DaemonFacts& facts, const Table& table) {
  line.begin_object("records");
  for (std::size_t c = 0; c < kRecordClasses; ++c) {
    line.number(state_name(RecordClass(c)), table.count(RecordClass(c)));
  }
  line.number("most", facts.max_records).number("bytes", table.memory());
  line.number("evicted", table.evictions()).number("over_share", table.over_share());
  line.number("evicted_over_share", table.evictions_over_share()).end_object();
}

void add_state(JsonLine& line, const DaemonFacts& facts, Service& service,
               const StateCounters& counters) {
  line.begin_object("state").text("file", facts.context_file);
  if (const auto saved = modified(facts.context_file)) line.number("saved_at", *saved);
  line.flag("saving", service.files().saving()).flag("journaling", service.files().journaling());
  line.number("unjournaled", counters.unjournaled).end_object();
}

void add_keys(JsonLine& line, const DaemonFacts& facts) {
  line.begin_object("keys").text("file", facts.keys->file());
  line.text("required", facts.require_key).begin_list("ids");
  for (const wire::Key& key : facts.keys->keys()) line.text({}, key.id());
  line.end_list().end_object();
}

void add_lookups(JsonLine& line, const Lookups::Standing& standing) {
  line.begin_object("lookups").flag("up", standing.up);
  if (!standing.trouble.empty()) line.text("trouble", standing.trouble);
  line.number("asked", standing.asked).number("waiting", standing.waiting);
  line.number("domains", standing.domains).number("bytes", standing.octets).end_object();
}

// First attempts since the start, by what was known of the client.
void add_suspects(JsonLine& line, const AttemptTotals& attempts) {
  line.begin_object("suspects").number("first", attempts.suspect.first);
  line.number("others", attempts.unsuspect.first).begin_object("by");
  for (std::size_t i = 0; i < kSuspicions; ++i) {
    line.number(to_string(Suspicion(i)), attempts.suspicions[i]);
  }
  line.end_object().end_object();
}

void add_problems(JsonLine& line, const DaemonFacts& facts, Service& service,
                  const std::optional<StoreStanding>& store, const Lookups* lookups, Seconds now) {
  line.begin_list("problems");
  if (!service.files().journaling()) {
    line.text({}, "state: changes are in memory alone; the disk is tried again each minute");
  }
  if (const std::string& trouble = service.last_error(); !trouble.empty()) line.text({}, trouble);
  if (service.expiry() == Expiry::suspended) {
    line.text({}, "clock: it has leapt, or is doubtful; nothing expires for now");
  }
  if (facts.keys != nullptr && !facts.keys->last_error().empty()) {
    line.text({}, "keys: not reloaded: " + facts.keys->last_error());
  }
  if (const auto problem = store ? problem_of(*store, now) : std::nullopt) {
    line.text({}, *problem);
  }
  if (lookups != nullptr) {
    const Lookups::Standing standing = lookups->standing();
    if (!standing.up && !standing.trouble.empty()) {
      line.text({}, "look-ups: " + standing.trouble);
    }
  }
  for (const std::string& problem : service.networks().problems(now)) line.text({}, problem);
  line.end_list();
}

}  // namespace

void add_policy(JsonLine& line, const Policy& policy) {
  line.begin_object("policy");
  line.text("rules", policy.personality == Personality::greydaemon ? "greydaemon" : "qmail-greyd");
  line.number("min_resend", policy.min_resend).number("resend_window", policy.resend_window);
  line.number("timeout", policy.timeout).number("client_passes", policy.client_passes);
  line.text("recipients", policy.recipients == RecipientRule::any ? "any" : "all");
  line.number("ipv4_prefix", policy.ipv4_prefix).number("ipv6_prefix", policy.ipv6_prefix);
  line.text("sender_key", name_of(policy.sender_key));
  line.text("recipient_key", policy.recipient_key == RecipientKey::full ? "full" : "none");
  line.text("pools", kPoolUses[std::size_t(policy.pools)]);
  line.text("select", kSelects[std::size_t(policy.select)]);
  line.number("replies", policy.replies);
  line.flag("dry_run", policy.dry_run).end_object();
}

std::optional<Policy> policy_of(const nlohmann::json& status) {
  const auto at = status.find("policy");
  if (at == status.end() || !at->is_object()) return std::nullopt;
  Policy policy;
  bool whole = true;
  const auto number = [&](const char* name, auto& into) {
    const auto field = at->find(name);
    if (field == at->end() || !field->is_number_unsigned()) {
      whole = false;
    } else {
      into = field->template get<std::remove_reference_t<decltype(into)>>();
    }
  };
  const auto text = [&](const char* name) {
    const auto field = at->find(name);
    if (field != at->end() && field->is_string()) return field->get<std::string>();
    whole = false;
    return std::string();
  };
  number("min_resend", policy.min_resend);
  number("resend_window", policy.resend_window);
  number("timeout", policy.timeout);
  number("client_passes", policy.client_passes);
  number("ipv4_prefix", policy.ipv4_prefix);
  number("ipv6_prefix", policy.ipv6_prefix);
  if (text("rules") == "greydaemon") policy.personality = Personality::greydaemon;
  if (text("recipients") == "all") policy.recipients = RecipientRule::all;
  if (text("recipient_key") == "none") policy.recipient_key = RecipientKey::none;
  const auto* const key = std::find(kSenderKeys.begin(), kSenderKeys.end(), text("sender_key"));
  if (!whole || key == kSenderKeys.end()) return std::nullopt;
  policy.sender_key = SenderKey(key - kSenderKeys.begin());
  // An older daemon has none.
  const auto* const pools =
      std::find(kPoolUses.begin(), kPoolUses.end(), at->value("pools", "off"));
  policy.pools = pools == kPoolUses.end() ? PoolUse::off : PoolUse(pools - kPoolUses.begin());
  if (at->value("select", "all") == kSelects[1]) policy.select = Select::suspect;
  const auto replies = at->find("replies");
  const bool has_replies = replies != at->end() && replies->is_number_unsigned();
  policy.replies = has_replies ? replies->get<Seconds>() : 0;
  const auto dry_run = at->find("dry_run");
  policy.dry_run = dry_run != at->end() && dry_run->is_boolean() && dry_run->get<bool>();
  return policy;
}

void append_status(std::string& out, const DaemonFacts& facts, Service& service,
                   const Counters& counters, const OtherParts& others, Seconds now) {
  const Greylist& greylist = service.greylist();
  JsonLine line(out);
  line.flag("done", true).text("version", GREY_VERSION).number("pid", ::getpid());
  line.number("now", now).number("since", facts.since).begin_list("listen");
  for (const std::string& where : facts.listen) line.text({}, where);
  line.end_list();
  add_policy(line, greylist.policy());
  add_records(line, facts, greylist.table());
  line.begin_object("lists").number("loaded_at", service.lists_since());
  add_list(line, "whitelist", service.lists().whitelist);
  add_list(line, "blacklist", service.lists().blacklist);
  const RuleList& rules = service.lists().rules;
  line.begin_object("rules").number("entries", rules.size()).begin_list("files");
  if (!rules.file().empty()) line.text({}, rules.file());
  line.end_list().end_object();
  line.number("allowed", service.lists().allowed.entries());
  line.number("blocked", service.lists().blocked.entries()).end_object();
  add_suspects(line, counters.attempts);
  if (facts.keys != nullptr) add_keys(line, facts);
  add_state(line, facts, service, counters.state);
  std::optional<StoreStanding> store;
  if (others.sharing != nullptr) store = others.sharing->standing();
  if (store) add_store(line, *store);
  if (others.lookups != nullptr) add_lookups(line, others.lookups->standing());
  add_problems(line, facts, service, store, others.lookups, now);
  line.end();
}

void append_stats(std::string& out, const DaemonFacts& facts, const Counters& counters,
                  const OtherParts& others, Seconds now) {
  JsonLine line(out);
  line.flag("done", true).number("now", now).number("since", facts.since);
  line.begin_object("counters");
  const auto add = [&](std::string_view name, Count count) { line.number(name, count); };
  visit_counters(counters, add);
  if (others.sharing != nullptr) others.sharing->visit_counters(add);
  if (others.lookups != nullptr) visit_counters(others.lookups->counters(), add);
  line.end_object();
  line.begin_object("attempts").begin_list("bounds");
  for (const Seconds bound : kAgeBounds) line.number({}, bound);
  line.end_list().begin_list("passed");
  for (const Count passed : counters.attempts.passed) line.number({}, passed);
  line.end_list().end_object().end();
}

}  // namespace grey
