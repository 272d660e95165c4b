#include "svctool/verbs/check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "svctool/daemon/judge_daemon.h"
#include "svctool/daemon/judge_store.h"
#include "svctool/daemon/log_service.h"
#include "svctool/daemon/look_at.h"
#include "svctool/daemon/observe.h"
#include "svctool/daemon/start_check.h"
#include "svctool/daemon/supervision.h"
#include "svctool/files/service_files.h"
#include "svctool/plan/service_dir.h"
#include "svctool/util/shell_quote.h"
#include "svctool/verbs/check_keys.h"
#include "svctool/verbs/find_services.h"
#include "svctool/verbs/page.h"

namespace grey::svctool {
namespace {

// A service that is there, and what it was compared with.
struct Subject {
  const ServiceRequest& request;
  const Plan& plan;
  const Comparison& comparison;
  std::string service;  // where it is

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
  const std::string user =
      is_page(subject.request) ? page_user(subject.request) : subject.request.user;
  const bool replaced = !sets_user(subject.suite()) && subject.in_force("SERVICE_USER") != user;
  for (const User& missing : missing_users(subject.plan, accounts)) {
    const bool group = missing.kind == User::Kind::group;
    if (replaced && !group && missing.name == user) continue;
    const std::string what = to_string(missing) + " does not exist";
    const std::string remedy = "make it: svctool --create-users with the options in .options";
    if (group) {
      findings.wrong("group-missing", what, remedy, missing.name);
    } else {
      findings.wrong("user-missing", what, remedy, missing.name);
    }
  }
  for (const Access& access : subject.plan.access) {
    // Where state is saved, as it is in force, is looked at apart.
    const bool state = access.need == Access::Need::save_files_in;
    if (state || (replaced && access.user == user) || is_log_access(subject, access)) continue;
    std::string denied = try_access(access, accounts);
    if (!denied.empty()) findings.wrong("access-denied", std::move(denied), {}, access.path);
  }
}

// Whether the daemon could start as everything is now.
void judge_start(const Subject& subject, Findings& findings) {
  const ServiceRequest& request = subject.request;
  const std::string& service = subject.service;
  const std::string program = is_page(request) ? page_program(request) : daemon_program(request);
  if (const auto exposures = exposures_of(service); !exposures.empty()) {
    for (const std::string& exposure : exposures) {
      findings.wrong("exposed", service + ": " + exposure,
                     "give it to root, and let nobody else write there", service);
    }
    findings.note("not-believed",
                  service + ": what it says is not believed, so its daemon is not asked");
  } else if (!is_there(program)) {
    findings.wrong("program-missing", program + ": missing",
                   "install it, or name its place with --prefix", program);
  } else if (is_page(request)) {
    return;
  } else if (!may_ask_start(request, service)) {
    findings.unseen("start-unseen",
                    service + ": only root can see whether the daemon could start again", service);
  } else if (const auto asked = ask_start(request, service); !asked) {
    findings.wrong("start-refused",
                   service + ": the daemon could not start now: " + asked.error().text,
                   "mend that before it is restarted", service);
  } else {
    judge_store(*asked, service, findings);
  }
}

// Whether there is a supervisor that can be asked.
bool judge_supervisor(const Subject& subject, Findings& findings) {
  const std::string& service = subject.service;
  if (has_scanner(subject.suite())) {
    if (auto fault = judge_supervision(look_at_supervision(subject.suite(), service))) {
      findings.list.push_back(std::move(*fault));
      return false;
    }
  }
  if (const auto state = service_state(subject.suite(), service); !state) {
    findings.wrong("state-unknown",
                   service + ": cannot tell whether the daemon is up: " + state.error().text,
                   "see what supervises it", service);
    return false;
  }
  return true;
}

// A list is its text and its cdb.
void judge_cdbs(const Subject& subject, Findings& findings) {
  for (const OperatorFile& file : kOperatorFiles) {
    const std::string name = file.list ? subject.in_force(file.variable) : std::string();
    if (name.empty()) continue;
    const std::string path = path_below(subject.in_force("CONTROLDIR"), name);
    struct stat cdb {
    }, text{};
    if (::stat((path + ".cdb").c_str(), &cdb) != 0) continue;
    const std::string note = path + ".cdb: in force beside " + path;
    const auto time = [](const struct stat& status) {
      return std::pair(status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    };
    // An empty one is what a long list leaves.
    if (::stat(path.c_str(), &text) == 0 && text.st_size > 0 && time(text) > time(cdb)) {
      findings.warn("list-cdb-old", note + ", which is newer",
                    "svctool --build-cdb=" + shell_quote(path), path + ".cdb");
    } else {
      findings.note("list-cdb", note, {}, path + ".cdb");
    }
  }
}

// The process of the daemon, when it is the service's own that answers; else 0.
pid_t judge_own_daemon(const Subject& subject, const LogNews& news, Findings& findings) {
  constexpr int kSeconds = 3;
  const std::string listen = subject.in_force("LISTEN");
  const auto endpoint = parse_endpoint(listen, Wildcards::allowed);
  if (!endpoint) {
    findings.wrong("setting-bad", "LISTEN: '" + listen + "' is not an address and port",
                   "write one to the service's LISTEN", "LISTEN");
    return 0;
  }
  const std::string& service = subject.service;
  const Observation seen = observe(subject.suite(), service, *endpoint, kSeconds);
  Places places = places_of(subject.suite(), service);
  places.reason = news.last_words;
  const bool has_rules = !subject.in_force("RULES").empty();
  judge_daemon(seen, places, {is_dry_run(subject.in_force("DRY_RUN")), has_rules}, findings);
  const bool runs = seen.state && seen.state->up && !seen.restarts && !seen.state->paused;
  return runs && seen.listens.value_or(true) && seen.probe.answered ? seen.state->pid : 0;
}

void judge_running(const Subject& subject, const Seen& seen, LogNews news, Findings& findings) {
  const std::string& service = subject.service;
  const std::string log = log_place(subject.suite(), service);
  judge_news(news, service, log, findings);
  judge_state(look_at_state(seen), findings);
  judge_mta(look_at_mta(seen), service, log, findings);
  if (seen.started) judge_start_values(values_set(seen), *seen.started, service, findings);
  judge_secrets(look_at_secrets(seen), started_at(seen), service, findings);
  // One that logs errors alone does not say when it has read its lists.
  if (subject.in_force("VERBOSITY") == "0") news.since.reset();
  const Commands commands{reload_command(subject.suite(), service),
                          "svctool --restart --service=" + shell_quote(service)};
  judge_lists(look_at_lists(seen), started_at(seen), news, commands, findings);
  judge_lists(look_at_keys(seen), started_at(seen), news_of_keys(news), commands, findings);
}

void judge_daemon_machine(const Subject& subject, const Accounts& accounts, Findings& findings) {
  const std::string& service = subject.service;
  judge_accounts(subject, accounts, findings);
  judge_start(subject, findings);
  judge_cdbs(subject, findings);
  judge_daemon_keys(service, findings);
  const bool supervised = judge_supervisor(subject, findings);
  const LogNews news = look_at_news(subject.suite(), service);
  const pid_t daemon = judge_own_daemon(subject, news, findings);
  if (daemon != 0 && subject.suite().is_enabled.empty() && is_there(service + "/down")) {
    findings.warn("not-at-boot", service + ": it runs, and at the next boot it is not started",
                  "remove " + shell_quote(service + "/down"), service + "/down");
  }
  judge_running(subject, see(subject.request, service, daemon), news, findings);
  judge_log_service(subject.suite(), service, supervised ? daemon : 0, findings);
}

void judge_page_machine(const Subject& subject, const Accounts& accounts, Findings& findings) {
  judge_accounts(subject, accounts, findings);
  judge_start(subject, findings);
  const bool supervised = judge_supervisor(subject, findings);
  judge_running_page(subject.request, subject.service, supervised, findings);
}

}  // namespace

Result<Findings> check_greylisting(const ServiceRequest& request, Basis basis,
                                   const TargetPath& service, const Manner& manner) {
  ServiceRequest whole = request;
  whole.run_file_only = false;
  const Plan plan = moved_to(plan_service(whole), service);
  const Accounts accounts = find_accounts(plan);
  const auto comparison = compare(plan, accounts, manner.destdir);
  if (!comparison) return tl::make_unexpected(comparison.error());
  Findings findings;
  findings.subject = manner.destdir.at(service);
  if (comparison->new_service) {
    findings.wrong("service-missing", findings.subject + ": missing",
                   "install it: the same options without --check", findings.subject);
    return findings;
  }
  judge_changes(*comparison, basis, findings);
  const Subject subject{request, plan, *comparison, findings.subject};
  if (is_page(request)) {
    if (manner.destdir.is_this_machine()) judge_page_machine(subject, accounts, findings);
    return findings;
  }
  // A unit has its limit in itself.
  judge_memory(request,
               sets_user(*request.suite) ? memory_limit(request) : subject.in_force("SOFT_MEM"),
               subject.in_force("MAX_RECORDS"), findings);
  if (manner.destdir.is_this_machine()) judge_daemon_machine(subject, accounts, findings);
  return findings;
}

Result<Findings> check_installed(const ServiceRequest& options, const TargetPath& service,
                                 const Manner& manner) {
  auto findings = check_greylisting(options, Basis::installed, service, manner);
  if (!findings || options.serve.empty() || is_page(options)) return findings;
  if (find_page_of(manner.destdir.at(service)).empty()) {
    const std::string page = page_beside(service).said();
    findings->wrong("page-missing", page + ": missing, which --serve asks for",
                    "svctool with the options in " + service.said() + "/.options", page);
  }
  return findings;
}

Findings check_unknown(const std::string& service) {
  Findings findings;
  findings.subject = service;
  findings.wrong("options-missing",
                 service +
                     "/.options: missing or empty, so what the service was installed with is not "
                     "known, and it is not checked",
                 "svctool --greylist with the options that it was installed with; what is set in "
                 "its variables stays",
                 service + "/.options");
  return findings;
}

AllFindings check_all(const std::string& servicedir, const Manner& manner) {
  const FoundServices found = find_services(servicedir);
  AllFindings all;
  all.search.subject = "services";
  for (const std::string& place : found.hidden) {
    all.search.unseen("place-unseen", place + ": only root can see what is in there", place);
  }
  const auto add = [&](const std::string& service, Result<Findings> checked) {
    if (checked) {
      all.services.push_back(std::move(*checked));
      return;
    }
    Findings unread;
    unread.subject = service;
    unread.wrong("unreadable", checked.error().text,
                 ::geteuid() == 0 ? "mend that" : "run svctool as root", service);
    all.services.push_back(std::move(unread));
  };
  for (const std::string& service : found.greylisting) {
    const auto options = read_own_options(service);
    add(service, options ? check_installed(*options, TargetPath(service), manner)
                         : tl::make_unexpected(options.error()));
  }
  for (const std::string& service : found.unknown) add(service, check_unknown(service));
  for (const std::string& service : found.smtp) {
    add(service, check_smtp_service(service, "", manner));
  }
  if (found.greylisting.empty() && found.unknown.empty()) {
    std::string places;
    for (const std::string& place : found.places) places += (places.empty() ? "" : ", ") + place;
    all.search.wrong("none-found", "no greylisting service is found; looked in " + places,
                     "name one with --service, or make one with svctool --greylist=1999");
  }
  return all;
}

}  // namespace grey::svctool
