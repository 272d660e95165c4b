#include "svctool/service_dir.h"

#include <sstream>

#include "greyd/files.h"
#include "svctool/run_script.h"
#include "svctool/unit_file.h"

namespace grey::svctool {
namespace {

using Role = Entry::Role;

// The Perl program knew no control directory, so under its name files are always absolute.
std::string file_variable(const ServiceRequest& request, std::string_view name) {
  if (name.empty() || !request.use_greydaemon) return std::string(name);
  return path_below(request.cntrldir, name);
}

// The daemon saves by temporary file and rename, so its user must be able to make files in the
// directory of the context file. A directory that is missing is made for that user. One that is
// there belongs to the mail system, whose other programs may mind a new owner or mode: it is left
// as it is, and when the user cannot write there installation stops and says so, as the service
// would lose its state at every restart.
void add_state(const ServiceRequest& request, Plan& plan, PlanBuilder& build) {
  build.directory(request.cntrldir, 0755).owned_by(request.user).kept();
  const std::string directory = directory_of(path_below(request.cntrldir, context_file(request)));
  if (directory != request.cntrldir) {
    build.directory(directory, 0755).owned_by(request.user).kept();
  }
  plan.access.push_back({request.user, directory, Access::Need::save_files_in,
                         "make it writable for that user, or name a --context-file elsewhere"});
  const struct {
    std::string_view option;
    const std::string& sample;
  } lists[] = {{"whitelist", request.sample_whitelist}, {"blacklist", request.sample_blacklist}};
  for (const auto& list : lists) {
    const std::string name = value_of(request, list.option);
    if (name.empty()) continue;
    const std::string path = path_below(request.cntrldir, name);
    // Below the control directory; elsewhere a directory that is missing is more likely a typing
    // error than a wish.
    if (!name.starts_with('/') && !build.has(directory_of(path))) {
      build.directory(directory_of(path), 0755).kept();
    }
    build.file(path, 0644, list.sample).kept();
    plan.access.push_back({request.user, path, Access::Need::read, "make it readable"});
  }
}

// What multilog, svlogd and s6-log open again at each start.
constexpr std::string_view kLogFiles[] = {"current", "lock", "state"};

void add_log(const ServiceRequest& request, Plan& plan, PlanBuilder& build) {
  build.directory(request.logdir, 0755).kept();
  const std::string directory = path_below(request.logdir, service_name(request));
  build.directory(directory, 0755).owned_by(request.loguser).with_files();
  for (Access& access : log_accesses(directory, request.loguser)) {
    plan.access.push_back(std::move(access));
  }
}

struct Variable {
  std::string name, value;
  Role role = Role::setting;
  std::string option = {};  // when it is in the table
};

std::vector<Variable> variables_of(const ServiceRequest& request) {
  std::vector<Variable> variables = {
      {"CONTROLDIR", request.cntrldir, Role::required},
      {"LISTEN", listen_address(request), Role::required},
      {"CONTEXT_FILE", file_variable(request, context_file(request)), Role::required},
  };
  // systemd sees to these; they are in the unit.
  if (!is_systemd(*request.suite)) {
    variables.push_back({"SERVICE_USER", request.user});
    variables.push_back({"SOFT_MEM", memory_limit(request)});
  }
  for (const Setting& setting : settings()) {
    if (request.use_greydaemon && setting.greydaemon_flag.empty()) continue;
    const std::string value = value_of(request, setting.option);
    variables.push_back({std::string(setting.variable),
                         setting.kind == Kind::file ? file_variable(request, value) : value,
                         Role::setting, std::string(setting.option)});
  }
  // Not a setting of the command line, where --dry-run is svctool's own.
  if (!request.use_greydaemon) variables.push_back({"DRY_RUN", ""});
  return variables;
}

void add_variables(const ServiceRequest& request, const std::string& directory,
                   PlanBuilder& build) {
  build.directory(directory, 0755);
  for (const Variable& variable : variables_of(request)) {
    build.variable(directory, variable.name, variable.value, variable.role);
    build.of_setting(variable.option);
  }
}

void add_log_service(const ServiceRequest& request, const std::string& log, PlanBuilder& build) {
  const std::string variables = log + "/variables";
  build.directory(log, 0755);
  build.directory(variables, 0755);
  build.variable(variables, "LOGDIR", path_below(request.logdir, service_name(request)),
                 Role::required);
  build.variable(variables, "LOGUSER", request.loguser);
  build.variable(variables, "LOGSIZE", "");
  build.variable(variables, "LOGCOUNT", "");
  build.script(log + "/run", log_run_script(request.prefix, *request.suite));
}

// Everything that a scanner needs to start daemon and log.
void add_service(const ServiceRequest& request, Plan& plan, PlanBuilder& build) {
  build.directory(plan.service, 01755);
  add_variables(request, plan.service + "/variables", build);
  add_log_service(request, plan.service + "/log", build);
  if (request.down) build.file(plan.service + "/down", 0644, "");
}

// Of the unix sockets that --policy names.
std::vector<std::string> policy_directories(const ServiceRequest& request) {
  std::vector<std::string> directories;
  std::istringstream places(value_of(request, "policy"));
  for (std::string place; std::getline(places, place, ',');) {
    if (place.starts_with('/')) directories.push_back(directory_of(place));
  }
  return directories;
}

void add_unit(const ServiceRequest& request, Plan& plan, PlanBuilder& build) {
  Unit unit;
  unit.description = "Greylisting daemon on " + listen_address(request);
  unit.user = request.user;
  unit.script = plan.service + "/run";
  unit.environment_file = plan.service + "/environment";
  unit.writable = {directory_of(path_below(request.cntrldir, context_file(request)))};
  unit.readable = {request.cntrldir, request.prefix};
  for (const char* list : {"whitelist", "blacklist"}) {
    unit.readable.push_back(path_below(request.cntrldir, value_of(request, list)));
  }
  for (const std::string& directory : policy_directories(request)) {
    unit.writable.push_back(directory);
  }
  unit.memory = memory_limit(request);
  unit.low_port = request.port < 1024;
  build.directory(plan.service, 0755);
  Variables variables;
  for (const Variable& variable : variables_of(request)) {
    variables.emplace_back(variable.name, variable.value);
  }
  build.file(unit.environment_file, 0644, environment_file(variables)).of_settings();
  build.script(unit_path(plan.service), unit_file(unit), 0644);
}

}  // namespace

std::vector<Access> log_accesses(const std::string& directory, const std::string& user) {
  using Need = Access::Need;
  std::vector<Access> accesses = {
      {user, directory, Need::save_files_in, "let that user through its parent directories"}};
  for (const std::string_view name : kLogFiles) {
    accesses.push_back({user, path_below(directory, name), Need::write,
                        "give that user the files there, or no log is written"});
  }
  return accesses;
}

Plan plan_service(const ServiceRequest& request) {
  const bool systemd = is_systemd(*request.suite);
  Plan plan;
  plan.service = service_path(request);
  plan.users.push_back({request.user, "user"});
  const bool logs = !systemd && request.loguser != request.user;
  if (logs) plan.users.push_back({request.loguser, "loguser"});
  PlanBuilder build(plan);
  add_state(request, plan, build);
  if (!systemd) add_log(request, plan, build);
  build.directory(servicedir(request), 0755).kept();
  systemd ? add_unit(request, plan, build) : add_service(request, plan, build);
  std::string options;
  for (const std::string& option : request.options) options += option + "\n";
  build.file(plan.service + "/.options", 0644, options);
  build.script(plan.service + "/run",
               run_script(request.prefix, request.use_greydaemon, *request.suite));
  return request.run_file_only ? only_scripts(std::move(plan)) : plan;
}

}  // namespace grey::svctool
