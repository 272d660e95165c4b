#include "svctool/verbs/set_variables.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <utility>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "greyd/wire/endpoint.h"
#include "svctool/daemon/look_at.h"
#include "svctool/daemon/service_state.h"
#include "svctool/daemon/sockets.h"
#include "svctool/daemon/start_check.h"
#include "svctool/daemon/strangers.h"
#include "svctool/daemon/supervision.h"
#include "svctool/files/service_files.h"
#include "svctool/files/standing.h"
#include "svctool/files/walks.h"
#include "svctool/plan/edits.h"
#include "svctool/util/number.h"
#include "svctool/util/output.h"
#include "svctool/util/shell_quote.h"
#include "svctool/verbs/restart.h"

namespace grey::svctool {
namespace {

using Role = Entry::Role;

tl::unexpected<Error> wrong(const Variable& variable, const std::string& value,
                            const std::string& what) {
  return misuse(variable.name + ": '" + value + "' is not " + what);
}

Result<void> about(const Variable& variable, const std::string& fault) {
  return fault.empty() ? Result<void>() : misuse(variable.name + ": " + fault);
}

Result<void> check_path(const Variable& variable, const std::string& value) {
  if (variable.name == "CONTEXT_FILE") {
    const bool name = !value.starts_with('-') && !value.ends_with('/');
    return name ? Result<void>() : wrong(variable, value, "a file name");
  }
  return value.starts_with('/') ? Result<void>() : wrong(variable, value, "an absolute path");
}

// Those that are in no table.
Result<void> check_other(const Variable& variable, const std::string& value) {
  const std::string& name = variable.name;
  for (const Setting* setting : {&memory_setting(), &log_size_setting(), &log_count_setting()}) {
    if (name == setting->variable) return about(variable, value_fault(*setting, value));
  }
  if (name == "SERVE") return about(variable, serve_fault(value));
  if (name == "LISTEN") {
    const bool good = bool(parse_endpoint(value, Wildcards::allowed));
    return good ? Result<void>() : wrong(variable, value, "an address and port");
  }
  if (name == "DRY_RUN") {
    constexpr std::string_view kWords[] = {"1", "yes", "on", "0", "no", "off"};
    const bool good = std::ranges::find(kWords, value) != std::end(kWords);
    return good ? Result<void>() : wrong(variable, value, "one of 1|yes|on|0|no|off");
  }
  if (name == "SERVICE_USER" || name == "LOGUSER") {
    return value.starts_with('-') ? wrong(variable, value, "a user") : Result<void>();
  }
  return check_path(variable, value);
}

std::string list_of_names(const std::vector<Variable>& variables) {
  std::string names;
  for (const Variable& variable : variables) names += (names.empty() ? "" : " ") + variable.name;
  return names;
}

std::string directory_of_variable(const Variable& variable) {
  return variable.of_log ? "/log/variables/" : "/variables/";
}

Result<void> plan_files(const ServiceRequest& service, const Values& values, const Destdir& destdir,
                        Plan& plan) {
  PlanBuilder build(plan);
  for (const Variable& variable : variables_of(service)) {
    const auto value = values.find(variable.name);
    if (value == values.end()) continue;
    const TargetPath path = plan.service + directory_of_variable(variable) + variable.name;
    const auto present = read_followed(destdir.at(path));
    if (!present) return tl::make_unexpected(present.error());
    build.file(path.said(), 0644, with_envdir_value(present->value_or(""), value->second));
    build.with_present_attributes();
  }
  return {};
}

// The unit follows: where the daemon may write is there.
Result<void> plan_environment(const ServiceRequest& service, const Values& values,
                              const Destdir& destdir, Plan& plan) {
  const TargetPath path = plan.service + "/" + service.suite->settings_file;
  const auto present = read_followed(destdir.at(path));
  if (!present) return tl::make_unexpected(present.error());
  Variables changed(values.begin(), values.end());
  PlanBuilder(plan)
      .file(path.said(), 0644, merge_environment(present->value_or(""), changed))
      .with_present_attributes();
  Plan unit = only_scripts(plan_service(service));
  std::erase_if(unit.entries, [&](const Entry& e) { return e.path.is_below(unit.service); });
  unit.service = plan.service;
  keep_what_stays(unit, ServiceRequest(), destdir, true);
  plan.entries.insert(plan.entries.end(), unit.entries.begin(), unit.entries.end());
  plan.kept = std::move(unit.kept);
  return {};
}

Result<void> check_users(const Values& values) {
  for (const char* name : {"SERVICE_USER", "LOGUSER"}) {
    const auto value = values.find(name);
    if (value == values.end() || value->second.empty()) continue;
    if (::getpwnam(value->second.c_str()) == nullptr) {
      return failure(std::string(name) + ": user " + value->second + " does not exist");
    }
  }
  const auto group = values.find("CONTROL_GROUP");
  if (group == values.end() || group->second.empty()) return {};
  if (::getgrnam(group->second.c_str()) != nullptr) return {};
  return failure("CONTROL_GROUP: group " + group->second + " does not exist");
}

// A service that could not start before is not made worse by what does not mend it.
Result<void> ask(const ServiceRequest& service, const std::string& directory,
                 const Values& values) {
  if (!may_ask_start(service, directory) || !is_there(daemon_program(service))) return {};
  const auto after = ask_start(service, directory, values);
  if (after) return {};
  if (ask_start(service, directory)) {
    std::string text = directory + ": nothing is changed, as the daemon could not start then: ";
    text += after.error().text;
    const auto user = values.find("SERVICE_USER");
    if (user == values.end()) return failure(text);
    const auto now = service_state(*service.suite, directory);
    const std::string todo = hand_over_state(directory, user->second, now && now->up);
    return failure(todo.empty() ? text
                                : text +
                                      "; its state is another user's: stop it and chown that "
                                      "before it is set: " +
                                      todo);
  }
  warn(directory + ": the daemon could not start, neither before nor now: " + after.error().text);
  return {};
}

// An error when another program has a place that the daemon is about to be restarted for.
Result<void> check_places_are_free(const ServiceRequest& service, const std::string& directory,
                                   const Values& values) {
  const auto state = service_state(*service.suite, directory);
  const Seen seen = see(service, directory, state && state->up ? state->pid : 0);
  const auto taken = [&](const std::string& by) {
    return failure(directory + ": nothing is changed, as " + by);
  };
  if (const auto listen = values.find("LISTEN"); listen != values.end()) {
    const auto endpoint = parse_endpoint(listen->second, Wildcards::allowed);
    const bool own =
        seen.daemon != 0 && endpoint && listens_at(seen.daemon, Transport::udp, *endpoint) != false;
    const auto other = endpoint && !own
                           ? find_stranger(*service.suite, directory, Transport::udp, *endpoint)
                           : std::nullopt;
    if (other) {
      return taken(to_string(*other) + " listens on " + to_string(*endpoint));
    }
  }
  if (const auto policy = values.find("POLICY"); policy != values.end()) {
    const std::string other = find_mta_holder(seen, policy->second);
    if (!other.empty()) return taken(other);
  }
  return {};
}

void warn_of_memory(const ServiceRequest& service) {
  if (sets_user(*service.suite)) return;
  const auto limit = parse_number<std::uint64_t>(value_in_force(service, "SOFT_MEM"));
  const std::string records = value_in_force(service, "MAX_RECORDS");
  const auto needed =
      needed_memory(parse_number<std::uint64_t>(records).value_or(default_max_records()));
  if (!limit || *limit >= needed) return;
  warn("SOFT_MEM: " + std::to_string(*limit) + " bytes are too few for " +
       (records.empty() ? std::to_string(default_max_records()) : records) +
       " records, which need " + std::to_string(needed));
}

struct Touched {
  bool daemon = false, log = false;
};

Touched touched_by(const Applied& applied, const TargetPath& service) {
  Touched touched;
  for (const TargetPath& path : applied.paths) {
    (path.is_below(service + "/log") ? touched.log : touched.daemon) = true;
  }
  return touched;
}

Result<int> bring_into_force(const SetVariables& request, const ServiceRequest& service,
                             const Touched& touched) {
  const Suite& suite = *service.suite;
  const std::string service_directory = request.service.said();  // without --destdir
  const std::string log = service_directory + "/log";
  if (!request.restart) {
    if (touched.daemon) {
      say("to use what has changed: svctool --restart --service=" + shell_quote(service_directory));
    }
    if (touched.log) say("to use what has changed: " + restart_command(suite, log));
    return 0;
  }
  if (touched.log) {
    if (auto told = tell(suite, suite.restart, log); !told)
      return tl::make_unexpected(told.error());
  }
  // Asked for, it is done also where all was as it should be.
  return touched.log && !touched.daemon ? Result<int>(0) : restart_daemon(service_directory);
}

}  // namespace

Result<void> check_variable(const ServiceRequest& service, const Variable& variable,
                            const std::string& value) {
  if (value.empty()) {
    if (variable.role != Role::required) return {};
    return misuse(variable.name + ": the service does not start without it");
  }
  if (variable.setting != nullptr) {
    const Setting& setting = *variable.setting;
    if (auto good = about(variable, value_fault(setting, value)); !good) return good;
    if (!service.use_greydaemon) return {};
    return about(variable, greydaemon_fault(setting, value));
  }
  if (auto line = about(variable, line_fault(value)); !line) return line;
  return check_other(variable, value);
}

Result<void> check_variables(const ServiceRequest& service, const Values& values) {
  const std::vector<Variable> variables = variables_of(service);
  for (const auto& [name, value] : values) {
    const auto variable = std::ranges::find(variables, name, &Variable::name);
    if (variable == variables.end()) {
      return misuse("there is no variable " + name + "; there are: " + list_of_names(variables));
    }
    if (auto good = check_variable(service, *variable, value); !good) return good;
  }
  ServiceRequest after = service;
  for (const auto& [name, value] : values) after.by_hand[name] = value;
  const auto now = [&](const Setting& setting) { return value_in_force(after, setting.variable); };
  const auto variable = [](const Setting& setting) { return std::string(setting.variable); };
  if (!is_page(service)) {
    if (auto good = check_sharing(now, variable); !good) return good;
  }
  const auto minutes = parse_number<std::int64_t>(value_in_force(after, "MIN_RESEND_MIN"));
  const auto hours = parse_number<std::int64_t>(value_in_force(after, "RESEND_WIN_HR"));
  const auto min_resend = minutes.value_or(standard_number(setting_named("min-resend")));
  const auto window = hours.value_or(standard_number(setting_named("resend-window")));
  if (min_resend < window * 60) return {};
  return misuse("MIN_RESEND_MIN: " + std::to_string(min_resend) +
                " minutes are not shorter than the resend window of " + std::to_string(window) +
                " hours (RESEND_WIN_HR)");
}

Result<int> set_variables(const SetVariables& request, const Manner& manner, Locks& locks) {
  const std::string directory = manner.destdir.at(request.service);
  if (auto taken = locks.service(directory); !taken) return tl::make_unexpected(taken.error());
  const bool staged = !manner.destdir.is_this_machine();
  auto service = staged ? read_own_options(directory) : read_trusted_options(directory);
  if (!service) return tl::make_unexpected(service.error());
  find_what_stays(*service, directory, {});
  auto good = check_variables(*service, request.values);
  if (good && !staged) good = check_users(request.values);
  const bool daemon = !is_page(*service);
  if (good && !staged && daemon) good = ask(*service, directory, request.values);
  if (good && request.restart && daemon)
    good = check_places_are_free(*service, directory, request.values);
  if (!good) return tl::make_unexpected(good.error());
  for (const auto& [name, value] : request.values) service->by_hand[name] = value;
  if (!staged) warn_of_another_state(*service, directory);
  Plan plan;
  plan.service = request.service;
  good = service->suite->settings_file.empty()
             ? plan_files(*service, request.values, manner.destdir, plan)
             : plan_environment(*service, request.values, manner.destdir, plan);
  if (!good) return tl::make_unexpected(good.error());
  const auto applied = apply_or_show(plan, manner);
  if (!applied) return tl::make_unexpected(applied.error());
  warn_of_memory(*service);
  if (manner.dry_run || manner.json || staged) return 0;
  if (auto told = reread_own_files(*service->suite); !told) {
    return tl::make_unexpected(told.error());
  }
  if (request.restart) locks.release();  // the daemon may save for minutes
  return bring_into_force(request, *service, touched_by(*applied, request.service));
}

}  // namespace grey::svctool
