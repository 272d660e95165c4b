// What the page is put together from.
#pragma once

#include <string>
#include <string_view>

namespace grey::report {

// Text from outside between tags or in an attribute in quotes. What is not printable ASCII becomes
// %XX.
std::string escaped(std::string_view text);

// The page's one style sheet and its one script, as they stand in it.
std::string_view page_style();
std::string_view page_script();

// "'sha256-...'": by that a browser allows an inline style or script, and no other.
std::string source_hash(std::string_view content);

}  // namespace grey::report
