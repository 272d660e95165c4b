// What the command line means to a state that several daemons share.
#pragma once

#include <optional>

#include "greyd/options.h"
#include "greyd/shared/shared_state.h"

namespace grey {

// Nothing where nobody shares the state; an error where the files of password or key are not to be
// used. Reads them as whoever runs this.
Result<std::optional<shared::SharedSettings>> shared_settings(const Options& options);

}  // namespace grey
