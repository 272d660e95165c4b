#include "svctool/findings.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "svctool/number.h"
#include "svctool/output.h"
#include "svctool/show.h"
#include "svctool/unit_file.h"

namespace grey::svctool {
namespace {

using Role = Entry::Role;

// As envdir(8) reads it.
std::string first_line(std::string_view content) {
  std::string line(content.substr(0, content.find('\n')));
  while (line.ends_with(' ') || line.ends_with('\t')) line.pop_back();
  return line;
}

// A value that the operator has set in the place of the one installed.
void judge_value(const std::string& where, bool required, const Setting* setting,
                 const std::string& value, const std::string& planned, Basis basis,
                 Findings& findings) {
  if (required && value.empty()) {
    findings.differs.push_back(where + ": empty, and the service does not start without it");
    return;
  }
  if (setting != nullptr && setting->kind != Kind::file && !value.empty()) {
    if (const auto good = check_value(*setting, value); !good) {
      // Without the option's name: it is the file that is wrong here.
      findings.differs.push_back(where + good.error().text.substr(setting->option.size() + 2));
      return;
    }
  }
  // Options on the command line need not be those that it was installed with.
  findings.notes.push_back(
      basis == Basis::installed
          ? where + ": set by hand to '" + value + "', installed as '" + planned + "'"
          : where + ": '" + value + "', these options would set '" + planned + "'");
}

void judge_edit(const Change& change, Basis basis, Findings& findings) {
  judge_value(change.path, change.entry->role == Role::required,
              find_setting(change.entry->setting), first_line(change.old_content),
              first_line(change.entry->content), basis, findings);
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
    const bool required = name == "CONTROLDIR" || name == "LISTEN" || name == "CONTEXT_FILE";
    judge_value(change.path + ", " + name, required, known ? &*setting : nullptr, value, installed,
                basis, findings);
  }
}

void judge_change(const Change& change, Basis basis, Findings& findings) {
  const bool setting = change.entry->role == Role::setting;
  switch (change.type) {
    case Change::Type::create:
      if (setting && !change.entry->content.empty()) {
        findings.notes.push_back(change.path + ": missing, so the daemon's default rules");
      } else if (!setting) {
        findings.differs.push_back(change.path + ": missing");
      }
      return;
    case Change::Type::content:
      if (setting || change.entry->role == Role::required) {
        judge_edit(change, basis, findings);
      } else if (change.entry->role == Role::settings) {
        judge_settings(change, basis, findings);
      } else {
        findings.differs.push_back(change.path + ": another content");
      }
      if (!change.detail.empty()) findings.differs.push_back(change.path + ": " + change.detail);
      return;
    case Change::Type::remove:
    case Change::Type::attributes:
    case Change::Type::in_the_way:
      findings.differs.push_back(describe(change));
      return;
  }
}

std::string name_of(const Endpoint& endpoint) {
  return to_string(endpoint.ip) + "@" + std::to_string(endpoint.port);
}

}  // namespace

bool Findings::good() const {
  return differs.empty() &&
         std::ranges::all_of(daemons, [](const Probe& daemon) { return daemon.answered; });
}

void judge_changes(const Comparison& comparison, Basis basis, Findings& findings) {
  for (const Change& change : comparison.changes) judge_change(change, basis, findings);
}

void judge_daemon(const Observation& seen, const Places& places, bool dry_run, Findings& findings) {
  Probe probe = seen.probe;
  const auto fault = [&](const std::string& text) {
    findings.differs.push_back(places.service + ": " + text);
  };
  const bool own = seen.listens.value_or(true);
  if (seen.state) {
    const ServiceState& state = *seen.state;
    if (!state.up && !state.wanted) {
      fault("down, and stays so until it is started: " + places.start);
    } else if (!state.up || seen.restarts) {
      fault("the daemon ends and is started again and again; why: " + places.log);
    } else if (state.paused) {
      fault("the daemon (process " + std::to_string(state.pid) + ") is paused");
    } else if (!own) {
      fault("the daemon (process " + std::to_string(state.pid) + ") does not listen on " +
            name_of(probe.endpoint) + "; it has said: " + places.log);
    } else if (!probe.answered) {
      fault("the daemon (process " + std::to_string(state.pid) +
            ") is up; it has said: " + places.log);
    }
  }
  if (!own && probe.answered) {
    probe.answered = false;
    probe.outcome = "answered by another program" + (seen.other.empty() ? "" : ", " + seen.other);
  }
  if (probe.answered && dry_run && probe.reason == wire::Reason::known) {
    probe.outcome = "answers (in a dry run, DRY_RUN: everyone is accepted)";
  }
  findings.daemons.push_back(std::move(probe));
}

void judge_log(const LogObservation& seen, const std::string& service, const std::string& start,
               Findings& findings) {
  const std::string where = service + ": what writes the log ";
  if (seen.state && seen.state->up && seen.state->paused) {
    findings.differs.push_back(where + "(process " + std::to_string(seen.state->pid) +
                               ") is paused");
    return;
  }
  if (!seen.state || (seen.steady && seen.other_user.empty())) return;
  if (seen.steady) {
    // multilog that cannot write to its files any more does not end for a TERM.
    const std::string pid = std::to_string(seen.state->pid);
    findings.differs.push_back(where + "(process " + pid + ") still runs as user " +
                               seen.other_user +
                               "; if it does not end when it is told to: kill -KILL " + pid);
  } else if (!seen.state->up && !seen.state->wanted) {
    findings.differs.push_back(where + "is down, and stays so until it is started: " + start);
  } else {
    findings.differs.push_back(where +
                               "ends and is started again and again; it says why where its "
                               "supervisor writes, which ps(1) may show");
  }
}

bool is_dry_run(std::string_view value) {
  return !value.empty() && value != "0" && value != "no" && value != "off";
}

std::string value_in_force(const Plan& plan, const Comparison& comparison, std::string_view name) {
  const std::string path = plan.service + "/variables/" + std::string(name);
  const auto holds = [&path](const Entry& entry) {
    return entry.path == path || entry.role == Role::settings;
  };
  const auto value = [name](const Entry& entry, const std::string& content) {
    return entry.role == Role::settings ? value_of(parse_environment(content), name)
                                        : first_line(content);
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
      max_records.empty() ? kDefaultMaxRecords : parse_number<std::uint64_t>(max_records);
  if (!records || needed_memory(*records) <= *limit) return;
  std::string text = "variables/SOFT_MEM: " + memory + " bytes are too few for " +
                     std::to_string(*records) + " records, which need " +
                     std::to_string(needed_memory(*records)) +
                     ": the oldest will go before that number is reached";
  // Who gave --memory may mean it.
  (request.memory.empty() ? findings.differs : findings.notes).push_back(std::move(text));
}

std::string to_text(const Findings& findings) {
  std::string text;
  for (const std::string& note : findings.notes) text += "note: " + one_line(note) + "\n";
  for (const std::string& fault : findings.differs) text += "wrong: " + one_line(fault) + "\n";
  for (const Probe& daemon : findings.daemons) {
    text += daemon.answered ? "note: " : "wrong: ";
    text += "daemon at " + name_of(daemon.endpoint) + ": " + daemon.outcome + "\n";
  }
  return text + one_line(findings.subject) +
         (findings.good() ? ": good\n" : ": not as it should be\n");
}

std::string to_json(const Findings& findings) {
  nlohmann::ordered_json json;
  json["subject"] = findings.subject;
  json["good"] = findings.good();
  json["wrong"] = findings.differs;
  json["notes"] = findings.notes;
  json["daemons"] = nlohmann::ordered_json::array();
  for (const Probe& daemon : findings.daemons) {
    json["daemons"].push_back({{"address", name_of(daemon.endpoint)},
                               {"answered", daemon.answered},
                               {"outcome", daemon.outcome}});
  }
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace grey::svctool
