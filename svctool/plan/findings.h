// What a check finds: one value for each thing that is wrong or worth knowing, and what they come
// to. Pure. The judges that make them are functions over what was seen (judge_*.h); who looks is
// elsewhere (look_at.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace grey::svctool {

enum class Severity {
  note,     // no fault: what the operator has decided otherwise, and what was seen
  unseen,   // could not be looked at, as only root may
  warning,  // works, but somebody should look at it
  wrong,
};

struct Finding {
  Severity severity = Severity::note;
  std::string id;    // stable, for programs; svctool(8) lists them
  std::string text;  // the cause, with what it is about
  std::string todo;  // what mends it: a command, or a sentence; empty where there is nothing to do
  std::string path;  // the file, directory or address that it is about; may be empty
  bool operator==(const Finding&) const = default;
};

// The worst of the findings counts; unseen is worse than a warning, as it may hide any fault.
enum class Status { good, warning, unknown, wrong };

struct Findings {
  std::string subject;  // the directory or file that was checked
  std::vector<Finding> list;

  // One that is there already is not added again.
  void add(Severity severity, std::string id, std::string text, std::string todo = {},
           std::string path = {});
  void note(std::string id, std::string text, std::string todo = {}, std::string path = {});
  void unseen(std::string id, std::string text, std::string path = {});
  void warn(std::string id, std::string text, std::string todo = {}, std::string path = {});
  void wrong(std::string id, std::string text, std::string todo = {}, std::string path = {});

  Status status() const;
  bool good() const { return count(Severity::wrong) == 0 && count(Severity::unseen) == 0; }
  std::size_t count(Severity severity) const;
};

// A line for each finding, "wrong: CAUSE; to do: REMEDY", the worst last, and the verdict.
std::string to_text(const Findings& findings);
// Of one finding, without the severity: for an error.
std::string to_text(const Finding& finding);
// An object {service, status, findings: [{id, severity, text, todo, path}]}.
std::string to_json(const Findings& findings);
// The same of several, below `services`; `search`: what the search for them has found.
std::string to_json(const Findings& search, const std::vector<Findings>& services);

std::string_view to_string(Status status);
std::string_view to_string(Severity severity);

}  // namespace grey::svctool
