#include "greyd/base/glob.h"

#include "greyd/base/text.h"

namespace grey {

std::optional<Glob> Glob::parse(std::string_view pattern) {
  Glob glob;
  for (const char c : pattern) {
    if (c == '*') {
      glob.stars_.set(glob.parts_);
      continue;
    }
    if (glob.parts_ == kMaxParts) return std::nullopt;
    for (std::size_t octet = 0; octet < glob.fits_.size(); ++octet) {
      const bool fits = c == '?' || to_lower(char(octet)) == to_lower(c);
      if (fits) glob.fits_[octet].set(glob.parts_);
    }
    ++glob.parts_;
  }
  return glob;
}

bool Glob::matches(std::string_view text) const {
  Places places;
  places.set(0);
  for (const char c : text) {
    places = ((places & fits_[static_cast<unsigned char>(c)]) << 1) | (places & stars_);
  }
  return places.test(parts_);
}

}  // namespace grey
