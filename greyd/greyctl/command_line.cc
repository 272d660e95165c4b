#include "greyd/greyctl/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <functional>
#include <utility>

#include "greyd/base/arguments.h"
#include "greyd/base/duration.h"
#include "greyd/base/settings_table.h"
#include "greyd/base/text.h"

namespace grey::greyctl {
namespace {

using nlohmann::json;

constexpr const char* kFooter =
    "Examples:\n"
    "  greyctl query 192.0.2.7 joe@example.com me@example.net   why is this deferred, until when\n"
    "  greyctl list --state waiting                             who waits now\n"
    "  greyctl forget 192.0.2.7                                 that client, and its triplets\n"
    "  greyctl allow 192.0.2.0/24 --for 30d                     let a network through for a month\n"
    "  greyctl watch                                            what happens right now\n"
    "  greyctl report --since 7d                                what it held back, what it cost\n"
    "Exit codes: 0 yes or done, 1 no, 100 misuse, 111 the system or a file would not.";

// The daemon's settings that say how records are kept, for --context.
constexpr std::array<std::string_view, 12> kPolicyOptions = {
    "min-resend", "resend-window", "timeout-days", "client-passes", "ipv4-prefix", "ipv6-prefix",
    "sender-key", "recipient-key", "recipients",   "whitelist",     "blacklist",   "rules"};

// As the control socket takes addresses: a word of text.h. What is one is one, so that what greyctl
// has printed can be given back to it; "<>" is the null sender.
std::string word(const std::string& text) {
  return read_word(text) ? text : to_word(text);
}

// An unset variable of a script must not turn a command to another daemon, or to all of it.
const CLI::Validator& not_empty() {
  static const CLI::Validator validator(
      [](const std::string& text) { return text.empty() ? "the value is empty" : std::string(); },
      "");
  return validator;
}

// One with a port, or of a URL, would never be what a request names.
const CLI::Validator& host_name() {
  static const CLI::Validator validator(
      [](const std::string& text) {
        const bool good = std::ranges::all_of(text, [](unsigned char c) {
          return (c < 0x80 && std::isalnum(c) != 0) || c == '.' || c == '-' || c == '_';
        });
        return good && !text.empty() ? std::string() : "'" + text + "' is no host name";
      },
      "");
  return validator;
}

class Parser {
 public:
  explicit Parser(Invocation& result) : result_(result) {}

  void add_all(CLI::App& app) {
    add_place(app);
    add_looks(app);
    add_changes(app);
    add_export(app);
    add_serve(app);
    add_upkeep(app);
    app.require_subcommand(0, 1);  // that there is one is looked at after unknown options
  }

 private:
  // A command whose request has no field but those that its options add.
  CLI::App* add(CLI::App& app, const char* name, const char* help) {
    CLI::App* const command = app.add_subcommand(name, help);
    command->set_help_flag("--help", "print this and exit");
    command->callback([this, name = std::string(name)] {
      result_.command = name;
      result_.request["command"] = name;
    });
    return command;
  }
  void field(CLI::App* command, const char* option, const char* name, const char* help,
             const char* type, bool required = false) {
    CLI::Option* const added = command->add_option_function<std::string>(
        option, [this, name](const std::string& text) { result_.request[name] = word(text); },
        help);
    added->type_name(type);
    if (required) added->required();
  }
  void filter(CLI::App* command, bool of_records) {
    field(command, "--client", "client", "an address or a network", "NET");
    field(command, "--sender", "sender", "a sender; * is any octets, ? one", "GLOB");
    field(command, "--recipient", "recipient", "a recipient, likewise", "GLOB");
    if (!of_records) return;
    field(command, "--state", "state", "waiting, bounce, passed or known", "STATE");
  }
  void as_json(CLI::App* command) {
    command->add_flag("--json", result_.json, "print objects of JSON, a line each");
  }
  void since(CLI::App* command, const char* example, const char* help) {
    command
        ->add_option_function<std::string>(
            "--since",
            [this](const std::string& text) { result_.since = duration_of("--since", text); }, help)
        ->type_name(example);
  }
  Seconds duration_of(const std::string& option, const std::string& text) const {
    const auto duration = parse_duration(text);
    if (duration && *duration > 0) return *duration;
    throw CLI::ValidationError(option, "'" + text + "' is no duration: 90s, 5m, 12h, 30d, 2w");
  }

  void add_place(CLI::App& app) {
    Named& named = result_.named;
    app.add_option("--service", named.service, "a service's directory, as svctool makes it")
        ->type_name("DIR")
        ->check(not_empty());
    auto* const control = app.add_option("--control", named.control, "the daemon's control socket")
                              ->type_name("PATH")
                              ->check(not_empty());
    app.add_option("--context", named.context, "the files of a daemon that does not run")
        ->type_name("FILE")
        ->check(not_empty())
        ->excludes(control);
    for (const std::string_view name : kPolicyOptions) {
      const Setting& setting = setting_named(name);
      std::string names = "--" + std::string(name);
      app.add_option_function<std::string>(
             names,
             [this, flag = names](const std::string& value) {
               result_.named.policy_options.push_back(flag);
               result_.named.policy_options.push_back(value);
             },
             std::string(setting.help))
          ->type_name(std::string(setting.argument))
          ->group("With --context, as the daemon's");
    }
    app.add_flag_function(
           "--greydaemon",
           [this](std::int64_t) { result_.named.policy_options.emplace_back("--greydaemon"); },
           "rules and files of greydaemon")
        ->group("With --context, as the daemon's");
  }

  void add_looks(CLI::App& app) {
    as_json(add(app, "status", "what runs, what is loaded, is the state on disk fresh"));
    as_json(add(app, "stats", "what has been counted since the start"));
    CLI::App* const totals = add(app, "totals", "the hourly totals, as objects of JSON");
    since(totals, "7d", "of the hours from then on; else of all");
    CLI::App* const query = add(app, "query", "what would be answered, and why; changes nothing");
    field(query, "IP", "client", "the client's address", "", true);
    field(query, "SENDER", "sender", "the sender; '' or '<>' is the null sender", "", true);
    query
        ->add_option_function<std::vector<std::string>>(
            "RCPT",
            [this](const std::vector<std::string>& recipients) {
              for (const std::string& recipient : recipients) {
                result_.request["recipients"].push_back(word(recipient));
              }
            },
            "the recipients")
        ->type_name("")
        ->required();
    field(query, "--name", "name", "the client's verified name", "NAME");
    field(query, "--helo", "helo", "what the client says in HELO", "HELO");
    as_json(query);
    CLI::App* const list = add(app, "list", "the records");
    filter(list, true);
    list->add_option_function<std::uint64_t>(
            "--limit", [this](std::uint64_t most) { result_.request["limit"] = most; },
            "at most so many")
        ->type_name("N")
        ->check(not_empty())
        ->check(CLI::NonNegativeNumber);
    as_json(list);
    CLI::App* const show = add(app, "show", "a client: lists that name it, and its records");
    field(show, "CLIENT", "client", "an address or a network", "", true);
    as_json(show);
    as_json(add(app, "entries", "what is allowed or blocked by command, until when, by whom"));
    CLI::App* const networks =
        add(app, "networks", "from where a domain's mail comes, as its SPF record says");
    field(networks, "DOMAIN", "domain", "a domain; else each that a list names by spf:", "");
    as_json(networks);
    CLI::App* const watch = add(app, "watch", "decisions as they are made");
    filter(watch, false);
    as_json(watch);
    add_top(app);
  }
  void add_top(CLI::App& app) {
    CLI::App* const top = add(app, "top",
                              "who has most records: clients, networks, senders or "
                              "recipients");
    top->add_option_function<std::string>(
           "BY",
           [this](const std::string& name) {
             const auto by = Top::by_name(name);
             if (!by) {
               throw CLI::ValidationError(
                   "BY", "'" + name + "' is none of clients, networks, senders, recipients");
             }
             result_.top_by = *by;
           },
           "what to count by (clients)")
        ->type_name("");
    since(top, "24h", "records seen within this time");
    top->add_option("--limit", result_.top_most, "so many lines (20)")
        ->type_name("N")
        ->check(not_empty())
        ->check(CLI::NonNegativeNumber);
    as_json(top);
    add_report(app);
  }
  void add_report(CLI::App& app) {
    CLI::App* const report =
        add(app, "report", "what greylisting has held back, and what it has cost");
    since(report, "7d", "of the time from then on (7d)");
    report
        ->add_option("--html", result_.html,
                     "write it as a page into this file, which is replaced when it is whole")
        ->type_name("FILE")
        ->check(not_empty());
    as_json(report);
  }

  void add_changes(CLI::App& app) {
    CLI::App* const forget =
        add(app, "forget", "forget records: of a client, and those of a sender or recipient");
    field(forget, "CLIENT", "client", "an address or a network: the client and its triplets", "");
    field(forget, "--sender", "sender", "triplets of this sender", "GLOB");
    field(forget, "--recipient", "recipient", "triplets to this recipient", "GLOB");
    for (const auto& [name, help] :
         {std::pair{"allow", "never defer it"}, std::pair{"block", "always defer it"}}) {
      CLI::App* const put = add(app, name, help);
      field(put, "ENTRY", "entry", "as in a list: 192.0.2.0/24, user@example.com, to:...", "",
            true);
      put->add_option_function<std::string>(
             "--for",
             [this](const std::string& text) {
               result_.request["for"] = duration_of("--for", text);
             },
             "how long (until unlist)")
          ->type_name("30d");
    }
    field(add(app, "unlist", "take an entry of allow or block back"), "ENTRY", "entry",
          "as it was given", "", true);
    add_import(app);
    add_learn_sent(app);
  }

  void add_import(CLI::App& app) {
    CLI::App* const command =
        add(app, "import", "take what another greylister has kept: files, trees, dumps, logs");
    ImportWanted& wanted = result_.import;
    add_sources(command, "a file or a directory; it is told by its content");
    command
        ->add_option_function<std::string>(
            "--format",
            [&wanted](const std::string& name) {
              wanted.form = imports::form_named(name);
              if (!wanted.form) {
                throw CLI::ValidationError("--format", "'" + name + "' is none of " + forms());
              }
            },
            "what it is, where its content does not tell: " + forms())
        ->type_name("FORM");
    add_reader_settings(command, wanted.settings);
    command->add_flag("--dry-run", wanted.dry_run, "say what would be taken, and change nothing");
  }

  void add_sources(CLI::App* command, const char* help) {
    command->add_option("FILE", result_.import.sources, help)
        ->type_name("")
        ->check(not_empty())
        ->required();
  }

  // The same of logs.
  void add_learn_sent(CLI::App& app) {
    CLI::App* const command =
        add(app, "learn-sent", "take whom your users have written to of a mail server's log");
    ImportWanted& wanted = result_.import;
    add_sources(command, "a log, or multilog's directory");
    command
        ->add_option_function<std::string>(
            "--format",
            [&wanted](const std::string& name) {
              if (name != "qmail" && name != "postfix") {
                throw CLI::ValidationError("--format",
                                           "'" + name + "' is neither qmail nor postfix");
              }
              wanted.form = name == "qmail" ? imports::Form::qmail_send : imports::Form::postfix;
            },
            "whose log it is: qmail-send's or Postfix's (told by each line)")
        ->type_name("qmail|postfix");
    command->add_flag("--dry-run", wanted.dry_run, "say what would be taken, and change nothing");
  }

  // How the other one was set, where that is not what it is by default.
  void add_reader_settings(CLI::App* command, imports::Settings& settings) {
    const auto add = [&](const char* option, const char* type, const char* help,
                         const std::function<void(Seconds)>& set) {
      command
          ->add_option_function<std::string>(
              option,
              [this, option, set](const std::string& text) { set(duration_of(option, text)); },
              help)
          ->type_name(type);
    };
    add("--hold", "5m", "how long it deferred: jgreylist 2m, cqGreylist 1m, postgrey 5m",
        [&settings](Seconds time) {
          settings.jgreylist_hold = settings.cqgreylist_hold = settings.postgrey_delay = time;
        });
    add("--record-life", "36d",
        "how long it kept what had passed: qmail-spp, relaydelay, Plesk, spamd 36d; jgreylist 30d",
        [&settings](Seconds time) { settings.good_life = settings.jgreylist_life = time; });
  }

  static std::string forms() {
    std::string names;
    for (std::size_t i = 0; i < imports::kForms; ++i) {
      names += (i == 0 ? "" : ", ") + std::string(to_string(imports::Form(i)));
    }
    return names;
  }

  void add_export(CLI::App& app) {
    CLI::App* const command = add(app, "export", "the records, in a form for elsewhere");
    command
        ->add_option_function<std::string>(
            "--format",
            [this](const std::string& name) {
              const auto form = imports::export_form_named(name);
              if (!form) {
                throw CLI::ValidationError(
                    "--format",
                    "'" + name + "' is none of json, csv, context, greydaemon, relaytofrom");
              }
              result_.exporting.form = *form;
            },
            "what they are written as")
        ->type_name("json|csv|context|greydaemon|relaytofrom")
        ->required();
    command
        ->add_option("--output", result_.exporting.output,
                     "a file, replaced when all is written (standard output)")
        ->type_name("FILE")
        ->check(not_empty());
  }

  void add_serve(CLI::App& app) {
    CLI::App* const command =
        add(app, "serve", "report and figures by HTTP, for people and for Prometheus");
    command
        ->add_option_function<std::string>(
            "ADDR@PORT",
            [this](const std::string& text) {
              const auto where = parse_endpoint(text, Wildcards::allowed, 0);
              if (!where || where->port == 0) {
                throw CLI::ValidationError("ADDR@PORT", "'" + text +
                                                            "' is no address and port: "
                                                            "127.0.0.1@9119, [::1]@9119, 0@9119");
              }
              result_.serving.where = *where;
            },
            "where: 127.0.0.1@9119, [::1]@9119, 0@9119")
        ->type_name("")
        ->required();
    command->add_option("--user", result_.serving.user, "whom root becomes (the socket's owner)")
        ->type_name("USER")
        ->check(not_empty());
    command
        ->add_option_function<std::string>(
            "--sandbox",
            [this](const std::string& word) { result_.serving.sandbox = word == "on"; },
            "on: system calls and files that it does not need are given up (on)")
        ->type_name("WORD")
        ->check(CLI::IsMember({"on", "off"}));
    command
        ->add_option("--host", result_.serving.hosts,
                     "a name by which the page may be asked for, beside addresses and localhost; "
                     "several times for several")
        ->type_name("NAME")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->check(host_name());
  }

  void add_upkeep(CLI::App& app) {
    add(app, "save", "write the whole state, and wait for it");
    add(app, "expire", "forget what is over");
    add(app, "reload", "read the lists again");
    add(app, "check", "what a reload would say, and what is wrong with the running daemon");
  }

  Invocation& result_;
};

void define(CLI::App& app, Parser& parser) {
  app.description("Looks into a running greylisting daemon, and changes what it remembers.");
  app.name("greyctl");
  app.set_help_flag("--help", "print this and exit");
  app.set_version_flag("--version", "greyctl " GREY_VERSION, "print the version and exit");
  parser.add_all(app);
  app.footer(kFooter);  // last: else each command had it, too
}

Result<void> complete(const Invocation& invocation) {
  const Named& named = invocation.named;
  if (invocation.command.empty()) return misuse("a command is missing (see --help)");
  if (!named.policy_options.empty() && (named.context.empty() || !named.service.empty())) {
    return misuse(named.policy_options.front() +
                  ": only with --context; else daemon or service say it");
  }
  if (invocation.command == "serve" && !named.context.empty()) {
    return misuse("serve: asks a daemon that runs; --context has none");
  }
  if (invocation.command == "forget" && invocation.request.size() == 1) {
    return misuse("forget: name a client, --sender or --recipient (see greyctl forget --help)");
  }
  return {};
}

}  // namespace

Result<Invocation> parse_command_line(const std::vector<std::string>& arguments) {
  CLI::App app;
  Invocation result;
  Parser parser(result);
  define(app, parser);
  if (const auto option = option_without_value(arguments); !option.empty()) {
    return misuse(std::string(option) + ": the value is empty (see --help)");
  }
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    if (!reversed.empty()) reversed.pop_back();
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    const auto commands = app.get_subcommands();
    result.information = commands.empty() ? app.help() : commands.front()->help("greyctl");
    return result;
  } catch (const CLI::CallForVersion& version) {
    result.information = std::string(version.what()) + "\n";
    return result;
  } catch (const CLI::ParseError& error) {
    return misuse(std::string(error.what()) + " (see --help)");
  }
  if (result.command == "learn-sent" && !result.import.form) {
    result.import.form = imports::Form::any_sent_log;
  }
  if (auto good = complete(result); !good) return tl::make_unexpected(good.error());
  return result;
}

void look_at_options(const std::function<void(const CLI::App&)>& look) {
  CLI::App app;
  Invocation unused;
  Parser parser(unused);
  define(app, parser);
  look(app);
}

}  // namespace grey::greyctl
