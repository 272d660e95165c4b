#include "svctool/commands.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <sstream>

#include "greyd/endpoint.h"
#include "greyd/files.h"
#include "greyd/list_cdb.h"
#include "svctool/check.h"
#include "svctool/find_supervisor.h"
#include "svctool/lock.h"
#include "svctool/neighbours.h"
#include "svctool/output.h"
#include "svctool/place.h"
#include "svctool/process.h"
#include "svctool/remove.h"
#include "svctool/restart.h"
#include "svctool/rules_file.h"
#include "svctool/run_edit.h"
#include "svctool/service_dir.h"
#include "svctool/service_files.h"
#include "svctool/set_variables.h"
#include "svctool/staging.h"
#include "svctool/standing.h"
#include "svctool/steer.h"
#include "svctool/supervision.h"
#include "svctool/transaction.h"
#include "svctool/walks.h"

namespace grey::svctool {
namespace {

constexpr const char* kSampleWhitelist =
    "# Who is never greylisted, one a line: 192.0.2.1, 192.0.2.0/24, 2001:db8::/32, 192.0.2.*,\n"
    "# 192.0.2.[3-7], 192.0.2. The daemon reads this file again on SIGHUP.\n";
constexpr const char* kSampleBlacklist =
    "# Who is always deferred, written as in the whitelist. The daemon reads this file again on\n"
    "# SIGHUP.\n";

Result<std::string> sample(const std::string& path, const char* built_in) {
  auto content = read_followed(path);
  if (!content) return tl::make_unexpected(content.error());
  return *content ? std::move(**content) : std::string(built_in);
}

Result<void> read_samples(ServiceRequest& request, const std::string& destdir) {
  const std::string share = destdir + request.prefix + "/share/qmail-greyd/greylist.";
  auto whitelist = sample(share + "whitelist", kSampleWhitelist);
  if (!whitelist) return tl::make_unexpected(whitelist.error());
  auto blacklist = sample(share + "blacklist", kSampleBlacklist);
  if (!blacklist) return tl::make_unexpected(blacklist.error());
  request.sample_whitelist = std::move(*whitelist);
  request.sample_blacklist = std::move(*blacklist);
  return {};
}

// Whether this host has the address now. It may get it later, so this is no error.
bool is_own_address(const ServiceRequest& request) {
  const auto endpoint = parse_endpoint(listen_address(request), Wildcards::allowed);
  if (!endpoint || endpoint->ip.is_any()) return true;
  const auto& bytes = endpoint->ip.bytes();
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  std::copy(bytes.begin(), bytes.end(), v6.sin6_addr.s6_addr);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  std::copy(bytes.begin() + 12, bytes.end(), reinterpret_cast<unsigned char*>(&v4.sin_addr));
  const bool is_v4 = endpoint->ip.is_v4();
  const Fd fd(::socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno != EAFNOSUPPORT;
  const auto* address =
      is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  return ::bind(fd.get(), address, is_v4 ? sizeof v4 : sizeof v6) == 0 || errno != EADDRNOTAVAIL;
}

void warn_of_surroundings(const ServiceRequest& request) {
  const std::string program = daemon_program(request);
  if (!exists(program)) {
    warn(program + " is not there yet; --prefix says where the daemon is");
  }
  if (!is_own_address(request)) {
    warn("--localip: this host has no address " + request.localip +
         " now; the daemon will not start without it");
  }
  for (const std::string& service : with_same_address(request)) {
    warn(service + " listens on " + listen_address(request) +
         ", too; only one of the two daemons can start");
  }
}

// Whether something runs in a service directory that has read what was there before.
bool may_run(const std::string& service) {
  return is_supervised(service) || is_supervision_hidden(service);
}

void advise_restart(const Applied& applied, const Suite& suite, const std::string& service) {
  if (applied.new_service || applied.paths.empty()) return;
  if (!is_systemd(suite) && !may_run(service)) return;
  bool daemon = false, log = false;
  for (const std::string& path : applied.paths) {
    if (path == unit_path(service)) daemon = true;
    if (!path.starts_with(service + "/") || path.ends_with("/.options")) continue;
    (path.starts_with(service + "/log/") ? log : daemon) = true;
  }
  if (daemon || log) {
    std::string command;
    if (daemon) command = restart_command(suite, service);
    if (log) command += (daemon ? "; " : "") + restart_command(suite, service + "/log");
    say("to use what has changed: " + command);
  }
}

bool has_changed(const Applied& applied, const std::string& path) {
  return std::ranges::find(applied.paths, path) != applied.paths.end();
}

// Those that do not look for new services by themselves are told. What does not run yet will find
// it when it starts.
Result<void> announce(const ServiceRequest& request, const Plan& plan, const Applied& applied) {
  const Suite& suite = *request.suite;
  if (is_systemd(suite)) {
    const std::string unit = unit_name(plan.service);
    const bool start = applied.new_service && !request.down;
    if (!systemd_runs()) {
      if (start) say("systemd does not run here; when it does: systemctl enable --now " + unit);
      return {};
    }
    if (!has_changed(applied, unit_path(plan.service))) return {};
    if (auto told = tell_systemd({"daemon-reload"}); !told) return told;
    return start ? tell_systemd({"enable", "--now", unit}) : Result<void>();
  }
  if (!applied.new_service) return {};
  const std::string directory = servicedir(request);
  if (!is_watched(suite, directory)) {
    // Of others' scanners only root can know.
    if (::geteuid() == 0) {
      say("next: start " + std::string(suite.scanner) + " for " + directory +
          ", which starts the service");
    }
    return {};
  }
  if (suite.rescan.empty()) return {};
  Program rescan;
  std::istringstream words{std::string(suite.rescan)};
  for (std::string word; words >> word;) rescan.arguments.push_back(word);
  rescan.arguments.push_back(directory);
  return run_program(rescan);
}

// Prints what a check has found.
Result<int> report(const Result<Findings>& findings, const Manner& manner) {
  if (!findings) return tl::make_unexpected(findings.error());
  std::fputs((manner.json ? to_json(*findings) : to_text(*findings)).c_str(), stdout);
  return findings->good() ? 0 : 1;
}

Result<int> run(ServiceRequest& request, const Manner& manner) {
  if (auto read = read_samples(request, manner.destdir); !read) {
    return tl::make_unexpected(read.error());
  }
  const std::string service = manner.destdir + service_path(request);
  // Another one may be setting a variable.
  const auto lock = manner.check ? Result<Fd>(Fd()) : lock_directory_of(service + "/.options");
  if (!lock) return tl::make_unexpected(lock.error());
  const bool believed = is_believed(service, manner.destdir);
  if (believed && manner.force == Force::no) {
    find_what_stays(request, service, request.options);
  }
  if (manner.check) {
    request.shows_edits = true;
    return report(check_greylisting(request, Basis::options, service_path(request), manner),
                  manner);
  }
  Plan plan = plan_service(request);
  if (believed) {
    const bool anew = manner.force == Force::yes || request.run_file_only;
    keep_what_stays(plan, request, manner.destdir, !anew);
  }
  if (request.run_file_only && !exists(manner.destdir + plan.service)) {
    return failure(manner.destdir + plan.service +
                   " does not exist, so --run-file-only has nowhere to write");
  }
  if (!request.run_file_only && manner.destdir.empty()) warn_of_another_state(request, service);
  const auto applied = apply_or_show(plan, manner);
  if (!applied) return tl::make_unexpected(applied.error());
  if (manner.destdir.empty()) warn_of_surroundings(request);
  if (manner.destdir.empty() && !applied->paths.empty()) {
    if (auto told = announce(request, plan, *applied); !told) {
      return tl::make_unexpected(told.error());
    }
  }
  advise_restart(*applied, *request.suite, plan.service);
  return 0;
}

// GREYIP of a greylisting service would do nothing. Taking one out there is no harm.
Result<void> refuse_greylisting_service(const ServiceGreyip& request, const std::string& service) {
  if (request.greyip.empty() || !is_greylisting_service(service)) return {};
  return misuse("--greyip: " + service + " is a greylisting service, not an SMTP server's");
}

// Which server it is cannot be seen from here.
void warn_of_indimail(std::string_view greyip) {
  if (greyip.empty()) return;
  for (const std::string& difference : indimail_differences(greyip)) warn("GREYIP: " + difference);
}

Result<int> run(const ServiceGreyip& request, const Manner& manner) {
  const std::string directory = manner.destdir + request.service;
  auto within = stays_within(manner.destdir, request.service + "/run");
  if (within) within = stays_within(manner.destdir, request.service + "/variables/GREYIP");
  if (!within) return tl::make_unexpected(within.error());
  if (auto good = refuse_greylisting_service(request, directory); !good) {
    return tl::make_unexpected(good.error());
  }
  const auto lock = lock_directory_of(directory + "/run");
  if (!lock) return tl::make_unexpected(lock.error());
  const auto service = read_smtp_service(directory);
  if (!service) return tl::make_unexpected(service.error());
  auto plan = request.greyip.empty()
                  ? plan_no_greyip(*service)
                  : plan_greyip(*service, request.greyip, manner.force, request.edit_run);
  if (!plan) return tl::make_unexpected(plan.error());
  Manner here = manner;  // what was read has --destdir in its paths
  here.destdir.clear();
  const auto applied = apply_or_show(*plan, here);
  if (!applied) return tl::make_unexpected(applied.error());
  warn_of_indimail(request.greyip);
  if (!request.greyip.empty() && request.edit_run == EditRun::no &&
      !reads_variables(service->run)) {
    warn(service->run_path +
         " does not read variables/ through envdir, so GREYIP has no effect yet; --run would set "
         "it there");
  }
  if (!applied->paths.empty() && may_run(request.service)) {
    say("to use what has changed: svc -t " + request.service);
  }
  return 0;
}

Result<RuleEdits> edit_rules(const RuleGreyip& request, std::string_view text, Force force) {
  constexpr std::string_view kName = "GREYIP";
  if (request.match.empty()) {
    return request.greyip.empty() ? remove_made_variables(text, kName)
                                  : set_for_everyone_else(text, kName, request.greyip, force);
  }
  auto edit = request.greyip.empty()
                  ? remove_rule_variable(text, request.match, kName)
                  : set_rule_variable(text, request.match, kName, request.greyip, force);
  if (!edit) return tl::make_unexpected(edit.error());
  RuleEdits edits{edit->text, {}};
  if (edit->outcome != RuleEdit::Outcome::unchanged) edits.rules.push_back(std::move(*edit));
  return edits;
}

// Who has set GREYIP for everyone else may take a client with a name for one of them.
void say_named_before(const RuleGreyip& request, const std::string& path, std::string_view text) {
  if (request.greyip.empty() || !request.match.empty()) return;
  for (const RuleDecision& rule : named_before_everyone_else(text, "GREYIP")) {
    say(path + ": line " + std::to_string(rule.line) +
        ": without GREYIP, so clients of that name are not greylisted: " + rule.rule);
  }
}

void say_edit(const std::string& path, const RuleEdit& edit) {
  const std::string where = path + ": line " + std::to_string(edit.line);
  if (edit.outcome == RuleEdit::Outcome::added) say(where + ": add " + edit.rule);
  if (edit.outcome == RuleEdit::Outcome::removed) say(where + ": remove " + edit.before);
  if (edit.outcome == RuleEdit::Outcome::changed) {
    say(where + ": change " + edit.before);
    say(where + ":     to " + edit.rule);
  }
}

Result<int> run(const RuleGreyip& request, const Manner& manner) {
  if (auto within = stays_within(manner.destdir, request.file); !within) {
    return tl::make_unexpected(within.error());
  }
  const auto path = resolve(manner.destdir + request.file);
  if (!path) return tl::make_unexpected(path.error());
  const auto lock = lock_directory_of(*path);
  if (!lock) return tl::make_unexpected(lock.error());
  const auto file = read_rules(*path);
  if (!file) return tl::make_unexpected(file.error());
  const auto edits = edit_rules(request, file->text, manner.force);
  if (!edits) return failure(file->path + ": " + edits.error().text);
  warn_of_indimail(request.greyip);
  if (manner.dry_run || manner.json) {
    Manner here = manner;
    here.destdir.clear();
    Plan plan;
    plan.service = file->path;
    PlanBuilder(plan).file(file->path, 0644, edits->text).with_present_attributes();
    const auto shown = apply_or_show(plan, here);
    if (!shown) return tl::make_unexpected(shown.error());
    return 0;
  }
  const auto written = write_rules(*file, edits->text);
  if (!written) return tl::make_unexpected(written.error());
  for (const RuleEdit& edit : edits->rules) say_edit(file->path, edit);
  if (*written == CdbState::rebuilt) say(file->path + ".cdb: rebuilt");
  if (edits->rules.empty() && *written == CdbState::same) {
    say(file->path + ": nothing to change");
  }
  say_named_before(request, file->path, edits->text);
  return 0;
}

Result<int> run(const CheckService& request, const Manner& manner) {
  const std::string service = manner.destdir + request.service;
  const auto options = read_options(service);
  if (!options) return tl::make_unexpected(options.error());
  if (!*options) return report(check_smtp_service(service, request.greyip, manner), manner);
  if (!request.greyip.empty()) {
    return misuse("--greyip: " + service + " is a greylisting service, not an SMTP server's");
  }
  ServiceRequest installed = **options;
  if (!manner.destdir.empty() || exposures_of(service).empty()) {
    find_what_stays(installed, service, {});
  }
  installed.shows_edits = true;
  return report(check_greylisting(installed, Basis::installed, request.service, manner), manner);
}

Result<int> run(const CheckRules& request, const Manner& manner) {
  return report(
      check_rules_file(manner.destdir + request.file, request.match, request.greyip, manner),
      manner);
}

Result<int> run(const CheckAll& request, const Manner& manner) {
  const AllFindings all = check_all(request.servicedir, manner);
  bool good = all.search.good();
  std::string text;
  for (const Findings& service : all.services) {
    good = good && service.good();
    text += to_text(service);
  }
  // Where all has been found there is no more to say of it.
  if (!all.search.list.empty()) text += to_text(all.search);
  std::fputs((manner.json ? to_json(all.search, all.services) : text).c_str(), stdout);
  return good ? 0 : 1;
}

Result<int> run(const RefreshService& request, const Manner& manner) {
  if (auto within = stays_within(manner.destdir, request.service); !within) {
    return tl::make_unexpected(within.error());
  }
  const std::string service = manner.destdir + request.service;
  auto options = manner.destdir.empty() ? read_trusted_options(service) : read_own_options(service);
  if (!options) return tl::make_unexpected(options.error());
  if (exists(service + kNoRefresh) && manner.force == Force::no) {
    say(service + ": left alone, as --autorefresh=0 asks; --force would refresh it");
    return 0;
  }
  const auto lock = lock_directory_of(service + "/.options");
  if (!lock) return tl::make_unexpected(lock.error());
  find_what_stays(*options, service, {});
  Plan plan = only_scripts(moved_to(plan_service(*options), request.service));
  if (manner.force == Force::no) {
    options->by_hand.clear();  // of the scripts alone it is said what stays
    keep_what_stays(plan, *options, manner.destdir, true);
  }
  const auto applied = apply_or_show(plan, manner);
  if (!applied) return tl::make_unexpected(applied.error());
  if (manner.destdir.empty() && !applied->paths.empty()) {
    if (auto told = announce(*options, plan, *applied); !told) {
      return tl::make_unexpected(told.error());
    }
  }
  advise_restart(*applied, *options->suite, request.service);
  return 0;
}

Result<int> run(const Autorefresh& request, const Manner& manner) {
  if (auto within = stays_within(manner.destdir, request.service); !within) {
    return tl::make_unexpected(within.error());
  }
  const std::string service = manner.destdir + request.service;
  const auto options =
      manner.destdir.empty() ? read_unexposed_options(service) : read_own_options(service);
  if (!options) return tl::make_unexpected(options.error());
  Plan plan;
  plan.service = request.service;
  PlanBuilder build(plan);
  if (request.on) {
    build.absent(request.service + kNoRefresh);
  } else {
    build.file(request.service + kNoRefresh, 0644,
               "svctool --refreshsvc leaves this service alone, see svctool(8).\n");
  }
  if (auto applied = apply_or_show(plan, manner); !applied) {
    return tl::make_unexpected(applied.error());
  }
  return 0;
}

Result<int> run(const RemoveService& request, const Manner& manner) {
  if (auto within = stays_within(manner.destdir, request.service); !within) {
    return tl::make_unexpected(within.error());
  }
  return remove_service(manner.destdir + request.service, manner.dry_run);
}

Result<int> run(const RestartService& request, const Manner&) {
  return restart_daemon(request.service);
}

Result<int> run(const ReloadService& request, const Manner&) {
  return reload_daemon(request.service);
}

Result<int> run(const StartService& request, const Manner&) {
  return start_daemon(request.service);
}

Result<int> run(const StopService& request, const Manner&) {
  return stop_daemon(request.service);
}

Result<int> run(const SetVariables& request, const Manner& manner) {
  if (auto within = stays_within(manner.destdir, request.service); !within) {
    return tl::make_unexpected(within.error());
  }
  return set_variables(request, manner);
}

Result<int> run(const FindSupervisor&, const Manner&) {
  const auto found = find_supervisor();
  if (!found) return failure("none of svscan, runsvdir, s6-svscan and systemd runs here");
  say("--supervise=" + std::string(found->suite->name) + " --servicedir=" + found->servicedir);
  return 0;
}

Result<int> run(const ListCdb& request, const Manner&) {
  const std::string cdb = request.file + ".cdb";
  const auto resolved = resolve(request.file);
  if (!resolved) return tl::make_unexpected(resolved.error());
  const auto text = read_regular(*resolved);
  if (!text) return tl::make_unexpected(text.error());
  const auto built = make_list_cdb(text->value_or(""), request.file);
  if (!built) return tl::make_unexpected(built.error());
  Transaction transaction;
  auto written = transaction.stage_file(cdb, built->content, {});
  if (written) written = transaction.commit();
  if (!written) return tl::make_unexpected(written.error());
  say(cdb + ": built, " + std::to_string(built->keys) + " keys");
  say("next: svc -h on the service, which makes the daemon read it. Its entries stay in force, "
      "whatever is taken out of " +
      request.file + ", until it is built again or removed.");
  return 0;
}

Result<int> run(const PrintText& text, const Manner&) {
  std::fputs(text.text.c_str(), stdout);
  return 0;
}

}  // namespace

Result<int> carry_out(CommandLine& line) {
  return std::visit([&line](auto& request) { return run(request, line.manner); }, line.request);
}

}  // namespace grey::svctool
