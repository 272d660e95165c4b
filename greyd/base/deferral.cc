#include "greyd/base/deferral.h"

#include <string>

namespace grey {

Result<void> check_deferral(std::string_view text) {
  if (text.empty()) return misuse("the text is empty");
  if (text.size() > kMaxDeferral) {
    return misuse("the text is longer than " + std::to_string(kMaxDeferral) + " bytes");
  }
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e) return misuse("the text is not printable ASCII");
  }
  return {};
}

}  // namespace grey
