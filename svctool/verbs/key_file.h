// The file of keys of svctool --key: what becomes of it is judged first, and written then.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "greyd/base/files.h"
#include "svctool/plan/requests.h"

namespace grey::svctool {

struct KeyFileChange {
  std::string path;  // without links
  std::string text;
  FileMode mode;
  bool made = false;      // it was not there
  bool same = false;      // nothing is to be done
  bool was_open = false;  // anybody could read it
};

// Changes nothing. An error when somebody else than root, who runs svctool and the daemon's user
// could have written it or could exchange it.
Result<KeyFileChange> plan_key_file_change(const KeyRequest& request, const Destdir& destdir);

// Of what is done, or would be.
void say_key_file_change(const KeyFileChange& change, KeyStep step, bool dry_run);

}  // namespace grey::svctool
