// Requests answered from the files of a daemon that does not run, by its own code.
#pragma once

#include <memory>

#include "greyd/greyctl/channel.h"
#include "greyd/options.h"

namespace grey::greyctl {

// Takes the lock of the context file; a file that is missing is begun. What was changed is in the
// journal, and close() saves it whole.
class Offline : public Channel {
 public:
  // `options`: of the daemon. Root becomes the owner of the context file, or of its directory, so
  // that the daemon can read what is written; there is no way back.
  static Result<std::unique_ptr<Offline>> open(const Options& options);
  virtual Result<void> close() = 0;
};

}  // namespace grey::greyctl
