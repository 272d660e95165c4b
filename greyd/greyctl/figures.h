// What a daemon says of itself at once, for what `greyctl serve` shows.
#pragma once

#include <nlohmann/json.hpp>

#include "greyd/base/error.h"
#include "greyd/greyctl/channel.h"

namespace grey::greyctl {

// Its answers to `status` and `stats`.
struct Figures {  // NOLINT(bugprone-exception-escape): moving JSON does not throw
  nlohmann::json status, stats;
};

Result<Figures> ask_for_figures(Channel& channel);

}  // namespace grey::greyctl
