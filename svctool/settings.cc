#include "svctool/settings.h"

#include <charconv>
#include <optional>

#include "greyd/endpoint.h"
#include "greyd/network_set.h"
#include "greyd/policy_request.h"

namespace grey::svctool {
namespace {

constexpr long kAYearOfMinutes = 366L * 24 * 60;

// clang-format off
constexpr Setting kSettings[] = {
    {"min-resend-min", "MIN_RESEND_MIN", "-m", "-m", Kind::number, "5", "minutes",
     "a retry that comes earlier is deferred again", 0, kAYearOfMinutes, {}},
    {"resend-win-hr", "RESEND_WIN_HR", "-g", "-g", Kind::number, "12", "hours",
     "a retry that comes later starts anew", 1, 366 * 24, {}},
    {"timeout-days", "TIMEOUT_DAYS", "-t", "-t", Kind::number, "7", "days",
     "how long an idle known client is remembered", 1, 36600, {}},
    {"save-interval", "SAVE_INTERVAL", "-s", "-s", Kind::number, "5", "minutes",
     "how often the context file is saved", 1, kAYearOfMinutes, {}},
    {"free-interval", "FREE_INTERVAL", "-f", {}, Kind::number, {}, "minutes",
     "how often expired records are freed", 1, kAYearOfMinutes, {}},
    {"whitelist", "WHITELIST", "-w", "-w", Kind::file, "greylist.whitelist", "file",
     "who is never deferred; the shipped list is copied there when missing", 0, 0, {}},
    {"blacklist", "BLACKLIST", "--blacklist", {}, Kind::file, {}, "file",
     "who is always deferred; a sample is made when missing", 0, 0, {}},
    {"hash-size", "HASH_SIZE", "-h", {}, Kind::number, {}, "records",
     "how many to make room for at start", 0, 1'000'000'000, {}},
    {"max-records", "MAX_RECORDS", "--max-records", {}, Kind::number, {}, "records",
     "the most that are held", 1, 400'000'000, {}},
    {"client-passes", "CLIENT_PASSES", "--client-passes", {}, Kind::number, {}, "retries",
     "good retries that make a client known; 0: never", 0, 255, {}},
    {"ipv4-prefix", "IPV4_PREFIX", "--ipv4-prefix", {}, Kind::number, {}, "bits",
     "of a client's IPv4 address that count", 0, 32, {}},
    {"ipv6-prefix", "IPV6_PREFIX", "--ipv6-prefix", {}, Kind::number, {}, "bits",
     "of a client's IPv6 address that count", 0, 128, {}},
    {"sender-key", "SENDER_KEY", "--sender-key", {}, Kind::choice, {}, "key",
     "what of the sender counts", 0, 0, "full|normalized|domain|none"},
    {"recipient-key", "RECIPIENT_KEY", "--recipient-key", {}, Kind::choice, {}, "key",
     "what of the recipient counts", 0, 0, "full|none"},
    {"recipients", "RECIPIENTS", "--recipients", {}, Kind::choice, {}, "word",
     "how many of a message's recipients must pass", 0, 0, "any|all"},
    {"allow", "ALLOW", "--allow", {}, Kind::networks, {}, "networks",
     "who may ask, separated by commas", 0, 0, {}},
    {"policy", "POLICY", "--policy", {}, Kind::places, {}, "where,..",
     "where Postfix and Exim ask: ADDR@PORT or /PATH of a socket", 0, 0, {}},
    {"policy-text", "POLICY_TEXT", "--policy-text", {}, Kind::deferral, {}, "text",
     "what those tell a client that must wait", 0, 0, {}},
    {"verbosity", "VERBOSITY", "-v", {}, Kind::number, {}, "level",
     "how much is logged", 0, 3, {}},
};
// clang-format on

std::optional<long> parse_number(std::string_view text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.starts_with('-')) return {};
  return value;
}

bool is_choice(std::string_view choices, std::string_view value) {
  while (!choices.empty()) {
    const std::size_t bar = choices.find('|');
    if (choices.substr(0, bar) == value) return true;
    choices.remove_prefix(bar == std::string_view::npos ? choices.size() : bar + 1);
  }
  return false;
}

// Whether good(part) is true of each part of a list.
template <typename Good>
bool are_all(std::string_view list, Good good) {
  for (;;) {
    const std::size_t comma = list.find(',');
    if (!good(list.substr(0, comma))) return false;
    if (comma == std::string_view::npos) return true;
    list.remove_prefix(comma + 1);
  }
}

// As the daemon reads its --allow.
bool are_networks(std::string_view list) {
  NetworkSet networks;
  return are_all(list, [&](std::string_view part) { return networks.add(part); });
}

// As the daemon reads its --policy.
bool are_places(std::string_view list) {
  return are_all(list, [](std::string_view part) {
    return part.starts_with('/') ? part.size() > 1
                                 : parse_endpoint(part, Wildcards::allowed).has_value();
  });
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
      const std::optional<long> number = parse_number(value);
      if (number && *number >= setting.low && *number <= setting.high) return {};
      return wrong(setting.option, value,
                   "a number of " + std::string(setting.unit) + " from " +
                       std::to_string(setting.low) + " to " + std::to_string(setting.high));
    }
    case Kind::choice:
      if (is_choice(setting.choices, value)) return {};
      return wrong(setting.option, value, "one of " + std::string(setting.choices));
    case Kind::networks:
      if (are_networks(value)) return {};
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

}  // namespace grey::svctool
