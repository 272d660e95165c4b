#include "greyd/imports/reader.h"

#include <utility>

namespace grey::imports {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // editors elsewhere put it in front

}  // namespace

Result<void> Reader::outcome() const {
  return error_ ? failure(*error_) : Result<void>();
}

Result<void> Reader::feed(std::string_view bytes) {
  if (!failed() && !begun_) bytes = without_mark(bytes);
  if (!failed()) on_bytes(bytes);
  return outcome();
}

// Takes the mark off the file's beginning, which may come in pieces.
std::string_view Reader::without_mark(std::string_view bytes) {
  while (!bytes.empty() && mark_ < kByteOrderMark.size() && bytes[0] == kByteOrderMark[mark_]) {
    ++mark_;
    bytes.remove_prefix(1);
  }
  begun_ = mark_ == kByteOrderMark.size() || !bytes.empty();
  if (begun_ && mark_ < kByteOrderMark.size()) on_bytes(kByteOrderMark.substr(0, mark_));
  return bytes;
}

Result<void> Reader::finish() {
  if (!failed() && !begun_) on_bytes(kByteOrderMark.substr(0, mark_ % kByteOrderMark.size()));
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
