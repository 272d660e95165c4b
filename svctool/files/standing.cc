#include "svctool/files/standing.h"

#include <optional>
#include <utility>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "svctool/files/compare.h"
#include "svctool/files/service_files.h"
#include "svctool/plan/edits.h"
#include "svctool/plan/service_dir.h"
#include "svctool/util/output.h"

namespace grey::svctool {
namespace {

bool is_directory(const std::string& path) {
  const auto status = status_of(path);
  return status && S_ISDIR(status->st_mode);
}

using Role = Entry::Role;

// Of the variables that are there, in whichever form the service has them.
Values read_present(const ServiceRequest& request, const std::string& service) {
  Values present;
  if (const auto content = read_followed(service + "/environment"); content && *content) {
    for (auto& [name, value] : parse_environment(**content)) present[name] = value;
  }
  for (const Variable& variable : variables_of(request)) {
    const std::string directory = service + (variable.of_log ? "/log/variables/" : "/variables/");
    const auto content = read_followed(directory + variable.name);
    if (content && *content) present[variable.name] = envdir_value(**content);
  }
  return present;
}

KeptEdit kept_value(const TargetPath& path, const Variable& variable, const std::string& value) {
  std::string text = value.empty() ? "was emptied by hand" : "'" + value + "' was set by hand";
  text += ", by the options it would be '" + variable.value + "'";
  if (!variable.option.empty()) text += " (--" + variable.option + " sets it)";
  return {path, std::move(text)};
}

// A variable's file: with what is below its value, and as it is written where that is planned.
void keep_variable(Entry& entry, const std::string& present) {
  const std::string value = envdir_value(entry.content);
  entry.content = envdir_value(present) == value ? present : with_envdir_value(present, value);
}

// Beside `path`, for what somebody may have edited: a name that nothing else has, or that has the
// same already. What was put there before is not overwritten.
TargetPath name_beside(const TargetPath& path, const std::string& content, const Destdir& destdir) {
  TargetPath beside = path + ".before";
  for (int number = 2; is_there(destdir.at(beside)); ++number) {
    const auto there = read_followed(destdir.at(beside));
    if (there && *there == content) break;
    beside = path + (".before." + std::to_string(number));
  }
  return beside;
}

// A script that stays, or is put beside the new one as it may have been edited.
void keep_script(Entry& entry, const std::string& present, const Destdir& destdir, Plan& plan,
                 std::vector<Entry>& more) {
  if (present == entry.content) return;
  const Author author = author_of(present);
  if (author == Author::edited) {
    entry.content = present;
    plan.kept.push_back({entry.path, "was edited by hand; --force writes it anew"});
  } else if (author == Author::unknown && !same_script(present, entry.content)) {
    const std::string& own = entry.path.said();
    const bool inside = entry.path.is_below(plan.service);
    const TargetPath path = inside ? entry.path : plan.service + own.substr(own.rfind('/'));
    Plan beside;
    PlanBuilder(beside).file(name_beside(path, present, destdir).said(), 0644, present);
    more.push_back(std::move(beside.entries.front()));
  }
}

void leave_script(Entry& entry, const std::string& present, Plan& plan) {
  if (present == entry.content) return;
  entry.content = present;
  plan.kept.push_back({entry.path, "left alone, as --autorefresh=0 asks; --force writes it anew"});
}

}  // namespace

void warn_of_another_state(const ServiceRequest& request, const std::string& service) {
  const std::string name = read_variable(service, "CONTEXT_FILE");
  if (name.empty()) return;
  const std::string before = path_below(read_variable(service, "CONTROLDIR"), name);
  const std::string after =
      path_below(value_in_force(request, "CONTROLDIR"), value_in_force(request, "CONTEXT_FILE"));
  if (before == after || !is_there(before)) return;
  warn("what the daemon remembers stays in " + before + ", and it begins anew with " + after +
       "; to go on with the old one: CONTROLDIR, CONTEXT_FILE");
}

bool is_believed(const std::string& service, const Destdir& destdir) {
  if (!destdir.is_this_machine() || !is_directory(service)) return true;
  const auto exposures = exposures_of(service);
  if (exposures.empty()) return true;
  warn(service + ": " + exposures.front() +
       ", so nothing there is taken for an edit of yours that would stay");
  return false;
}

void find_what_stays(ServiceRequest& request, const std::string& service,
                     const std::vector<std::string>& named) {
  request.by_hand.clear();
  if (!is_directory(service)) return;
  const auto installed = read_options(service);
  if (!installed) {
    warn(installed.error().text +
         ": so what it was installed with is not known, and every value there stays that no option "
         "names");
  }
  const ServiceRequest* before = installed && *installed ? &**installed : nullptr;
  request.by_hand = find_edits(read_present(request, service), before, request, named);
  // Those of a service from before they had a default, which is then none's edit.
  const auto keep_none = [&request](const char* variable, std::string& value) {
    const auto edit = request.by_hand.find(variable);
    if (edit == request.by_hand.end() || !edit->second.empty()) return;
    value.clear();
    request.by_hand.erase(edit);
  };
  keep_none("LOGSIZE", request.log_size);
  keep_none("LOGCOUNT", request.log_count);
}

void keep_what_stays(Plan& plan, const ServiceRequest& request, const Destdir& destdir,
                     bool scripts) {
  const bool left_alone = is_there(destdir.at(plan.service + kNoRefresh));
  std::vector<Entry> more;
  for (Entry& entry : plan.entries) {
    if (entry.type != Entry::Type::file || entry.role == Role::fixed) continue;
    const auto present = read_followed(destdir.at(entry.path));
    if (!present || !*present) continue;  // what is in the way is said when they are compared
    if (entry.role == Role::script && !scripts) continue;
    if (entry.role == Role::script) {
      left_alone ? leave_script(entry, **present, plan)
                 : keep_script(entry, **present, destdir, plan, more);
    } else if (entry.role == Role::settings) {
      entry.content = merge_environment(**present, parse_environment(entry.content));
    } else {
      keep_variable(entry, **present);
    }
  }
  for (Entry& entry : more) plan.entries.push_back(std::move(entry));
  for (const Variable& variable : variables_of(request)) {
    const auto edit = request.by_hand.find(variable.name);
    if (edit == request.by_hand.end()) continue;
    const std::string place = place_of_variable(*request.suite, variable.of_log);
    plan.kept.push_back(kept_value(plan.service + place + variable.name, variable, edit->second));
  }
}

}  // namespace grey::svctool
