// Patterns of names and mail addresses: '*' is any octets or none, '?' is one octet, everything
// else is itself. Letters of ASCII compare without case.
//
// Patterns and texts come from outside. So there is no backtracking: all places of the pattern that
// the text may have come to are kept in one set of bits, and each octet of the text moves that set
// once. The time is that of the text alone, whatever the pattern; most texts are told by the
// pattern's length and its ends, up to the first star and from the last.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace grey {

class Glob {
 public:
  static constexpr std::size_t kMaxParts = 255;  // octets of a pattern, but for its stars

  // Nothing for a pattern of more parts than that. Stars beside each other are one.
  static std::optional<Glob> parse(std::string_view pattern);

  bool matches(std::string_view text) const;

 private:
  using Places = std::bitset<kMaxParts + 1>;  // how many parts have been matched

  std::array<Places, 256> fits_{};  // of each octet: the places whose next part it is
  Places stars_;                    // the places at which any octet may be passed over
  std::size_t parts_ = 0;
  // What is before the first star and behind the last, in lower case; without a star all is head.
  std::string head_, tail_;
  bool has_star_ = false;
};

}  // namespace grey
