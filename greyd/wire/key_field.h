// The field of a query that says who asks, and what its answer has for that: K, under a key that
// both ends have (keys.h). The octets, of which nothing is left to who implements it:
//
//   query    I<ip> NUL F<sender> NUL T<recipient> NUL ... K<id>.<time>.<nonce>.<mac> NUL [NUL]
//
//     <id>     of the key: 1 to 16 of A-Z a-z 0-9 _ -
//     <time>   8 hexadecimal digits: seconds since 1970, the low 32 bits (see is_late())
//     <nonce>  16 hexadecimal digits, of any kind: no two questions of one asker are to be alike
//     <mac>    32 hexadecimal digits: SipHash-2-4 with 128 bits, octet by octet as it is put out,
//     of
//              all octets of the datagram before the first of these digits
//
//   answer   <octets> <tag> <mac>
//
//     <octets> as ever (wire.h): 2, 6 or more
//     <tag>    of the query's Q, when it had one
//     <mac>    16 octets: SipHash-2-4 with 128 bits, under the query's key, of 'A', of the 16
//     octets
//              that the query's <mac> stands for, and of the answer's octets before these
//
// Digits are written in lower case, and a datagram that has others is not taken: it has one
// writing. K is the last field, and there is one. Refused, so without an answer: what lacks
// anything of it (a datagram that was cut), has a second K, or anything behind it but one NUL more;
// an unknown <id>; a wrong <mac>; a <time> of more than 30 seconds from the daemon's, either way.
// What is a K is told by the fields: what follows the NUL that ends a query (wire.h) is no field.
//
// Nonces are not remembered. An asker that gets no answer sends the same datagram again; so can
// whoever has seen it, within 30 seconds, and is told what the asker is told. That is no retry
// where min resend is more than twice that: an asker's clock may be as fast.
//
// A daemon without keys skips the field, as any that it does not know, and its answer has no <mac>.
//
// Part of grey_wire: nothing here may throw or allocate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "greyd/wire/keys.h"
#include "greyd/wire/mac.h"
#include "greyd/wire/wire.h"

namespace grey::wire {

constexpr std::int64_t kMaxClockDifference = 30;  // seconds
constexpr std::size_t kNonceSize = 8;             // octets
constexpr std::size_t kTimeDigits = 8, kNonceDigits = 2 * kNonceSize, kMacDigits = 2 * kMacSize;

// Octets of the field without its letter and its NUL.
constexpr std::size_t key_field_size(std::string_view id) {
  return id.size() + 1 + kTimeDigits + 1 + kNonceDigits + 1 + kMacDigits;
}
constexpr std::size_t kMaxKeyField =
    kMaxKeyId + 1 + kTimeDigits + 1 + kNonceDigits + 1 + kMacDigits;

// Views point into the datagram.
struct KeyField {
  std::string_view id;  // empty: the query has no such field
  std::uint32_t time = 0;
  std::string_view covered;  // what the MAC is of
  Mac mac{};
};

// The K of a datagram, which need be no query otherwise. A fault is key_cut, key_twice or
// key_not_last; none also when there is no K.
[[nodiscard]] Fault find_key_field(std::string_view datagram, KeyField& field);

// How far the asker's clock is behind `now` (or the datagram was on its way), in seconds; below 0:
// ahead. 32 bits of both count: in 2106 they begin anew.
constexpr std::int64_t seconds_behind(const KeyField& field, std::int64_t now) {
  return std::int32_t(std::uint32_t(now) - field.time);
}
// Fault::none, key_late or key_early.
constexpr Fault time_fault(const KeyField& field, std::int64_t now) {
  const std::int64_t behind = seconds_behind(field, now);
  if (behind > kMaxClockDifference) return Fault::key_late;
  return behind < -kMaxClockDifference ? Fault::key_early : Fault::none;
}

using Nonce = std::array<std::uint8_t, kNonceSize>;

// Writes key_field_size(key.id()) octets into `datagram`, which has room for them, behind its first
// `before`: those up to and with the letter K. The MAC in it.
Mac write_key_field(const Key& key, std::uint32_t time, const Nonce& nonce, char* datagram,
                    std::size_t before);

// What the MAC of an answer is of.
class SignedAnswer {
 public:
  static constexpr std::size_t kMostOctets = 6 + kMaxText + kMaxTag;

  // REQUIRES: at most kMostOctets.
  SignedAnswer(const Mac& query, std::string_view octets);
  std::string_view view() const { return {text_, size_}; }

 private:
  char text_[1 + kMacSize + kMostOctets];
  std::size_t size_;
};

}  // namespace grey::wire
