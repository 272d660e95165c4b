#include "svctool/plan/run_script.h"

#include "svctool/plan/settings.h"
#include "svctool/util/shell_quote.h"

namespace grey::svctool {
namespace {

constexpr std::string_view kPath = "/command:/usr/local/bin:/usr/bin:/bin:";

std::string title(std::string_view what) {
  return "#!/bin/sh\n# " + std::string(what) + "\n# Written by svctool. Settings are ";
}

// The script runs itself a second time below envdir: so no program text has to be quoted inside a
// quoted text. `env -i` keeps what svscan was started with out of the service; what the daemon
// needs beyond its settings (TZ, say) is a file below variables/ like the others.
std::string preamble(const std::string& prefix, std::string_view what, const Suite& suite) {
  std::string text = title(what);
  text.append("the files below variables/: change one, then ").append(suite.restart.words);
  text += R"sh( this service.
if [ "${1-}" != configured ]; then
  exec 2>&1
)sh";
  text += "  PATH=" + std::string(kPath) + shell_quote(prefix + "/sbin") + ":" +
          shell_quote(prefix + "/bin") + "\n  export PATH\n  exec env -i PATH=\"$PATH\" ";
  return text.append(suite.envdir).append(" variables ./run configured\nfi\n");
}

// VALUE as the flag's argument; nothing at all when empty or unset.
std::string optional_flag(std::string_view flag, std::string_view variable) {
  const std::string name(variable);
  return "  ${" + name + ":+" + std::string(flag) + " \"$" + name + "\"} \\\n";
}

// All that is before the settings are used.
std::string head(const std::string& prefix, const std::string& what, const Suite& suite) {
  std::string text;
  const std::string name(suite.name);
  if (suite.settings_file.empty()) {
    text = preamble(prefix, what + " under " + name, suite);
  } else {
    text = title(what + " under " + name) + "in the file `" + std::string(suite.settings_file) +
           "` beside this one, which " + name + " reads.\n";
  }
  text += "\n";
  if (!sets_user(suite)) {
    text += "# Only root can become another user.\n";
  }
  return text;
}

// Starts the daemon in the shell's place, with the settings in its environment. `first`: lines of
// options before those.
std::string daemon_command(const std::string& prefix, bool use_greydaemon, const Suite& suite,
                           const std::string& first) {
  std::string text;
  if (!sets_user(suite)) text += "[ \"$(id -u)\" = 0 ] || SERVICE_USER=\n";
  text += R"sh(case ${DRY_RUN-} in 0 | no | off) DRY_RUN= ;; esac

# A setting that is empty or missing is left out: the daemon's default rules.
# shellcheck disable=SC2153,SC2154 # the variables are in the environment
exec )sh";
  if (!sets_user(suite)) {
    text.append("${SOFT_MEM:+").append(suite.memory_limit).append(" \"$SOFT_MEM\"} \\\n  ");
  }
  text += shell_quote(prefix + "/sbin/" + daemon_name(use_greydaemon)) + " \\\n";
  text += first;
  const Setting& user = setting_named("user");
  if (!sets_user(suite)) text += optional_flag(flag_of(user), user.variable);
  for (const Setting& setting : settings()) {
    text += optional_flag(flag_of(setting), setting.variable);
  }
  text += "  ${DRY_RUN:+--dry-run} \\\n";
  return text + "  \"$LISTEN\" \"$CONTEXT_FILE\"\n";
}

}  // namespace

std::string daemon_name(bool use_greydaemon) {
  return use_greydaemon ? "greydaemon" : "qmail-greyd";
}

std::string run_script(const std::string& prefix, bool use_greydaemon, const Suite& suite) {
  const std::string text = head(prefix, daemon_name(use_greydaemon), suite);
  std::string readiness;
  if (!suite.notification_fd.empty()) {
    readiness.append("  --notification-fd ").append(suite.notification_fd).append(" \\\n");
  }
  return text + daemon_command(prefix, use_greydaemon, suite, readiness);
}

std::string page_run_script(const std::string& prefix, const Suite& suite) {
  std::string text = head(prefix, "greyctl serve", suite);
  if (!sets_user(suite)) text += "[ \"$(id -u)\" = 0 ] || SERVICE_USER=\n\n";
  text += "# shellcheck disable=SC2153,SC2154 # the variables are in the environment\nexec ";
  text += shell_quote(prefix + "/bin/greyctl") + " --service \"$SERVICE\" serve \\\n";
  // It has its port when it becomes that user.
  if (!sets_user(suite)) text += optional_flag("--user", "SERVICE_USER");
  return text + "  \"$SERVE\"\n";
}

std::string service_path_variable(const std::string& prefix) {
  return std::string(kPath) + prefix + "/sbin:" + prefix + "/bin";
}

std::string check_script(const std::string& prefix, bool use_greydaemon, const Suite& suite,
                         const std::string& user) {
  const std::string as_user = sets_user(suite) ? " -u " + shell_quote(user) : "";
  return daemon_command(prefix, use_greydaemon, suite, "  --check" + as_user + " \\\n");
}

std::string log_run_script(const std::string& prefix, const Suite& suite) {
  std::string text = preamble(prefix, "the log of the service above", suite);
  text += R"sh(
# Only root can become another user.
[ "$(id -u)" = 0 ] || LOGUSER=

# shellcheck disable=SC2016,SC2153,SC2154 # the variables are in the environment
exec ${LOGUSER:+)sh";
  return text.append(suite.as_user).append(" \"$LOGUSER\"} \\\n  ").append(suite.logger) + "\n";
}

}  // namespace grey::svctool
