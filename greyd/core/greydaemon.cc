#include "greyd/core/greydaemon.h"

#include <algorithm>

namespace grey::greydaemon {

std::string_view without_blanks(std::string_view address, std::string& storage) {
  if (address.find(' ') == std::string_view::npos) return address;
  storage = address;
  std::erase(storage, ' ');
  return storage;
}

std::string_view sender_that_counts(std::string_view sender, std::string& storage) {
  const std::string_view counts = without_blanks(sender, storage);
  return counts == "." ? std::string_view() : counts;
}

bool is_list_bounce(std::string_view recipient) {
  std::size_t at = recipient.find('-');
  while (at != std::string_view::npos) {
    at = recipient.find_first_of("=\n", at);
    if (at == std::string_view::npos) return false;
    if (recipient[at] == '=') return true;
    at = recipient.find('-', at);
  }
  return false;
}

Ip listed_as(std::string_view name) {
  std::uint32_t address = 0;
  for (int part = 0; part < 4; ++part) {
    const std::string_view text = name.substr(0, name.find('.'));
    name.remove_prefix(std::min(text.size() + 1, name.size()));
    std::uint8_t number = 0;
    for (const char c : text) {
      if (c < '0' || c > '9') break;
      number = std::uint8_t(number * 10 + (c - '0'));
    }
    address = address << 8 | number;
  }
  return Ip::from_v4(address);
}

}  // namespace grey::greydaemon
