#include "svctool/supervisor.h"

#include "svctool/shell_quote.h"

namespace grey::svctool {
namespace {

constexpr Suite kSuites[] = {
    {.name = "daemontools",
     .servicedir = "/service",
     .scanner = "svscan",
     .scanner_works_there = true,
     .envdir = "envdir",
     .memory_limit = "softlimit -m",
     .as_user = "setuidgid",
     .logger = R"(multilog t ${LOGSIZE:+"s$LOGSIZE"} ${LOGCOUNT:+"n$LOGCOUNT"} "$LOGDIR")",
     .restart = "svc -t",
     .start = "svc -u",
     .reload = "svc -h",
     .rescan = {}},
    // svlogd reads size and number of files from LOGDIR/config alone. Other lines there are the
    // operator's; a disk that is full leaves what was there.
    {.name = "runit",
     .servicedir = "/etc/service",
     .scanner = "runsvdir",
     .scanner_works_there = false,
     .envdir = "chpst -e",
     .memory_limit = "chpst -m",
     .as_user = "chpst -u",
     .logger = R"sh(sh -c '
    cd "$LOGDIR" || exit 111
    if [ -n "${LOGSIZE-}${LOGCOUNT-}" ]; then
      {
        [ ! -f config ] || sed "/^[sn][0-9]*\$/d" config
        [ -z "${LOGSIZE-}" ] || echo "s$LOGSIZE"
        [ -z "${LOGCOUNT-}" ] || echo "n$LOGCOUNT"
      } >config.new && mv -f config.new config
    fi
    exec svlogd -t .')sh",
     .restart = "sv term",
     .start = "sv up",
     .reload = "sv hup",
     .rescan = {}},
    {.name = "s6",
     .servicedir = "/service",
     .scanner = "s6-svscan",
     .scanner_works_there = true,
     .envdir = "s6-envdir",
     .memory_limit = "s6-softlimit -m",
     .as_user = "s6-setuidgid",
     .logger = R"(s6-log t ${LOGSIZE:+"s$LOGSIZE"} ${LOGCOUNT:+"n$LOGCOUNT"} "$LOGDIR")",
     .restart = "s6-svc -t",
     .start = "s6-svc -u",
     .reload = "s6-svc -h",
     .rescan = "s6-svscanctl -a"},
    {.name = "systemd",
     .servicedir = "/etc/greylist",
     .scanner = {},
     .scanner_works_there = false,
     .envdir = {},
     .memory_limit = {},
     .as_user = {},
     .logger = {},
     .restart = "systemctl restart",
     .start = "systemctl start",
     .reload = "systemctl reload",
     .rescan = {}},
};

std::string command(const Suite& suite, std::string_view words, const std::string& service) {
  return std::string(words) + " " + shell_quote(is_systemd(suite) ? unit_name(service) : service);
}

}  // namespace

std::span<const Suite> suites() {
  return kSuites;
}

const Suite& daemontools() {
  return kSuites[0];
}

const Suite* find_suite(std::string_view name) {
  for (const Suite& suite : kSuites) {
    if (suite.name == name) return &suite;
  }
  return nullptr;
}

bool is_systemd(const Suite& suite) {
  return suite.scanner.empty();
}

std::string unit_name(const std::string& service) {
  return service.substr(service.rfind('/') + 1) + ".service";
}

std::string unit_path(const std::string& service) {
  return "/etc/systemd/system/" + unit_name(service);
}

std::string restart_command(const Suite& suite, const std::string& service) {
  return command(suite, suite.restart, service);
}

std::string start_command(const Suite& suite, const std::string& service) {
  return command(suite, suite.start, service);
}

std::string reload_command(const Suite& suite, const std::string& service) {
  return command(suite, suite.reload, service);
}

}  // namespace grey::svctool
