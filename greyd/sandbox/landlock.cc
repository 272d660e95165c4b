#include "greyd/sandbox/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "greyd/sandbox/build.h"

namespace grey::sandbox {
namespace {

// What the kernel's header may be too old for; see linux/landlock.h of later ones.
constexpr std::uint64_t kTruncate = std::uint64_t{1} << 14;  // from version 3
constexpr std::uint64_t kIoctl = std::uint64_t{1} << 15;     // 5
constexpr std::uint64_t kBindTcp = 1, kConnectTcp = 2;       // 4
constexpr std::uint64_t kAbstractSockets = 1, kSignals = 2;  // 6: of processes not in the sandbox
constexpr int kPortRule = 2;
constexpr int kTcpVersion = 4;

struct Ruleset {
  std::uint64_t files = 0, net = 0, scoped = 0;
};
struct PortRule {
  std::uint64_t access, port;
};

constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kKeep = kRead | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                kTruncate;

// A kernel refuses bits, and a length, of which it does not know.
Ruleset all_of(int version) {
  Ruleset all;
  all.files = (std::uint64_t{LANDLOCK_ACCESS_FS_MAKE_SYM} << 1) - 1;
  if (version >= 2) all.files |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) all.files |= kTruncate;
  if (version >= 5) all.files |= kIoctl;
  if (version >= kTcpVersion) all.net = kBindTcp | kConnectTcp;
  if (version >= 6) all.scoped = kAbstractSockets | kSignals;
  // A sanitizer reads what it is to tell about: programs, memory maps.
  if (kSanitized) all.files &= ~kRead;
  return all;
}

std::size_t size_of_ruleset(int version) {
  if (version < kTcpVersion) return offsetof(Ruleset, net);
  return version < 6 ? offsetof(Ruleset, scoped) : sizeof(Ruleset);
}

int add_rule(const Fd& rules, int kind, const void* rule) {
  return ::syscall(SYS_landlock_add_rule, rules.get(), kind, rule, 0) == 0 ? 0 : errno;
}

Result<void> allow_below(const Fd& rules, const std::string& path, std::uint64_t access) {
  const Fd directory(::open(path.c_str(), O_PATH | O_CLOEXEC | O_DIRECTORY));
  // What cannot be opened now is told by whoever needs it.
  if (!directory || access == 0) return {};
  const landlock_path_beneath_attr rule{access, directory.get()};
  const int error = add_rule(rules, LANDLOCK_RULE_PATH_BENEATH, &rule);
  if (error == 0) return {};
  return tl::make_unexpected(system_error("keep access to", path, error));
}

Result<void> allow_files(const Fd& rules, const Needs& needs, std::uint64_t known) {
  const struct {
    const std::vector<std::string>& directories;
    std::uint64_t access;
  } kinds[] = {
      {needs.reads, kRead}, {needs.keeps, kKeep}, {needs.removes, LANDLOCK_ACCESS_FS_REMOVE_FILE}};
  for (const auto& kind : kinds) {
    for (const std::string& path : kind.directories) {
      if (auto allowed = allow_below(rules, path, kind.access & known); !allowed) return allowed;
    }
  }
  return {};
}

// Which ports may be connected to is not said where any may.
bool any_port(const Needs& needs) {
  return needs.connects_out && (needs.ports.empty() || needs.loads_resolvers);
}

}  // namespace

int landlock_version() {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version >= 0) return int(version);
  const bool has_none = errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM;
  return has_none ? 0 : -errno;
}

Result<void> restrict_files(const Needs& needs, int version) {
  const auto cannot = [](const char* what) {
    return tl::make_unexpected(system_error(what, "files out of reach (Landlock)", errno));
  };
  Ruleset handled = all_of(version);
  if (any_port(needs)) handled.net &= ~kConnectTcp;
  const Fd rules(
      int(::syscall(SYS_landlock_create_ruleset, &handled, size_of_ruleset(version), 0)));
  if (!rules) return cannot("put");
  if (auto allowed = allow_files(rules, needs, handled.files); !allowed) return allowed;
  if ((needs.connects_out || needs.asks_dns) && (handled.net & kConnectTcp) != 0) {
    for (const std::uint16_t port : needs.ports) {
      const PortRule rule{kConnectTcp, port};
      if (const int error = add_rule(rules, kPortRule, &rule)) {
        return tl::make_unexpected(
            system_error("keep access to port", std::to_string(port), error));
      }
    }
  }
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0) return cannot("put");
  return {};
}

}  // namespace grey::sandbox
