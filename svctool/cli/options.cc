#include "svctool/cli/options.h"

#include <algorithm>
#include <span>
#include <utility>

#include "greyd/base/arguments.h"
#include "svctool/cli/options_app.h"

namespace grey::svctool {
namespace {

// What svctool is asked to do; a bit each, so that an option can name those that it goes with.
enum Verb : unsigned {
  kNone = 0,
  kGreylist = 1,
  kGreyip = 2,
  kNoGreyip = 4,
  kBuildCdb = 8,
  kRefresh = 16,
  kAutorefresh = 32,
  kRemove = 64,
  kCheck = 128,
  kRestart = 256,
  kStop = 512,
  kFindSupervisor = 1024,
  kSet = 2048,
  kReload = 4096,
  kStart = 8192,
  kKey = 16384,
};
// Of a service that is there.
constexpr unsigned kNamesService = kRemove | kSet | kRestart | kReload | kStart | kStop | kKey;
constexpr unsigned kInstalls = kGreylist | kGreyip | kNoGreyip | kRefresh;

struct VerbName {
  Verb verb;
  const char* option;
} constexpr kVerbs[] = {{kGreylist, "--greylist"},
                        {kGreyip, "--greyip"},
                        {kNoGreyip, "--no-greyip"},
                        {kBuildCdb, "--build-cdb"},
                        {kRefresh, "--refreshsvc"},
                        {kAutorefresh, "--autorefresh"},
                        {kFindSupervisor, "--find-supervisor"}};

// Verbs of their own where no other is, or with --greylist, which then only names the service.
// The first of several is the verb.
constexpr VerbName kNamingVerbs[] = {
    {kKey, "--key"},         {kRemove, "--remove"}, {kSet, "--set"},     {kSet, "--unset"},
    {kRestart, "--restart"}, {kReload, "--reload"}, {kStart, "--start"}, {kStop, "--stop"}};

// Options that are not of --greylist alone.
constexpr struct {
  const char* option;
  unsigned verbs;
} kShared[] = {
    {"--supervise", kGreylist | kNamesService},
    {"--servicedir", kGreylist | kNamesService | kCheck},
    {"--servicetag", kGreylist | kNamesService},
    {"--serve-only", kGreylist | kNamesService},
    {"--service", kGreyip | kNoGreyip | kCheck | kNamesService},
    {"--tcprules", kGreyip | kNoGreyip | kCheck | kKey},
    {"--match", kGreyip | kNoGreyip | kCheck | kKey},
    {"--run", kGreyip},
    {"--force", kGreylist | kGreyip | kRefresh | kKey},
    {"--key", kKey},
    {"--key-owner", kKey},
    {"--key-change", kKey},
    {"--check", kGreylist | kGreyip | kCheck},
    {"--remove", kRemove},
    {"--set", kSet},
    {"--unset", kSet},
    {"--restart", kRestart | kSet},
    {"--reload", kReload},
    {"--start", kStart},
    {"--stop", kStop},
    {"--dry-run", kInstalls | kRemove | kSet | kKey},
    {"--json", kInstalls | kCheck | kSet},
    {"--destdir", kInstalls | kCheck | kRemove | kAutorefresh | kSet | kKey},
};

struct StepName {
  std::string_view name;
  KeyStep step;
} constexpr kSteps[] = {{"add", KeyStep::add}, {"use", KeyStep::use}, {"drop", KeyStep::drop}};

std::string long_name(const CLI::Option& option) {
  return option.get_lnames().empty() ? option.get_name() : "--" + option.get_lnames().front();
}

// The one verb; --check is one where no other is.
Result<Verb> find_verb(const CLI::App& app) {
  Verb found = kNone;
  const char* name = nullptr;
  for (const VerbName& verb : kVerbs) {
    if (app.count(verb.option) == 0) continue;
    if (name != nullptr) return misuse(std::string(verb.option) + " excludes " + name);
    found = verb.verb;
    name = verb.option;
  }
  for (const VerbName& verb : kNamingVerbs) {
    if (app.count(verb.option) == 0) continue;
    if (app.count("--check") > 0) return misuse(std::string("--check excludes ") + verb.option);
    if (found == kNone || found == kGreylist) return verb.verb;
  }
  if (app.count("--check") > 0 && found == kNone) return kCheck;
  return found;
}

Result<void> check_combination(const CLI::App& app, Verb verb) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() == 0) continue;
    const std::string name = long_name(*option);
    const auto shared =
        std::ranges::find_if(kShared, [&](const auto& row) { return name == row.option; });
    const bool of_service = is_service_option(*option);
    const bool good = shared != std::end(kShared) ? (shared->verbs & verb) != 0
                                                  : !of_service || verb == kGreylist;
    const bool names_service = (verb & kNamesService) != 0;
    if (good || (names_service && name == "--greylist")) continue;
    if (verb == kNone && !of_service) continue;
    if (of_service && !names_service) return misuse(name + " needs --greylist=PORT");
    for (const auto& table :
         {std::span<const VerbName>(kVerbs), std::span<const VerbName>(kNamingVerbs)}) {
      for (const VerbName& other : table) {
        if (other.verb == verb) return misuse(name + " does not go with " + other.option);
      }
    }
    return misuse(name + " does not go with --check");
  }
  return {};
}

// Of the two that contradict each other the one that the other, which came later, has overruled:
// the last one counts, as of any option that is given twice. Empty: none.
std::string overruled_option(const CLI::App& app) {
  constexpr std::string_view kPair[] = {"--whitelist", "--no-whitelist"};
  std::string overruled, last;
  for (const CLI::Option* option : app.parse_order()) {
    const std::string name = long_name(*option);
    if (std::ranges::find(kPair, name) == std::end(kPair) || name == last) continue;
    overruled = std::exchange(last, name);
  }
  return overruled;
}

// In one spelling and order whatever was typed; without what says how rather than what.
std::vector<std::string> canonical_options(const CLI::App& app, const std::string& overruled) {
  std::vector<std::string> result;
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = long_name(*option);
    if (option->count() == 0 || !is_service_option(*option) || name == "--nooverwrite" ||
        name == "--create-users" || name == "--import" || name == overruled) {
      continue;
    }
    const bool flag = option->get_expected_max() == 0;
    result.push_back(name + (flag ? "" : "=" + option->results().back()));
  }
  return result;
}

void trim_slashes(std::string& path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
}

// It is for a service of this machine that is being installed.
Result<void> check_import(const Raw& raw) {
  const std::pair<bool, const char*> others[] = {{!raw.destdir.empty(), "--destdir"},
                                                 {raw.manner.check, "--check"},
                                                 {raw.manner.json, "--json"},
                                                 {raw.service.run_file_only, "--run-file-only"}};
  for (const auto& [given, name] : others) {
    if (given) return misuse(std::string("--import does not go with ") + name);
  }
  return {};
}

Result<CommandLine> finish_service(Raw& raw, const CLI::App& app) {
  ServiceRequest& service = raw.service;
  const std::string overruled = overruled_option(app);
  if (overruled == "--no-whitelist") service.no_whitelist = false;
  if (overruled == "--whitelist") service.values.erase("whitelist");
  for (std::string* path :
       {&service.servicedir, &service.cntrldir, &service.logdir, &service.prefix}) {
    trim_slashes(*path);
  }
  if (keeps_log(*service.suite)) {
    for (const char* option : {"--log-size", "--log-count"}) {
      if (app.count(option) > 0) {
        return misuse(std::string(option) + ": under " + std::string(service.suite->name) + " " +
                      std::string(service.suite->log_keeper) + " keeps the log");
      }
    }
  }
  if (!service.imports.empty()) {
    if (auto good = check_import(raw); !good) return tl::make_unexpected(good.error());
  }
  service.options = canonical_options(app, overruled);
  if (auto good = check_request(service); !good) return tl::make_unexpected(good.error());
  return CommandLine{std::move(service), {}};
}

// Of the forms that are about GREYIP: where it is.
Result<void> check_target(const Raw& raw) {
  const std::string& target = raw.rules.empty() ? raw.smtp_service : raw.rules;
  if (target.empty()) return misuse("--service=DIR or --tcprules=FILE is needed");
  if (!raw.destdir.empty() && !target.starts_with('/')) {
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

Result<CommandLine> finish_greyip(Raw& raw, Verb verb) {
  if (verb == kGreyip) {
    if (auto good = check_greyip(raw.greyip); !good) return tl::make_unexpected(good.error());
  }
  if (auto good = check_target(raw); !good) return tl::make_unexpected(good.error());
  CommandLine line;
  if (raw.manner.check && !raw.rules.empty()) {
    line.request = CheckRules{TargetPath(raw.rules), raw.match, raw.greyip};
  } else if (raw.manner.check) {
    line.request = CheckService{TargetPath(raw.smtp_service), raw.greyip};
  } else if (!raw.rules.empty()) {
    line.request = RuleGreyip{TargetPath(raw.rules), raw.match, raw.greyip};
  } else {
    line.request = ServiceGreyip{TargetPath(raw.smtp_service), raw.greyip,
                                 raw.edit_run ? EditRun::yes : EditRun::no};
  }
  return line;
}

Result<SetVariables> read_variables(const Raw& raw, const std::string& service) {
  SetVariables request{TargetPath(service), {}, raw.restart};
  for (const std::string& given : raw.set) {
    const std::size_t equals = given.find('=');
    if (equals == std::string::npos || equals == 0) {
      return misuse("--set: '" + given + "' is not NAME=VALUE");
    }
    const std::string name = given.substr(0, equals);
    if (equals + 1 == given.size()) {
      return misuse("--set: the value of " + name + " is empty; --unset=" + name + " empties it");
    }
    request.values.insert_or_assign(name, given.substr(equals + 1));
  }
  for (const std::string& name : raw.unset) {
    if (request.values.contains(name) && !request.values[name].empty()) {
      return misuse("--unset: " + name + " is set by this call, too");
    }
    request.values[name] = "";
  }
  return request;
}

Result<CommandLine> finish_set(const Raw& raw, const std::string& service) {
  if (raw.restart && !raw.destdir.empty()) {
    return misuse("--restart does not go with --destdir");
  }
  auto request = read_variables(raw, service);
  if (!request) return tl::make_unexpected(request.error());
  return CommandLine{std::move(*request), {}};
}

Result<CommandLine> finish_key(Raw& raw, const CLI::App& app) {
  const bool named = app.count("--greylist") > 0 || !raw.service.servicetag.empty();
  if (int(named) + int(!raw.smtp_service.empty()) + int(!raw.rules.empty()) > 1) {
    return misuse("--key takes one of --greylist, --service and --tcprules");
  }
  // It stands in variables and rules, where no working directory counts.
  const bool plain = raw.key.find_first_of("\"',# \t") == std::string::npos;
  if (!raw.key.starts_with('/') || !plain) {
    return misuse("--key: '" + raw.key +
                  "' does not start with a slash, or has a quote, a comma, "
                  "a space or a '#' in it");
  }
  if (!raw.rules.empty() || !raw.smtp_service.empty()) {
    if (auto good = check_target(raw); !good) return tl::make_unexpected(good.error());
  }
  KeyRequest request;
  request.file = TargetPath(raw.key);
  request.owner = raw.key_owner;
  if (!raw.key_change.empty()) {
    const auto step = std::ranges::find(kSteps, raw.key_change, &StepName::name);
    if (step == std::end(kSteps)) {
      return misuse("--key-change: '" + raw.key_change + "' is not one of add|use|drop");
    }
    request.step = step->step;
  }
  trim_slashes(raw.service.servicedir);
  request.service = TargetPath(named ? service_path(raw.service).said() : raw.smtp_service);
  request.rules = TargetPath(raw.rules);
  request.match = raw.match;
  return CommandLine{std::move(request), {}};
}

Result<CommandLine> finish_check(Raw& raw, const CLI::App& app) {
  const bool named = !raw.rules.empty() || !raw.smtp_service.empty();
  if (!named && raw.greyip.empty() && raw.match.empty() && raw.destdir.empty()) {
    trim_slashes(raw.service.servicedir);
    return CommandLine{CheckAll{raw.service.servicedir}, {}};
  }
  if (app.count("--servicedir") > 0) {
    return misuse("--servicedir does not go with --service or --tcprules");
  }
  return finish_greyip(raw, kCheck);
}

Result<CommandLine> finish_named(Raw& raw, const CLI::App& app, Verb verb) {
  const bool named = app.count("--greylist") > 0 || !raw.service.servicetag.empty();
  if (named == !raw.smtp_service.empty()) {
    const auto row = std::ranges::find(kNamingVerbs, verb, &VerbName::verb);
    return misuse(std::string(row->option) + " needs --service=DIR or --greylist=PORT, not both");
  }
  if (raw.service.serve_only && !named) {
    return misuse("--serve-only goes with --greylist=PORT; the page's own --service is DIR.serve");
  }
  trim_slashes(raw.service.servicedir);
  const std::string service = named ? service_path(raw.service).said() : raw.smtp_service;
  switch (verb) {
    case kSet:
      return finish_set(raw, service);
    case kRestart:
      return CommandLine{RestartService{service}, {}};
    case kReload:
      return CommandLine{ReloadService{service}, {}};
    case kStart:
      return CommandLine{StartService{service}, {}};
    case kStop:
      return CommandLine{StopService{service}, {}};
    default:
      return CommandLine{RemoveService{TargetPath(service)}, {}};
  }
}

Result<CommandLine> finish_autorefresh(Raw& raw) {
  if (raw.autorefresh != "0" && raw.autorefresh != "1") {
    return misuse("--autorefresh: '" + raw.autorefresh + "' is not 0 or 1");
  }
  if (raw.directory.empty()) {
    return misuse("--autorefresh needs the service directory as argument");
  }
  return CommandLine{Autorefresh{TargetPath(raw.directory), raw.autorefresh == "1"}, {}};
}

Result<CommandLine> finish_verb(Raw& raw, const CLI::App& app, Verb verb) {
  switch (verb) {
    case kGreylist:
      return finish_service(raw, app);
    case kGreyip:
    case kNoGreyip:
      return finish_greyip(raw, verb);
    case kCheck:
      return finish_check(raw, app);
    case kBuildCdb:
      return CommandLine{ListCdb{raw.list}, {}};
    case kRefresh:
      return CommandLine{RefreshService{TargetPath(raw.refresh)}, {}};
    case kAutorefresh:
      return finish_autorefresh(raw);
    case kKey:
      return finish_key(raw, app);
    case kRemove:
    case kSet:
    case kRestart:
    case kReload:
    case kStart:
    case kStop:
      return finish_named(raw, app, verb);
    case kFindSupervisor:
      return CommandLine{FindSupervisor{}, {}};
    case kNone:
      break;
  }
  return misuse(
      "nothing to do: give --greylist=PORT, --greyip=ADDR@PORT, --key=FILE, --check, "
      "--set=NAME=VALUE, --restart, --reload, --start, --stop, --remove, --refreshsvc=DIR or "
      "--build-cdb=FILE; see --help");
}

// "--key-change: 1 required add|use|drop missing", as CLI11 has it.
std::string text_of_mismatch(const std::string& text) {
  constexpr std::string_view kRequired = ": 1 required ", kMissing = " missing";
  const std::size_t at = text.find(kRequired);
  if (at == text.npos || !text.ends_with(kMissing)) return text;
  const std::size_t type = at + kRequired.size();
  return text.substr(0, at) +
         " needs a value: " + text.substr(type, text.size() - kMissing.size() - type);
}

Result<CommandLine> finish(Raw& raw, const CLI::App& app) {
  const auto verb = find_verb(app);
  if (!verb) return tl::make_unexpected(verb.error());
  for (const char* option : {"--key-change", "--key-owner"}) {
    if (*verb == kNone && app.count(option) > 0) {
      return misuse(std::string(option) + " needs --key=FILE");
    }
  }
  if (auto good = check_combination(app, *verb); !good) return tl::make_unexpected(good.error());
  if (!raw.directory.empty() && *verb != kAutorefresh) {
    return misuse("'" + raw.directory + "' is not an option");
  }
  for (std::string* path :
       {&raw.smtp_service, &raw.rules, &raw.key, &raw.refresh, &raw.directory, &raw.destdir}) {
    trim_slashes(*path);
  }
  raw.manner.destdir = Destdir(raw.destdir);
  auto line = finish_verb(raw, app, *verb);
  if (line) line->manner = std::move(raw.manner);
  return line;
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments) {
  CLI::App app("Installs greylisting services and tells SMTP servers where they are.", "svctool");
  Raw raw;
  define_options(app, raw);
  if (const auto option = option_without_value(arguments); !option.empty()) {
    return misuse(std::string(option) + ": the value is empty");
  }
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    return CommandLine{PrintText{app.help()}, {}};
  } catch (const CLI::CallForVersion&) {
    return CommandLine{PrintText{"svctool " GREY_VERSION "\n"}, {}};
  } catch (const CLI::ParseError& error) {
    std::string text = text_of_mismatch(error.what());
    for (char& c : text) c = c == '\n' ? ' ' : c;
    return misuse(std::move(text));
  }
  for (const CLI::Option* option : app.get_options()) {
    // An empty argument after the option; nothing takes one.
    if (option->get_expected_max() != 0 && std::ranges::count(option->results(), "") > 0) {
      return misuse(long_name(*option) + ": the value is empty");
    }
  }
  return finish(raw, app);
}

Result<ServiceRequest> parse_options_file(std::string_view content) {
  std::vector<std::string> arguments;
  while (!content.empty()) {
    const std::size_t newline = content.find('\n');
    arguments.emplace_back(content.substr(0, newline));
    content.remove_prefix(newline == std::string_view::npos ? content.size() : newline + 1);
  }
  auto line = parse_command_line(arguments);
  if (!line) return failure(line.error().text);
  if (auto* request = std::get_if<ServiceRequest>(&line->request)) return std::move(*request);
  return failure("--greylist is missing");
}

}  // namespace grey::svctool
