#include "svctool/check.h"

#include <cstdio>

#include "svctool/findings.h"
#include "svctool/rules_file.h"
#include "svctool/run_edit.h"
#include "svctool/service_dir.h"
#include "svctool/service_files.h"
#include "svctool/supervision.h"

namespace grey::svctool {
namespace {

int report(const Findings& findings, const Manner& manner) {
  std::fputs((manner.json ? to_json(findings) : to_text(findings)).c_str(), stdout);
  return findings.good() ? 0 : 1;
}

// The daemon that a service starts, asked from this host.
void ask_own_daemon(const std::string& listen, Findings& findings) {
  auto endpoint = parse_endpoint(listen, Wildcards::allowed);
  if (!endpoint) {
    findings.differs.push_back("LISTEN: '" + listen + "' is not an address and port");
    return;
  }
  if (endpoint->ip.is_any()) endpoint->ip = Endpoint{}.ip;
  findings.daemons.push_back(probe(*endpoint));
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

// What only the machine that the service runs on can tell.
void judge_surroundings(const ServiceRequest& request, const Plan& plan, const Accounts& accounts,
                        Findings& findings) {
  for (const User& user : missing_users(plan, accounts)) {
    findings.differs.push_back("user " + user.name + " does not exist");
  }
  for (const Access& access : plan.access) {
    std::string denied = try_access(access, accounts);
    if (!denied.empty()) findings.differs.push_back(std::move(denied));
  }
  const std::string program =
      request.prefix + (request.use_greydaemon ? "/sbin/greydaemon" : "/sbin/qmail-greyd");
  if (!exists(program)) findings.differs.push_back(program + ": missing");
  if (is_systemd(*request.suite)) {
    const std::string unit = unit_name(plan.service);
    if (!tell_systemd({"is-active", "--quiet", unit})) {
      findings.differs.push_back(unit + ": not active");
    }
    return;
  }
  for (const std::string& part : {plan.service, plan.service + "/log"}) {
    if (is_supervision_hidden(part)) {
      findings.notes.push_back(part + ": only root can see whether a supervisor runs here");
    } else if (!is_supervised(part)) {
      findings.differs.push_back(part + ": no supervise runs here");
    }
  }
}

}  // namespace

Result<int> check_greylisting(const ServiceRequest& request, const std::string& service,
                              const Manner& manner) {
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
  judge_changes(*comparison, findings);
  // A unit has its limit in itself.
  judge_memory(request,
               is_systemd(*request.suite) ? memory_limit(request)
                                          : value_in_force(plan, *comparison, "SOFT_MEM"),
               value_in_force(plan, *comparison, "MAX_RECORDS"), findings);
  if (manner.destdir.empty()) {
    judge_surroundings(request, plan, accounts, findings);
    ask_own_daemon(value_in_force(plan, *comparison, "LISTEN"), findings);
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

Result<int> check_rules_file(const std::string& path, const std::string& match,
                             const std::string& greyip, const Manner& manner) {
  const auto file = read_rules(path);
  if (!file) return tl::make_unexpected(file.error());
  Findings findings;
  findings.subject = file->path;
  const auto value = rule_variable(file->text, match, "GREYIP");
  if (!value) {
    findings.differs.push_back(file->path + ": " + value.error().text);
    return report(findings, manner);
  }
  const auto cdb = compare_cdb(*file);
  if (!cdb) {
    findings.differs.push_back(cdb.error().text);
  } else if (*cdb != CdbState::same) {
    findings.differs.push_back(file->path + ".cdb: not what tcprules makes of the rules");
  }
  judge_greyip(value->value_or(""), greyip,
               file->path + ", rule for " + (match.empty() ? "everyone else" : match), manner,
               findings);
  return report(findings, manner);
}

}  // namespace grey::svctool
