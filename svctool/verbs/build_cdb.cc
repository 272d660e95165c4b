// svctool --build-cdb: a list as a cdb.
#include <unistd.h>

#include <optional>

#include "greyd/base/place.h"
#include "greyd/lists/list_cdb.h"
#include "svctool/daemon/find_supervisor.h"
#include "svctool/disk/transaction.h"
#include "svctool/files/compare.h"
#include "svctool/util/output.h"
#include "svctool/verbs/verbs.h"

namespace grey::svctool {
Result<int> run(const ListCdb& request, const Manner&) {
  const std::string cdb = request.file + ".cdb";
  const auto resolved = resolve(request.file);
  if (!resolved) return tl::make_unexpected(resolved.error());
  const auto text = read_regular(*resolved);
  if (!text) return tl::make_unexpected(text.error());
  const auto built = make_list_cdb(text->value_or(""), request.file);
  if (!built) return tl::make_unexpected(built.error());
  // Whoever may not read the list may not read the cdb of it either.
  FileMode mode = mode_of_file(*resolved, {});
  if (::geteuid() != 0) mode.uid = mode.gid = std::nullopt;
  Transaction transaction;
  auto written = transaction.stage_file(cdb, built->content, mode);
  if (written) written = transaction.commit();
  if (!written) return tl::make_unexpected(written.error());
  say(cdb + ": built, " + std::to_string(built->keys) + " keys");
  if (built->left > 0) {
    say("without " + std::to_string(built->left) +
        " spf: entries, whose networks a cdb cannot have: leave " + request.file +
        " beside it, which is where they are read");
  }
  const auto found = find_supervisor();
  const Suite& suite = found ? *found->suite : daemontools();
  say("next: " + std::string(suite.reload.words) +
      " on the service, which makes the daemon read it. Its entries stay in force, whatever is "
      "taken out of " +
      request.file + ", until it is built again or removed.");
  return 0;
}

}  // namespace grey::svctool
