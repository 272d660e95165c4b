#include "greyd/imports/reader.h"

#include <utility>

namespace grey::imports {

Result<void> Reader::outcome() const {
  return error_ ? failure(*error_) : Result<void>();
}

Result<void> Reader::feed(std::string_view bytes) {
  if (!failed()) on_bytes(bytes);
  return outcome();
}

Result<void> Reader::finish() {
  if (!failed()) on_end();
  return outcome();
}

Result<void> Reader::read_whole(std::string_view text) {
  on_whole(text);
  return outcome();
}

void Reader::on_whole(std::string_view text) {
  on_bytes(text);
  if (!failed()) on_end();
}

void Reader::give(std::uint64_t line, What what) {
  if (!failed()) visit_({{name_, line}, std::move(what)});
}

void Reader::fail(std::uint64_t line, std::string_view what) {
  if (!failed()) error_ = to_string(Place{name_, line}) + ": " + std::string(what);
}

void Reader::count(std::uint64_t blocked, std::uint64_t passed) {
  sums_.blocked += blocked;
  sums_.passed += passed;
  sums_.counted = true;
}

}  // namespace grey::imports
