// svctool: installs greylisting services and tells SMTP servers where they are. See svctool(8).

#include <sys/stat.h>

#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "greyd/files.h"
#include "greyd/list_cdb.h"
#include "svctool/apply.h"
#include "svctool/options.h"
#include "svctool/rules_file.h"

namespace grey::svctool {
namespace {

constexpr const char* kSampleWhitelist =
    "# Who is never greylisted, one a line: 192.0.2.1, 192.0.2.0/24, 2001:db8::/32, 192.0.2.*,\n"
    "# 192.0.2.[3-7], 192.0.2. The daemon reads this file again on SIGHUP (svc -h).\n";
constexpr const char* kSampleBlacklist =
    "# Who is always deferred, written as in the whitelist. The daemon reads this file again on\n"
    "# SIGHUP (svc -h).\n";

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
}
void warn(const std::string& line) {
  std::fprintf(stderr, "svctool: warning: %s\n", line.c_str());
}

// Walks the plan: shows the changes, and makes them unless this is a dry run. Whether a service
// that was there before has changed.
Result<bool> carry_out(const Plan& plan, const Manner& manner) {
  const auto accounts = find_accounts(plan);
  if (!accounts) return tl::make_unexpected(accounts.error());
  const auto comparison = compare(plan, *accounts, manner.destdir);
  if (!comparison) return tl::make_unexpected(comparison.error());
  // A staging tree is not where the service will run.
  if (manner.destdir.empty()) {
    if (auto able = check_access(plan, *accounts); !able) return tl::make_unexpected(able.error());
  }
  const std::string service = manner.destdir + plan.service;
  if (manner.nooverwrite && !comparison->new_service) {
    return failure(service + " exists, and --nooverwrite was given");
  }
  if (!manner.dry_run) {
    auto installed = install(plan, *comparison, *accounts, manner.destdir);
    if (!installed) return tl::make_unexpected(installed.error());
  }
  for (const Change& change : comparison->changes) {
    // Of a new service one line says it all; who wants each file asks for a dry run.
    const bool detail = change.path.starts_with(service + "/");
    if (manner.dry_run || !comparison->new_service || !detail) say(describe(change));
  }
  if (comparison->changes.empty()) say(service + ": nothing to change");
  return !comparison->changes.empty() && !comparison->new_service && !manner.dry_run;
}

Result<std::string> sample(const std::string& path, const char* built_in) {
  auto content = read_file(path);
  if (!content) return tl::make_unexpected(content.error());
  return *content ? std::move(**content) : std::string(built_in);
}

Result<void> run(ServiceRequest& request, const Manner& manner) {
  const std::string share = manner.destdir + request.prefix + "/share/qmail-greyd/greylist.";
  auto whitelist = sample(share + "whitelist", kSampleWhitelist);
  if (!whitelist) return tl::make_unexpected(whitelist.error());
  auto blacklist = sample(share + "blacklist", kSampleBlacklist);
  if (!blacklist) return tl::make_unexpected(blacklist.error());
  request.sample_whitelist = std::move(*whitelist);
  request.sample_blacklist = std::move(*blacklist);
  const Plan plan = plan_service(request);
  const auto changed = carry_out(plan, manner);
  if (!changed) return tl::make_unexpected(changed.error());
  const std::string program =
      request.prefix + (request.use_greydaemon ? "/sbin/greydaemon" : "/sbin/qmail-greyd");
  struct stat status {};
  if (manner.destdir.empty() && ::stat(program.c_str(), &status) != 0) {
    warn(program + " is not there yet; --prefix says where the daemon is");
  }
  if (*changed) say("to use changed settings: svc -t " + plan.service);
  return {};
}

// The value that variables/GREYIP has for envdir; empty for none.
std::string first_line(const std::optional<std::string>& content) {
  return content ? content->substr(0, content->find('\n')) : std::string();
}

Result<void> run(const ServiceGreyip& request, const Manner& manner) {
  const std::string directory = manner.destdir + request.service;
  const auto script = read_file(directory + "/run");
  if (!script) return tl::make_unexpected(script.error());
  if (!*script) return failure(directory + " is no service directory: it has no run");
  const auto old = read_file(directory + "/variables/GREYIP");
  if (!old) return tl::make_unexpected(old.error());
  const std::string before = first_line(*old);
  if (!request.greyip.empty() && !before.empty() && before != request.greyip && !manner.force) {
    return failure(directory + "/variables/GREYIP is '" + before +
                   "', which --force would replace");
  }
  if (request.greyip.empty() && before.empty()) {
    say(directory + ": nothing to change");
    return {};
  }
  const auto changed = carry_out(plan_greyip(request.service, request.greyip), manner);
  if (!changed) return tl::make_unexpected(changed.error());
  if ((*script)->find("envdir") == std::string::npos ||
      (*script)->find("variables") == std::string::npos) {
    warn(directory + "/run does not read variables/ through envdir, so GREYIP has no effect yet");
  }
  if (*changed) say("to use it: svc -t " + request.service);
  return {};
}

Result<void> run(const RuleGreyip& request, const Manner& manner) {
  const auto file = read_rules(manner.destdir + request.file);
  if (!file) return tl::make_unexpected(file.error());
  const auto edit = request.greyip.empty()
                        ? remove_rule_variable(file->text, request.match, "GREYIP")
                        : set_rule_variable(file->text, request.match, "GREYIP", request.greyip,
                                            manner.force ? Force::yes : Force::no);
  if (!edit) return failure(file->path + ": " + edit.error().text);
  CdbState cdb = CdbState::same;
  if (!manner.dry_run) {
    const auto written = write_rules(*file, edit->text);
    if (!written) return tl::make_unexpected(written.error());
    cdb = *written;
  }
  const std::string where = file->path + ": line " + std::to_string(edit->line);
  if (edit->outcome == RuleEdit::Outcome::added) say(where + ": add " + edit->rule);
  if (edit->outcome == RuleEdit::Outcome::changed) {
    say(where + ": change " + edit->before);
    say(where + ":     to " + edit->rule);
  }
  if (cdb == CdbState::rebuilt) say(file->path + ".cdb: rebuilt");
  if (edit->outcome == RuleEdit::Outcome::unchanged && cdb == CdbState::same) {
    say(file->path + ": nothing to change");
  }
  return {};
}

Result<void> run(const ListCdb& request, const Manner&) {
  const auto keys = build_list_cdb(request.file);
  if (!keys) return tl::make_unexpected(keys.error());
  say(request.file + ".cdb: built, " + std::to_string(*keys) + " keys");
  return {};
}

Result<void> run(const PrintText& text, const Manner&) {
  std::fputs(text.text.c_str(), stdout);
  return {};
}

Result<void> start(const std::vector<std::string>& arguments) {
  auto line = parse_command_line(arguments);
  if (!line) return tl::make_unexpected(line.error());
  return std::visit([&line](auto& request) { return run(request, line->manner); }, line->request);
}

}  // namespace
}  // namespace grey::svctool

int main(int argc, char** argv) {
  const auto done = grey::svctool::start({argv + (argc > 0 ? 1 : 0), argv + argc});
  if (done) return 0;
  std::fprintf(stderr, "svctool: %s\n", done.error().text.c_str());
  return done.error().exit_code;
}
