#include "svctool/daemon/judge_store.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace grey::svctool {
namespace {

// What does not pass by itself is wrong: the daemon would never share what it was set up to share.
struct Row {
  std::string_view word;  // the daemon's
  Severity severity;
  const char* id;
  const char* todo;
};

constexpr const char* kReach =
    "see that it runs, that STORE names it, and that it lets this host in";
constexpr const char* kWait = "see its log; the daemon joins by itself when that is over";
constexpr const char* kUnfit = "keep the state in a Redis of 7.0 or later that is no cluster";
constexpr const char* kMaster =
    "name the master in STORE, or its Sentinels: redis+sentinel://HOST,.../NAME";

constexpr Row kRows[] = {
    {"unresolved", Severity::warning, "store-unreachable", kReach},
    {"unreachable", Severity::warning, "store-unreachable", kReach},
    {"timed_out", Severity::warning, "store-unreachable", kReach},
    {"closed", Severity::warning, "store-unreachable", kReach},
    {"down", Severity::warning, "store-unreachable", kReach},
    {"loading", Severity::warning, "store-busy", kWait},
    {"busy", Severity::warning, "store-busy", kWait},
    {"read_only", Severity::warning, "store-takes-nothing", kMaster},
    {"master_down", Severity::warning, "store-takes-nothing", kMaster},
    {"no_replicas", Severity::warning, "store-takes-nothing",
     "see what has become of its replicas, or lower its min-replicas-to-write"},
    {"full", Severity::warning, "store-takes-nothing",
     "give it more memory (maxmemory), or room on its disk"},
    {"evicts", Severity::warning, "store-evicts",
     "set its maxmemory-policy to noeviction, and a maxmemory that holds all"},
    {"not_master", Severity::wrong, "store-not-master", kMaster},
    {"bad_sentinel", Severity::wrong, "store-not-known",
     "name the store in STORE as its Sentinels do: SENTINEL MASTERS lists them"},
    {"denied", Severity::wrong, "store-denied",
     "see STORE_PASSWORD_FILE, and what that user may do: STORE in qmail-greyd(8)"},
    {"no_redis", Severity::wrong, "store-unfit", kUnfit},
    {"old_version", Severity::wrong, "store-unfit", kUnfit},
    {"cluster", Severity::wrong, "store-unfit", kUnfit},
    {"other_policy", Severity::wrong, "store-policy-differs",
     "give all daemons that share it the same values, with svctool --set and --restart"},
    {"other_key", Severity::wrong, "store-key-differs",
     "copy the file that STORE_KEY_FILE names from a host that shares it, and --restart"},
    {"clock", Severity::wrong, "store-clock-differs", "set the clocks of both, by NTP"},
};
constexpr Row kOther = {"", Severity::wrong, "store-refused", "see STORE, and the store's own log"};

}  // namespace

void judge_store(const std::vector<std::string>& said, const std::string& service,
                 Findings& findings) {
  constexpr std::string_view kStore = "store: ";
  for (std::string_view line : said) {
    if (!line.starts_with(kStore)) continue;
    line.remove_prefix(kStore.size());
    const std::string_view word = line.substr(0, line.find(": "));
    const auto found = std::ranges::find(kRows, word, &Row::word);
    const Row& row = found == std::end(kRows) ? kOther : *found;
    line.remove_prefix(std::min(word.size() + 2, line.size()));
    findings.add(row.severity, row.id, service + ": store " + std::string(line), row.todo, "STORE");
  }
}

void judge_secrets(const std::vector<ListFacts>& secrets, std::optional<double> started_at,
                   const std::string& service, Findings& findings) {
  if (!started_at) return;
  for (const ListFacts& secret : secrets) {
    if (secret.changed_at <= *started_at) continue;
    findings.warn(
        "secret-not-read",
        secret.path + ": changed since the daemon was started, which goes on with what was in it",
        "svctool --restart --service=" + service, secret.path);
  }
}

}  // namespace grey::svctool
