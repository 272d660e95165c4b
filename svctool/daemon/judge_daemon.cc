#include "svctool/daemon/judge_daemon.h"

#include "svctool/daemon/sockets.h"

namespace grey::svctool {
namespace {

std::string process(pid_t pid) {
  return "(process " + std::to_string(pid) + ")";
}

std::string restart_of(const std::string& service) {
  return "svctool --restart --service=" + service;
}

// True: there is something wrong with the daemon itself, which explains that it does not answer.
bool judge_process(const Observation& seen, const Places& places, bool own, Findings& findings) {
  const ServiceState& state = *seen.state;
  const std::string& service = places.service;
  const std::string daemon = service + ": the daemon " + process(state.pid);
  if (!state.up && !state.wanted) {
    findings.wrong("down", service + ": down, and stays so until it is started", places.start,
                   service);
  } else if (!state.up || seen.restarts) {
    findings.wrong("restarts",
                   service + ": the daemon ends and is started again and again" +
                       (places.reason.empty() ? "" : ", saying '" + places.reason + "'"),
                   "mend what it says in " + places.log, service);
  } else if (state.paused) {
    findings.wrong("paused", daemon + " is paused", "kill -CONT " + std::to_string(state.pid),
                   service);
  } else if (!own) {
    findings.wrong(
        "not-listening", daemon + " does not listen on " + to_string(seen.probe.endpoint),
        restart_of(service) + ", if LISTEN was changed; it has said: " + places.log, service);
  } else if (!seen.probe.answered) {
    findings.wrong("silent", daemon + " is up, and does not answer",
                   "see what it has said: " + places.log + "; then " + restart_of(service),
                   service);
  } else {
    return false;
  }
  return true;
}

}  // namespace

void judge_daemon(const Observation& seen, const Places& places, const Answering& set,
                  Findings& findings) {
  Probe probe = seen.probe;
  const std::string where = to_string(probe.endpoint);
  const bool own = seen.listens.value_or(true);
  if (!own && !seen.other.empty()) {
    findings.wrong(
        "port-taken", places.service + ": UDP port " + where + " is taken by " + seen.other,
        "end that one, or set another LISTEN and use it with " + restart_of(places.service), where);
  }
  const bool explained = seen.state && judge_process(seen, places, own, findings);
  if (!own && probe.answered) {
    probe.answered = false;
    probe.outcome = "answered by another program" + (seen.other.empty() ? "" : ", " + seen.other);
  }
  const bool dry = probe.answered && set.dry_run && probe.reason == wire::Reason::known;
  const std::string text = "daemon at " + where + ": ";
  if (dry) {
    findings.note("dry-run", text + "answers (in a dry run, DRY_RUN: everyone is accepted)",
                  "empty DRY_RUN to greylist", where);
  } else if (probe.answered && probe.reason == wire::Reason::whitelisted && set.rules) {
    // Where users opt in, the last rule is `* off`.
    findings.note("answers",
                  text +
                      "accepts an address that nobody has: a rule may be off for all, or a list "
                      "name all",
                  "if that is not meant: greyctl query names the line", where);
  } else if (probe.answered && probe.reason == wire::Reason::whitelisted) {
    findings.warn("all-whitelisted",
                  text + "accepts an address that nobody has, as whitelisted: a list may name all",
                  "look for an entry as 0.0.0.0/0; the log names its list and line", where);
  } else if (probe.answered) {
    findings.note("answers", text + probe.outcome, {}, where);
  } else {
    findings.wrong("no-answer", text + probe.outcome,
                   explained ? "" : "see what it has said: " + places.log, where);
  }
}

void judge_asked_daemon(const Probe& probe, Findings& findings) {
  const std::string where = to_string(probe.endpoint);
  const std::string text = "daemon at " + where + ": " + probe.outcome;
  if (probe.answered) {
    findings.note("answers", text, {}, where);
  } else {
    findings.wrong("no-answer", text,
                   "svctool --check on the host that has that address; of another host than this "
                   "one, see its ALLOW",
                   where);
  }
}

void judge_log(const LogObservation& seen, const std::string& service, const std::string& start,
               Findings& findings) {
  if (!seen.state) return;
  const std::string where = service + ": what writes the log ";
  const std::string pid = std::to_string(seen.state->pid);
  const std::string it = where + process(seen.state->pid);
  if (seen.state->up && seen.state->paused) {
    findings.wrong("log-paused", it + " is paused", "kill -CONT " + pid, service);
  } else if (seen.steady && seen.other_user.empty()) {
    return;
  } else if (seen.steady) {
    // multilog that cannot write to its files any more does not end for a TERM.
    findings.wrong("log-user", it + " still runs as user " + seen.other_user,
                   "if it does not end when it is told to: kill -KILL " + pid, service);
  } else if (!seen.state->up && !seen.state->wanted) {
    findings.wrong("log-down", where + "is down, and stays so until it is started", start, service);
  } else {
    findings.wrong("log-restarts", where + "ends and is started again and again",
                   "mend what it says where its supervisor writes, which ps(1) may show", service);
  }
}

std::optional<Finding> judge_supervision(const Supervision& seen) {
  const std::string& service = seen.service;
  if (seen.supervised) return std::nullopt;
  const auto finding = [&](Severity severity, std::string id, const std::string& text,
                           std::string todo) {
    return Finding{severity, std::move(id), service + ": " + text, std::move(todo), service};
  };
  if (seen.hidden) {
    return finding(Severity::unseen, "supervision-unseen",
                   "only root can see whether a supervisor runs here", "run svctool as root");
  }
  const std::string& scanner = seen.scanner;
  if (seen.watched.empty()) {
    const std::string todo = "start " + scanner +
                             " for the directory that it is in, or link it to one that " + scanner +
                             " watches";
    return seen.has_run
               ? finding(Severity::wrong, "not-supervised",
                         "no supervise runs here any more, and no " + scanner + " watches it", todo)
               : finding(Severity::wrong, "never-run",
                         "no supervise runs here, and none ever has: no " + scanner + " watches it",
                         todo);
  }
  if (!seen.rescan.empty()) {
    return finding(
        Severity::wrong, "not-started",
        "no supervise runs here: " + scanner + " has not been told to look at " + seen.watched,
        seen.rescan + " " + seen.watched);
  }
  if (seen.age && *seen.age < 2 * kScanSeconds) {
    return finding(Severity::wrong, "new",
                   "new in " + seen.watched + ": no supervise runs here yet, as " + scanner +
                       " looks every five seconds",
                   "check again in a moment");
  }
  const std::string text = "no supervise runs here, though " + scanner + " watches " + seen.watched;
  const std::string todo =
      "see what " + scanner + " says, which ps(1) may show, and that `run` can be run";
  if (seen.has_run) return finding(Severity::wrong, "not-supervised", text, todo);
  return finding(Severity::wrong, "not-started", text, todo);
}

}  // namespace grey::svctool
