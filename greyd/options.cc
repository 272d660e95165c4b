#include "greyd/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <map>

#include "greyd/arguments.h"
#include "greyd/deferral.h"
#include "greyd/files.h"
#include "greyd/limits.h"

namespace grey {
namespace {

constexpr const char* kFooter =
    "contextFile and the lists, when relative, are taken from $CONTROLDIR.\n"
    "Signals: TERM saves and exits, USR1 saves, USR2 expires, HUP reloads the lists.";

// The numbers as they stand on the command line, in its units.
struct Raw {
  std::int64_t min_resend_minutes = 5;
  std::int64_t resend_window_hours = 12;
  std::int64_t timeout_days = 7;
  std::int64_t save_minutes = 5;
  std::int64_t free_minutes = 5;
  std::int64_t hash_size = 0;
  std::int64_t port = kDefaultPort;
  int verbosity = 1;
  std::string allow;
  std::vector<std::string> policy;
  std::string address, context_file;
  bool greydaemon = false;
};

// An option whose value is one of a few words.
template <typename Enum>
void add_choice(CLI::App& app, const std::string& name, Enum& value,
                std::map<std::string, Enum> choices, const std::string& description) {
  const auto member = CLI::IsMember(choices);
  const auto take = [&value, choices = std::move(choices)](const std::string& word) {
    value = choices.at(word);
  };
  app.add_option_function<std::string>(name, take, description)->check(member)->type_name("WORD");
}

// An option whose value is a whole number.
template <typename Number>
void add_number(CLI::App& app, const std::string& name, Number& value, const Range& range,
                const std::string& unit, const std::string& description) {
  const auto take = [&value, range, name](const std::string& text) {
    // Decimal only: CLI11 would read 010 as 8.
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && range.holds(number)) {
      value = Number(number);
      return;
    }
    throw CLI::ValidationError(name, "'" + text + "' is not a number from " +
                                         std::to_string(range.low) + " to " +
                                         std::to_string(range.high));
  };
  app.add_option_function<std::string>(name, take, description)->type_name(unit);
}

void add_policy_options(CLI::App& app, Policy& policy) {
  add_number(app, "--client-passes", policy.client_passes, limits::kClientPasses, "N",
             "good retries that make a client known; 0: none ever is (1)");
  add_choice<RecipientRule>(app, "--recipients", policy.recipients,
                            {{"any", RecipientRule::any}, {"all", RecipientRule::all}},
                            "which triplets must pass: any or all (any)");
  add_number(app, "--ipv4-prefix", policy.ipv4_prefix, limits::kIpv4Prefix, "BITS",
             "bits of an IPv4 client that count (32)");
  add_number(app, "--ipv6-prefix", policy.ipv6_prefix, limits::kIpv6Prefix, "BITS",
             "bits of an IPv6 client that count (64; 128 as greydaemon)");
  add_choice<SenderKey>(app, "--sender-key", policy.sender_key,
                        {{"full", SenderKey::full},
                         {"normalized", SenderKey::normalized},
                         {"domain", SenderKey::domain},
                         {"none", SenderKey::none}},
                        "what of the sender counts: full, normalized, domain or none (full)");
  add_choice<RecipientKey>(app, "--recipient-key", policy.recipient_key,
                           {{"full", RecipientKey::full}, {"none", RecipientKey::none}},
                           "what of the recipient counts: full or none (full)");
  app.add_flag("--dry-run", policy.dry_run, "decide, record and log as usual, but answer accept");
}

// greydaemon's defaults; there a 0 stands for them, too.
void take_greydaemon_defaults(const CLI::App& app, Raw& raw, Policy& policy) {
  const Raw defaults;
  const auto take = [](std::int64_t& number, std::int64_t instead) {
    if (number == 0) number = instead;
  };
  take(raw.min_resend_minutes, defaults.min_resend_minutes);
  take(raw.resend_window_hours, defaults.resend_window_hours);
  take(raw.timeout_days, defaults.timeout_days);
  if (app.count("--save-interval") == 0) raw.save_minutes = 0;
  take(raw.save_minutes, 10);
  policy.personality = Personality::greydaemon;
  policy.recipients = RecipientRule::all;
  if (app.count("--ipv6-prefix") == 0) policy.ipv6_prefix = 128;
}

void add_options(CLI::App& app, Raw& raw, Options& options) {
  const Range period = raw.greydaemon ? Range{0, limits::kPeriod.high} : limits::kPeriod;
  add_number(app, "-m,--min-resend", raw.min_resend_minutes, limits::kDelay, "MINUTES",
             "a retry before this age is early (5)");
  add_number(app, "-g,--resend-window", raw.resend_window_hours, period, "HOURS",
             "a retry at this age or later is stale (12)");
  add_number(app, "-t,--timeout-days", raw.timeout_days, period, "DAYS",
             "idle life of a known client (7)");
  add_number(app, "-s,--save-interval", raw.save_minutes, period, "MINUTES",
             "time between saves of the context file (5; 10 as greydaemon)");
  add_number(app, "-f,--free-interval", raw.free_minutes, limits::kPeriod, "MINUTES",
             "time between frees of expired records (5)");
  app.add_option("-w,--whitelist", options.whitelist, "whom never to defer")->type_name("FILE");
  app.add_option("--blacklist", options.blacklist, "whom always to defer")->type_name("FILE");
  add_number(app, "-h,--hash-size", raw.hash_size, limits::kHashSize, "N",
             "a sizing hint of other daemons: accepted, and not needed (0)");
  add_number(app, "--max-records", options.max_records, limits::kMaxRecords, "N",
             "most records held (2000000)");
  add_number(app, "-p,--port", raw.port, limits::kPort, "PORT",
             "port, when ipaddr names none (1999)");
  add_choice<Sync>(app, "--sync", options.sync,
                   {{"always", Sync::always}, {"second", Sync::second}, {"never", Sync::never}},
                   "when answers are safe from a power cut (second)");
  app.add_option("--allow", raw.allow, "who may ask (loopback and own addresses)")
      ->type_name("NETWORK[,NETWORK...]");
  app.add_option("--policy", raw.policy, "where Postfix and Exim ask (nowhere)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("ADDR@PORT|/PATH[,...]");
  app.add_option("--policy-text", options.policy_text, "what they tell a client that must wait")
      ->type_name("TEXT");
  app.add_option("-u,--user", options.user, "user to run as")->type_name("USER");
  add_number(app, "-v,--verbosity", raw.verbosity, limits::kVerbosity, "LEVEL",
             "0 errors, 1 decisions, 2 saves, 3 records on USR2 (1)");
  app.add_flag("--check", options.check,
               "say what would stop a start with these options, lists and files, and exit");
  app.add_flag("--greydaemon", raw.greydaemon,
               "rules and defaults of John Levine's greydaemon, as under that name");
  add_policy_options(app, options.policy);
  app.add_option("ipaddr", raw.address, "where to listen: 127.0.0.1, [::1]@1999, ::, *");
  app.add_option("contextFile", raw.context_file, "where the state is kept");
}

Result<void> parse_policy(const Raw& raw, const CLI::App& app, Options& options) {
  for (const std::string& where : raw.policy) {
    ListenAddress address;
    if (where.starts_with('/')) {
      address.path = where;
    } else if (const auto endpoint =
                   parse_endpoint(where, Wildcards::allowed, kDefaultPolicyPort)) {
      address.endpoint = *endpoint;
    } else {
      return misuse("--policy: not an address or an absolute path: '" + where + "'");
    }
    options.policy_addresses.push_back(std::move(address));
  }
  if (app.count("--policy-text") == 0) return {};
  const auto good = check_deferral(options.policy_text);
  return good ? Result<void>() : misuse("--policy-text: " + good.error().text);
}

bool is_greydaemon(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return false;
  if (std::find(arguments.begin(), arguments.end(), "--greydaemon") != arguments.end()) return true;
  const std::string& name = arguments[0];
  const std::size_t slash = name.rfind('/');
  return name.substr(slash == std::string::npos ? 0 : slash + 1) == "greydaemon";
}

// What greydaemon's rules leave no choice of; every other option works under that name, too.
Result<void> check_greydaemon(const CLI::App& app, const Policy& policy) {
  if (app.count("--recipients") > 0 && policy.recipients != RecipientRule::all) {
    return misuse(
        "--recipients: under greydaemon's rules all recipients must pass; "
        "qmail-greyd has the choice");
  }
  if (policy.client_passes != 1) {
    return misuse(
        "--client-passes: under greydaemon's rules one good retry makes a client known, and its "
        "save file has no place for a count; qmail-greyd has the choice");
  }
  return {};
}

// The checked whole from the parts that CLI11 has checked one by one.
Result<void> complete(Raw& raw, const CLI::App& app, const std::string& control_directory,
                      Options& options) {
  Policy& policy = options.policy;
  if (raw.greydaemon) {
    if (auto good = check_greydaemon(app, policy); !good) return good;
    take_greydaemon_defaults(app, raw, policy);
  }
  policy.min_resend = raw.min_resend_minutes * 60;
  policy.resend_window = raw.resend_window_hours * 3600;
  policy.timeout = raw.timeout_days * 86400;
  options.save_interval = raw.save_minutes * 60;
  options.free_interval = raw.free_minutes * 60;
  options.verbosity = Verbosity(raw.verbosity);
  if (policy.min_resend >= policy.resend_window) {
    return misuse("min resend (" + std::to_string(raw.min_resend_minutes) +
                  " minutes) must be shorter than the resend window (" +
                  std::to_string(raw.resend_window_hours) + " hours)");
  }
  if (raw.address.empty()) return misuse("ipaddr is missing (see --help)");
  if (raw.context_file.empty()) return misuse("contextFile is missing (see --help)");
  const auto listen = parse_endpoint(raw.address, Wildcards::allowed, std::uint16_t(raw.port));
  if (!listen) return misuse("ipaddr: not an address to listen on: " + raw.address);
  options.listen = *listen;
  options.context_file = path_below(control_directory, raw.context_file);
  for (std::string* list : {&options.whitelist, &options.blacklist}) {
    if (!list->empty()) *list = path_below(control_directory, *list);
  }
  if (app.count("--allow") > 0) {
    auto allow = parse_networks(raw.allow);
    if (!allow) return misuse("--allow: " + allow.error().text);
    options.allow = std::move(*allow);
  }
  return parse_policy(raw, app, options);
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments,
                                       const std::string& control_directory) {
  CLI::App app(
      "Greylisting daemon: answers UDP queries about (client, sender, recipient) triplets.",
      "qmail-greyd");
  app.footer(kFooter);
  app.set_help_flag("--help", "print this and exit");  // -h is upstream's hash size
  app.set_version_flag("--version", "qmail-greyd " GREY_VERSION, "print the version and exit");
  Raw raw;
  CommandLine result;
  raw.greydaemon = is_greydaemon(arguments);
  add_options(app, raw, result.options);
  if (const auto option = option_without_value(arguments); !option.empty()) {
    return misuse(std::string(option) + ": the value is empty (see --help)");
  }
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    if (!reversed.empty()) reversed.pop_back();
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    result.information = Information{app.help()};
    return result;
  } catch (const CLI::CallForVersion& version) {
    result.information = Information{std::string(version.what()) + "\n"};
    return result;
  } catch (const CLI::ParseError& error) {
    return misuse(std::string(error.what()) + " (see --help)");
  }
  if (const auto done = complete(raw, app, control_directory, result.options); !done) {
    return tl::make_unexpected(done.error());
  }
  return result;
}

}  // namespace grey
