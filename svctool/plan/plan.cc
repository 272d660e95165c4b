#include "svctool/plan/plan.h"

#include <algorithm>
#include <utility>

#include "greyd/base/files.h"

namespace grey::svctool {

std::string to_string(const User& user) {
  return (user.kind == User::Kind::group ? "group " : "user ") + user.name;
}

Plan only_scripts(Plan plan) {
  std::erase_if(plan.entries, [](const Entry& e) { return e.role != Entry::Role::script; });
  plan.users.clear();
  plan.access.clear();
  return plan;
}

Plan moved_to(Plan plan, const TargetPath& service) {
  for (Entry& entry : plan.entries) {
    const bool inside = entry.path == plan.service || entry.path.is_below(plan.service);
    if (inside) entry.path = service + entry.path.said().substr(plan.service.said().size());
  }
  plan.service = service;
  return plan;
}

bool PlanBuilder::has(std::string_view path) const {
  return std::ranges::any_of(plan_.entries, [&](const Entry& e) { return e.path == path; });
}

PlanBuilder& PlanBuilder::add(Entry::Type type, std::string path, mode_t mode,
                              std::string content) {
  Entry entry;
  entry.type = type;
  entry.path = TargetPath(std::move(path));
  entry.mode = mode;
  entry.content = std::move(content);
  plan_.entries.push_back(std::move(entry));
  return *this;
}

PlanBuilder& PlanBuilder::directory(std::string path, mode_t mode) {
  return add(Entry::Type::directory, std::move(path), mode, "");
}

PlanBuilder& PlanBuilder::file(std::string path, mode_t mode, std::string content) {
  return add(Entry::Type::file, std::move(path), mode, std::move(content));
}

PlanBuilder& PlanBuilder::absent(std::string path) {
  return add(Entry::Type::absent, std::move(path), 0, "");
}

PlanBuilder& PlanBuilder::script(std::string path, std::string content, mode_t mode) {
  file(std::move(path), mode, std::move(content));
  plan_.entries.back().role = Entry::Role::script;
  return *this;
}

PlanBuilder& PlanBuilder::variable(const std::string& directory, std::string_view name,
                                   const std::string& value, Entry::Role role) {
  file(path_below(directory, name), 0644, value.empty() ? "" : value + "\n");
  plan_.entries.back().role = role;
  return *this;
}

PlanBuilder& PlanBuilder::owned_by(const std::string& user) {
  plan_.entries.back().owner = user;
  return *this;
}

PlanBuilder& PlanBuilder::kept() {
  plan_.entries.back().keep = true;
  return *this;
}

PlanBuilder& PlanBuilder::with_present_attributes() {
  plan_.entries.back().present_attributes = true;
  return *this;
}

PlanBuilder& PlanBuilder::with_files() {
  plan_.entries.back().with_files = true;
  return *this;
}

PlanBuilder& PlanBuilder::of_setting(std::string_view option) {
  plan_.entries.back().setting = option;
  return *this;
}

PlanBuilder& PlanBuilder::of_settings() {
  plan_.entries.back().role = Entry::Role::settings;
  return *this;
}

}  // namespace grey::svctool
