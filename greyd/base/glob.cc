#include "greyd/base/glob.h"

#include <algorithm>

#include "greyd/base/text.h"

namespace grey {
namespace {

// `part`: in lower case.
bool fits(std::string_view part, std::string_view text) {
  return std::equal(part.begin(), part.end(), text.begin(), text.end(),
                    [](char wanted, char c) { return wanted == '?' || wanted == to_lower(c); });
}

}  // namespace

std::optional<Glob> Glob::parse(std::string_view pattern) {
  Glob glob;
  for (const char c : pattern) {
    if (c == '*') {
      glob.stars_.set(glob.parts_);
      glob.has_star_ = true;
      glob.tail_.clear();
      continue;
    }
    if (glob.parts_ == kMaxParts) return std::nullopt;
    for (std::size_t octet = 0; octet < glob.fits_.size(); ++octet) {
      const bool fits = c == '?' || to_lower(char(octet)) == to_lower(c);
      if (fits) glob.fits_[octet].set(glob.parts_);
    }
    ++glob.parts_;
    (glob.has_star_ ? glob.tail_ : glob.head_) += to_lower(c);
  }
  return glob;
}

bool Glob::matches(std::string_view text) const {
  if (!has_star_) return fits(head_, text);
  if (text.size() < parts_ || !fits(head_, text.substr(0, head_.size())) ||
      !fits(tail_, text.substr(text.size() - tail_.size()))) {
    return false;
  }
  if (head_.size() + tail_.size() == parts_) return true;
  Places places;
  places.set(0);
  for (const char c : text) {
    places = ((places & fits_[static_cast<unsigned char>(c)]) << 1) | (places & stars_);
  }
  return places.test(parts_);
}

}  // namespace grey
