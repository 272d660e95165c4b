// A daemon's figures as metric families: what they are called stands here and in greyctl(8),
// METRICS. Pure.
//
// No address is in them: each would be a series of its own for ever.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "greyd/metrics/family.h"

namespace grey::metrics {

// `stats`, `status`: what the control socket answers to these. What a daemon does not say is left
// out; what it counts is there from the start.
std::vector<Family> families_of(const nlohmann::json& stats, const nlohmann::json& status);

// Of one that does not answer: that it does not.
std::vector<Family> families_of_nobody();

}  // namespace grey::metrics
