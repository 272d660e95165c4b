#include "greyd/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <map>
#include <utility>

#include "greyd/base/arguments.h"
#include "greyd/base/deferral.h"
#include "greyd/base/files.h"
#include "greyd/base/settings_table.h"

namespace grey {
namespace {

constexpr const char* kFooter =
    "Files, when relative, are taken from $CONTROLDIR.\n"
    "Signals: TERM saves and exits, USR1 saves, USR2 expires, HUP reloads the lists.";

// The numbers as they stand on the command line, in the units of the table of settings.
struct Raw {
  std::int64_t min_resend_minutes = 0;
  std::int64_t resend_window_hours = 0;
  std::int64_t timeout_days = 0;
  std::int64_t replies_days = 0;
  std::int64_t save_minutes = 0;
  std::int64_t free_minutes = 0;
  std::int64_t hash_size = 0;
  std::int64_t port = 0;
  int verbosity = 0;
  int notification_fd = 0;  // 0: none
  std::string allow;
  std::vector<std::string> policy, submission;
  std::string store;
  std::string address, context_file;
  bool greydaemon = false;
};

std::string names_of(const Setting& setting) {
  std::string names(setting.letter);
  if (!names.empty()) names += ",";
  return names.append("--").append(setting.name);
}

bool is_given(const CLI::App& app, const Setting& setting) {
  return app.count("--" + std::string(setting.name)) > 0;
}

// An option as its row of the table has it; what is not given is what that says.
template <typename Value>
CLI::Option* add_setting(CLI::App& app, std::string_view name, Value&& value) {
  const Setting& setting = setting_named(name);
  return app.add_option(names_of(setting), value, daemon_help(setting))
      ->type_name(std::string(setting.argument));
}

// One whose value is one of a few words; `values`: what those mean, in the order of the table.
template <typename Enum>
void add_choice(CLI::App& app, std::string_view name, Enum& value,
                std::initializer_list<Enum> values) {
  const Setting& setting = setting_named(name);
  std::map<std::string, Enum> choices;
  std::string_view words = setting.choices;
  for (const Enum meaning : values) {
    const std::string_view word = words.substr(0, words.find('|'));
    choices.emplace(word, meaning);
    words.remove_prefix(std::min(word.size() + 1, words.size()));
  }
  value = choices.at(std::string(setting.standard));
  const auto member = CLI::IsMember(choices);
  const auto take = [&value, choices = std::move(choices)](const std::string& word) {
    value = choices.at(word);
  };
  app.add_option_function<std::string>(names_of(setting), take, daemon_help(setting))
      ->check(member)
      ->type_name(std::string(setting.argument));
}

// One whose value is a whole number.
template <typename Number>
void add_number(CLI::App& app, std::string_view name, Number& value, bool greydaemon) {
  const Setting& setting = setting_named(name);
  if (!setting.standard.empty()) value = Number(standard_number(setting));
  Range range = setting.range;
  if (greydaemon && setting.greydaemon_zero) range.low = 0;
  const auto take = [&value, range, names = names_of(setting)](const std::string& text) {
    // Decimal only: CLI11 would read 010 as 8.
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && range.holds(number)) {
      value = Number(number);
      return;
    }
    throw CLI::ValidationError(names, "'" + text + "' is not a number " + text_of(range));
  };
  app.add_option_function<std::string>(names_of(setting), take, daemon_help(setting))
      ->type_name(std::string(setting.argument));
}

// greydaemon's defaults; there a 0 stands for some of them, too.
template <typename Number>
void take_greydaemon_default(const CLI::App& app, std::string_view name, Number& value) {
  const Setting& setting = setting_named(name);
  if (is_given(app, setting) && !(setting.greydaemon_zero && value == 0)) return;
  value = Number(greydaemon_number(setting));
}

void take_greydaemon_defaults(const CLI::App& app, Raw& raw, Policy& policy) {
  take_greydaemon_default(app, "min-resend", raw.min_resend_minutes);
  take_greydaemon_default(app, "resend-window", raw.resend_window_hours);
  take_greydaemon_default(app, "timeout-days", raw.timeout_days);
  take_greydaemon_default(app, "save-interval", raw.save_minutes);
  take_greydaemon_default(app, "ipv6-prefix", policy.ipv6_prefix);
  policy.personality = Personality::greydaemon;
  policy.recipients = RecipientRule::all;
  if (app.count("--pools") == 0) policy.pools = PoolUse::off;
}

void add_policy_options(CLI::App& app, Policy& policy, bool greydaemon) {
  add_number(app, "client-passes", policy.client_passes, greydaemon);
  add_choice(app, "recipients", policy.recipients, {RecipientRule::any, RecipientRule::all});
  add_number(app, "ipv4-prefix", policy.ipv4_prefix, greydaemon);
  add_number(app, "ipv6-prefix", policy.ipv6_prefix, greydaemon);
  add_choice(app, "sender-key", policy.sender_key,
             {SenderKey::full, SenderKey::normalized, SenderKey::domain, SenderKey::none});
  add_choice(app, "recipient-key", policy.recipient_key, {RecipientKey::full, RecipientKey::none});
  add_choice(app, "pools", policy.pools, {PoolUse::on, PoolUse::name, PoolUse::spf, PoolUse::off});
  add_choice(app, "select", policy.select, {Select::all, Select::suspect});
  app.add_flag("--dry-run", policy.dry_run, "decide, record and log as usual, but answer accept");
}

void add_options(CLI::App& app, Raw& raw, Options& options) {
  add_number(app, "min-resend", raw.min_resend_minutes, raw.greydaemon);
  add_number(app, "resend-window", raw.resend_window_hours, raw.greydaemon);
  add_number(app, "timeout-days", raw.timeout_days, raw.greydaemon);
  add_number(app, "replies", raw.replies_days, raw.greydaemon);
  add_number(app, "save-interval", raw.save_minutes, raw.greydaemon);
  add_number(app, "free-interval", raw.free_minutes, raw.greydaemon);
  add_setting(app, "whitelist", options.whitelist);
  add_setting(app, "blacklist", options.blacklist);
  add_setting(app, "rules", options.rules);
  add_number(app, "hash-size", raw.hash_size, raw.greydaemon);
  add_number(app, "max-records", options.max_records, raw.greydaemon);
  add_number(app, "port", raw.port, raw.greydaemon);
  add_choice(app, "sync", options.sync, {Sync::always, Sync::second, Sync::never});
  add_setting(app, "allow", raw.allow);
  add_setting(app, "policy", raw.policy)->delimiter(',')->allow_extra_args(false);
  add_setting(app, "submission", raw.submission)->delimiter(',')->allow_extra_args(false);
  add_setting(app, "policy-text", options.mta_text);
  add_setting(app, "control", options.control);
  add_setting(app, "control-group", options.control_group);
  add_setting(app, "user", options.user);
  add_number(app, "verbosity", raw.verbosity, raw.greydaemon);
  add_number(app, "notification-fd", raw.notification_fd, raw.greydaemon);
  add_choice(app, "log-format", options.log_format,
             {LogFormat::plain, LogFormat::logfmt, LogFormat::json});
  add_setting(app, "store", raw.store);
  add_setting(app, "store-password-file", options.store_password_file);
  add_setting(app, "store-key-file", options.store_key_file);
  add_setting(app, "key-file", options.key_file);
  add_choice(app, "require-key", options.require_key,
             {RequireKey::never, RequireKey::remote, RequireKey::always});
  add_choice(app, "look-ups", options.look_ups, {true, false});
  add_setting(app, "resolver", options.resolver);
  add_choice(app, "sandbox", options.sandbox, {SandboxUse::on, SandboxUse::off});
  app.add_flag("--check", options.check,
               "say what would stop a start with these options, lists and files, and exit");
  app.add_flag("--greydaemon", raw.greydaemon,
               "rules and defaults of John Levine's greydaemon, as under that name");
  add_policy_options(app, options.policy, raw.greydaemon);
  app.add_option("ipaddr", raw.address, "where to listen: 127.0.0.1, [::1]@1999, ::, *")
      ->type_name("ADDR");
  app.add_option("contextFile", raw.context_file, "where the state is kept")->type_name("FILE");
}

void define(CLI::App& app, Raw& raw, Options& options) {
  app.description(
      "Greylisting daemon: answers UDP queries about (client, sender, recipient) triplets.");
  app.name("qmail-greyd");
  app.footer(kFooter);
  app.set_help_flag("--help", "print this and exit");  // -h is upstream's hash size
  app.set_version_flag("--version", "qmail-greyd " GREY_VERSION, "print the version and exit");
  add_options(app, raw, options);
}

Result<void> parse_places(std::string_view option, const std::vector<std::string>& places,
                          std::vector<ListenAddress>& addresses) {
  for (const std::string& where : places) {
    ListenAddress address;
    if (where.starts_with('/')) {
      address.path = where;
    } else if (const auto endpoint = parse_endpoint(where, Wildcards::allowed, kDefaultMtaPort)) {
      address.endpoint = *endpoint;
    } else {
      return misuse(std::string(option) + ": not an address or an absolute path: '" + where + "'");
    }
    addresses.push_back(std::move(address));
  }
  return {};
}

Result<void> parse_policy(const Raw& raw, const CLI::App& app, Options& options) {
  auto good = parse_places("--policy", raw.policy, options.mta_addresses);
  if (good) good = parse_places("--submission", raw.submission, options.submission_addresses);
  if (!good) return good;
  if (app.count("--policy-text") == 0) return {};
  const auto text = check_deferral(options.mta_text);
  return text ? Result<void>() : misuse("--policy-text: " + text.error().text);
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
  if (app.count("--pools") > 0 && policy.pools != PoolUse::off) {
    return misuse(
        "--pools: under greydaemon's rules each host is its own client; qmail-greyd has the "
        "choice");
  }
  if (policy.select != Select::all) {
    return misuse(
        "--select: under greydaemon's rules all are greylisted; qmail-greyd has the choice");
  }
  for (const Setting& setting : all_settings()) {
    if (!is_not_greydaemons(setting) || !is_given(app, setting)) continue;
    return misuse("--" + std::string(setting.name) +
                  ": under greydaemon's rules there is none; qmail-greyd has it");
  }
  return {};
}

// In one spelling, with its port.
Result<void> parse_resolver(Options& options) {
  constexpr std::uint16_t kDnsPort = 53;
  if (options.resolver.empty()) return {};
  const auto server = parse_endpoint(options.resolver, Wildcards::refused, kDnsPort);
  if (!server) return misuse("--resolver: not an address: '" + options.resolver + "'");
  options.resolver = to_string(server->ip) + "@" + std::to_string(server->port);
  return {};
}

// What names the state that others share, and what goes with it.
Result<void> parse_store(const Raw& raw, const std::string& control_directory, Options& options) {
  const std::pair<const char*, std::string*> files[] = {
      {"--store-password-file", &options.store_password_file},
      {"--store-key-file", &options.store_key_file}};
  for (const auto& [option, file] : files) {
    if (file->empty()) continue;
    if (raw.store.empty()) return misuse(std::string(option) + " is of no use without --store");
    *file = path_below(control_directory, *file);
  }
  if (raw.store.empty()) return {};
  auto url = parse_store_url(raw.store);
  if (!url) return misuse("--store: " + url.error().text);
  if (options.store_key_file.empty()) return misuse("--store needs --store-key-file");
  options.store = std::move(*url);
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
  policy.replies = raw.greydaemon ? 0 : raw.replies_days * 86400;
  options.save_interval = raw.save_minutes * 60;
  options.free_interval = raw.free_minutes * 60;
  options.verbosity = Verbosity(raw.verbosity);
  if (raw.notification_fd != 0) options.notification_fd = raw.notification_fd;
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
  for (std::string* file :
       {&options.whitelist, &options.blacklist, &options.rules, &options.key_file}) {
    if (!file->empty()) *file = path_below(control_directory, *file);
  }
  options.control_given = app.count("--control") > 0;
  if (!options.control_given) {
    options.control = options.context_file + ".control";
  } else if (options.control == kNoControl) {
    options.control.clear();
  } else {
    options.control = path_below(control_directory, options.control);
  }
  if (app.count("--allow") > 0) {
    auto allow = parse_networks(raw.allow);
    if (!allow) return misuse("--allow: " + allow.error().text);
    options.allow = std::move(*allow);
  }
  if (options.key_file.empty() && app.count("--require-key") > 0) {
    return misuse("--require-key is of no use without --key-file");
  }
  if (auto good = parse_resolver(options); !good) return good;
  if (auto good = parse_store(raw, control_directory, options); !good) return good;
  return parse_policy(raw, app, options);
}

}  // namespace

LogFormat log_format_in(const std::vector<std::string>& arguments) {
  constexpr std::string_view kOption = "--log-format", kJoined = "--log-format=";
  LogFormat format = LogFormat::plain;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    std::string_view word = arguments[i];
    if (word == kOption && i + 1 < arguments.size()) {
      word = arguments[++i];
    } else if (word.starts_with(kJoined)) {
      word.remove_prefix(kJoined.size());
    } else {
      continue;
    }
    if (word == "plain") format = LogFormat::plain;
    if (word == "logfmt") format = LogFormat::logfmt;
    if (word == "json") format = LogFormat::json;
  }
  return format;
}

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments,
                                       const std::string& control_directory) {
  CLI::App app;
  Raw raw;
  CommandLine result;
  raw.greydaemon = is_greydaemon(arguments);
  define(app, raw, result.options);
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

void look_at_options(const std::function<void(const CLI::App&)>& look) {
  CLI::App app;
  Raw raw;
  Options options;
  define(app, raw, options);
  look(app);
}

}  // namespace grey
