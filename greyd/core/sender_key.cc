#include "greyd/core/sender_key.h"

#include <cstring>

#include "greyd/core/sender_forms.h"

namespace grey {
namespace {

// One fold of each kind.
std::string_view fold_once(std::string_view sender, SenderBuffer& buffer) {
  const std::size_t at = sender.rfind('@');
  if (at == std::string_view::npos || at == 0 || sender.size() + kFoldSlack > buffer.size()) {
    return sender;
  }
  Output out{buffer.data()};
  fold_local(sender.substr(0, at), sender.substr(at + 1), out);
  out.add(sender.substr(at));
  return {buffer.data(), std::size_t(out.at - buffer.data())};
}

// Folds until nothing changes: one form may hold another (SRS around a VERP address), and a key
// that is read back from the context file must stay what it is. Every fold but the first of SRS
// makes the address shorter, so this ends.
std::string_view normalize(std::string_view sender, SenderBuffer& buffer) {
  SenderBuffer other;
  std::string_view folded = fold_once(sender, buffer);
  for (;;) {
    const std::string_view again = fold_once(folded, other);
    if (again == folded) return folded;
    if (again.data() != other.data()) return again;
    std::memcpy(buffer.data(), again.data(), again.size());
    folded = {buffer.data(), again.size()};
  }
}

}  // namespace

std::string_view reduce_sender(std::string_view sender, SenderKey mode, SenderBuffer& buffer) {
  switch (mode) {
    case SenderKey::full:
      return sender;
    case SenderKey::normalized:
      return normalize(sender, buffer);
    case SenderKey::domain: {
      const std::size_t at = sender.rfind('@');
      return at == std::string_view::npos ? sender : sender.substr(at + 1);
    }
    case SenderKey::none:
      break;
  }
  return {};
}

}  // namespace grey
