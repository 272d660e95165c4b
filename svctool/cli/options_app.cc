#include "svctool/cli/options_app.h"

#include <algorithm>

#include "svctool/cli/prefix.h"

namespace grey::svctool {
namespace {

constexpr const char* kServiceGroup = "A greylisting service";
constexpr const char* kSettingsGroup = "Its settings, each a file below variables/";

std::string suite_names() {
  std::string names;
  for (const Suite& suite : suites()) names += (names.empty() ? "" : "|") + std::string(suite.name);
  return names;
}

// "/service; runit: /etc/service": the first suite's, and of those that have another one.
std::string suite_directories() {
  std::string text(daemontools().servicedir);
  for (const Suite& suite : suites()) {
    if (suite.servicedir == daemontools().servicedir) continue;
    text += "; " + std::string(suite.name) + ": " + std::string(suite.servicedir);
  }
  return text;
}

void add_service_options(CLI::App& app, Raw& raw) {
  ServiceRequest& service = raw.service;
  service.prefix = own_prefix();
  const char* group = kServiceGroup;
  app.add_option("--greylist", service.port,
                 "UDP port: installs the service directory greylist.PORT")
      ->type_name("PORT")
      ->group(group);
  const auto add = [&](const char* name, std::string& value, const char* type, const char* help) {
    app.add_option(name, value, help)->type_name(type)->capture_default_str()->group(group);
  };
  const auto flag = [&](const char* name, bool& value, const char* help) {
    app.add_flag(name, value, help)->group(group);
  };
  app.add_option_function<std::string>(
         "--supervise",
         [&service](const std::string& name) {
           service.suite = find_suite(name);
           if (service.suite == nullptr)
             throw CLI::ValidationError("--supervise: '" + name + "' is not one of " +
                                        suite_names());
         },
         "what starts it: " + suite_names())
      ->type_name("SUITE")
      ->default_str(std::string(daemontools().name))
      ->group(group);
  app.add_option("--servicedir", service.servicedir,
                 "where that looks for services [" + suite_directories() + "]")
      ->type_name("DIR")
      ->group(group);
  add("--servicetag", service.servicetag, "TAG", "names the directory greylist.TAG instead");
  add("--localip", service.localip, "ADDR", "address to listen on; * for all");
  add("--cntrldir", service.cntrldir, "DIR", "CONTROLDIR: context file, lists, rules");
  add("--logdir", service.logdir, "DIR", "holds a log directory for each service");
  add("--user", service.user, "USER", "who runs the daemon");
  add("--loguser", service.loguser, "USER", "who writes the log");
  add("--log-size", service.log_size, "BYTES", "LOGSIZE: of each file of the log");
  add("--log-count", service.log_count, "FILES", "LOGCOUNT: how many of them are kept");
  flag("--create-users", raw.manner.create_users,
       "make these two, and --control-group, when missing");
  add("--context-file", service.context_file, "FILE",
      "saved state, below CNTRLDIR unless absolute [greylist.PORT.context]");
  add("--memory", service.memory, "BYTES",
      "memory limit of the daemon; 0: none [what --max-records needs]");
  add("--prefix", service.prefix, "DIR", "where the programs are installed");
  flag("--use-greydaemon", service.use_greydaemon,
       "run greydaemon, with the rules of the Perl daemon");
  app.add_option("--import", service.imports,
                 "what another greylister has kept, a file or a directory: what the state begins "
                 "with; several times for several")
      ->type_name("PATH")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group(group);
  app.add_option("--serve", service.serve,
                 "beside it a service greylist.PORT.serve, which serves its report and figures as "
                 "pages there")
      ->type_name("ADDR@PORT")
      ->group(group);
  app.add_option("--serve-user", service.serve_user,
                 "who runs that [USER; systemd with --control-group: one of its own]")
      ->type_name("USER")
      ->group(group);
  flag("--serve-only", service.serve_only, "of these two that service alone");
  flag("--down", service.down, "do not start the daemon yet");
  flag("--no-whitelist", service.no_whitelist, "no whitelist at all");
  flag("--nooverwrite", raw.manner.nooverwrite, "refuse when the service directory exists");
  flag("--run-file-only", service.run_file_only, "write run and log/run, and nothing else");
}

void add_setting_options(CLI::App& app, ServiceRequest& service) {
  for (const Setting& setting : settings()) {
    std::string name = "--" + std::string(setting.option);
    if (!setting.alias.empty()) name.append(",--").append(setting.alias);
    std::string type(setting.kind == Kind::choice ? setting.choices : setting.unit);
    if (setting.kind != Kind::choice) {
      std::transform(type.begin(), type.end(), type.begin(),
                     [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
    }
    app.add_option_function<std::string>(
           name,
           [&service, &setting](const std::string& value) {
             service.values.insert_or_assign(std::string(setting.option), value);
           },
           std::string(setting.svctool_help))
        ->type_name(type)
        ->default_str(std::string(setting.initial))
        ->group(kSettingsGroup);
  }
}

void add_greyip_options(CLI::App& app, Raw& raw) {
  const char* group = "Which daemon an SMTP server asks";
  app.add_option(
         "--greyip", raw.greyip,
         "daemons to ask, the next one when one is silent; ip@port is what all servers read")
      ->type_name("ADDR@PORT[,..]")
      ->group(group);
  app.add_flag("--no-greyip")->description("take GREYIP out again")->group(group);
  CLI::Option* service =
      app.add_option("--service", raw.smtp_service, "in variables/GREYIP of this service")
          ->type_name("DIR")
          ->group(group);
  app.add_flag("--run", raw.edit_run, "in its run, when that does not read variables/")
      ->needs(service)
      ->group(group);
  CLI::Option* rules =
      app.add_option("--tcprules", raw.rules, "in a rule of this file; rebuilds FILE.cdb")
          ->type_name("FILE")
          ->excludes(service)
          ->group(group);
  app.add_option("--match", raw.match, "address of that rule [empty: the one for everyone else]")
      ->type_name("ADDR")
      ->needs(rules)
      ->group(group);
  app.add_flag_callback(
         "--force", [&raw] { raw.manner.force = Force::yes; },
         "replace a different GREYIP; refresh in spite of --autorefresh=0; set back what was "
         "edited by "
         "hand")
      ->group(group);
}

void add_key_options(CLI::App& app, Raw& raw) {
  const char* group = "Keys of who asks by UDP";
  app.add_option("--key", raw.key,
                 "file of keys: made when it is missing; with --greylist or --service of that "
                 "daemon or SMTP server, or --tcprules, told to it")
      ->type_name("FILE")
      ->group(group);
  app.add_option(
         "--key-owner", raw.key_owner,
         "who may read it; USER: is that user and his group [the group of the daemon's user; of "
         "one that is there: as it is]")
      ->type_name("USER:GROUP")
      ->group(group);
  app.add_option("--key-change", raw.key_change,
                 "a step of a change of the key: add a new one, use it, drop the old one")
      ->type_name("add|use|drop")
      ->group(group);
}

void add_upkeep_options(CLI::App& app, Raw& raw) {
  const char* group = "Upkeep";
  app.add_flag("--check", raw.manner.check,
               "say what is wrong and what to do about it: with --greylist, --service or "
               "--tcprules of that one, else of every service that is found; exit 1 when something "
               "is wrong")
      ->group(group);
  app.add_flag("--remove")
      ->description(
          "of --greylist or --service: stop the greylisting service and remove it; context "
          "file, lists, rules and logs stay")
      ->group(group);
  app.add_flag("--restart", raw.restart,
               "of --greylist or --service: save, exit and start again, whatever supervises it")
      ->group(group);
  const auto list = [&](const char* name, std::vector<std::string>& values, const char* type,
                        const char* help) {
    app.add_option(name, values, help)
        ->type_name(type)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group(group);
  };
  list("--set", raw.set, "NAME=VALUE",
       "of --greylist or --service: set this variable, such as MIN_RESEND_MIN; several times for "
       "several; with --restart the daemon uses it at once");
  list("--unset", raw.unset, "NAME", "likewise: leave it to the daemon's default");
  const auto steer = [&](const char* name, const char* help) {
    app.add_flag(name)
        ->description(std::string("of --greylist or --service: ") + help)
        ->group(group);
  };
  steer("--reload", "read lists and rules again, whatever supervises it");
  steer("--start", "start a daemon that is down");
  steer("--stop", "save and exit; how long that lasts is said");
  app.add_flag("--find-supervisor")
      ->description("say what supervises this machine, as options for --greylist")
      ->group(group);
  app.add_option("--refreshsvc", raw.refresh, "write run of this service anew from its .options")
      ->type_name("DIR")
      ->group(group);
  app.add_option("--autorefresh", raw.autorefresh,
                 "whether --refreshsvc is to change the service DIR, the next argument")
      ->type_name("0|1")
      ->group(group);
  app.add_option("directory", raw.directory, "of --autorefresh")->type_name("DIR")->group("");
  app.add_option("--build-cdb", raw.list,
                 "make FILE.cdb of this whitelist or blacklist; the daemon reads it on SIGHUP")
      ->type_name("FILE")
      ->group(group);
}

void add_common_options(CLI::App& app, Raw& raw) {
  const char* group = "In every case";
  app.add_option("--destdir", raw.destdir,
                 "put before every path that is written, not into what is written")
      ->type_name("DIR")
      ->group(group);
  app.add_flag("--dry-run", raw.manner.dry_run, "show what would change as a diff, change nothing")
      ->group(group);
  app.add_flag("--json", raw.manner.json,
               "show the plan, or what a check finds, as JSON, change nothing")
      ->group(group);
  app.set_help_flag("-h,--help", "print this")->group(group);
  app.set_version_flag("--version", "svctool " GREY_VERSION)
      ->description("print the version")
      ->group(group);
}

}  // namespace

void define_options(CLI::App& app, Raw& raw) {
  add_service_options(app, raw);
  add_setting_options(app, raw.service);
  add_greyip_options(app, raw);
  add_key_options(app, raw);
  add_upkeep_options(app, raw);
  add_common_options(app, raw);
  // As a command line that is put together from parts means it: svctool $(cat .options) --policy=X.
  for (CLI::Option* option : app.get_options()) {
    const bool list = option->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
    if (!option->get_positional() && option->get_expected_max() == 1 && !list) option->take_last();
  }
}

bool is_service_option(const CLI::Option& option) {
  return option.get_group() == kServiceGroup || option.get_group() == kSettingsGroup;
}

}  // namespace grey::svctool
