#include "svctool/plan/service_status.h"

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>

#include "svctool/util/number.h"

namespace grey::svctool {
namespace {

std::uint32_t number_at(std::string_view bytes, std::size_t at) {  // least byte first
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

}  // namespace

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
