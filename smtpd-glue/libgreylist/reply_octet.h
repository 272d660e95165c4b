#pragma once

namespace grey {

// An octet as a reply's text may have it (RFC 5321, 4.2): a space for control characters, a
// question mark for what is not ASCII.
constexpr char reply_octet(char c) {
  const auto octet = static_cast<unsigned char>(c);
  if (octet >= 0x80) return '?';
  return octet < 0x20 || octet == 0x7f ? ' ' : c;
}

}  // namespace grey
