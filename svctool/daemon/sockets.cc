#include "svctool/daemon/sockets.h"

#include <pwd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "greyd/base/files.h"
#include "svctool/daemon/processes.h"
#include "svctool/util/number.h"

namespace grey::svctool {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kListens = "0A";  // the state of a TCP socket that does

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

bool has(const Endpoint& socket, const Endpoint& endpoint) {
  return socket.port == endpoint.port &&
         (socket.ip == endpoint.ip || socket.ip.is_any() || endpoint.ip.is_any());
}

// In the process's own network. `proc`: its directory.
std::vector<PortSocket> sockets_at(const std::string& proc, Transport transport,
                                   const Endpoint& endpoint) {
  std::vector<PortSocket> sockets;
  const std::string table = proc + (transport == Transport::udp ? "/net/udp" : "/net/tcp");
  for (const char* family : {"", "6"}) {
    const auto text = read_file(table + family);
    if (!text || !*text) continue;
    const auto found = parse_socket_table(**text, transport, endpoint);
    sockets.insert(sockets.end(), found.begin(), found.end());
  }
  return sockets;
}

std::optional<bool> has_one_of(const std::string& proc, const std::vector<PortSocket>& sockets) {
  std::error_code error;
  for (fs::directory_iterator at(proc + "/fd", error), end; !error && at != end;
       at.increment(error)) {
    std::error_code closed;
    const std::string target = fs::read_symlink(at->path(), closed);
    if (!target.starts_with("socket:[") || !target.ends_with(']')) continue;
    const std::string inode = target.substr(8, target.size() - 9);
    if (std::ranges::find(sockets, inode, &PortSocket::inode) != sockets.end()) return true;
  }
  if (error == std::errc::permission_denied) return std::nullopt;
  return false;
}

}  // namespace

//   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//  123: 0100007F:07CF 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711
//  ...
std::vector<PortSocket> parse_socket_table(std::string_view text, Transport transport,
                                           const Endpoint& endpoint) {
  std::vector<PortSocket> sockets;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream columns(line);
    std::string number, local, remote, state, queues, timer, retransmit, user, timeout, inode;
    if (!(columns >> number >> local >> remote >> state >> queues >> timer >> retransmit >> user >>
          timeout >> inode)) {
      continue;
    }
    const auto address = parse_local(local);
    if (!address || !has(*address, endpoint)) continue;
    if (transport == Transport::tcp && state != kListens) continue;
    sockets.push_back({inode, parse_number<uid_t>(user).value_or(0)});
  }
  return sockets;
}

std::optional<bool> listens_at(pid_t pid, Transport transport, const Endpoint& endpoint) {
  const std::string proc = proc_directory(pid);
  return has_one_of(proc, sockets_at(proc, transport, endpoint));
}

std::optional<Holder> find_holder(Transport transport, const Endpoint& endpoint) {
  const auto sockets = sockets_at("/proc/self", transport, endpoint);
  if (sockets.empty()) return std::nullopt;
  Holder holder;
  holder.user = user_name(sockets.front().user);
  std::error_code error;
  for (fs::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const auto pid = parse_number<pid_t>(at->path().filename().string());
    if (!pid || !has_one_of(at->path(), sockets).value_or(false)) continue;
    holder.pid = *pid;
    holder.program = program_of(*pid);
    break;
  }
  return holder;
}

std::string to_string(const Holder& holder) {
  if (holder.pid == 0) return "a program of user " + holder.user + " that is not seen from here";
  return "process " + std::to_string(holder.pid) + " (" + holder.program + ")";
}

std::string to_string(const Endpoint& endpoint) {
  return to_string(endpoint.ip) + "@" + std::to_string(endpoint.port);
}

}  // namespace grey::svctool
