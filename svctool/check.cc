#include "svctool/check.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "greyd/files.h"
#include "svctool/log_service.h"
#include "svctool/observe.h"
#include "svctool/rules_file.h"
#include "svctool/run_edit.h"
#include "svctool/run_script.h"
#include "svctool/service_dir.h"
#include "svctool/service_files.h"
#include "svctool/start_check.h"
#include "svctool/supervision.h"

namespace grey::svctool {
namespace {

int report(const Findings& findings, const Manner& manner) {
  std::fputs((manner.json ? to_json(findings) : to_text(findings)).c_str(), stdout);
  return findings.good() ? 0 : 1;
}

// Each address of a GREYIP, as an SMTP server asks them.
void ask_daemons(std::string_view greyip, Findings& findings) {
  for (;;) {
    const std::size_t comma = greyip.find(',');
    const std::string part(greyip.substr(0, comma));
    if (const auto endpoint = parse_endpoint(part, Wildcards::refused)) {
      findings.daemons.push_back(probe(*endpoint));
    } else {
      findings.differs.push_back("GREYIP: '" + part + "' is not an address and port");
    }
    if (comma == std::string_view::npos) return;
    greyip.remove_prefix(comma + 1);
  }
}

void judge_greyip(const std::string& value, const std::string& wanted, const std::string& where,
                  const Manner& manner, Findings& findings) {
  if (value.empty()) {
    findings.differs.push_back(where + ": no GREYIP, so greylisting is off");
    return;
  }
  if (!wanted.empty() && value != wanted) {
    findings.differs.push_back(where + ": GREYIP is '" + value + "', not '" + wanted + "'");
  }
  if (manner.destdir.empty()) ask_daemons(value, findings);
}

// A service that is there, and what it was compared with.
struct Subject {
  const ServiceRequest& request;
  const Plan& plan;
  const Comparison& comparison;

  const Suite& suite() const { return *request.suite; }
  std::string in_force(std::string_view variable) const {
    return value_in_force(plan, comparison, variable);
  }
};

// Those of the log are judged with its service, as they are in force.
bool is_log_access(const Subject& subject, const Access& access) {
  const std::string log = path_below(subject.request.logdir, service_name(subject.request));
  return access.path == log || access.path.starts_with(log + "/");
}

// The installed user; who was set in its place by hand is judged by the daemon's own --check.
void judge_accounts(const Subject& subject, const Accounts& accounts, Findings& findings) {
  const std::string& user = subject.request.user;
  const bool replaced = !is_systemd(subject.suite()) && subject.in_force("SERVICE_USER") != user;
  for (const User& missing : missing_users(subject.plan, accounts)) {
    if (replaced && missing.name == user) continue;
    findings.differs.push_back("user " + missing.name + " does not exist");
  }
  for (const Access& access : subject.plan.access) {
    if ((replaced && access.user == user) || is_log_access(subject, access)) continue;
    std::string denied = try_access(access, accounts);
    if (!denied.empty()) findings.differs.push_back(std::move(denied));
  }
}

// Whether the daemon could start as everything is now.
void judge_start(const Subject& subject, Findings& findings) {
  const ServiceRequest& request = subject.request;
  const std::string& service = subject.plan.service;
  const std::string program = daemon_program(request);
  if (const auto exposures = exposures_of(service); !exposures.empty()) {
    for (const std::string& exposure : exposures) {
      findings.differs.push_back(service + ": " + exposure);
    }
    findings.notes.push_back(service +
                             ": what it says is not believed, so its daemon is not asked");
  } else if (!exists(program)) {
    findings.differs.push_back(program + ": missing");
  } else if (!may_ask_start(request, service)) {
    findings.notes.push_back(service + ": only root can see whether the daemon could start again");
  } else if (const auto asked = ask_start(request, service); !asked) {
    findings.differs.push_back(service + ": the daemon could not start now: " + asked.error().text);
  }
}

void judge_supervision(const Subject& subject, Findings& findings) {
  const std::string& service = subject.plan.service;
  if (!is_systemd(subject.suite())) {
    for (const std::string& part : {service, service + "/log"}) {
      if (is_supervision_hidden(part)) {
        findings.notes.push_back(part + ": only root can see whether a supervisor runs here");
      } else if (part == service && !is_supervised(part)) {
        findings.differs.push_back(part + ": no supervise runs here");
      }
    }
    if (is_supervision_hidden(service) || !is_supervised(service)) return;
  }
  if (const auto state = service_state(subject.suite(), service); !state) {
    findings.differs.push_back(service +
                               ": cannot tell whether the daemon is up: " + state.error().text);
  }
}

// A list is its text and its cdb.
void judge_lists(const Subject& subject, Findings& findings) {
  for (const char* variable : {"WHITELIST", "BLACKLIST"}) {
    const std::string name = subject.in_force(variable);
    if (name.empty()) continue;
    const std::string path = path_below(subject.in_force("CONTROLDIR"), name);
    struct stat cdb {
    }, text{};
    if (::stat((path + ".cdb").c_str(), &cdb) != 0) continue;
    std::string note = path + ".cdb: in force beside " + path;
    const auto time = [](const struct stat& status) {
      return std::pair(status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    };
    // An empty one is what a long list leaves.
    if (::stat(path.c_str(), &text) == 0 && text.st_size > 0 && time(text) > time(cdb)) {
      note += ", which is newer: svctool --build-cdb=" + shell_quote(path);
    }
    findings.notes.push_back(std::move(note));
  }
}

void judge_own_daemon(const Subject& subject, Findings& findings) {
  constexpr int kSeconds = 3;
  const std::string listen = subject.in_force("LISTEN");
  const auto endpoint = own_endpoint(listen);
  if (!endpoint) {
    findings.differs.push_back("LISTEN: '" + listen + "' is not an address and port");
    return;
  }
  const std::string& service = subject.plan.service;
  judge_daemon(observe(subject.suite(), service, *endpoint, kSeconds),
               places_of(subject.suite(), service), is_dry_run(subject.in_force("DRY_RUN")),
               findings);
}

}  // namespace

Result<int> check_greylisting(const ServiceRequest& request, Basis basis,
                              const std::string& service, const Manner& manner) {
  ServiceRequest whole = request;
  whole.run_file_only = false;
  const Plan plan = moved_to(plan_service(whole), service);
  const Accounts accounts = find_accounts(plan);
  const auto comparison = compare(plan, accounts, manner.destdir);
  if (!comparison) return tl::make_unexpected(comparison.error());
  Findings findings;
  findings.subject = manner.destdir + service;
  if (comparison->new_service) {
    findings.differs.push_back(findings.subject + ": missing");
    return report(findings, manner);
  }
  judge_changes(*comparison, basis, findings);
  const Subject subject{request, plan, *comparison};
  // A unit has its limit in itself.
  judge_memory(request,
               is_systemd(*request.suite) ? memory_limit(request) : subject.in_force("SOFT_MEM"),
               subject.in_force("MAX_RECORDS"), findings);
  if (manner.destdir.empty()) {
    judge_accounts(subject, accounts, findings);
    judge_start(subject, findings);
    judge_lists(subject, findings);
    judge_supervision(subject, findings);
    judge_own_daemon(subject, findings);
    judge_log_service(*request.suite, service, findings);
  }
  return report(findings, manner);
}

Result<int> check_smtp_service(const std::string& directory, const std::string& greyip,
                               const Manner& manner) {
  const auto service = read_smtp_service(directory);
  if (!service) return tl::make_unexpected(service.error());
  Findings findings;
  findings.subject = directory;
  const auto line = find_run_greyip(service->run);
  if (line && !line->ours) {
    findings.notes.push_back(service->run_path + ", line " + std::to_string(line->line) +
                             ": sets GREYIP in a way of its own, which is not checked");
    return report(findings, manner);
  }
  const GreyipInForce present = greyip_in_force(*service);
  if (!line && !present.value.empty() && !reads_variables(service->run)) {
    findings.differs.push_back(service->run_path +
                               " does not read variables/, so GREYIP there has no effect");
  }
  judge_greyip(present.value, greyip, present.where, manner, findings);
  return report(findings, manner);
}

namespace {

// GREYIP in each rule that decides for the clients that are meant. Where all are denied there is
// nobody to greylist, which can hardly be meant either.
void judge_rules(const RulesFile& file, const std::string& match,
                 const std::vector<RuleDecision>& decided, const std::string& wanted,
                 const Manner& manner, Findings& findings) {
  std::vector<std::string> asked;
  bool any = false;
  for (const RuleDecision& rule : decided) {
    std::string where = file.path;
    if (rule.line != 0) where += ", line " + std::to_string(rule.line);
    where += ", rule for " + (match.empty() ? "everyone else" : match);
    if (!rule.allow && decided.size() > 1) continue;
    const std::string value = rule.value.value_or("");
    if (std::ranges::find(asked, value) != asked.end() && !value.empty()) continue;
    asked.push_back(value);
    any = true;
    judge_greyip(value, wanted, where, manner, findings);
  }
  if (!any) findings.differs.push_back(file.path + ": every rule denies, so nobody is greylisted");
  if (!match.empty()) return;
  for (const RuleDecision& rule : named_before_everyone_else(file.text, "GREYIP")) {
    findings.notes.push_back(file.path + ", line " + std::to_string(rule.line) +
                             ": clients of that name are not greylisted: " + rule.rule);
  }
}

}  // namespace

Result<int> check_rules_file(const std::string& path, const std::string& match,
                             const std::string& greyip, const Manner& manner) {
  const auto file = read_rules(path);
  if (!file) return tl::make_unexpected(file.error());
  Findings findings;
  findings.subject = file->path;
  const auto decided = decisions(file->text, match, "GREYIP");
  if (!decided) {
    findings.differs.push_back(file->path + ": " + decided.error().text);
    return report(findings, manner);
  }
  const auto cdb = compare_cdb(*file);
  if (!cdb) {
    findings.differs.push_back(cdb.error().text);
  } else if (*cdb != CdbState::same) {
    findings.differs.push_back(file->path + ".cdb: not what tcprules makes of the rules");
  }
  judge_rules(*file, match, *decided, greyip, manner, findings);
  return report(findings, manner);
}

}  // namespace grey::svctool
