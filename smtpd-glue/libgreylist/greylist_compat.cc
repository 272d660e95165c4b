// The entry of older client libraries, greylist(3) in IndiMail, over the present one.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "smtpd-glue/libgreylist/greylist.h"

namespace {

enum Old { kOldDefer = 0, kOldAccept = 1, kOldSoftFailure = -1, kOldNoMemory = -2 };

// Whether the administrator has said what is done without an answer.
bool fail_is_decided() {
  const char* fail = getenv("GREYFAIL");
  return fail != nullptr && (strcmp(fail, "open") == 0 || strcmp(fail, "closed") == 0);
}

}  // namespace

int greylist(char* gip, char* connectingip, char* from, char* tolist, int tolen,
             void (*timeoutfn)(), void (*errfn)()) {
  greylist_options options;
  greylist_options_from_env(&options);
  // Without GREYIP nothing has read it yet.
  if (options.servers == nullptr && gip != nullptr && *gip != '\0')
    greylist_read_key(&options, getenv("GREYKEYFILE"));
  options.servers = gip;
  options.ask_wait = 0;  // nobody would be told
  const greylist_query query{connectingip, nullptr, from, tolist,
                             tolen > 0 ? std::size_t(tolen) : 0};
  const greylist_result result = greylist_ask(&options, &query);
  const int verdict = result.verdict == GREYLIST_ACCEPT ? kOldAccept : kOldDefer;
  if (result.error == GREYLIST_ANSWERED || result.error == GREYLIST_OFF) return verdict;
  if (fail_is_decided()) return verdict;
  if (result.error_number == ENOMEM) return kOldNoMemory;
  const bool late = result.error == GREYLIST_SILENT || result.error == GREYLIST_UNSIGNED;
  void (*const failed)() = late ? timeoutfn : errfn;
  if (failed != nullptr) failed();
  return kOldSoftFailure;
}
