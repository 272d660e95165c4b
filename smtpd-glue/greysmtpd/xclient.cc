#include "smtpd-glue/greysmtpd/xclient.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "smtpd-glue/greysmtpd/smtp_syntax.h"

namespace grey::smtp {
namespace {

constexpr std::size_t kMaxValue = 255;  // a host name (RFC 1035)

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return std::nullopt;
}

// "+3A" is ":" (RFC 3461, xtext). Empty when it is not xtext, and for a value that stands for none.
std::string value_of(std::string_view text) {
  if (equal_in_any_case(text, "[UNAVAILABLE]") || equal_in_any_case(text, "[TEMPUNAVAIL]"))
    return {};
  std::string value;
  for (std::size_t i = 0; i < text.size() && value.size() < kMaxValue; ++i) {
    char c = text[i];
    if (c == '+') {
      if (i + 2 >= text.size()) return {};
      const auto high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (!high || !low) return {};
      c = char(*high * 16 + *low);
      i += 2;
    }
    if (c == '\0') return {};
    value += c;
  }
  return value;
}

}  // namespace

XclientNames parse_xclient(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r\n";
  constexpr std::string_view kIpv6 = "IPV6:";
  XclientNames names;
  for (;;) {
    line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size()));
    if (line.empty()) return names;
    const std::string_view word = line.substr(0, line.find_first_of(kSpace));
    line.remove_prefix(word.size());
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = word.substr(0, equals);
    std::string value = value_of(word.substr(equals + 1));
    if (equal_in_any_case(key, "ADDR")) {
      if (equal_in_any_case(value.substr(0, kIpv6.size()), kIpv6)) value.erase(0, kIpv6.size());
      names.address = std::move(value);
    } else if (equal_in_any_case(key, "NAME")) {
      names.name = std::move(value);
    } else if (equal_in_any_case(key, "LOGIN")) {
      names.logged_in = !value.empty();
    } else if (equal_in_any_case(key, "HELO")) {
      names.helo = std::move(value);
    }
  }
}

template <class Value>
void ProxiedClient::Attribute<Value>::take(std::optional<Value> said, bool with_address) {
  if (said) {
    value = std::move(said);
    came_alone = !with_address;
  } else if (with_address) {
    if (!came_alone) value.reset();
    came_alone = false;
  }
}

void ProxiedClient::take(XclientNames said) {
  const bool with_address = said.address.has_value();
  name_.take(std::move(said.name), with_address);
  logged_in_.take(said.logged_in, with_address);
  helo_.take(std::move(said.helo), with_address);
  if (with_address) address_ = std::move(said.address);
}

}  // namespace grey::smtp
