// How a deferral says when to try again: its text has "%t" for the time until a retry is accepted.
// Shared by daemon and glue, so that a client is told the same by all. No dependency, no
// allocation.
#pragma once

#include <cstddef>
#include <string_view>

namespace grey {

// Adds "45 seconds" or "5 minutes" to `out`, rounded up, so that who comes back then is accepted;
// "a few minutes" for 0, a time that is not known. `out` has add(std::string_view) and
// add(std::size_t), a number in decimal.
template <typename Out>
void add_wait(Out& out, std::size_t seconds) {
  if (seconds == 0) {
    out.add(std::string_view("a few minutes"));
    return;
  }
  const bool in_minutes = seconds >= 100;
  const std::size_t count = in_minutes ? (seconds + 59) / 60 : seconds;
  out.add(count);
  out.add(std::string_view(in_minutes ? " minute" : " second"));
  if (count != 1) out.add(std::string_view("s"));
}

// Adds `text` with each "%t" filled in.
template <typename Out>
void add_deferral(Out& out, std::string_view text, std::size_t seconds) {
  for (std::size_t at; (at = text.find("%t")) != std::string_view::npos;) {
    out.add(std::string_view(text.data(), at));  // substr() may throw
    add_wait(out, seconds);
    text.remove_prefix(at + 2);
  }
  out.add(text);
}

}  // namespace grey
