// What changes between two texts, as the unified diff that diff -u prints. Pure.
#pragma once

#include <string>
#include <string_view>

namespace grey::svctool {

// Three lines of context. Empty when the texts are the same. The two names stand after "--- " and
// "+++ "; patch(1) takes "/dev/null" for a file that is not there.
// The smallest set of changed lines is found as long as the parts that differ, without what is
// equal before and after, have at most a million pairs of lines; beyond that they are shown as
// replaced.
std::string unified_diff(std::string_view before_name, std::string_view before,
                         std::string_view after_name, std::string_view after);

}  // namespace grey::svctool
