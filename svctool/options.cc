#include "svctool/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "svctool/prefix.h"

namespace grey::svctool {
namespace {

// What CLI11 fills in.
struct Raw {
  ServiceRequest service;
  Manner manner;
  std::string greyip, smtp_service, rules, match, list;
  bool no_greyip = false;
};

constexpr const char* kServiceGroup = "A greylisting service (daemontools)";
constexpr const char* kSettingsGroup = "Its settings, each a file below variables/";

void add_service_options(CLI::App& app, Raw& raw) {
  ServiceRequest& service = raw.service;
  service.prefix = kDefaultPrefix;
  const char* group = kServiceGroup;
  app.add_option("--greylist", service.port,
                 "UDP port: installs the service directory greylist.PORT")
      ->type_name("PORT")
      ->group(group);
  const auto add = [&](const char* name, std::string& value, const char* type, const char* help) {
    app.add_option(name, value, help)->type_name(type)->capture_default_str()->group(group);
  };
  add("--servicedir", service.servicedir, "DIR", "where svscan looks for services");
  add("--localip", service.localip, "ADDR", "address to listen on; * for all");
  add("--cntrldir", service.cntrldir, "DIR", "CONTROLDIR: context file and lists");
  add("--logdir", service.logdir, "DIR", "holds a directory per service for multilog");
  add("--user", service.user, "USER", "who runs the daemon");
  add("--loguser", service.loguser, "USER", "who runs multilog");
  add("--context-file", service.context_file, "FILE",
      "saved state, below CNTRLDIR unless absolute [greylist.PORT.context]");
  add("--memory", service.memory, "BYTES", "memory limit of the daemon [none]");
  add("--prefix", service.prefix, "DIR", "where the programs are installed");
  app.add_flag("--use-greydaemon", service.use_greydaemon,
               "run greydaemon, with the Perl daemon's command line")
      ->group(group);
  app.add_flag("--down", service.down, "make a down file: svscan does not start the daemon")
      ->group(group);
  app.add_flag("--nooverwrite", raw.manner.nooverwrite, "refuse when the service directory exists")
      ->group(group);
  app.add_flag("--no-whitelist", service.no_whitelist, "no whitelist at all")->group(group);
  for (const Setting& setting : settings()) {
    std::string name = "--" + std::string(setting.option);
    if (setting.option == "save-interval") name += ",--save_interval";
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
           std::string(setting.help))
        ->type_name(type)
        ->default_str(std::string(setting.initial))
        ->group(kSettingsGroup);
  }
}

void add_greyip_options(CLI::App& app, Raw& raw) {
  const char* group = "Which daemon an SMTP server asks";
  CLI::Option* greyip =
      app.add_option("--greyip", raw.greyip, "daemons to ask, the next one when one is silent")
          ->type_name("ADDR@PORT[,..]")
          ->group(group);
  CLI::Option* none =
      app.add_flag("--no-greyip", raw.no_greyip, "take GREYIP out again")->group(group);
  greyip->excludes(none);
  CLI::Option* service =
      app.add_option("--service", raw.smtp_service, "in variables/GREYIP of this service")
          ->type_name("DIR")
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
  app.add_flag("--force", raw.manner.force, "replace a different GREYIP")->group(group);
}

void add_list_options(CLI::App& app, Raw& raw) {
  app.add_option("--build-cdb", raw.list,
                 "makes FILE.cdb of this whitelist or blacklist; the daemon reads it on svc -h")
      ->type_name("FILE")
      ->group("Long lists");
}

void add_common_options(CLI::App& app, Raw& raw) {
  const char* group = "In every case";
  app.add_option("--destdir", raw.manner.destdir,
                 "put before every path that is written, not into what is written")
      ->type_name("DIR")
      ->group(group);
  app.add_flag("--dry-run", raw.manner.dry_run, "say what would change, change nothing")
      ->group(group);
  app.set_help_flag("-h,--help", "print this")->group(group);
  app.set_version_flag("--version", "svctool " GREY_VERSION)
      ->description("print the version")
      ->group(group);
}

// The first option that only means something together with --greylist.
const CLI::Option* find_service_option(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    const std::string& group = option->get_group();
    if (option->count() > 0 && (group == kServiceGroup || group == kSettingsGroup)) return option;
  }
  return nullptr;
}

// In one spelling and order whatever was typed; without what says how rather than what.
std::vector<std::string> canonical_options(const CLI::App& app) {
  std::vector<std::string> result;
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_lnames().empty() ? "" : option->get_lnames().front();
    if (option->count() == 0 || name == "destdir" || name == "dry-run" || name == "nooverwrite") {
      continue;
    }
    const bool flag = option->get_expected_max() == 0;
    result.push_back("--" + name + (flag ? "" : "=" + option->results().front()));
  }
  return result;
}

void trim_slashes(std::string& path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
}

Result<void> finish_service(ServiceRequest& service) {
  for (std::string* path :
       {&service.servicedir, &service.cntrldir, &service.logdir, &service.prefix}) {
    trim_slashes(*path);
  }
  constexpr Setting kMemory{"memory", {},      {},       {}, Kind::number, {}, "bytes",
                            {},       1 << 26, 1L << 50, {}};
  if (!service.memory.empty()) {
    if (auto good = check_value(kMemory, service.memory); !good) return good;
  }
  return check_request(service);
}

// Of the forms that set or remove GREYIP.
Result<void> check_greyip_options(const Raw& raw) {
  if (!raw.no_greyip) {
    if (auto good = check_greyip(raw.greyip); !good) return good;
  }
  const std::string& target = raw.rules.empty() ? raw.smtp_service : raw.rules;
  if (target.empty()) {
    return misuse("--greyip and --no-greyip need --service=DIR or --tcprules=FILE");
  }
  if (!raw.manner.destdir.empty() && !target.starts_with('/')) {
    return misuse("--destdir: '" + target + "' does not start with a slash");
  }
  if (raw.match.empty()) return {};
  // Anything else would be a comment, or another address, once it stands in the file.
  const bool address = raw.match.find_first_of("# ,\"") == std::string::npos &&
                       raw.match.find(":allow") == std::string::npos &&
                       raw.match.find(":deny") == std::string::npos;
  if (!address) return misuse("--match: '" + raw.match + "' is not the address of a rule");
  return check_line("match", raw.match);
}

Result<CommandLine> finish(Raw raw, const CLI::App& app) {
  CommandLine line;
  if (app.count("--greylist") > 0) {
    for (const char* other :
         {"--greyip", "--no-greyip", "--service", "--tcprules", "--force", "--build-cdb"}) {
      if (app.count(other) > 0) return misuse(std::string(other) + " excludes --greylist");
    }
    if (raw.service.no_whitelist && raw.service.values.contains("whitelist")) {
      return misuse("--no-whitelist excludes --whitelist");
    }
    raw.service.options = canonical_options(app);
    if (auto good = finish_service(raw.service); !good) return tl::make_unexpected(good.error());
    line.request = std::move(raw.service);
  } else if (const CLI::Option* option = find_service_option(app)) {
    return misuse("--" + option->get_lnames().front() + " needs --greylist=PORT");
  } else if (app.count("--build-cdb") > 0) {
    for (const char* other : {"--greyip", "--no-greyip", "--destdir", "--dry-run"}) {
      if (app.count(other) > 0) return misuse(std::string(other) + " excludes --build-cdb");
    }
    if (raw.list.empty()) return misuse("--build-cdb: the value is empty");
    line.request = ListCdb{raw.list};
  } else if (app.count("--greyip") > 0 || raw.no_greyip) {
    if (auto good = check_greyip_options(raw); !good) return tl::make_unexpected(good.error());
    for (std::string* path : {&raw.smtp_service, &raw.rules}) trim_slashes(*path);
    if (!raw.rules.empty()) {
      line.request = RuleGreyip{raw.rules, raw.match, raw.greyip};
    } else {
      line.request = ServiceGreyip{raw.smtp_service, raw.greyip};
    }
  } else {
    return misuse(
        "nothing to do: give --greylist=PORT, --greyip=ADDR@PORT or --build-cdb=FILE; see --help");
  }
  line.manner = std::move(raw.manner);
  trim_slashes(line.manner.destdir);
  if (line.manner.destdir == "/") line.manner.destdir.clear();
  return line;
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments) {
  CLI::App app("Installs greylisting services and tells SMTP servers where they are.", "svctool");
  Raw raw;
  add_service_options(app, raw);
  add_greyip_options(app, raw);
  add_list_options(app, raw);
  add_common_options(app, raw);
  for (const std::string& argument : arguments) {
    // CLI11 would take the next argument for the value.
    if (argument.starts_with("--") && argument.find('=') + 1 == argument.size()) {
      return misuse(argument.substr(0, argument.size() - 1) + ": the value is empty");
    }
  }
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    return CommandLine{PrintText{app.help()}, {}};
  } catch (const CLI::CallForVersion&) {
    return CommandLine{PrintText{"svctool " GREY_VERSION "\n"}, {}};
  } catch (const CLI::ParseError& error) {
    std::string text = error.what();
    for (char& c : text) c = c == '\n' ? ' ' : c;
    return misuse(std::move(text));
  }
  return finish(std::move(raw), app);
}

}  // namespace grey::svctool
