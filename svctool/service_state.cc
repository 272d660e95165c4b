#include "svctool/service_state.h"

#include <algorithm>
#include <cerrno>
#include <sstream>

#include "greyd/files.h"
#include "svctool/number.h"
#include "svctool/place.h"
#include "svctool/process.h"
#include "svctool/processes.h"

namespace grey::svctool {
namespace {

constexpr unsigned kSeconds = 10;  // for a program that answers at once

Result<ServiceState> read_status_file(const std::string& service) {
  const std::string path = service + "/supervise/status";
  const auto content = read_followed(path);
  if (!content) return tl::make_unexpected(content.error());
  if (!*content) return tl::make_unexpected(system_error("open", path, ENOENT));
  const auto state = parse_status_file(**content);
  return state ? Result<ServiceState>(*state) : failure(path + ": not the status of a service");
}

Result<ServiceState> ask_program(std::vector<std::string> arguments,
                                 std::optional<ServiceState> (*parse)(std::string_view)) {
  const std::string name = arguments.front();
  const auto text = read_program({std::move(arguments), "", kSeconds});
  if (!text) return tl::make_unexpected(text.error());
  const auto state = parse(*text);
  return state ? Result<ServiceState>(*state) : failure(name + " does not tell the state");
}

std::uint32_t number_at(std::string_view bytes, std::size_t at) {  // least byte first
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

Result<ServiceState> supervisor_state(const Suite& suite, const std::string& service) {
  if (is_systemd(suite)) {
    return ask_program(
        {"systemctl", "show", "-p", "ActiveState", "-p", "MainPID", unit_name(service)},
        parse_systemd_state);
  }
  if (suite.name == "s6") {
    return ask_program({"s6-svstat", "-o", "up,wantedup,pid", service}, parse_s6_state);
  }
  return read_status_file(service);
}

}  // namespace

Result<ServiceState> service_state(const Suite& suite, const std::string& service) {
  auto state = supervisor_state(suite, service);
  // By a signal, of which the supervisor does not know.
  if (state && state->up && is_stopped(state->pid)) state->paused = true;
  return state;
}

// 12 bytes of time, 4 of process id, a byte whether it is stopped, and one that says what is
// wanted: 'u' or 'd'. runit has two bytes more, the second of which is 1 while `run` runs.
std::optional<ServiceState> parse_status_file(std::string_view bytes) {
  constexpr std::size_t kDaemontools = 18, kRunit = 20;
  if (bytes.size() != kDaemontools && bytes.size() != kRunit) return std::nullopt;
  ServiceState state;
  state.pid = pid_t(number_at(bytes, 12));
  state.up = state.pid != 0 && (bytes.size() == kDaemontools || bytes[19] == 1);
  state.wanted = bytes[17] == 'u';
  state.paused = state.up && bytes[16] != 0;
  return state;
}

std::optional<ServiceState> parse_s6_state(std::string_view text) {
  std::istringstream words{std::string(text)};
  std::string up, wanted, pid;
  if (!(words >> up >> wanted >> pid)) return std::nullopt;
  const auto number = parse_number<pid_t>(pid);
  if (!number) return std::nullopt;
  return ServiceState{up == "true", wanted == "true", std::max(*number, 0), false};
}

std::optional<ServiceState> parse_systemd_state(std::string_view text) {
  ServiceState state;
  bool known = false;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const std::string value = line.substr(line.find('=') + 1);
    if (line.starts_with("ActiveState=")) {
      known = true;
      state.wanted = value != "inactive" && value != "failed";
    }
    if (line.starts_with("MainPID=")) state.pid = parse_number<pid_t>(value).value_or(0);
  }
  state.up = state.pid != 0;
  return known ? std::optional(state) : std::nullopt;
}

}  // namespace grey::svctool
