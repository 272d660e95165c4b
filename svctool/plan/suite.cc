#include "svctool/plan/suite.h"

#include <sstream>

#include "svctool/plan/service_layout.h"
#include "svctool/plan/unit_file.h"
#include "svctool/util/shell_quote.h"

namespace grey::svctool {
namespace {

std::string its_directory(const std::string& service) {
  return service;
}

// Fields that a suite has no use for are left empty.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
constexpr Suite kSuites[] = {
    {.name = "daemontools",
     .servicedir = "/service",
     .scanner = "svscan",
     .scanner_works_there = true,
     .envdir = "envdir",
     .memory_limit = "softlimit -m",
     .as_user = "setuidgid",
     .logger = R"(multilog t ${LOGSIZE:+"s$LOGSIZE"} ${LOGCOUNT:+"n$LOGCOUNT"} "$LOGDIR")",
     .add_files = add_scanned_files,
     .known_as = its_directory,
     .restart = {"svc -t", "tc"},
     .start = {"svc -u", "u"},
     .reload = {"svc -h", "h"},
     .put_down = {"svc -d", "dc"},
     .end = {"svc -dx", "dcx"},
     .state_file = "supervise/status",
     .parse_state = parse_status_file},
    // svlogd reads size and number of files from LOGDIR/config alone. Other lines there are the
    // operator's; a disk that is full leaves what was there.
    {.name = "runit",
     .servicedir = "/etc/service",
     .scanner = "runsvdir",
     .scanner_works_there = false,
     .leaves = "supervise/pid",
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
     .add_files = add_scanned_files,
     .known_as = its_directory,
     .restart = {"sv term", "tc"},
     .start = {"sv up", "u"},
     .reload = {"sv hup", "h"},
     .put_down = {"sv down", "dc"},
     .end = {"sv exit", "dcx"},
     .state_file = "supervise/status",
     .parse_state = parse_status_file},
    {.name = "s6",
     .servicedir = "/service",
     .scanner = "s6-svscan",
     .scanner_works_there = true,
     .leaves = "event",
     .envdir = "s6-envdir",
     .memory_limit = "s6-softlimit -m",
     .as_user = "s6-setuidgid",
     .logger = R"(s6-log t ${LOGSIZE:+"s$LOGSIZE"} ${LOGCOUNT:+"n$LOGCOUNT"} "$LOGDIR")",
     .notification_fd = "3",
     .add_files = add_scanned_files,
     .known_as = its_directory,
     .restart = {"s6-svc -t", "tc"},
     .start = {"s6-svc -u", "u"},
     .reload = {"s6-svc -h", "h"},
     .put_down = {"s6-svc -d", "dc"},
     .end = {"s6-svc -dx", "dcx"},
     .rescan = "s6-svscanctl -a",
     .state_words = "s6-svstat -o up,wantedup,pid",
     .parse_state = parse_s6_state},
    {.name = "systemd",
     .servicedir = "/etc/greylist",
     .scanner_works_there = false,
     .runs_where = "/run/systemd/system",  // as sd_booted(3) finds out
     .add_files = add_unit_files,
     .settings_file = "environment",
     .known_as = unit_name,
     .own_file = unit_path,
     .service_of = service_of_unit,
     .log_keeper = "the journal",
     .show_log = "journalctl -u",
     .log_news = "journalctl -q --no-pager -o short-unix -n 5000 -u",
     .restart = {"systemctl restart"},
     .start = {"systemctl start"},
     .reload = {"systemctl reload"},
     .put_down = {"systemctl stop"},
     .end = {"systemctl disable --now"},
     .reread = "systemctl daemon-reload",
     .install = "systemctl enable --now",
     .is_enabled = "systemctl is-enabled --quiet",
     .enable = "systemctl enable",
     .disable = "systemctl disable",
     .state_words = "systemctl show -p ActiveState -p MainPID",
     .parse_state = parse_systemd_state,
     .access_words = "systemctl show -p ProtectSystem -p ReadWritePaths -p Group",
     .parse_access = parse_unit_access},
};
#pragma GCC diagnostic pop

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

std::string names_of_what_runs() {
  std::string names;
  for (const Suite& suite : kSuites) {
    const bool last = &suite == &suites().back();
    names += names.empty() ? "" : last ? " and " : ", ";
    names += has_scanner(suite) ? suite.scanner : suite.name;
  }
  return names;
}

std::string command(const Suite& suite, std::string_view words, const std::string& service) {
  return std::string(words) + " " + shell_quote(suite.known_as(service));
}

std::string restart_command(const Suite& suite, const std::string& service) {
  return command(suite, suite.restart.words, service);
}

std::string start_command(const Suite& suite, const std::string& service) {
  return command(suite, suite.start.words, service);
}

std::string reload_command(const Suite& suite, const std::string& service) {
  return command(suite, suite.reload.words, service);
}

std::vector<std::string> arguments_of(std::string_view words, const std::string& last) {
  std::vector<std::string> arguments;
  std::istringstream stream{std::string(words)};
  for (std::string word; stream >> word;) arguments.push_back(std::move(word));
  if (!last.empty()) arguments.push_back(last);
  return arguments;
}

std::string place_of_variable(const Suite& suite, bool of_log) {
  if (!suite.settings_file.empty()) return "/" + std::string(suite.settings_file) + ", ";
  return of_log ? "/log/variables/" : "/variables/";
}

std::string own_file_of(const Suite& suite, const std::string& service) {
  return suite.own_file == nullptr ? std::string() : suite.own_file(service);
}

}  // namespace grey::svctool
