// Requests answered from the files of a daemon that does not run, by its own code.
#pragma once

#include <memory>

#include "greyd/greyctl/channel.h"
#include "greyd/options.h"

namespace grey::greyctl {

// Takes the lock of the context file; a file that is missing is begun. What is changed is in the
// journal, where the daemon finds it; the context file itself is written by `save` and `expire`
// alone.
// `options`: of the daemon. Root becomes the owner of the context file so that the daemon can read
// what is written; where there is none yet, the daemon's user, or as that is not said the owner of
// the directory. There is no way back.
Result<std::unique_ptr<Channel>> open_offline(const Options& options);

}  // namespace grey::greyctl
