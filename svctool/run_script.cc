#include "svctool/run_script.h"

#include "svctool/settings.h"

namespace grey::svctool {
namespace {

// The script runs itself a second time below envdir: so no program text has to be quoted inside a
// quoted text. `env -i` keeps what svscan was started with out of the service; what the daemon
// needs beyond its settings (TZ, say) is a file below variables/ like the others.
std::string preamble(const std::string& prefix, std::string_view title) {
  std::string text = "#!/bin/sh\n# ";
  text.append(title);
  text += R"sh(
# Written by svctool. Settings are the files below variables/: change one, then svc -t this service.
if [ "${1-}" != configured ]; then
  exec 2>&1
)sh";
  text += "  PATH=/command:/usr/local/bin:/usr/bin:/bin:" + shell_quote(prefix + "/sbin") + ":" +
          shell_quote(prefix + "/bin") + "\n";
  text += R"sh(  export PATH
  exec env -i PATH="$PATH" envdir variables ./run configured
fi
)sh";
  return text;
}

// VALUE as the flag's argument; nothing at all when empty or unset.
std::string optional_flag(std::string_view flag, std::string_view variable) {
  const std::string name(variable);
  return "  ${" + name + ":+" + std::string(flag) + " \"$" + name + "\"} \\\n";
}

}  // namespace

std::string shell_quote(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(text);
  }
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string run_script(const std::string& prefix, bool use_greydaemon) {
  const std::string program = use_greydaemon ? "greydaemon" : "qmail-greyd";
  std::string text = preamble(prefix, program + " under supervise(8)");
  text += R"sh(
# Only root can become another user.
[ "$(id -u)" = 0 ] || SERVICE_USER=
case ${DRY_RUN-} in 0 | no | off) DRY_RUN= ;; esac

# A setting whose file is empty or missing is left out: the daemon's default rules.
# shellcheck disable=SC2153,SC2154 # the variables are set by envdir
exec ${SOFT_MEM:+softlimit -m "$SOFT_MEM"} \
)sh";
  text += "  " + shell_quote(prefix + "/sbin/" + program) + " \\\n";
  text += optional_flag("-u", "SERVICE_USER");
  for (const Setting& setting : settings()) {
    const std::string_view flag = use_greydaemon ? setting.greydaemon_flag : setting.flag;
    if (!flag.empty()) text += optional_flag(flag, setting.variable);
  }
  if (!use_greydaemon) text += "  ${DRY_RUN:+--dry-run} \\\n";
  text += "  \"$LISTEN\" \"$CONTEXT_FILE\"\n";
  return text;
}

std::string log_run_script(const std::string& prefix) {
  std::string text = preamble(prefix, "the log of the service above");
  text += R"sh(
# Only root can become another user.
[ "$(id -u)" = 0 ] || LOGUSER=

# shellcheck disable=SC2153,SC2154 # the variables are set by envdir
exec ${LOGUSER:+setuidgid "$LOGUSER"} \
  multilog t ${LOGSIZE:+"s$LOGSIZE"} ${LOGCOUNT:+"n$LOGCOUNT"} "$LOGDIR"
)sh";
  return text;
}

}  // namespace grey::svctool
