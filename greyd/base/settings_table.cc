#include "greyd/base/settings_table.h"

#include <algorithm>
#include <charconv>

namespace grey {
namespace {

// Of minutes, hours and days alike: centuries fit, overflow does not.
constexpr Range kDelay{0, 1'000'000};
constexpr Range kPeriod{1, 1'000'000};

// What svctool writes into a new service is what RFC 6647 and measurements advise (qmail-greyd(8),
// RFC 6647); what the daemon does without an option is what IndiMail's does.
//
// What does not apply is left out.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
constexpr Setting kSettings[] = {
    {.name = "min-resend",
     .letter = "-m",
     .option = "min-resend-min",
     .variable = "MIN_RESEND_MIN",
     .unit = "minutes",
     .argument = "MINUTES",
     .range = kDelay,
     .standard = "5",
     .greydaemon_zero = true,
     .initial = "1",
     .help = "a retry before this age is early",
     .svctool_help = "a retry that comes earlier is deferred again"},
    {.name = "resend-window",
     .letter = "-g",
     .option = "resend-win-hr",
     .variable = "RESEND_WIN_HR",
     .unit = "hours",
     .argument = "HOURS",
     .range = kPeriod,
     .standard = "12",
     .greydaemon_zero = true,
     .initial = "24",
     .help = "a retry at this age or later is stale",
     .svctool_help = "a retry that comes later starts anew"},
    {.name = "timeout-days",
     .letter = "-t",
     .option = "timeout-days",
     .variable = "TIMEOUT_DAYS",
     .unit = "days",
     .argument = "DAYS",
     .range = kPeriod,
     .standard = "7",
     .greydaemon_zero = true,
     .initial = "36",
     .help = "idle life of a known client",
     .svctool_help = "how long an idle known client is remembered"},
    {.name = "save-interval",
     .letter = "-s",
     .option = "save-interval",
     .alias = "save_interval",
     .variable = "SAVE_INTERVAL",
     .unit = "minutes",
     .argument = "MINUTES",
     .range = kPeriod,
     .standard = "5",
     .greydaemon = "10",
     .greydaemon_zero = true,
     .initial = "5",
     .help = "time between saves of the context file",
     .svctool_help = "how often the context file is saved"},
    {.name = "free-interval",
     .letter = "-f",
     .option = "free-interval",
     .variable = "FREE_INTERVAL",
     .unit = "minutes",
     .argument = "MINUTES",
     .range = kPeriod,
     .standard = "5",
     .help = "time between frees of expired records",
     .svctool_help = "how often expired records are freed"},
    {.name = "whitelist",
     .letter = "-w",
     .option = "whitelist",
     .variable = "WHITELIST",
     .kind = Kind::file,
     .unit = "file",
     .argument = "FILE",
     .initial = "greylist.whitelist",
     .help = "whom never to defer",
     .svctool_help = "who is never deferred; the shipped list is copied there when missing"},
    {.name = "blacklist",
     .option = "blacklist",
     .variable = "BLACKLIST",
     .kind = Kind::file,
     .unit = "file",
     .argument = "FILE",
     .help = "whom always to defer",
     .svctool_help = "who is always deferred; a sample is made when missing"},
    {.name = "rules",
     .option = "rules",
     .variable = "RULES",
     .kind = Kind::file,
     .unit = "file",
     .argument = "FILE",
     .help = "for whom greylisting is off, on, or on other terms",
     .svctool_help = "for whom it is off, or on other terms; a sample is made when missing"},
    {.name = "hash-size",
     .letter = "-h",
     .option = "hash-size",
     .variable = "HASH_SIZE",
     .unit = "records",
     .argument = "N",
     .range = {0, std::int64_t{1} << 40},
     .standard = "0",
     .help = "a sizing hint of other daemons: accepted, and not needed",
     .svctool_help = "a sizing hint of other daemons: accepted, and not needed"},
    {.name = "max-records",
     .option = "max-records",
     .variable = "MAX_RECORDS",
     .unit = "records",
     .argument = "N",
     .range = {1, 400'000'000},
     .standard = "2000000",
     .help = "most records held",
     .svctool_help = "the most that are held"},
    {.name = "client-passes",
     .option = "client-passes",
     .variable = "CLIENT_PASSES",
     .unit = "retries",
     .argument = "N",
     .range = {0, 255},
     .standard = "1",
     .greydaemon = "1",
     .greydaemon_fixed = true,
     .help = "good retries that make a client known; 0: none ever is",
     .svctool_help = "good retries that make a client known; 0: never"},
    {.name = "ipv4-prefix",
     .option = "ipv4-prefix",
     .variable = "IPV4_PREFIX",
     .unit = "bits",
     .argument = "BITS",
     .range = {0, 32},
     .standard = "32",
     .help = "bits of an IPv4 client that count",
     .svctool_help = "of a client's IPv4 address that count"},
    {.name = "ipv6-prefix",
     .option = "ipv6-prefix",
     .variable = "IPV6_PREFIX",
     .unit = "bits",
     .argument = "BITS",
     .range = {0, 128},
     .standard = "64",
     .greydaemon = "128",
     .help = "bits of an IPv6 client that count",
     .svctool_help = "of a client's IPv6 address that count"},
    {.name = "sender-key",
     .option = "sender-key",
     .variable = "SENDER_KEY",
     .kind = Kind::choice,
     .unit = "key",
     .argument = "WORD",
     .choices = "full|normalized|domain|none",
     .standard = "full",
     .initial = "normalized",
     .help = "what of the sender counts: full, normalized, domain or none",
     .svctool_help = "what of the sender counts"},
    {.name = "recipient-key",
     .option = "recipient-key",
     .variable = "RECIPIENT_KEY",
     .kind = Kind::choice,
     .unit = "key",
     .argument = "WORD",
     .choices = "full|none",
     .standard = "full",
     .help = "what of the recipient counts: full or none",
     .svctool_help = "what of the recipient counts"},
    {.name = "pools",
     .option = "pools",
     .variable = "POOLS",
     .kind = Kind::choice,
     .unit = "word",
     .argument = "WORD",
     .choices = "on|name|spf|off",
     .standard = "on",
     .greydaemon = "off",
     .greydaemon_fixed = true,
     .help = "whether a provider's hosts count as one: by name, by SPF, by both (on) or off",
     .svctool_help = "whether a provider's hosts count as one"},
    {.name = "recipients",
     .option = "recipients",
     .variable = "RECIPIENTS",
     .kind = Kind::choice,
     .unit = "word",
     .argument = "WORD",
     .choices = "any|all",
     .standard = "any",
     .greydaemon = "all",
     .greydaemon_fixed = true,
     .help = "which triplets must pass: any or all",
     .svctool_help = "how many of a message's recipients must pass"},
    {.name = "allow",
     .option = "allow",
     .variable = "ALLOW",
     .kind = Kind::networks,
     .unit = "networks",
     .argument = "NETWORK[,NETWORK...]",
     .otherwise = "loopback and own addresses",
     .help = "who may ask",
     .svctool_help = "who may ask, separated by commas"},
    {.name = "policy",
     .option = "policy",
     .variable = "POLICY",
     .kind = Kind::places,
     .unit = "where,..",
     .argument = "ADDR@PORT|/PATH[,...]",
     .otherwise = "nowhere",
     .help = "where Postfix and Exim ask",
     .svctool_help = "where Postfix and Exim ask: ADDR@PORT or /PATH of a socket"},
    {.name = "policy-text",
     .option = "policy-text",
     .variable = "POLICY_TEXT",
     .kind = Kind::deferral,
     .unit = "text",
     .argument = "TEXT",
     .help = "what they tell a client that must wait",
     .svctool_help = "what those tell a client that must wait"},
    {.name = "control",
     .option = "control",
     .variable = "CONTROL",
     .kind = Kind::file,
     .unit = "path",
     .argument = "PATH",
     .otherwise = "contextFile.control",
     .help = "the socket that greyctl asks; none: there is none",
     .svctool_help = "the socket that greyctl asks; none: there is none"},
    {.name = "control-group",
     .option = "control-group",
     .variable = "CONTROL_GROUP",
     .kind = Kind::user,
     .unit = "group",
     .argument = "GROUP",
     .otherwise = "nobody but the user",
     .help = "a group that may use it",
     .svctool_help = "a group that may use it besides the user"},
    {.name = "sync",
     .option = "sync",
     .variable = "SYNC",
     .kind = Kind::choice,
     .unit = "word",
     .argument = "WORD",
     .choices = "always|second|never",
     .standard = "second",
     .help = "when answers are safe from a power cut",
     .svctool_help = "when answers are safe from a power cut"},
    {.name = "verbosity",
     .letter = "-v",
     .option = "verbosity",
     .variable = "VERBOSITY",
     .unit = "level",
     .argument = "LEVEL",
     .range = {0, 3},
     .standard = "1",
     .help = "0 errors, 1 decisions, 2 saves, 3 records on USR2",
     .svctool_help = "how much is logged"},
    {.name = "log-format",
     .option = "log-format",
     .variable = "LOG_FORMAT",
     .kind = Kind::choice,
     .unit = "word",
     .argument = "WORD",
     .choices = "plain|logfmt|json",
     .standard = "plain",
     .help = "form of the lines of the log: plain, logfmt or json",
     .svctool_help = "the form of the log's lines"},
    {.name = "store",
     .option = "store",
     .variable = "STORE",
     .kind = Kind::store,
     .unit = "url",
     .argument = "URL",
     .otherwise = "none",
     .greydaemon_fixed = true,
     .help = "a Redis, by which several daemons share one state",
     .svctool_help = "a Redis, by which daemons share one state: redis://HOST[:PORT], or of "
                     "Sentinels redis+sentinel://HOST,.../NAME"},
    {.name = "store-password-file",
     .option = "store-password-file",
     .variable = "STORE_PASSWORD_FILE",
     .kind = Kind::file,
     .unit = "file",
     .argument = "FILE",
     .otherwise = "no password",
     .greydaemon_fixed = true,
     .help = "the file that its password is in",
     .svctool_help = "the file that its password is in"},
    {.name = "store-key-file",
     .option = "store-key-file",
     .variable = "STORE_KEY_FILE",
     .kind = Kind::file,
     .unit = "file",
     .argument = "FILE",
     .otherwise = "none: --store needs one",
     .greydaemon_fixed = true,
     .help = "a file that all who share it have alike: 32 hexadecimal digits",
     .svctool_help = "a file that all who share it have alike: 32 hexadecimal digits"},
    {.name = "key-file",
     .option = "key-file",
     .variable = "KEY_FILE",
     .kind = Kind::file,
     .unit = "file",
     .argument = "FILE",
     .otherwise = "none",
     .help = "keys that who asks by UDP has, too",
     .svctool_help = "keys that who asks by UDP has, too: lines of ID and KEY"},
    {.name = "require-key",
     .option = "require-key",
     .variable = "REQUIRE_KEY",
     .kind = Kind::choice,
     .unit = "word",
     .argument = "WORD",
     .choices = "never|remote|always",
     .standard = "remote",
     .help = "whose queries are to have one: never anybody's, remote hosts', or always",
     .svctool_help = "with KEY_FILE: whose queries are to have one"},
    {.name = "sandbox",
     .option = "sandbox",
     .variable = "SANDBOX",
     .kind = Kind::choice,
     .unit = "word",
     .argument = "WORD",
     .choices = "on|off",
     .standard = "on",
     .help = "on: system calls and files that it does not need are given up",
     .svctool_help = "whether it gives up the system calls and files that it does not need"},
    // Of the daemon alone, as svctool has other ways to say it.
    {.name = "port",
     .letter = "-p",
     .unit = "port",
     .argument = "PORT",
     .range = {1, 65535},
     .standard = "1999",
     .help = "port, when ipaddr names none"},
    {.name = "user",
     .letter = "-u",
     .variable = "SERVICE_USER",
     .kind = Kind::user,
     .unit = "user",
     .argument = "USER",
     .help = "user to run as"},
    {.name = "notification-fd",
     .unit = "descriptor",
     .argument = "FD",
     .range = {3, 1'048'575},
     .otherwise = "none",
     .help = "descriptor that s6 waits at for a newline, when it is ready"},
    // Around the daemon: its memory limit, the least that it starts with; and its log, by what
    // multilog takes, whose limits are the narrowest.
    {.option = "memory",
     .variable = "SOFT_MEM",
     .unit = "bytes",
     .range = {std::int64_t{64} << 20, std::int64_t{1} << 50}},
    {.option = "log-size", .variable = "LOGSIZE", .unit = "bytes", .range = {4096, 16'777'215}},
    {.option = "log-count", .variable = "LOGCOUNT", .unit = "files", .range = {2, 10'000}},
};
#pragma GCC diagnostic pop
constexpr std::size_t kServiceSettings = 30;

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::span<const Setting> all_settings() {
  return kSettings;
}

std::span<const Setting> service_settings() {
  return std::span(kSettings).first(kServiceSettings);
}

const Setting& setting_named(std::string_view name) {
  return *std::ranges::find(kSettings, name, &Setting::name);
}

std::string flag_of(const Setting& setting) {
  return setting.letter.empty() ? "--" + std::string(setting.name) : std::string(setting.letter);
}

std::string text_of(const Range& range) {
  return "from " + std::to_string(range.low) + " to " + std::to_string(range.high);
}

std::int64_t standard_number(const Setting& setting) {
  return number(setting.standard);
}

std::int64_t greydaemon_number(const Setting& setting) {
  return number(setting.greydaemon.empty() ? setting.standard : setting.greydaemon);
}

bool is_choice(const Setting& setting, std::string_view word) {
  std::string_view choices = setting.choices;
  while (!choices.empty()) {
    const std::size_t bar = choices.find('|');
    if (choices.substr(0, bar) == word) return true;
    choices.remove_prefix(bar == std::string_view::npos ? choices.size() : bar + 1);
  }
  return false;
}

std::string daemon_help(const Setting& setting) {
  std::string text(setting.help);
  const std::string_view without = setting.standard.empty() ? setting.otherwise : setting.standard;
  if (without.empty()) return text;
  text.append(" (").append(without);
  // What leaves no choice is no default.
  if (!setting.greydaemon.empty() && !setting.greydaemon_fixed) {
    text.append("; ").append(setting.greydaemon).append(" as greydaemon");
  }
  return text + ")";
}

}  // namespace grey
