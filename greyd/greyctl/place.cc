#include "greyd/greyctl/place.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>
#include <system_error>
#include <utility>

#include "greyd/base/files.h"
#include "greyd/base/settings_table.h"

namespace grey::greyctl {
namespace {

namespace fs = std::filesystem;
using Variables = std::map<std::string, std::string, std::less<>>;

std::string value_of(const Variables& variables, std::string_view name) {
  const auto at = variables.find(name);
  return at == variables.end() ? std::string() : at->second;
}

// ---- a service ---------------------------------------------------------------------------------

// As envdir(8): the first line, without the blanks behind it.
Result<void> read_envdir(const fs::path& directory, Variables& variables) {
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const auto text = read_file(at->path());
    if (!text) return tl::make_unexpected(text.error());
    std::string line = text->value_or("").substr(0, text->value_or("").find('\n'));
    line.erase(line.find_last_not_of(" \t") + 1);
    variables[at->path().filename()] = line;
  }
  if (error) return tl::make_unexpected(system_error("read", directory.string(), error.value()));
  return {};
}

// As systemd.exec(5), of what svctool writes: NAME=VALUE, or NAME="VALUE" with backslashes.
void read_environment(const std::string& text, Variables& variables) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t sign = line.find('=');
    if (line.starts_with('#') || sign == std::string::npos) continue;
    std::string value = line.substr(sign + 1);
    if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"')) {
      std::string plain;
      for (std::size_t i = 1; i + 1 < value.size(); ++i) {
        if (value[i] == '\\' && i + 2 < value.size()) ++i;
        plain += value[i];
      }
      value = std::move(plain);
    }
    variables[line.substr(0, sign)] = value;
  }
}

Result<Variables> variables_of(const std::string& directory) {
  Variables variables;
  const auto environment = read_file(directory + "/environment");
  if (!environment) return tl::make_unexpected(environment.error());
  if (*environment) {
    read_environment(**environment, variables);
  } else if (auto read = read_envdir(directory + "/variables", variables); !read) {
    return tl::make_unexpected(read.error());
  }
  return variables;
}

bool is_greydaemon(const std::string& directory) {
  const auto options = read_file(directory + "/.options");
  return options && *options &&
         ("\n" + **options).find("\n--use-greydaemon\n") != std::string::npos;
}

// ---- a process ---------------------------------------------------------------------------------

std::vector<std::string> split_at_nul(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, '\0');) parts.push_back(part);
  return parts;
}

bool is_daemon(const std::string& process) {
  const auto name = read_file(process + "/comm");
  return name && (*name == "qmail-greyd\n" || *name == "greydaemon\n");
}

// Of a container that runs on this machine: what it calls its socket is not what we do.
bool has_another_root(const std::string& process) {
  struct stat theirs {
  }, ours{};
  if (::stat((process + "/root").c_str(), &theirs) != 0 || ::stat("/", &ours) != 0) return false;
  return theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino;
}

// Anybody may call a program so. Root asks one alone that root, or who installs for all, has made.
bool is_anybodys(const std::string& process) {
  struct stat program {};
  if (::geteuid() != 0) return false;
  return ::stat((process + "/exe").c_str(), &program) != 0 || program.st_uid != 0;
}

// Nothing where we may not look, or it takes no control socket.
std::optional<std::string> control_of(const std::string& process) {
  const auto command_line = read_file(process + "/cmdline");
  if (!command_line || !*command_line) return std::nullopt;
  std::string control_directory;
  if (const auto environment = read_file(process + "/environ"); environment && *environment) {
    for (const std::string& variable : split_at_nul(**environment)) {
      if (variable.starts_with("CONTROLDIR=")) control_directory = variable.substr(11);
    }
  }
  const auto parsed = parse_command_line(split_at_nul(**command_line), control_directory);
  if (!parsed || parsed->information || parsed->options.control.empty()) return std::nullopt;
  std::error_code error;
  const fs::path control(parsed->options.control);
  if (control.is_absolute()) return control;
  const fs::path directory = fs::read_symlink(process + "/cwd", error);
  if (error) return std::nullopt;
  return directory / control;
}

std::vector<std::string> running_daemons() {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const std::string process = at->path();
    if (!is_daemon(process) || has_another_root(process) || is_anybodys(process)) continue;
    auto control = control_of(process);
    if (control && fs::exists(*control, error)) found.push_back(std::move(*control));
    error.clear();
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<Place> the_one_that_runs() {
  const std::vector<std::string> found = running_daemons();
  if (found.size() == 1) return Place{found.front(), {}};
  if (found.empty()) {
    return failure(
        "no daemon runs here that can be seen; say which by --service DIR or --control PATH");
  }
  std::string text = "several daemons run here; say which:";
  for (const std::string& control : found) text += " --control " + control;
  return misuse(std::move(text));
}

}  // namespace

Result<Options> options_of_service(const std::string& directory) {
  const auto variables = variables_of(directory);
  if (!variables) return tl::make_unexpected(variables.error());
  std::vector<std::string> arguments{"qmail-greyd"};
  if (is_greydaemon(directory)) arguments.emplace_back("--greydaemon");
  for (const Setting& setting : service_settings()) {
    const std::string value = value_of(*variables, setting.variable);
    if (value.empty()) continue;
    arguments.push_back(flag_of(setting));
    arguments.push_back(value);
  }
  if (const std::string user = value_of(*variables, "SERVICE_USER"); !user.empty()) {
    arguments.insert(arguments.end(), {"--user", user});
  }
  const std::string context = value_of(*variables, "CONTEXT_FILE");
  if (context.empty()) {
    return misuse(directory + " is no greylisting service: it has no CONTEXT_FILE");
  }
  arguments.push_back(value_of(*variables, "LISTEN"));
  arguments.push_back(context);
  // As `run` has it, from its own directory.
  const std::string control_directory = path_below(directory, value_of(*variables, "CONTROLDIR"));
  const auto parsed = parse_command_line(arguments, control_directory);
  if (!parsed) {
    return tl::make_unexpected(Error{directory + ": " + parsed.error().text, kExitSystemFailure});
  }
  return parsed->options;
}

Result<Place> find_place(const Named& named) {
  std::optional<Options> service;
  if (!named.service.empty()) {
    auto options = options_of_service(named.service);
    if (!options) return tl::make_unexpected(options.error());
    service = std::move(*options);
  }
  if (!named.context.empty()) {
    if (service) {
      service->context_file = named.context;
      return Place{{}, std::move(service)};
    }
    // As many records as there are: a bound of the daemon's own is not known here.
    std::vector<std::string> arguments{"qmail-greyd", "--max-records", "400000000"};
    arguments.insert(arguments.end(), named.policy_options.begin(), named.policy_options.end());
    arguments.insert(arguments.end(), {"127.0.0.1", named.context});
    const auto parsed = parse_command_line(arguments, "");
    if (!parsed) return tl::make_unexpected(parsed.error());
    return Place{{}, parsed->options};
  }
  if (!named.control.empty()) return Place{named.control, {}};
  if (!service) return the_one_that_runs();
  if (service->control.empty()) {
    return misuse(named.service + " has no control socket: its CONTROL is none");
  }
  return Place{service->control, {}};
}

}  // namespace grey::greyctl
