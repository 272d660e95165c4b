#include "svctool/plan/unit_file.h"

#include <algorithm>

namespace grey::svctool {
namespace {

// In a unit every value may hold specifiers: %n and so on.
std::string without_specifiers(std::string_view text) {
  std::string result;
  for (const char c : text) {
    result += c;
    if (c == '%') result += '%';
  }
  return result;
}

// As one word of a value that is split into words.
std::string word(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : without_specifiers(text)) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// In a command line a dollar would begin a variable.
std::string command_word(std::string_view text) {
  std::string doubled;
  for (const char c : text) {
    doubled += c;
    if (c == '$') doubled += '$';
  }
  return word(doubled);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

// As systemd reads the value of an environment file's line.
std::string unquote(std::string_view value) {
  std::string result;
  char quote = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (quote != 0 && c == quote) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && i + 1 < value.size()) {
      const char next = value[++i];
      const bool special = next == '"' || next == '\\' || next == '`' || next == '$';
      if (quote == '"' && !special) result += c;
      result += next;
    } else {
      result += c;
    }
  }
  return result;
}

bool is_below(std::string_view path, std::string_view directory) {
  return path == directory || (path.starts_with(directory) && path[directory.size()] == '/');
}

// What hides whole directories is left out, or weaker, when the service needs something there.
std::string directory_protection(const Unit& unit) {
  const auto needed = [&unit](std::initializer_list<std::string_view> directories) {
    const auto below = [directories](const std::string& path) {
      return std::ranges::any_of(directories,
                                 [&](auto directory) { return is_below(path, directory); });
    };
    return std::ranges::any_of(unit.writable, below) || std::ranges::any_of(unit.readable, below) ||
           below(unit.script);
  };
  std::string text = "ProtectHome=";
  text += needed({"/home", "/root", "/run/user"}) ? "read-only\n" : "yes\n";
  if (!needed({"/tmp", "/var/tmp"})) text += "PrivateTmp=yes\n";
  return text;
}

// notify-reload needs systemd 253.
constexpr const char* kReadiness =
    R"(# The daemon says when it answers, and while it does. A disk that stalls for a while is no fault.
Type=notify
NotifyAccess=main
WatchdogSec=60
)";

constexpr const char* kReload =
    R"(# The second is the time in which it says that it has begun: the reload ends when it is done.
ExecReload=/bin/kill -HUP $MAINPID
ExecReload=/bin/sleep 0.2
)";

// A page that cannot have its port yet is no reason to give up.
constexpr const char* kPageStart = "Type=exec\n";

constexpr const char* kDaemonPurpose = R"(
# It opens sockets, reads its lists, writes its state; nothing else.
)";

constexpr const char* kPagePurpose = R"(
# It listens, asks the daemon at its control socket, and writes nothing.
)";

constexpr const char* kSandbox =
    R"(NoNewPrivileges=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# With these it gives up more: capabilities, system calls, all files but its own.
SystemCallFilter=capset seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self
SystemCallErrorNumber=EPERM
UMask=0077
ProtectSystem=strict
)";

}  // namespace

std::string unit_file(const Unit& unit) {
  const bool daemon = unit.of == Unit::Of::daemon;
  std::string text = "# Written by svctool. Settings: " + unit.environment_file +
                     "\n# Overrides of your own: systemctl edit.\n[Unit]\nDescription=" +
                     without_specifiers(unit.description) +
                     "\nDocumentation=man:" + (daemon ? "qmail-greyd" : "greyctl") +
                     "(8) man:svctool(8)\nAfter=network.target" +
                     (unit.after.empty() ? "" : " " + without_specifiers(unit.after)) +
                     // What stops it at its start, such as a bad list, may be mended at any time.
                     "\nStartLimitIntervalSec=0\n\n[Service]\n";
  text += daemon ? kReadiness : kPageStart;
  text += unit.user.empty() ? "DynamicUser=yes\n" : "User=" + unit.user + "\n";
  // Who is not root cannot give its socket to a group that is not its own; who asks is in it.
  if (!unit.group.empty()) {
    text += (daemon ? "Group=" : "SupplementaryGroups=") + without_specifiers(unit.group) + "\n";
  }
  text += "EnvironmentFile=" + without_specifiers(unit.environment_file) + "\n";
  // Of what is started that is the shell's name.
  text += "SyslogIdentifier=" + without_specifiers(unit.identifier) + "\n";
  text += "ExecStart=/bin/sh " + command_word(unit.script) + "\n";
  if (daemon) text += kReload;
  text += "Restart=always\nRestartSec=1\n";
  if (!unit.memory.empty()) {
    text += "# At the first the daemon forgets its oldest records; the second is for the kernel.\n";
    text += "LimitAS=" + unit.memory + "\nMemoryMax=" + unit.memory + "\n";
  }
  text += daemon ? kDaemonPurpose : kPagePurpose;
  text += kSandbox;
  for (const std::string& path : unit.writable) text += "ReadWritePaths=" + word(path) + "\n";
  text += directory_protection(unit);
  const std::string capability = unit.low_port ? "CAP_NET_BIND_SERVICE" : "";
  text += "CapabilityBoundingSet=" + capability + "\n";
  if (unit.low_port) text += "AmbientCapabilities=" + capability + "\n";
  // In a user namespace of its own the capability would be worth nothing, and everybody but root
  // who asks at the control socket would be nobody.
  if (!unit.low_port && unit.group.empty()) text += "PrivateUsers=yes\n";
  return text + "\n[Install]\nWantedBy=multi-user.target\n";
}

std::string environment_file(const Variables& variables) {
  std::string text;
  for (const auto& [name, value] : variables) {
    std::string quoted;
    bool plain = true;
    for (const char c : value) {
      const bool special = c == '"' || c == '\\' || c == '`' || c == '$';
      plain = plain && !special && c != ' ' && c != '\'' && c != '#' && c != ';';
      if (special) quoted += '\\';
      quoted += c;
    }
    text += name + "=" + (plain ? value : "\"" + quoted + "\"") + "\n";
  }
  return text;
}

Variables parse_environment(std::string_view content) {
  Variables variables;
  while (!content.empty()) {
    const std::size_t newline = content.find('\n');
    const std::string_view line = trim(content.substr(0, newline));
    content.remove_prefix(newline == std::string_view::npos ? content.size() : newline + 1);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || line[0] == '#' || line[0] == ';') continue;
    variables.emplace_back(trim(line.substr(0, equals)), unquote(trim(line.substr(equals + 1))));
  }
  return variables;
}

std::string unit_name(const std::string& service) {
  return service.substr(service.rfind('/') + 1) + ".service";
}

std::string unit_path(const std::string& service) {
  return "/etc/systemd/system/" + unit_name(service);
}

// "# Written by svctool. Settings: /etc/greylist/greylist.1999/environment"
std::string service_of_unit(std::string_view unit) {
  constexpr std::string_view kStart = "# Written by svctool. Settings: ", kEnd = "/environment";
  const std::string_view line = unit.substr(0, unit.find('\n'));
  if (!line.starts_with(kStart) || !line.ends_with(kEnd)) return {};
  if (line.size() < kStart.size() + kEnd.size()) return {};
  return std::string(line.substr(kStart.size(), line.size() - kStart.size() - kEnd.size()));
}

}  // namespace grey::svctool
