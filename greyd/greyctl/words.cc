#include "greyd/greyctl/words.h"

#include <pwd.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <ctime>
#include <nlohmann/json.hpp>

#include "greyd/base/duration.h"

namespace grey::greyctl {
namespace {

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string ago(Seconds then, Seconds now) {
  if (then > now) return "in " + format_duration(then - now);
  return format_duration(now - then) + " ago";
}

Seconds seen_of(const Json& record) {
  return record.contains("first_seen") ? record["first_seen"].get<Seconds>()
                                       : record.value("last_seen", Seconds{0});
}

// "waiting, first seen 4m 10s ago (2026-11-26 12:30:00)"
std::string stored_text(const Json& record, Seconds now) {
  const std::string state = record.value("state", "");
  std::string text = state;
  if (record.contains("passes")) {
    text += ", good retries: " + std::to_string(record["passes"].get<unsigned>());
  }
  if (record.contains("traps")) {
    text += ", messages to traps: " + std::to_string(record["traps"].get<unsigned>());
  }
  const Seconds seen = seen_of(record);
  text += state == "waiting" ? ", first seen " : state == "sent" ? ", " : ", last seen ";
  return text + ago(seen, now) + " (" + text_of_time(seen) + ")";
}

std::string verdict_text(const Json& decision, const Paint& paint) {
  const bool accepts = decision.value("verdict", "") == "accept";
  return accepts ? paint.good("accept") : paint.bad("defer");
}

// What a reason means, in the words of the manual.
std::string_view meaning_of(std::string_view reason) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kMeanings = {{
      {"new", "this triplet has not been seen"},
      {"early", "its retry comes before min resend is over"},
      {"stale", "its retry comes after the resend window, and begins anew"},
      {"blacklisted", "a list says always to defer it"},
      {"whitelisted", "a list says never to defer it"},
      {"known", "the client is known"},
      {"passed", "the triplet has passed, or would with this retry"},
      {"bounce", "a bounce whose retry is good"},
      {"rule", "a rule says not to greylist it"},
      {"unsuspect", "nothing speaks against the client, and only who is suspect is greylisted"},
      {"reply", "one of ours has written to the sender"},
  }};
  for (const auto& [of, meaning] : kMeanings) {
    if (of == reason) return meaning;
  }
  return "it cannot be decided";
}

std::string terms_text(const Json& policy) {
  const auto time = [&](const char* name) {
    return format_duration(policy.value(name, Seconds{0}));
  };
  return "min resend " + time("min_resend") + ", resend window " + time("resend_window") +
         ", timeout " + time("timeout");
}

Json rule_of(const Json& object) {
  return object.value("rule", Json::object());
}

std::string count_text(const Json& object, const char* name) {
  return std::to_string(object.value(name, std::uint64_t{0}));
}

// Below what it holds for.
std::string rule_text(const Json& rule) {
  if (rule.empty()) return {};
  return "    rule " + rule.value("file", "") + ", line " + count_text(rule, "line") + ": " +
         rule.value("says", "") + "\n";
}

// A pool that the client belongs to, and what is stored there.
std::string pool_text(const Json& pool, Seconds now) {
  const std::string name = pool.value("pool", "");
  std::string text = "member of pool " + name + ": ";
  text += pool.contains("client") ? stored_text(pool["client"], now) + "\n" : "nothing stored\n";
  for (const Json& triplet : pool.value("triplets", Json::array())) {
    if (!triplet.contains("state")) continue;
    text += "    triplet to " + triplet.value("recipient", "") + ": " + stored_text(triplet, now);
    text += '\n';
  }
  return text;
}

std::string files_text(const Json& list) {
  std::string text = count_text(list, "entries") + " entries";
  for (const Json& file : list.value("files", Json::array())) {
    text += text.find(" of ") == std::string::npos ? " of " : ", ";
    text += file.get<std::string>();
  }
  return text;
}

// "keys    of /etc/greylist.keys, wanted of remote hosts: mx-2 mx-1"
std::string keys_text(const Json& keys) {
  const std::string required = keys.value("required", "");
  std::string text = "keys    of " + keys.value("file", "") + ", wanted of ";
  text += required == "always" ? "all" : required == "remote" ? "remote hosts" : "nobody";
  text += ":";
  for (const Json& id : keys.value("ids", Json::array())) text += ' ' + id.get<std::string>();
  return text + "\n";
}

// "select  suspect clients; since the start 90 suspect first attempts (no-name 80, helo 20), 10
// others"
std::string suspects_text(const Json& policy, const Json& suspects) {
  if (suspects.empty()) return {};
  std::string by;
  const Json counts = suspects.value("by", Json::object());
  for (const auto& [name, count] : counts.items()) {
    if (count == 0) continue;
    by.append(by.empty() ? " (" : ", ").append(name).append(" ").append(count.dump());
  }
  if (!by.empty()) by += ")";
  const bool all = policy.value("select", "all") == "all";
  return "select  " + std::string(all ? "all" : "suspect clients") +
         "; first attempts of suspect clients " + count_text(suspects, "first") + by +
         ", of others " + count_text(suspects, "others") + "\n";
}

// "lookups 120 domains are known; 2 asked for, 0 wait"
std::string lookups_text(const Json& lookups, const Paint& paint) {
  std::string text = "lookups " + count_text(lookups, "domains") + " domains are known; " +
                     count_text(lookups, "asked") + " asked for, " +
                     count_text(lookups, "waiting") + " wait";
  if (!lookups.value("up", false)) text += paint.bad("; nobody to ask");
  return text + "\n";
}

// "store   redis://db1:6379/0, up at db1:6379 for 3h (since 2026-11-26 12:30:00), member"
std::string store_text(const Json& store, Seconds now, const Paint& paint) {
  const Seconds since = store.value("since", Seconds{0});
  const std::string state = store.value("state", "");
  const bool up = store.value("up", false);
  std::string text = "store   " + store.value("url", "") + ", ";
  text += up ? "up at " + store.value("where", "") : paint.bad("down");
  text += " for " + format_duration(now - since) + " (since " + text_of_time(since) + "), ";
  if (state == "other_policy") {
    text += paint.bad("alone: the others have another policy");
  } else if (state == "other_clock") {
    text += paint.bad("alone: its clock is another");
  } else {
    text += state == "member" ? state : paint.bad(state);
  }
  if (store.value("healing", false)) text += ", is being told what is known here";
  const std::string evicts_by = store.value("evicts_by", "");
  if (!evicts_by.empty()) text += paint.bad(", may drop what it was told (" + evicts_by + ")");
  if (store.value("breaker_open", false)) text += ", tried once a second";
  text += '\n';
  if (store.contains("last_fault")) {
    const Seconds at = store.value("last_fault_at", Seconds{0});
    text += "        last fault " + ago(at, now) + " (" + text_of_time(at) +
            "): " + store.value("last_fault", "") + "\n";
  }
  return text;
}

}  // namespace

std::string Paint::wrap(std::string_view code, std::string_view text) const {
  if (!colour_) return std::string(text);
  return "\033[" + std::string(code) + "m" + std::string(text) + "\033[0m";
}

std::string text_of_time(Seconds time) {
  const std::time_t seconds = std::time_t(time);
  std::tm parts{};
  char text[64];
  if (::localtime_r(&seconds, &parts) == nullptr) return std::to_string(time);
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts)};
}

std::string text_of_asker(std::string_view by) {
  constexpr std::string_view kStart = "uid:";
  uid_t user = 0;
  if (!by.starts_with(kStart)) return std::string(by);
  const std::string_view digits = by.substr(kStart.size());
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), user);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::string(by);
  const passwd* const entry = ::getpwuid(user);
  return entry == nullptr ? std::string(by) : entry->pw_name;
}

std::string status_text(const Json& status, const Paint& paint) {
  const Seconds now = status.value("now", Seconds{0});
  const Seconds since = status.value("since", Seconds{0});
  std::string text = "qmail-greyd " + status.value("version", "") + ", process " +
                     count_text(status, "pid") + ", runs for " + format_duration(now - since) +
                     " (since " + text_of_time(since) + ")\n";
  text += "listens";
  for (const Json& where : status.value("listen", Json::array())) {
    text += ' ' + where.get<std::string>();
  }
  const Json policy = status.value("policy", Json::object());
  text += "\npolicy  " + terms_text(policy);
  if (policy.value("dry_run", false)) text += paint.bad("; dry run: all is accepted");
  text += '\n' + suspects_text(policy, status.value("suspects", Json::object()));
  const Json records = status.value("records", Json::object());
  text += "records " + count_text(records, "waiting") + " waiting, " +
          count_text(records, "passed") + " passed, " + count_text(records, "known") +
          " known clients, " + count_text(records, "bounce") + " bounces, " +
          count_text(records, "trapped") + " trapped" +
          (records.value("sent", 0U) > 0 ? ", " + count_text(records, "sent") + " sent" : "") +
          "; at most " + count_text(records, "most") + ", " + count_text(records, "evicted") +
          " evicted\n";
  const auto over = records.value("over_share", std::uint64_t{0}),
             evicted_over = records.value("evicted_over_share", std::uint64_t{0});
  if (over + evicted_over > 0) {
    text += "        " + std::to_string(over) +
            " over the share of a network or an asker, which go first; of the evicted " +
            std::to_string(evicted_over) + "\n";
  }
  const Json lists = status.value("lists", Json::object());
  const Seconds loaded = lists.value("loaded_at", Seconds{0});
  text += "lists   loaded " + ago(loaded, now) + " (" + text_of_time(loaded) + ")\n";
  text += "        whitelist " + files_text(lists.value("whitelist", Json::object())) + "\n";
  text += "        blacklist " + files_text(lists.value("blacklist", Json::object())) + "\n";
  if (!lists.value("rules", Json::object()).value("files", Json::array()).empty()) {
    text += "        rules " + files_text(lists["rules"]) + "\n";
  }
  text += "        by command: " + count_text(lists, "allowed") + " allowed, " +
          count_text(lists, "blocked") + " blocked\n";
  if (status.contains("keys")) text += keys_text(status["keys"]);
  const Json state = status.value("state", Json::object());
  text += "state   " + state.value("file", "");
  if (state.contains("saved_at")) {
    const Seconds saved = state["saved_at"].get<Seconds>();
    text += ", saved " + ago(saved, now) + " (" + text_of_time(saved) + ")";
  } else {
    text += ", not saved yet";
  }
  text += state.value("journaling", false) ? ", each change since is in the journal\n"
                                           : paint.bad(", changes are in memory alone") + "\n";
  if (status.contains("lookups")) text += lookups_text(status["lookups"], paint);
  if (status.contains("store")) text += store_text(status["store"], now, paint);
  for (const Json& problem : status.value("problems", Json::array())) {
    text += paint.bad("problem ") + problem.get<std::string>() + "\n";
  }
  return text;
}

std::string stats_text(const Json& stats) {
  const Seconds now = stats.value("now", Seconds{0});
  const Seconds since = stats.value("since", Seconds{0});
  std::string text = "since " + text_of_time(since) + " (" + ago(since, now) + ")\n";
  const Json counters = stats.value("counters", Json::object());
  for (const auto& [name, count] : counters.items()) {
    if (count != 0) text += padded(std::to_string(count.get<std::uint64_t>()), 12) + name + "\n";
  }
  return text;
}

std::string query_text(const Json& query, std::string_view client, const Paint& paint) {
  const Seconds now = query.value("now", Seconds{0});
  const std::string reason = query.value("reason", "");
  const Json policy = query.value("policy", Json::object());
  std::string text = verdict_text(query, paint) + ": " + reason;
  if (query.contains("wait")) text += ", wait " + count_text(query, "wait") + " s";
  text.append(" (").append(meaning_of(reason));
  for (const Json& why : query.value("suspect", Json::array())) {
    text.append("; suspect: ").append(why.get<std::string>());
  }
  if (query.contains("pool")) text += ", as one of pool " + query.value("pool", "");
  text += ")\n";
  if (query.value("dry_run", false)) text += "dry run: it is accepted all the same\n";
  if (query.contains("wait")) {
    const Seconds wait = query["wait"].get<Seconds>();
    const Seconds age = reason == "early" ? query.value("age", Seconds{0}) : 0;
    const Seconds window =
        rule_of(query).value("window", policy.value("resend_window", Seconds{0}));
    text += "a retry is accepted from " + text_of_time(now + wait) + " to " +
            text_of_time(now - age + window) + "\n";
  }
  for (const Json& matched : query.value("listed", Json::array())) {
    text += listed_text(matched, now);
  }
  text.append("client ").append(client).append(": ");
  text += query.contains("client") ? stored_text(query["client"], now) + "\n" : "nothing stored\n";
  for (const Json& triplet : query.value("triplets", Json::array())) {
    text += "triplet to " + triplet.value("recipient", "") + ": ";
    text += triplet.contains("state") ? stored_text(triplet, now) + "\n" : "nothing stored\n";
    text += rule_text(rule_of(triplet));
    if (triplet.contains("sent_at")) {
      text += "    has written to the sender " + ago(triplet["sent_at"].get<Seconds>(), now) + "\n";
    }
  }
  for (const Json& pool : query.value("pools", Json::array())) text += pool_text(pool, now);
  return text + paint.faint(terms_text(policy)) + "\n";
}

std::string record_text(const Json& record, Seconds now) {
  std::string text = padded(record.value("state", ""), 8) + padded(ago(seen_of(record), now), 14) +
                     padded(record.value("client", ""), 18);
  if (record.contains("sender")) {
    text += ' ' + record["sender"].get<std::string>() + " -> " + record.value("recipient", "");
  } else if (record.contains("traps")) {
    text += " messages to traps: " + count_text(record, "traps");
  } else {
    text += " good retries: " + count_text(record, "passes");
  }
  return text + "\n";
}

std::string entry_text(const Json& entry, Seconds now) {
  std::string text = padded(entry.value("list", ""), 6) + padded(entry.value("entry", ""), 30);
  text += " made " + ago(entry.value("since", Seconds{0}), now) + " by " +
          text_of_asker(entry.value("by", ""));
  if (entry.contains("until")) {
    const Seconds until = entry["until"].get<Seconds>();
    text += ", ends " + ago(until, now) + " (" + text_of_time(until) + ")";
  }
  return text + "\n";
}

std::string listed_text(const Json& matched, Seconds now) {
  const std::string list = matched.value("list", "");
  if (matched.contains("entry")) {
    return (list == "allow" ? "allowed by command: " : "blocked by command: ") +
           entry_text(matched, now).substr(6);
  }
  std::string text = "on the " + list + ": " + matched.value("file", "");
  if (matched.contains("line")) text += ", line " + count_text(matched, "line");
  if (matched.contains("key")) text += ", key " + matched.value("key", "");
  return text + "\n";
}

std::string networks_text(const Json& of) {
  const std::string listed = of.value("listed", "");
  std::string text = listed.empty() ? of.value("domain", "") : "spf:" + listed;
  text += ": " + of.value("means", "");
  if (of.contains("until")) text += ", until " + text_of_time(of["until"].get<Seconds>());
  text += "\n";
  for (const Json& network : of.value("networks", Json::array())) {
    text += "  " + network.get<std::string>() + "\n";
  }
  return text;
}

std::string decision_text(const Json& decision, const Paint& paint) {
  if (decision.contains("lost")) {
    return paint.faint(count_text(decision, "lost") + " more, too fast to be shown") + "\n";
  }
  std::string text =
      text_of_time(decision.value("time", Seconds{0})) + ' ' + verdict_text(decision, paint) + ' ' +
      padded(decision.value("reason", ""), 11) + ' ' + padded(decision.value("client", ""), 15) +
      ' ' + decision.value("sender", "") + " ->";
  for (const Json& recipient : decision.value("recipients", Json::array())) {
    text += ' ' + recipient.get<std::string>();
  }
  if (decision.contains("more_recipients")) {
    text += " +" + count_text(decision, "more_recipients");
  }
  if (decision.contains("wait")) text += ", wait " + count_text(decision, "wait") + " s";
  if (decision.contains("pool")) text += ", pool " + decision.value("pool", "");
  return text + "\n";
}

}  // namespace grey::greyctl
