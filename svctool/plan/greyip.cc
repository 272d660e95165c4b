#include "svctool/plan/greyip.h"

#include "greyd/wire/endpoint.h"
#include "svctool/plan/run_edit.h"
#include "svctool/util/lines.h"

namespace grey::svctool {
namespace {

constexpr std::string_view kBefore = "# This file was, before svctool --greyip:\n";

std::string file_of(const SmtpService& service) {
  return service.directory + "/variables/GREYIP";
}

std::string key_file_of(const SmtpService& service) {
  return service.directory + "/variables/GREYKEYFILE";
}

// What --no-greyip puts back; nothing: the file goes.
std::optional<std::string> content_before(const std::optional<std::string>& content) {
  if (!content) return std::nullopt;
  if (first_line(*content).empty()) return content;
  const std::size_t at = content->find("\n" + std::string(kBefore));
  if (at == std::string::npos) return std::nullopt;
  return content->substr(at + 1 + kBefore.size());
}

// ip@port, ip@, ip and @. One of several needs its port, or that of the next counts as its own.
bool indimail_reads(std::string_view server, bool alone) {
  const std::size_t at = server.find('@');
  const std::string_view ip = server.substr(0, at);
  const bool has_port = at != std::string_view::npos && at + 1 < server.size();
  if (ip.empty()) return alone && server == "@";
  return (has_port || alone) && (ip == "0" || Ip::parse(ip));
}

Plan plan_of(const SmtpService& service) {
  Plan plan;
  plan.service = TargetPath(service.directory);  // as it was read: --destdir is in it
  return plan;
}

}  // namespace

Result<void> check_greyip(std::string_view greyip) {
  for (std::string_view rest = greyip;;) {
    const std::size_t comma = rest.find(',');
    if (!parse_endpoint(rest.substr(0, comma), Wildcards::refused)) {
      return misuse("--greyip: '" + std::string(rest.substr(0, comma)) +
                    "' is not an address and port such as 127.0.0.1@1999");
    }
    if (comma == std::string_view::npos) return {};
    rest.remove_prefix(comma + 1);
  }
}

std::vector<std::string> indimail_differences(std::string_view greyip) {
  const std::string who = "IndiMail's own qmail-smtpd ";
  std::vector<std::string> differences;
  const std::size_t comma = greyip.find(',');
  const std::string first(greyip.substr(0, comma));
  const auto endpoint = parse_endpoint(first, Wildcards::refused);
  if (!endpoint) return differences;
  const bool alone = comma == std::string_view::npos;
  if (!indimail_reads(first, alone)) {
    differences.push_back(who + "does not read '" + first + "': write " + to_string(endpoint->ip) +
                          "@" + std::to_string(endpoint->port));
  }
  if (endpoint->ip == *Ip::parse("::1")) {
    differences.push_back(who + "asks 127.0.0.1 in the place of ::1");
  }
  if (!alone) differences.push_back(who + "asks the first of several daemons alone");
  return differences;
}

GreyipInForce greyip_in_force(const SmtpService& service) {
  // A line in run comes after envdir only where somebody has put it there: it counts last.
  if (const auto line = find_run_greyip(service.run)) {
    const std::string where = service.run_path + ", line " + std::to_string(line->line);
    if (line->ours) return {line->value, where};
    return {"", where};
  }
  return {std::string(service.greyip ? first_line(*service.greyip) : ""), file_of(service)};
}

Result<Plan> plan_greyip(const SmtpService& service, const std::string& greyip, Force force,
                         EditRun edit_run) {
  Plan plan = plan_of(service);
  PlanBuilder build(plan);
  if (edit_run == EditRun::yes && !reads_variables(service.run)) {
    auto run = set_run_greyip(service.run, greyip, force == Force::yes);
    if (!run) return failure(service.run_path + ": " + run.error().text);
    build.file(service.run_path, 0755, std::move(*run)).with_present_attributes();
    return plan;
  }
  if (!service.has_variables) {
    return failure(service.directory +
                   " has no variables/ for GREYIP; --run would set it in its run");
  }
  const std::string before = std::string(service.greyip ? first_line(*service.greyip) : "");
  if (before == greyip) return plan;
  if (!before.empty() && force == Force::no) {
    return failure(file_of(service) + " is '" + before + "', which --force would replace");
  }
  std::string content = greyip + "\n";
  if (const auto kept = content_before(service.greyip)) content.append(kBefore).append(*kept);
  build.file(file_of(service), 0644, std::move(content)).with_present_attributes();
  return plan;
}

Result<Plan> plan_key_file(const SmtpService& service, const std::string& path, Force force) {
  Plan plan = plan_of(service);
  const std::string file = key_file_of(service);
  if (!service.has_variables) {
    return failure(service.directory +
                   " has no variables/ for GREYKEYFILE: set and export it in its run");
  }
  const bool has_greyip = service.greyip && !first_line(*service.greyip).empty();
  if (!has_greyip && !find_run_greyip(service.run)) {
    return failure(service.directory +
                   " has no GREYIP, which GREYKEYFILE goes with; first --greyip=ADDR@PORT");
  }
  const std::string before(service.key_file ? first_line(*service.key_file) : "");
  if (before == path) return plan;
  if (!before.empty() && force == Force::no) {
    return failure(file + " is '" + before + "', which --force would replace");
  }
  PlanBuilder(plan).file(file, 0644, path + "\n").with_present_attributes();
  return plan;
}

Plan plan_no_greyip(const SmtpService& service) {
  Plan plan = plan_of(service);
  PlanBuilder build(plan);
  std::string run = remove_run_greyip(service.run);
  if (run != service.run) {
    build.file(service.run_path, 0755, std::move(run)).with_present_attributes();
  }
  if (service.greyip && !first_line(*service.greyip).empty()) {
    if (auto before = content_before(service.greyip)) {
      build.file(file_of(service), 0644, std::move(*before)).with_present_attributes();
    } else {
      build.absent(file_of(service));
    }
  }
  if (service.key_file) build.absent(key_file_of(service));
  return plan;
}

}  // namespace grey::svctool
