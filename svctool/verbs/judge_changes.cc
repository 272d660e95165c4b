#include "svctool/verbs/judge_changes.h"

#include <algorithm>
#include <optional>

#include "svctool/files/show.h"
#include "svctool/plan/edits.h"
#include "svctool/plan/unit_file.h"
#include "svctool/util/number.h"

namespace grey::svctool {
namespace {

using Role = Entry::Role;

// A value that the operator has set in the place of the one installed.
void judge_value(const std::string& where, bool required, const Setting* setting,
                 const std::string& value, const std::string& planned, Basis basis,
                 Findings& findings) {
  if (required && value.empty()) {
    findings.wrong("setting-missing", where + ": empty, and the service does not start without it",
                   "write its value to the file, which was '" + planned + "'", where);
    return;
  }
  if (setting != nullptr && setting->kind != Kind::file && !value.empty()) {
    if (const std::string fault = value_fault(*setting, value); !fault.empty()) {
      findings.wrong("setting-bad", where + ": " + fault,
                     "write a good value, or none for the default", where);
      return;
    }
  }
  // Options on the command line need not be those that it was installed with.
  findings.note("setting-edited",
                basis == Basis::installed
                    ? where + ": set by hand to '" + value + "', installed as '" + planned + "'"
                    : where + ": '" + value + "', these options would set '" + planned + "'",
                {}, where);
}

void judge_edit(const Change& change, Basis basis, Findings& findings) {
  judge_value(change.path, change.entry->role == Role::required,
              find_setting(change.entry->setting), envdir_value(change.old_content),
              envdir_value(change.entry->content), basis, findings);
}

// Of several lines for one name the last counts.
std::string value_of(const Variables& variables, std::string_view name) {
  std::string value;
  for (const auto& [other, its] : variables) {
    if (other == name) value = its;
  }
  return value;
}

void judge_settings(const Change& change, Basis basis, Findings& findings) {
  const Variables present = parse_environment(change.old_content);
  for (const auto& [name, installed] : parse_environment(change.entry->content)) {
    const std::string value = value_of(present, name);
    if (value == installed) continue;
    const auto setting = std::ranges::find(settings(), name, &Setting::variable);
    const bool known = setting != settings().end();
    constexpr std::string_view kRequired[] = {"CONTROLDIR", "LISTEN", "CONTEXT_FILE", "SERVICE",
                                              "SERVE"};
    const bool required = std::ranges::find(kRequired, name) != std::end(kRequired);
    judge_value(change.path + ", " + name, required, known ? &*setting : nullptr, value, installed,
                basis, findings);
  }
}

// What puts back what svctool has made.
std::string remedy(const Change& change) {
  return change.entry->role == Role::script && change.type != Change::Type::in_the_way
             ? "svctool --refreshsvc on the service"
             : "svctool with the options in the service's .options";
}

void judge_change(const Change& change, Basis basis, Findings& findings) {
  const bool setting = change.entry->role == Role::setting;
  const std::string& path = change.path;
  switch (change.type) {
    case Change::Type::create:
      if (setting && !change.entry->content.empty()) {
        findings.note("setting-edited", path + ": missing, so the daemon's default rules", {},
                      path);
      } else if (!setting) {
        findings.wrong("file-missing", path + ": missing", remedy(change), path);
      }
      return;
    case Change::Type::content:
      if (setting || change.entry->role == Role::required) {
        judge_edit(change, basis, findings);
      } else if (change.entry->role == Role::settings) {
        judge_settings(change, basis, findings);
      } else if (change.entry->role == Role::script &&
                 author_of(change.old_content) == Author::edited) {
        findings.note("script-edited", path + ": edited by hand, and left so",
                      "svctool --refreshsvc --force on the service would write it anew", path);
      } else {
        findings.wrong("file-content", path + ": another content", remedy(change), path);
      }
      if (!change.detail.empty()) {
        findings.wrong("file-mode", path + ": " + change.detail, remedy(change), path);
      }
      return;
    case Change::Type::remove:
    case Change::Type::attributes:
      findings.wrong("file-mode", describe(change), remedy(change), path);
      return;
    case Change::Type::in_the_way:
      findings.wrong("file-in-the-way", describe(change), "move it away; " + remedy(change), path);
      return;
  }
}

}  // namespace

void judge_changes(const Comparison& comparison, Basis basis, Findings& findings) {
  for (const Change& change : comparison.changes) judge_change(change, basis, findings);
}

std::string value_in_force(const Plan& plan, const Comparison& comparison, std::string_view name) {
  const TargetPath path = plan.service + "/variables/" + name;
  const auto holds = [&path](const Entry& entry) {
    return entry.path == path || entry.role == Role::settings;
  };
  const auto value = [name](const Entry& entry, const std::string& content) {
    return entry.role == Role::settings ? value_of(parse_environment(content), name)
                                        : envdir_value(content);
  };
  for (const Change& change : comparison.changes) {
    if (!holds(*change.entry)) continue;
    if (change.type == Change::Type::create) return {};
    if (change.type == Change::Type::content) return value(*change.entry, change.old_content);
  }
  for (const Entry& entry : plan.entries) {
    if (holds(entry)) return value(entry, entry.content);
  }
  return {};
}

void judge_memory(const ServiceRequest& request, const std::string& memory,
                  const std::string& max_records, Findings& findings) {
  const auto limit = parse_number<std::uint64_t>(memory);
  if (!limit) return;  // none
  const auto records =
      max_records.empty() ? default_max_records() : parse_number<std::uint64_t>(max_records);
  if (!records || needed_memory(*records) <= *limit) return;
  std::string text = "variables/SOFT_MEM: " + memory + " bytes are too few for " +
                     std::to_string(*records) + " records, which need " +
                     std::to_string(needed_memory(*records)) +
                     ": the oldest will go before that number is reached";
  // Who gave --memory may mean it.
  findings.add(request.memory.empty() ? Severity::wrong : Severity::note, "memory-limit",
               std::move(text), "set SOFT_MEM to that number, or MAX_RECORDS to a smaller one");
}

}  // namespace grey::svctool
