#include "greyd/sender_key.h"

namespace grey {

std::string_view reduce_sender(std::string_view sender, SenderKey mode, SenderBuffer& buffer) {
  (void)buffer;
  switch (mode) {
    case SenderKey::none:
      return {};
    case SenderKey::domain: {
      const std::size_t at = sender.rfind('@');
      return at == std::string_view::npos ? sender : sender.substr(at + 1);
    }
    case SenderKey::normalized:
    case SenderKey::full:
      return sender;
  }
  return sender;
}

}  // namespace grey
