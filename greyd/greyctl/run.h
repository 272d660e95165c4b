// Carries a command out, and prints what comes of it.
#pragma once

#include "greyd/base/error.h"
#include "greyd/greyctl/channel.h"
#include "greyd/greyctl/command_line.h"
#include "greyd/greyctl/import.h"
#include "greyd/greyctl/print.h"
#include "greyd/greyctl/words.h"

namespace grey::greyctl {

// The exit code: see greyctl(8). `sources`: of `import`.
Result<int> run(const Invocation& invocation, Sources& sources, Channel& channel,
                const Paint& paint, const Print& print);

}  // namespace grey::greyctl
