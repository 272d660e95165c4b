// The text that a daemon sends for a client that must wait, as a rule of its operator's has it.
//
// It comes from the network, and goes into an SMTP reply: one that has an octet that is not
// printable ASCII is not taken at all, and the client is told the usual text.
//
// Part of libgreylist: no C++ runtime, no allocation.
#pragma once

#include <cstddef>
#include <string_view>

namespace grey::glue {

constexpr bool is_printable(std::string_view text) {
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e) return false;
  }
  return true;
}

// Where a caller wants it, or that it wants none.
class DaemonText {
 public:
  DaemonText() = default;
  // As a C string in `buffer`, cut at `size` - 1 octets; empty as long as none is taken.
  DaemonText(char* buffer, std::size_t size) : buffer_(buffer), size_(size) {
    if (is_wanted()) *buffer_ = '\0';
  }

  bool is_wanted() const { return buffer_ != nullptr && size_ > 0; }

  void take(std::string_view text) {
    if (!is_wanted() || !is_printable(text)) return;
    std::size_t end = 0;
    for (; end < text.size() && end + 1 < size_; ++end) buffer_[end] = text.data()[end];
    buffer_[end] = '\0';
  }

 private:
  char* buffer_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace grey::glue
