#include "svctool/daemon/start_check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "greyd/base/place.h"
#include "svctool/files/service_files.h"
#include "svctool/plan/run_script.h"
#include "svctool/plan/settings.h"
#include "svctool/util/process.h"

namespace grey::svctool {
namespace {

constexpr unsigned kSeconds = 60;  // a long list takes a while

// "qmail-greyd: fatal: X" -> "X"
std::string without_name(const std::string& said) {
  constexpr std::string_view kFatal = ": fatal: ";
  const std::size_t at = said.find(kFatal);
  return at == std::string::npos ? said : said.substr(at + kFatal.size());
}

// The settings that svctool knows, words before a command. Any other that the service's own
// environment has could make a program that root runs load or start another's.
// Its log's form is ours, as we read it.
std::vector<std::string> environment_of(const std::string& service, const Values& instead) {
  std::vector<std::string> words;
  const auto add = [&](std::string_view name) {
    const auto other = instead.find(name);
    const std::string value =
        other != instead.end() ? other->second : read_variable(service, std::string(name));
    if (!value.empty()) words.push_back(std::string(name) + "=" + value);
  };
  for (const char* name :
       {"CONTROLDIR", "LISTEN", "CONTEXT_FILE", "SERVICE_USER", "SOFT_MEM", "DRY_RUN"}) {
    add(name);
  }
  for (const Setting& setting : settings()) {
    if (setting.option != "log-format") add(setting.variable);
  }
  return words;
}

// "warning: X" -> "X"
std::vector<std::string> warnings_in(std::string_view said) {
  constexpr std::string_view kWarning = "warning: ";
  std::vector<std::string> warnings;
  while (!said.empty()) {
    const std::size_t end = std::min(said.find('\n'), said.size());
    std::string_view line = said.substr(0, end);
    said.remove_prefix(std::min(end + 1, said.size()));
    if (!line.starts_with(kWarning)) continue;
    line.remove_prefix(kWarning.size());
    warnings.emplace_back(line);
  }
  return warnings;
}

// Of the programs themselves.
std::string exposure_of_programs(const ServiceRequest& request) {
  for (const std::string& path : {daemon_program(request), request.prefix + "/bin"}) {
    if (std::string exposure = exposure_of(path); !exposure.empty()) return exposure;
  }
  return {};
}

}  // namespace

bool may_ask_start(const ServiceRequest& request, const std::string& service) {
  if (::geteuid() == 0) return true;
  struct stat status {};
  return !sets_user(*request.suite) && ::stat(service.c_str(), &status) == 0 &&
         status.st_uid == ::geteuid();
}

Result<std::vector<std::string>> ask_start(const ServiceRequest& request,
                                           const std::string& service, const Values& instead) {
  if (const std::string exposure = exposure_of_programs(request); !exposure.empty()) {
    return failure(exposure + ", so the daemon there is not run");
  }
  Program program;
  program.seconds = kSeconds;
  program.arguments = {"env", "-i", "PATH=" + service_path_variable(request.prefix)};
  auto& words = program.arguments;
  for (std::string& word : environment_of(service, instead)) words.push_back(std::move(word));
  const std::string script =
      check_script(request.prefix, request.use_greydaemon, *request.suite, request.user);
  words.insert(words.end(), {"sh", "-c", script});
  const auto said = hear_program(program);
  if (!said) return failure(without_name(said.error().text));
  return warnings_in(*said);
}

Result<void> check_values(const ServiceRequest& request, const std::string& service) {
  const std::string place = place_of_variable(*request.suite, false);
  for (const Setting& setting : settings()) {
    const std::string name(setting.variable);
    const std::string value = read_variable(service, name);
    if (value.empty()) continue;
    std::string fault = value_fault(setting, value);
    if (fault.empty() && request.use_greydaemon) fault = greydaemon_fault(setting, value);
    if (!fault.empty()) return failure(service + place + name + ": " + fault);
  }
  return {};
}

}  // namespace grey::svctool
