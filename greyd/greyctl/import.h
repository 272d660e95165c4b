// `greyctl import`: reads what other greylisters have kept, and has the daemon take it.
//
// Each source is read twice, as that it is bad is known at its end only: nothing is taken before
// all of them have been read once. What is kept of them is one batch of records, and the entries,
// of which there are few (Entries::kMax).
#pragma once

#include <vector>

#include "greyd/base/error.h"
#include "greyd/greyctl/channel.h"
#include "greyd/greyctl/import_wanted.h"
#include "greyd/greyctl/print.h"
#include "greyd/imports/source.h"

namespace grey::greyctl {

// To be called before root becomes another user, who may not be allowed to open them.
using Sources = std::vector<imports::Source>;
Result<Sources> open_sources(const ImportWanted& wanted);

// Prints what has become of it. The exit code: see greyctl(8).
Result<int> import_sources(const ImportWanted& wanted, Sources& sources, Channel& channel,
                           const Print& print);

}  // namespace grey::greyctl
