// The forms in which senders put something new into an address for each message, and what stays of
// an address without it; see sender_forms.cc for the forms and their sources.
#pragma once

#include <cstddef>
#include <string_view>

namespace grey {

// Appends to a buffer that is known to be long enough: nothing here grows.
struct Output {
  char* at;
  void add(std::string_view text);
};

// A fold writes at most so many octets more than it takes ("srs1:").
constexpr std::size_t kFoldSlack = 8;

// One fold of each kind: writes what stays of `local`, which may hold another form.
void fold_local(std::string_view local, std::string_view domain, Output& out);

}  // namespace grey
