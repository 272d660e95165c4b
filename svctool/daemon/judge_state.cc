#include "svctool/daemon/judge_state.h"

#include <algorithm>

#include "greyd/base/files.h"

namespace grey::svctool {
namespace {

constexpr std::uint64_t kLeastRoom = std::uint64_t{64} << 10;  // for a state that is yet to grow
constexpr std::uint64_t kLeastFiles = 2;                       // NAME.new and NAME.journal
// Two intervals may pass while a large snapshot is being written; the rest is for a slow disk.
constexpr double kLate = 2;
constexpr double kGrace = 300;  // seconds

void judge_room(const StateFacts& facts, Findings& findings) {
  if (!facts.room) return;
  const std::string directory = directory_of(facts.context);
  const std::uint64_t needed = room_of_save(facts);
  const std::string text = directory + ": " + size_text(facts.room->bytes) + " are free there, ";
  if (facts.room->bytes < needed) {
    findings.wrong("state-room", text + "and the next save takes " + size_text(needed),
                   "make room on that disk before the daemon is restarted, or what it cannot save "
                   "is lost",
                   directory);
  } else if (facts.room->bytes < 2 * needed) {
    findings.warn("state-room-low",
                  text + "and a save with its journal may come to " + size_text(2 * needed),
                  "make room on that disk", directory);
  }
  if (facts.room->files && *facts.room->files < kLeastFiles) {
    findings.wrong("state-files", directory + ": no more files can be made on that disk (inodes)",
                   "remove files there before the daemon is restarted", directory);
  }
}

void judge_age(const StateFacts& facts, Findings& findings) {
  if (!facts.running) return;
  const double late = kLate * facts.save_interval + kGrace;
  const std::string every = age_text(facts.save_interval);
  if (*facts.running > late && facts.saved_ago.value_or(*facts.running) > late) {
    const std::string last = facts.saved_ago ? ": last saved " + age_text(*facts.saved_ago) + " ago"
                                             : ": not saved at all";
    findings.wrong("save-old", facts.context + last + ", and it is to be every " + every,
                   "mend what the daemon says in " + facts.log, facts.context);
  } else if (facts.saved_ago && *facts.saved_ago < -kGrace) {
    findings.note("saved", facts.context + ": its time is in the future, so its age is not known",
                  {}, facts.context);
  } else if (facts.saved_ago) {
    findings.note("saved",
                  facts.context + ": saved " + age_text(std::max(0., *facts.saved_ago)) + " ago, " +
                      size_text(facts.snapshot),
                  {}, facts.context);
  }
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  const char* const units[] = {" bytes", " KiB", " MiB", " GiB", " TiB"};
  std::size_t unit = 0;
  while (bytes >= 10 * 1024 && unit + 1 < std::size(units)) {
    bytes /= 1024;
    ++unit;
  }
  return std::to_string(bytes) + units[unit];
}

std::string age_text(double seconds) {
  const struct {
    double seconds;
    const char* name;
  } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}};
  for (const auto& unit : units) {
    if (seconds < 2 * unit.seconds && seconds != unit.seconds) continue;
    const auto count = std::int64_t(seconds / unit.seconds);
    return std::to_string(count) + " " + unit.name + (count == 1 ? "" : "s");
  }
  const auto count = std::int64_t(seconds);
  return std::to_string(count) + (count == 1 ? " second" : " seconds");
}

std::uint64_t room_of_save(const StateFacts& facts) {
  return std::max(kLeastRoom, facts.snapshot + facts.journals);
}

void judge_save(const StateFacts& facts, Findings& findings) {
  const std::string directory = directory_of(facts.context);
  if (!facts.denied.empty()) findings.wrong("state-unwritable", facts.denied, {}, directory);
  if (facts.read_only) {
    findings.wrong("state-read-only", directory + ": the file system is read-only for the daemon",
                   "mount it writable; under systemd see ReadWritePaths of the unit", directory);
  }
  judge_room(facts, findings);
  if (!facts.moved.empty()) {
    findings.wrong("state-moved",
                   facts.context +
                       ": its directory is another than at the daemon's start, so it answers from "
                       "memory, and saves in " +
                       facts.moved + " when it ends",
                   "stop it (svctool --stop), put " + directory_of(facts.moved) +
                       " back in the place of " + directory + ", and start it",
                   directory);
  } else if (facts.journal_open == false) {
    findings.wrong(
        "journal-off",
        facts.context +
            ".journal: the daemon does not write it and answers from memory, so that "
            "what it learns now is lost when it ends",
        "mend what it says in " + facts.log + "; it tries again each minute, or at a kill -USR1 " +
            std::to_string(facts.daemon) + ", so wait until this is gone before a restart",
        facts.context + ".journal");
  }
}

void judge_state(const StateFacts& facts, Findings& findings) {
  if (facts.unseen) {
    findings.unseen("state-unseen",
                    directory_of(facts.context) + ": only root can see whether the state is saved",
                    directory_of(facts.context));
  }
  judge_save(facts, findings);
  if (!facts.running_denied.empty()) {
    findings.wrong("state-unwritable", "as it runs now: " + facts.running_denied, {},
                   directory_of(facts.context));
  }
  judge_age(facts, findings);
  for (const std::string& file : facts.set_aside) {
    findings.warn("set-aside",
                  file +
                      ": set aside by the daemon, as it was damaged or not its own; what could be "
                      "read of it is in force",
                  "look at it, then move it away", file);
  }
}

}  // namespace grey::svctool
