// Errors that an operator can cause are values: one line that names what is wrong and where, and
// the exit code that a program which cannot go on ends with.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace grey {

constexpr int kExitNo = 1;               // the answer is no
constexpr int kExitMisuse = 100;         // wrong command line: repeating it will not help
constexpr int kExitSystemFailure = 111;  // the system or a file would not: it may work later

struct Error {
  std::string text;
  int exit_code = kExitSystemFailure;
  int number = 0;  // errno, where the system would not; 0: it was not asked. For who decides on it:
                   // the text is for the operator alone
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> failure(std::string text) {
  return tl::make_unexpected(Error{std::move(text), kExitSystemFailure});
}
inline tl::unexpected<Error> misuse(std::string text) {
  return tl::make_unexpected(Error{std::move(text), kExitMisuse});
}

}  // namespace grey
