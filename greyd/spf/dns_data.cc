#include "greyd/spf/dns_data.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "greyd/base/text.h"
#include "greyd/wire/dns_domain.h"

namespace grey::spf {
namespace {

// Takes a text off, whose length is in its first octet.
std::optional<std::string_view> take_counted(std::string_view& data) {
  if (data.empty()) return std::nullopt;
  const std::size_t size = static_cast<unsigned char>(data.front());
  if (data.size() - 1 < size) return std::nullopt;
  const std::string_view text = data.substr(1, size);
  data.remove_prefix(1 + size);
  return text;
}

}  // namespace

std::optional<std::string> read_txt(std::string_view data) {
  std::string text;
  while (!data.empty()) {
    const auto part = take_counted(data);
    if (!part) return std::nullopt;
    text += *part;
  }
  return text;
}

std::optional<Ip> read_a(std::string_view data) {
  if (data.size() != 4) return std::nullopt;
  std::uint32_t number = 0;
  for (const char c : data) number = number << 8 | static_cast<unsigned char>(c);
  return Ip::from_v4(number);
}

std::optional<Ip> read_aaaa(std::string_view data) {
  std::array<std::uint8_t, 16> bytes;
  if (data.size() != bytes.size()) return std::nullopt;
  std::ranges::copy(data, bytes.begin());
  const Ip ip(bytes);
  return ip.is_v4() ? std::nullopt : std::optional(ip);
}

std::optional<std::string> read_mx(std::string_view data) {
  if (data.size() < 3) return std::nullopt;
  data.remove_prefix(2);  // its preference
  std::string name;
  for (;;) {
    const auto label = take_counted(data);
    if (!label || label->size() > kMaxLabel) return std::nullopt;
    if (label->empty()) break;
    if (!name.empty()) name += '.';
    name += *label;
  }
  if (!data.empty()) return std::nullopt;
  if (name.empty()) return name;
  return read_name(name);
}

std::optional<std::string> read_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  std::string name = to_lower(text);
  return is_dns_domain(name) ? std::optional(std::move(name)) : std::nullopt;
}

}  // namespace grey::spf
