#include "svctool/settings.h"

#include <optional>

#include "greyd/endpoint.h"
#include "greyd/network_set.h"
#include "greyd/policy_request.h"
#include "svctool/number.h"

namespace grey::svctool {
namespace {

// clang-format off
constexpr Setting kSettings[] = {
    {"min-resend-min", "MIN_RESEND_MIN", "-m", Kind::number, "5", "minutes",
     "a retry that comes earlier is deferred again", limits::kDelay, {}},
    {"resend-win-hr", "RESEND_WIN_HR", "-g", Kind::number, "12", "hours",
     "a retry that comes later starts anew", limits::kPeriod, {}},
    {"timeout-days", "TIMEOUT_DAYS", "-t", Kind::number, "7", "days",
     "how long an idle known client is remembered", limits::kPeriod, {}},
    {"save-interval", "SAVE_INTERVAL", "-s", Kind::number, "5", "minutes",
     "how often the context file is saved", limits::kPeriod, {}},
    {"free-interval", "FREE_INTERVAL", "-f", Kind::number, {}, "minutes",
     "how often expired records are freed", limits::kPeriod, {}},
    {"whitelist", "WHITELIST", "-w", Kind::file, "greylist.whitelist", "file",
     "who is never deferred; the shipped list is copied there when missing", {}, {}},
    {"blacklist", "BLACKLIST", "--blacklist", Kind::file, {}, "file",
     "who is always deferred; a sample is made when missing", {}, {}},
    {"hash-size", "HASH_SIZE", "-h", Kind::number, {}, "records",
     "a sizing hint of other daemons: accepted, and not needed", limits::kHashSize, {}},
    {"max-records", "MAX_RECORDS", "--max-records", Kind::number, {}, "records",
     "the most that are held", limits::kMaxRecords, {}},
    {"client-passes", "CLIENT_PASSES", "--client-passes", Kind::number, {}, "retries",
     "good retries that make a client known; 0: never", limits::kClientPasses, {}, "1"},
    {"ipv4-prefix", "IPV4_PREFIX", "--ipv4-prefix", Kind::number, {}, "bits",
     "of a client's IPv4 address that count", limits::kIpv4Prefix, {}},
    {"ipv6-prefix", "IPV6_PREFIX", "--ipv6-prefix", Kind::number, {}, "bits",
     "of a client's IPv6 address that count", limits::kIpv6Prefix, {}},
    {"sender-key", "SENDER_KEY", "--sender-key", Kind::choice, {}, "key",
     "what of the sender counts", {}, "full|normalized|domain|none"},
    {"recipient-key", "RECIPIENT_KEY", "--recipient-key", Kind::choice, {}, "key",
     "what of the recipient counts", {}, "full|none"},
    {"recipients", "RECIPIENTS", "--recipients", Kind::choice, {}, "word",
     "how many of a message's recipients must pass", {}, "any|all", "all"},
    {"allow", "ALLOW", "--allow", Kind::networks, {}, "networks",
     "who may ask, separated by commas", {}, {}},
    {"policy", "POLICY", "--policy", Kind::places, {}, "where,..",
     "where Postfix and Exim ask: ADDR@PORT or /PATH of a socket", {}, {}},
    {"policy-text", "POLICY_TEXT", "--policy-text", Kind::deferral, {}, "text",
     "what those tell a client that must wait", {}, {}},
    {"sync", "SYNC", "--sync", Kind::choice, {}, "word",
     "when answers are safe from a power cut", {}, "always|second|never"},
    {"verbosity", "VERBOSITY", "-v", Kind::number, {}, "level",
     "how much is logged", limits::kVerbosity, {}},
};
// clang-format on

bool is_choice(std::string_view choices, std::string_view value) {
  while (!choices.empty()) {
    const std::size_t bar = choices.find('|');
    if (choices.substr(0, bar) == value) return true;
    choices.remove_prefix(bar == std::string_view::npos ? choices.size() : bar + 1);
  }
  return false;
}

// As the daemon reads its --policy: empty parts do no harm beside others.
bool are_places(std::string_view list) {
  bool any = false;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view part = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    if (part.empty()) continue;
    const bool path = part.starts_with('/') && part.size() > 1;
    if (!path && !parse_endpoint(part, Wildcards::allowed)) return false;
    any = true;
  }
  return any;
}

tl::unexpected<Error> wrong(std::string_view option, std::string_view value,
                            std::string_view what) {
  std::string text = "--";
  text.append(option).append(": '").append(value).append("' is not ").append(what);
  return misuse(std::move(text));
}

}  // namespace

std::span<const Setting> settings() {
  return kSettings;
}

const Setting* find_setting(std::string_view option) {
  for (const Setting& setting : kSettings) {
    if (setting.option == option) return &setting;
  }
  return nullptr;
}

const Setting& memory_setting() {
  static constexpr Setting kMemory{
      "memory", "SOFT_MEM", {}, Kind::number, {}, "bytes", {}, {kLeastMemory, 1L << 50}, {}};
  return kMemory;
}

// What multilog takes, whose limits are the narrowest.
const Setting& log_size_setting() {
  static constexpr Setting kLogSize{"log-size", "LOGSIZE",          {}, Kind::number, {}, "bytes",
                                    {},         {4096, 16'777'215}, {}};
  return kLogSize;
}

const Setting& log_count_setting() {
  static constexpr Setting kLogCount{"log-count", "LOGCOUNT",  {}, Kind::number, {}, "files",
                                     {},          {2, 10'000}, {}};
  return kLogCount;
}

bool is_dry_run(std::string_view value) {
  return !value.empty() && value != "0" && value != "no" && value != "off";
}

Result<void> check_line(std::string_view option, std::string_view value) {
  for (const char c : value) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return misuse("--" + std::string(option) + ": the value contains a control character");
    }
  }
  if (value.empty()) return misuse("--" + std::string(option) + ": the value is empty");
  if (value.ends_with(' ')) {
    return misuse("--" + std::string(option) + ": '" + std::string(value) + "' ends with a space");
  }
  return {};
}

Result<void> check_value(const Setting& setting, std::string_view value) {
  if (auto line = check_line(setting.option, value); !line) return line;
  switch (setting.kind) {
    case Kind::number: {
      const auto number = parse_number<std::int64_t>(value);
      if (number && !value.starts_with('-') && setting.range.holds(*number)) return {};
      return wrong(setting.option, value,
                   "a number of " + std::string(setting.unit) + " from " +
                       std::to_string(setting.range.low) + " to " +
                       std::to_string(setting.range.high));
    }
    case Kind::choice:
      if (is_choice(setting.choices, value)) return {};
      return wrong(setting.option, value, "one of " + std::string(setting.choices));
    case Kind::networks:
      if (parse_networks(value)) return {};  // as the daemon reads it
      return wrong(setting.option, value, "a list of addresses or CIDR networks");
    case Kind::places:
      if (are_places(value)) return {};
      return wrong(setting.option, value, "a list of addresses with a port or absolute paths");
    case Kind::deferral:
      if (const auto good = check_deferral(value); !good) {
        return misuse("--" + std::string(setting.option) + ": " + good.error().text);
      }
      return {};
    case Kind::file:
      // The daemon would take it for an option.
      if (!value.starts_with('-')) return {};
      return wrong(setting.option, value, "a file name: it starts with a dash");
  }
  return {};
}

Result<void> check_greydaemon_value(const Setting& setting, std::string_view value) {
  if (setting.greydaemon_value.empty() || value == setting.greydaemon_value) return {};
  return misuse("--" + std::string(setting.option) + ": under greydaemon's rules it is always " +
                std::string(setting.greydaemon_value) + "; qmail-greyd has the choice");
}

}  // namespace grey::svctool
