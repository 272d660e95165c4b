#include "svctool/plan/service_layout.h"

#include "greyd/base/files.h"
#include "greyd/wire/endpoint.h"
#include "svctool/plan/edits.h"
#include "svctool/plan/run_script.h"
#include "svctool/plan/service_dir.h"
#include "svctool/plan/unit_file.h"

namespace grey::svctool {
namespace {

std::string directory_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// What a file has: where it is looked for what a hand has changed, the installed value.
std::string written_value(const ServiceRequest& request, const Variable& variable) {
  return request.shows_edits ? variable.value : value_in_force(request, variable.name);
}

void add_variables(const ServiceRequest& request, const std::string& directory, bool of_log,
                   PlanBuilder& build) {
  build.directory(directory, 0755);
  for (const Variable& variable : variables_of(request)) {
    if (variable.of_log != of_log) continue;
    build.variable(directory, variable.name, written_value(request, variable), variable.role);
    if (variable.setting != nullptr) build.of_setting(variable.option);
  }
}

void add_log_service(const ServiceRequest& request, const std::string& log, PlanBuilder& build) {
  build.directory(log, 0755);
  add_variables(request, log + "/variables", true, build);
  build.script(log + "/run", signed_script(log_run_script(request.prefix, *request.suite)));
}

Unit daemon_unit(const ServiceRequest& request) {
  Unit unit;
  unit.description = "Greylisting daemon on " + listen_address(request);
  unit.user = request.user;
  unit.group = value_in_force(request, "CONTROL_GROUP");
  unit.identifier = daemon_name(request.use_greydaemon);
  unit.writable = writable_directories(request);
  const std::string control = control_directory(request);
  unit.readable = {control, request.prefix};
  for (const OperatorFile& file : kOperatorFiles) {
    unit.readable.push_back(path_below(control, value_in_force(request, file.variable)));
  }
  for (const std::string_view option : kSecretFiles) {
    unit.readable.push_back(
        path_below(control, value_in_force(request, find_setting(option)->variable)));
  }
  unit.memory = memory_limit(request);
  const auto listen = parse_endpoint(value_in_force(request, "LISTEN"), Wildcards::allowed);
  unit.low_port = (listen ? listen->port : request.port) < 1024;
  return unit;
}

// It writes nothing, and needs of the daemon's files what leads to the control socket.
Unit page_unit(const ServiceRequest& request) {
  Unit unit;
  const std::string daemon = daemon_path(request).said();
  const std::string where = value_in_force(request, "SERVE");
  unit.description = "Report and figures of " + directory_name(daemon) + " on " + where;
  unit.of = Unit::Of::page;
  unit.after = unit_name(daemon);
  unit.user = page_user(request);
  if (unit.user != request.user) unit.group = value_of(request, "control-group");
  unit.identifier = "greyctl";
  unit.readable = {request.cntrldir, request.prefix, servicedir(request)};
  if (const std::string socket = value_of(request, "control"); !socket.empty()) {
    unit.readable.push_back(path_below(request.cntrldir, socket));
  }
  unit.readable.push_back(path_below(request.cntrldir, context_file(request)));
  const auto serve = parse_endpoint(where, Wildcards::allowed);
  unit.low_port = serve && serve->port < 1024;
  return unit;
}

}  // namespace

void add_scanned_files(const ServiceRequest& request, Plan& plan, PlanBuilder& build) {
  const std::string& service = plan.service.said();
  build.directory(service, 01755);
  add_variables(request, service + "/variables", false, build);
  add_log_service(request, service + "/log", build);
  // Beside `run`, which names the same descriptor: written anew with it. A page does not tell.
  if (const std::string_view fd = request.suite->notification_fd;
      !fd.empty() && !is_page(request)) {
    build.script(service + "/notification-fd", std::string(fd) + "\n", 0644);
  }
  if (request.down) build.file(service + "/down", 0644, "");
}

void add_unit_files(const ServiceRequest& request, Plan& plan, PlanBuilder& build) {
  const std::string& service = plan.service.said();
  Unit unit = is_page(request) ? page_unit(request) : daemon_unit(request);
  unit.script = service + "/run";
  unit.environment_file = path_below(service, request.suite->settings_file);
  build.directory(service, 0755);
  Variables variables;
  for (const Variable& variable : variables_of(request)) {
    variables.emplace_back(variable.name, written_value(request, variable));
  }
  build.file(unit.environment_file, 0644, environment_file(variables)).of_settings();
  // Missing in a staging tree.
  build.directory(directory_of(unit_path(service)), 0755).kept();
  build.script(unit_path(service), signed_script(unit_file(unit)), 0644);
}

}  // namespace grey::svctool
