#include "svctool/service_state.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "greyd/files.h"
#include "svctool/number.h"
#include "svctool/place.h"
#include "svctool/process.h"

namespace grey::svctool {
namespace {

namespace fs = std::filesystem;

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

// In the process's own network. `proc`: its directory.
std::set<std::string> sockets_at(const std::string& proc, const Endpoint& endpoint) {
  std::set<std::string> inodes;
  for (const char* table : {"/net/udp", "/net/udp6"}) {
    const auto text = read_file(proc + table);
    if (text && *text) inodes.merge(parse_udp_table(**text, endpoint));
  }
  return inodes;
}

std::optional<bool> has_socket(const std::string& proc, const std::set<std::string>& inodes) {
  std::error_code error;
  for (fs::directory_iterator at(proc + "/fd", error), end; !error && at != end;
       at.increment(error)) {
    std::error_code closed;
    std::string target = fs::read_symlink(at->path(), closed);
    if (!target.starts_with("socket:[") || !target.ends_with(']')) continue;
    if (inodes.contains(target.substr(8, target.size() - 9))) return true;
  }
  if (error == std::errc::permission_denied) return std::nullopt;
  return false;
}

std::uint32_t number_at(std::string_view bytes, std::size_t at) {  // least byte first
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// "0100007F:07CF": the words of the address as this machine holds them, and the port.
std::optional<Endpoint> parse_local(std::string_view text) {
  constexpr std::size_t kWord = 8, kV4 = kWord, kV6 = 4 * kWord;
  const std::size_t colon = text.find(':');
  if (colon != kV4 && colon != kV6) return std::nullopt;
  std::array<std::uint8_t, 16> bytes = Ip::from_v4(0).bytes();
  for (std::size_t at = 0; at < colon; at += kWord) {
    const auto word = parse_number<std::uint32_t>(text.substr(at, kWord), 16);
    if (!word) return std::nullopt;
    std::memcpy(bytes.data() + (colon == kV4 ? 12 : at / 2), &*word, sizeof *word);
  }
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1), 16);
  if (!port) return std::nullopt;
  Endpoint endpoint;
  endpoint.ip = Ip(bytes);
  endpoint.port = *port;
  return endpoint;
}

}  // namespace

Result<ServiceState> service_state(const Suite& suite, const std::string& service) {
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

double age_of(pid_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/stat");
  const auto start = text && *text ? parse_start(**text) : std::nullopt;
  timespec now{};
  if (!start || ::clock_gettime(CLOCK_BOOTTIME, &now) != 0) return 0;
  const double started = double(*start) / double(::sysconf(_SC_CLK_TCK));
  return double(now.tv_sec) + double(now.tv_nsec) / 1e9 - started;
}

std::optional<bool> listens_at(pid_t pid, const Endpoint& endpoint) {
  const std::string proc = "/proc/" + std::to_string(pid);
  return has_socket(proc, sockets_at(proc, endpoint));
}

std::string find_listener(const Endpoint& endpoint) {
  const std::set<std::string> inodes = sockets_at("/proc/self", endpoint);
  std::error_code error;
  if (inodes.empty()) return {};
  for (fs::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename();
    if (!parse_number<pid_t>(name) || !has_socket(at->path(), inodes).value_or(false)) continue;
    const auto comm = read_file(at->path().string() + "/comm");
    std::string program = comm && *comm ? **comm : "";
    while (program.ends_with('\n')) program.pop_back();
    return "process " + name + " (" + program + ")";
  }
  return {};
}

// "PID (NAME) S ...": a name may hold anything. The start is the 22nd field.
std::optional<std::uint64_t> parse_start(std::string_view text) {
  const std::size_t name_end = text.rfind(')');
  if (name_end == text.npos) return std::nullopt;
  std::istringstream fields{std::string(text.substr(name_end + 1))};
  std::string field;
  for (int n = 3; n <= 22; ++n) {
    if (!(fields >> field)) return std::nullopt;
  }
  return parse_number<std::uint64_t>(field);
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

//   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//  123: 0100007F:07CF 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711
//  ...
std::set<std::string> parse_udp_table(std::string_view text, const Endpoint& endpoint) {
  std::set<std::string> inodes;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream columns(line);
    std::string number, local, skipped, inode;
    columns >> number >> local;
    for (int i = 2; i < 9; ++i) columns >> skipped;
    if (!(columns >> inode)) continue;
    const auto address = parse_local(local);
    if (address && address->port == endpoint.port &&
        (address->ip == endpoint.ip || address->ip.is_any())) {
      inodes.insert(inode);
    }
  }
  return inodes;
}

}  // namespace grey::svctool
