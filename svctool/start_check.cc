#include "svctool/start_check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <sstream>

#include "greyd/files.h"
#include "svctool/process.h"
#include "svctool/run_script.h"
#include "svctool/service_files.h"
#include "svctool/unit_file.h"

namespace grey::svctool {
namespace {

constexpr unsigned kSeconds = 60;  // a long list takes a while

// "qmail-greyd: fatal: X" -> "X"
std::string without_name(const std::string& said) {
  constexpr std::string_view kFatal = ": fatal: ";
  const std::size_t at = said.find(kFatal);
  return at == std::string::npos ? said : said.substr(at + kFatal.size());
}

// The settings, as the supervisor hands them to `run`: words before a command.
Result<std::vector<std::string>> environment_of(const Suite& suite, const std::string& service) {
  std::vector<std::string> words;
  if (!is_systemd(suite)) {
    std::istringstream envdir{std::string(suite.envdir)};
    for (std::string word; envdir >> word;) words.push_back(word);
    words.push_back(service + "/variables");
    return words;
  }
  const std::string path = service + "/environment";
  const auto content = read_file(path);
  if (!content) return tl::make_unexpected(content.error());
  for (const auto& [name, value] : parse_environment(content->value_or(""))) {
    words.push_back(name + "=" + value);
  }
  return words;
}

}  // namespace

bool may_ask_start(const ServiceRequest& request, const std::string& service) {
  if (::geteuid() == 0) return true;
  struct stat status {};
  return !is_systemd(*request.suite) && ::stat(service.c_str(), &status) == 0 &&
         status.st_uid == ::geteuid();
}

Result<void> ask_start(const ServiceRequest& request, const std::string& service) {
  const auto environment = environment_of(*request.suite, service);
  if (!environment) return tl::make_unexpected(environment.error());
  Program program;
  program.seconds = kSeconds;
  program.arguments = {"env", "-i", "PATH=" + service_path_variable(request.prefix)};
  auto& words = program.arguments;
  words.insert(words.end(), environment->begin(), environment->end());
  const std::string script =
      check_script(request.prefix, request.use_greydaemon, *request.suite, request.user);
  words.insert(words.end(), {"sh", "-c", script});
  if (auto asked = run_program(program); !asked) return failure(without_name(asked.error().text));
  return {};
}

Result<void> check_values(const ServiceRequest& request, const std::string& service) {
  const std::string place = is_systemd(*request.suite) ? "/environment, " : "/variables/";
  for (const Setting& setting : settings()) {
    const std::string name(setting.variable);
    const std::string value = read_variable(service, name);
    if (value.empty()) continue;
    if (const auto good = check_value(setting, value); !good) {
      return failure(service + place + name + good.error().text.substr(setting.option.size() + 2));
    }
  }
  return {};
}

}  // namespace grey::svctool
