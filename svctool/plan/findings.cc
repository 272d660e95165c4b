// What findings look like: lines for a person, an object for programs.
#include "svctool/plan/findings.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "svctool/util/output.h"

namespace grey::svctool {
namespace {

using Json = nlohmann::ordered_json;

constexpr Severity kSeverities[] = {Severity::note, Severity::unseen, Severity::warning,
                                    Severity::wrong};

std::string verdict(const Findings& findings) {
  switch (findings.status()) {
    case Status::good:
      return "good";
    case Status::warning: {
      const auto warnings = findings.count(Severity::warning);
      return "good, with " + std::to_string(warnings) + (warnings == 1 ? " warning" : " warnings");
    }
    case Status::unknown:
      return "nothing is seen to be wrong, but not all could be looked at";
    case Status::wrong:
      break;
  }
  return "not as it should be";
}

// As a line shows them: who can make a file or a process can put any octet into its name.
Json to_object(const Findings& findings) {
  Json object;
  object["service"] = one_line(findings.subject);
  object["status"] = to_string(findings.status());
  object["findings"] = Json::array();
  for (const Finding& finding : findings.list) {
    object["findings"].push_back({{"id", finding.id},
                                  {"severity", to_string(finding.severity)},
                                  {"text", one_line(finding.text)},
                                  {"todo", one_line(finding.todo)},
                                  {"path", one_line(finding.path)}});
  }
  return object;
}

std::string text_of(const Json& object) {
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

void Findings::add(Severity severity, std::string id, std::string text, std::string todo,
                   std::string path) {
  Finding finding{severity, std::move(id), std::move(text), std::move(todo), std::move(path)};
  if (std::ranges::find(list, finding) == list.end()) list.push_back(std::move(finding));
}

void Findings::note(std::string id, std::string text, std::string todo, std::string path) {
  add(Severity::note, std::move(id), std::move(text), std::move(todo), std::move(path));
}
void Findings::unseen(std::string id, std::string text, std::string path) {
  add(Severity::unseen, std::move(id), std::move(text), "run svctool as root", std::move(path));
}
void Findings::warn(std::string id, std::string text, std::string todo, std::string path) {
  add(Severity::warning, std::move(id), std::move(text), std::move(todo), std::move(path));
}
void Findings::wrong(std::string id, std::string text, std::string todo, std::string path) {
  add(Severity::wrong, std::move(id), std::move(text), std::move(todo), std::move(path));
}

std::size_t Findings::count(Severity severity) const {
  return std::size_t(std::ranges::count(list, severity, &Finding::severity));
}

Status Findings::status() const {
  if (count(Severity::wrong) > 0) return Status::wrong;
  if (count(Severity::unseen) > 0) return Status::unknown;
  return count(Severity::warning) > 0 ? Status::warning : Status::good;
}

std::string_view to_string(Status status) {
  constexpr std::string_view kNames[] = {"good", "warning", "unknown", "wrong"};
  return kNames[std::size_t(status)];
}

std::string_view to_string(Severity severity) {
  constexpr std::string_view kNames[] = {"note", "unseen", "warning", "wrong"};
  return kNames[std::size_t(severity)];
}

std::string to_text(const Finding& finding) {
  return finding.text + (finding.todo.empty() ? "" : "; to do: " + finding.todo);
}

std::string to_text(const Findings& findings) {
  std::string text;
  for (const Severity severity : kSeverities) {
    for (const Finding& finding : findings.list) {
      if (finding.severity != severity) continue;
      text.append(to_string(severity)).append(": ").append(one_line(to_text(finding))) += '\n';
    }
  }
  return text + one_line(findings.subject) + ": " + verdict(findings) + "\n";
}

std::string to_json(const Findings& findings) {
  return text_of(to_object(findings));
}

std::string to_json(const Findings& search, const std::vector<Findings>& services) {
  Json object = to_object(search);
  Status worst = search.status();
  object["services"] = Json::array();
  for (const Findings& service : services) {
    worst = std::max(worst, service.status());
    object["services"].push_back(to_object(service));
  }
  object["status"] = to_string(worst);
  return text_of(object);
}

}  // namespace grey::svctool
