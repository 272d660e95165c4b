// What must be alike for all who share a state, as text that stands in the store. Pure.
#pragma once

#include <string>
#include <string_view>

#include "greyd/base/hash_key.h"
#include "greyd/core/policy.h"

namespace grey::shared {

// "min-resend=300 resend-window=43200 ... key=1f2e". Of the key a hash, from which it cannot be
// had.
std::string fingerprint(const Policy& policy, const HashKey& key);

// In words what of the one there is another here: "min-resend is 60 there and 300 here", "the key
// is another"; empty: nothing. `there` may be anything, as others have put it there.
std::string difference(std::string_view there, std::string_view here);
// Whether that is of another key.
bool has_other_key(std::string_view there, std::string_view here);

}  // namespace grey::shared
