#include "svctool/plan/service_dir.h"

#include <sstream>

#include "greyd/base/files.h"
#include "svctool/plan/edits.h"
#include "svctool/plan/run_script.h"
#include "svctool/util/shell_quote.h"

namespace grey::svctool {
namespace {

using Role = Entry::Role;

// The Perl program knew no control directory, so under its name files are always absolute.
std::string file_variable(const ServiceRequest& request, std::string_view name) {
  if (name.empty() || name == kNoControl || !request.use_greydaemon) return std::string(name);
  return path_below(request.cntrldir, name);
}

std::string context_directory(const ServiceRequest& request) {
  return directory_of(context_path(request));
}

std::string log_directory(const ServiceRequest& request) {
  return path_below((service_path(request) + "/log").said(), value_in_force(request, "LOGDIR"));
}

// As it was given, or set by hand; greydaemon's names are below the control directory in any case.
std::string file_name(const ServiceRequest& request, const Setting& setting) {
  const auto edit = request.by_hand.find(setting.variable);
  return edit == request.by_hand.end() ? value_of(request, setting.option) : edit->second;
}

// The daemon saves by temporary file and rename, so its user must be able to make files in the
// directory of the context file. A directory that is missing is made for that user. One that is
// there belongs to the mail system, whose other programs may mind a new owner or mode: it is left
// as it is, and when the user cannot write there installation stops and says so, as the service
// would lose its state at every restart.
void add_state(const ServiceRequest& request, Plan& plan, PlanBuilder& build) {
  const std::string control = control_directory(request);
  const std::string user = service_user(request);
  build.directory(control, 0755).owned_by(user).kept();
  const std::string directory = context_directory(request);
  if (directory != control) build.directory(directory, 0755).owned_by(user).kept();
  const auto needs = [&](const std::string& path, Access::Need need, const char* remedy) {
    if (!user.empty()) plan.access.push_back({user, path, need, remedy});  // else it stays root
  };
  needs(directory, Access::Need::save_files_in,
        "make it writable for that user, or name a --context-file elsewhere");
  for (const OperatorFile& file : kOperatorFiles) {
    const std::string name = file_name(request, *find_setting(file.option));
    if (name.empty()) continue;
    const std::string path = path_below(control, name);
    // Below the control directory; elsewhere a directory that is missing is more likely a typing
    // error than a wish.
    if (!name.starts_with('/') && !build.has(directory_of(path))) {
      build.directory(directory_of(path), 0755).kept();
    }
    if (build.has(path)) continue;  // two lists in one
    const auto sample = request.samples.find(file.option);
    build.file(path, 0644, sample == request.samples.end() ? "" : sample->second).kept();
    needs(path, Access::Need::read, "make it readable");
  }
  for (const std::string_view option : kSecretFiles) {
    const std::string name = file_name(request, *find_setting(option));
    if (name.empty()) continue;
    const std::string path = path_below(control, name);
    const std::string remedy =
        option == "key-file"
            ? "svctool --key=" + shell_quote(path) + " --key-owner=" + shell_quote(user) + ":"
            : "chown " + shell_quote(user) + " " + shell_quote(path) + "; chmod 400 " +
                  shell_quote(path);
    needs(path, Access::Need::read_secret, remedy.c_str());
  }
}

// What multilog, svlogd and s6-log open again at each start.
constexpr std::string_view kLogFiles[] = {"current", "lock", "state"};

void add_log(const ServiceRequest& request, Plan& plan, PlanBuilder& build) {
  const std::string directory = log_directory(request);
  const std::string user = value_in_force(request, "LOGUSER");
  build.directory(directory_of(directory), 0755).kept();
  build.directory(directory, 0755).owned_by(user).with_files();
  // One that a hand has named may be anybody's, and is not given away.
  if (request.by_hand.contains("LOGDIR")) build.kept();
  if (user.empty()) return;
  for (Access& access : log_accesses(directory, user)) {
    plan.access.push_back(std::move(access));
  }
}

std::vector<Variable> daemon_variables(const ServiceRequest& request) {
  std::vector<Variable> variables = {
      {"CONTROLDIR", request.cntrldir, Role::required, "cntrldir"},
      {"LISTEN", listen_address(request), Role::required, "localip"},
      {"CONTEXT_FILE", file_variable(request, context_file(request)), Role::required,
       "context-file"},
  };
  if (!sets_user(*request.suite)) {
    variables.push_back({"SERVICE_USER", request.user, Role::setting, "user"});
    variables.push_back({"SOFT_MEM", memory_limit(request), Role::setting, "memory"});
  }
  for (const Setting& setting : settings()) {
    const std::string value = value_of(request, setting.option);
    variables.push_back({std::string(setting.variable),
                         setting.kind == Kind::file ? file_variable(request, value) : value,
                         Role::setting, std::string(setting.option), &setting});
  }
  // Not a setting of the command line, where --dry-run is svctool's own.
  variables.push_back({"DRY_RUN", ""});
  return variables;
}

std::vector<Variable> page_variables(const ServiceRequest& request) {
  std::vector<Variable> variables = {
      {"SERVICE", daemon_path(request).said(), Role::required},
      {"SERVE", request.serve, Role::required, "serve"},
  };
  if (!sets_user(*request.suite)) {
    variables.push_back({"SERVICE_USER", page_user(request), Role::setting, "serve-user"});
  }
  return variables;
}
}  // namespace

std::string control_directory(const ServiceRequest& request) {
  return path_below(service_path(request).said(), value_in_force(request, "CONTROLDIR"));
}

std::string service_user(const ServiceRequest& request) {
  if (!sets_user(*request.suite)) return value_in_force(request, "SERVICE_USER");
  return is_page(request) ? page_user(request) : request.user;
}

std::string context_path(const ServiceRequest& request) {
  return path_below(control_directory(request), value_in_force(request, "CONTEXT_FILE"));
}

std::vector<Variable> variables_of(const ServiceRequest& request) {
  std::vector<Variable> variables =
      is_page(request) ? page_variables(request) : daemon_variables(request);
  if (keeps_log(*request.suite)) return variables;
  const std::string directory = path_below(request.logdir, service_name(request));
  variables.push_back({"LOGDIR", directory, Role::required, "logdir", nullptr, true});
  variables.push_back({"LOGUSER", request.loguser, Role::setting, "loguser", nullptr, true});
  variables.push_back({"LOGSIZE", request.log_size, Role::setting, "log-size", nullptr, true});
  variables.push_back({"LOGCOUNT", request.log_count, Role::setting, "log-count", nullptr, true});
  return variables;
}

std::string value_in_force(const ServiceRequest& request, std::string_view name) {
  if (const auto edit = request.by_hand.find(name); edit != request.by_hand.end()) {
    return edit->second;
  }
  for (Variable& variable : variables_of(request)) {
    if (variable.name == name) return std::move(variable.value);
  }
  return {};
}

std::vector<std::string> writable_directories(const ServiceRequest& request) {
  std::vector<std::string> directories = {context_directory(request)};
  std::istringstream places(value_in_force(request, "POLICY"));
  for (std::string place; std::getline(places, place, ',');) {
    if (place.starts_with('/')) directories.push_back(directory_of(place));
  }
  const std::string socket = value_in_force(request, "CONTROL");
  if (!socket.empty() && socket != kNoControl) {
    directories.push_back(directory_of(path_below(control_directory(request), socket)));
  }
  return directories;
}

std::vector<Access> log_accesses(const std::string& directory, const std::string& user) {
  using Need = Access::Need;
  std::vector<Access> accesses = {{user, directory, Need::save_files_in,
                                   "chown " + shell_quote(user) + " " + shell_quote(directory) +
                                       "; chmod 755 " + shell_quote(directory) +
                                       "; and let that user through its parent directories"}};
  for (const std::string_view name : kLogFiles) {
    accesses.push_back({user, path_below(directory, name), Need::write,
                        "give that user the files there, or no log is written"});
  }
  return accesses;
}

Plan plan_service(const ServiceRequest& request) {
  const bool has_log = !keeps_log(*request.suite);
  Plan plan;
  plan.service = service_path(request);
  const std::string user = service_user(request), loguser = value_in_force(request, "LOGUSER");
  if (!user.empty()) plan.users.push_back({user, is_page(request) ? "serve-user" : "user"});
  if (has_log && loguser != user && !loguser.empty()) plan.users.push_back({loguser, "loguser"});
  const std::string group = is_page(request) ? value_of(request, "control-group")
                                             : value_in_force(request, "CONTROL_GROUP");
  if (!group.empty()) plan.users.push_back({group, "control-group", User::Kind::group});
  PlanBuilder build(plan);
  if (!is_page(request)) add_state(request, plan, build);
  if (has_log) add_log(request, plan, build);
  build.directory(servicedir(request), 0755).kept();
  request.suite->add_files(request, plan, build);
  std::string options;
  for (const std::string& option : request.options) options += option + "\n";
  const std::string& service = plan.service.said();
  build.file(service + "/.options", 0644, options);
  build.script(service + "/run",
               signed_script(is_page(request) ? page_run_script(request.prefix, *request.suite)
                                              : run_script(request.prefix, request.use_greydaemon,
                                                           *request.suite)));
  return request.run_file_only ? only_scripts(std::move(plan)) : plan;
}

}  // namespace grey::svctool
