// svctool --key: makes the file of keys, changes the key in it, and tells daemon or SMTP server
// where it is.
#include "greyd/base/place.h"
#include "svctool/daemon/find_supervisor.h"
#include "svctool/disk/lock.h"
#include "svctool/disk/transaction.h"
#include "svctool/files/service_files.h"
#include "svctool/files/staging.h"
#include "svctool/files/walks.h"
#include "svctool/plan/service_dir.h"
#include "svctool/util/output.h"
#include "svctool/verbs/after_change.h"
#include "svctool/verbs/key_file.h"
#include "svctool/verbs/set_rule.h"
#include "svctool/verbs/set_variables.h"
#include "svctool/verbs/verbs.h"

namespace grey::svctool {
namespace {

Result<int> tell_smtp_service(const KeyRequest& request, const Manner& manner, Locks& locks) {
  const std::string directory = manner.destdir.at(request.service);
  if (auto within = stays_within(manner.destdir, request.service + "/variables/GREYKEYFILE");
      !within) {
    return tl::make_unexpected(within.error());
  }
  if (auto taken = locks.service(directory); !taken) return tl::make_unexpected(taken.error());
  const auto service = read_smtp_service(directory);
  if (!service) return tl::make_unexpected(service.error());
  const auto plan = plan_key_file(*service, request.file.said(), manner.force);
  if (!plan) return tl::make_unexpected(plan.error());
  Manner here = manner;  // what was read has --destdir in its paths
  here.destdir = Destdir();
  const auto applied = apply_or_show(*plan, here);
  if (!applied) return tl::make_unexpected(applied.error());
  if (!applied->paths.empty() && may_run(request.service.said())) {
    say("to use what has changed: " +
        restart_command(suite_of(request.service.said()), request.service.said()));
  }
  return 0;
}

// One that is set to another file is not changed unasked.
Result<int> tell_daemon(const KeyRequest& request, const Manner& manner, Locks& locks) {
  const std::string service = manner.destdir.at(request.service);
  if (auto taken = locks.service(service); !taken) return tl::make_unexpected(taken.error());
  const std::string& file = request.file.said();
  const std::string before = read_variable(service, "KEY_FILE");
  const bool same =
      before.empty() || path_below(read_variable(service, "CONTROLDIR"), before) == file;
  if (!same && manner.force == Force::no) {
    return failure(service + ": KEY_FILE is '" + before + "', which --force would replace");
  }
  // What the daemon says to a file that is yet to be made cannot be asked.
  if (manner.dry_run && !is_there(manner.destdir.at(request.file))) {
    say("change " + service + ": KEY_FILE would be " + file);
    return 0;
  }
  const std::string value = same && !before.empty() ? before : file;
  return set_variables({request.service, {{"KEY_FILE", value}}, false}, manner, locks);
}

Result<int> tell(const KeyRequest& request, const Manner& manner, Locks& locks) {
  if (!request.rules.said().empty()) {
    return set_rule({request.rules, request.match, request.file.said(), "GREYKEYFILE"}, manner,
                    locks);
  }
  if (request.service.said().empty()) return 0;
  return is_greylisting_service(manner.destdir.at(request.service))
             ? tell_daemon(request, manner, locks)
             : tell_smtp_service(request, manner, locks);
}

}  // namespace

// The file is there when the others are told, as the daemon is asked whether it can start with it;
// what they say against it takes it back.
Result<int> run(const KeyRequest& request, const Manner& manner) {
  if (auto within = stays_within(manner.destdir, request.file); !within) {
    return tl::make_unexpected(within.error());
  }
  Locks locks;
  if (auto taken = locks.directory_of(manner.destdir.at(request.file)); !taken) {
    return tl::make_unexpected(taken.error());
  }
  const auto change = plan_key_file_change(request, manner.destdir);
  if (!change) return tl::make_unexpected(change.error());
  if (manner.dry_run || change->same) {
    say_key_file_change(*change, request.step, manner.dry_run);
    return tell(request, manner, locks);
  }
  Transaction transaction;
  auto written = transaction.stage_file(change->path, change->text, change->mode);
  Result<int> told;
  const auto last = [&]() -> Result<void> {
    told = tell(request, manner, locks);
    return told ? Result<void>() : tl::make_unexpected(told.error());
  };
  if (written) written = transaction.commit(last);
  if (!written) return tl::make_unexpected(written.error());
  say_key_file_change(*change, request.step, false);
  return told;
}

}  // namespace grey::svctool
