#include "greyd/lists/domain_name.h"

#include <idn2.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "greyd/base/text.h"
#include "greyd/wire/ip.h"

namespace grey {
namespace {

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_label(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    const char lower = to_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
  });
}

template <typename Good>
bool all_labels(std::string_view name, Good good) {
  for (;;) {
    const std::size_t dot = name.find('.');
    if (!good(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

// One that DNS can hold.
bool is_ascii_name(std::string_view name) {
  return name.size() <= kMaxDomain && is_ascii(name) &&
         all_labels(name, [](std::string_view label) {
           return is_label(label) && label.size() <= kMaxLabel;
         });
}

// What a function of libidn2 makes of `name`; empty when it refuses.
template <typename Function>
std::string converted(Function function, std::string_view name) {
  char* out = nullptr;
  if (function(std::string(name).c_str(), &out, IDN2_NONTRANSITIONAL) != IDN2_OK) return {};
  std::string result(out);
  idn2_free(out);
  return result;
}

// Capital letters of the scripts that have them, two octets of UTF-8 and Vietnamese's three: from
// `first` to `last` by `step`, `distance` before their small ones (UnicodeData.txt of Unicode 15).
// Capital and small letter have the same number of octets.
struct Capitals {
  std::uint16_t first, last, step;
  std::int16_t distance;
};
constexpr Capitals kCapitals[] = {
    {0x00c0, 0x00d6, 1, 32},   {0x00d8, 0x00de, 1, 32}, {0x0100, 0x012e, 2, 1},
    {0x0132, 0x0136, 2, 1},    {0x0139, 0x0147, 2, 1},  {0x014a, 0x0176, 2, 1},
    {0x0178, 0x0178, 1, -121}, {0x0179, 0x017d, 2, 1},  {0x0386, 0x0386, 1, 38},
    {0x0388, 0x038a, 1, 37},   {0x038c, 0x038c, 1, 64}, {0x038e, 0x038f, 1, 63},
    {0x0391, 0x03a1, 1, 32},   {0x03a3, 0x03ab, 1, 32}, {0x0400, 0x040f, 1, 80},
    {0x0410, 0x042f, 1, 32},   {0x0460, 0x0480, 2, 1},  {0x048a, 0x04be, 2, 1},
    {0x04c0, 0x04c0, 1, 15},   {0x04c1, 0x04cd, 2, 1},  {0x04d0, 0x052e, 2, 1},
    {0x0531, 0x0556, 1, 48},   {0x1e00, 0x1e94, 2, 1},  {0x1ea0, 0x1efe, 2, 1},
};

unsigned small_letter(unsigned character) {
  for (const Capitals& row : kCapitals) {
    if (character < row.first || character > row.last) continue;
    if ((character - row.first) % row.step == 0) return character + unsigned(row.distance);
  }
  return character;
}

// To lower case, ASCII and the above; all else stays, be it UTF-8 or not.
std::string to_lower_utf8(std::string_view text) {
  std::string result = to_lower(text);
  const auto octet = [&](std::size_t i) -> unsigned {
    return i < result.size() ? static_cast<unsigned char>(result[i]) : 0u;
  };
  const auto follows = [&](std::size_t i) { return (octet(i) & 0xc0) == 0x80; };
  for (std::size_t i = 0; i < result.size(); ++i) {
    if ((octet(i) & 0xe0) == 0xc0 && follows(i + 1)) {
      const unsigned small = small_letter((octet(i) & 0x1f) << 6 | (octet(i + 1) & 0x3f));
      result[i] = char(0xc0 | small >> 6);
      result[++i] = char(0x80 | (small & 0x3f));
    } else if (octet(i) == 0xe1 && follows(i + 1) && follows(i + 2)) {
      const unsigned small =
          small_letter(0x1000u | (octet(i + 1) & 0x3f) << 6 | (octet(i + 2) & 0x3f));
      result[i + 1] = char(0x80 | (small >> 6 & 0x3f));
      result[i + 2] = char(0x80 | (small & 0x3f));
      i += 2;
    }
  }
  return result;
}

// "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321, 4.1.3) in one spelling.
std::optional<std::string> fold_literal(std::string_view text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  constexpr std::string_view kTag = "ipv6:";
  const bool tagged = to_lower(text.substr(0, kTag.size())) == kTag;
  if (tagged) text.remove_prefix(kTag.size());
  const std::optional<Ip> ip = Ip::parse(text);
  if (!ip || tagged != (text.find(':') != std::string_view::npos)) return std::nullopt;
  return (tagged ? "[ipv6:" : "[") + to_string(*ip) + "]";
}

}  // namespace

bool is_domain_name(std::string_view name) {
  return all_labels(name, is_label);
}

std::vector<std::string> read_domain(std::string_view text) {
  if (text.starts_with('[')) {
    auto literal = fold_literal(text);
    return literal ? std::vector{std::move(*literal)} : std::vector<std::string>();
  }
  const bool below = text.starts_with('.');
  const std::string_view name = text.substr(below ? 1 : 0);
  const std::string ascii = is_ascii(name) ? to_lower(name) : converted(idn2_to_ascii_8z, name);
  // What is plain ASCII after the conversion was written with other forms of its letters, and was
  // no name with letters beyond it.
  if (ascii.find("xn--") == std::string::npos && !is_ascii(name)) return {};
  // Below it there has to be room for a label of one letter, and a dot.
  if (!is_ascii_name(ascii) || (below && ascii.size() + 2 > kMaxDomain)) return {};
  const bool has_a_label = ascii.find("xn--") != std::string::npos;
  std::vector<std::string> forms{ascii};
  const auto add = [&](const std::string& form) {
    if (!form.empty() && std::ranges::find(forms, form) == forms.end()) forms.push_back(form);
  };
  if (has_a_label) {
    add(to_lower_utf8(converted(idn2_to_unicode_8z8z, ascii)));
    add(to_lower_utf8(name));  // as it is written, if its accents stand by themselves
  }
  if (below) {
    for (std::string& form : forms) form.insert(0, 1, '.');
  }
  return forms;
}

std::string read_dns_domain(std::string_view text) {
  const auto names = read_domain(text);
  if (names.empty()) return {};
  const std::string& name = names.front();  // the form without letters beyond ASCII
  return is_dns_domain(name) ? name : std::string();
}

void append_folded_domain(std::string& text, std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.starts_with('[')) {
    text += fold_literal(name).value_or(to_lower(name));
  } else if (is_ascii(name)) {
    const std::size_t begin = text.size();
    text += name;
    for (std::size_t i = begin; i < text.size(); ++i) text[i] = to_lower(text[i]);
  } else {
    text += to_lower_utf8(name);
  }
}

std::string fold_domain(std::string_view name) {
  std::string text;
  text.reserve(name.size());
  append_folded_domain(text, name);
  return text;
}

}  // namespace grey
