#include "greyd/lists/mailbox.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "greyd/base/text.h"
#include "greyd/lists/domain_name.h"

namespace grey {
namespace {

// The next character of UTF-8, taken off `text`; nothing when it is none (RFC 3629).
std::optional<std::uint32_t> take_character(std::string_view& text) {
  static constexpr std::uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || text.size() <= more) return std::nullopt;
  std::uint32_t character = more == 0 ? first : first & (0x3fu >> more);
  for (std::size_t i = 1; i <= more; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0) != 0x80) return std::nullopt;
    character = character << 6 | (next & 0x3fu);
  }
  const bool surrogate = character >= 0xd800 && character < 0xe000;
  if (character < kLeast[more] || surrogate || character > 0x10ffff) return std::nullopt;
  text.remove_prefix(more + 1);
  return character;
}

// What nobody sees and nobody sends: control characters, blanks beyond ASCII, marks of width zero
// or of direction, the byte order mark. An editor puts them there, or somebody who wants to
// mislead.
bool is_invisible(std::uint32_t c) {
  return c < ' ' || (c >= 0x7f && c <= 0xa0) || c == 0xad || (c >= 0x2000 && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x206f) || c == 0x3000 || c == 0xfeff;
}

bool is_visible_text(std::string_view text) {
  while (!text.empty()) {
    const auto character = take_character(text);
    if (!character || is_invisible(*character)) return false;
  }
  return true;
}

// What is meant by a local part in quotes (RFC 5321, 4.1.2); nothing when it is not in quotes, or
// when those do not end where it ends.
std::optional<std::string> unquoted(std::string_view local) {
  if (local.size() < 2 || local.front() != '"' || local.back() != '"') return std::nullopt;
  local = local.substr(1, local.size() - 2);
  std::string text;
  for (std::size_t i = 0; i < local.size(); ++i) {
    if (local[i] == '"') return std::nullopt;
    if (local[i] == '\\' && ++i == local.size()) return std::nullopt;
    text += local[i];
  }
  return text;
}

// "From:a", "<a", "a@b,c": what is not in quotes has none of these. '*' is no pattern here.
std::optional<std::string> read_local(std::string_view local) {
  if (!is_visible_text(local)) return std::nullopt;
  if (!local.starts_with('"')) {
    if (local.find_first_of(" :<>,;@\\\"*") != std::string_view::npos) return std::nullopt;
    return to_lower(local);
  }
  const auto text = unquoted(local);
  if (!text || text->empty()) return std::nullopt;
  return to_lower(*text);
}

}  // namespace

std::vector<std::string> read_mailbox(std::string_view entry) {
  const std::size_t at = entry.rfind('@');
  if (at == std::string_view::npos) return {};
  std::string_view local = entry.substr(0, at);
  std::string_view domain = entry.substr(at + 1);
  if (local == "*") local = {};
  if (domain.starts_with("*.")) domain.remove_prefix(1);
  if (local.empty() && domain.empty()) return {};
  const auto name = read_local(local);
  if (!name) return {};
  std::vector<std::string> keys{""};
  if (!domain.empty()) keys = read_domain(domain);
  for (std::string& key : keys) {
    key.insert(0, 1, '@').insert(0, *name);
    if (key.size() > kMaxMailbox) return {};
  }
  return keys;
}

std::size_t append_folded_mailbox(std::string& text, std::string_view address) {
  const std::size_t at = std::min(address.rfind('@'), address.size());
  const std::size_t begin = text.size();
  text += address.substr(0, at);
  if (const auto meant = unquoted(address.substr(0, at))) text.replace(begin, at, *meant);
  for (std::size_t i = begin; i < text.size(); ++i) text[i] = to_lower(text[i]);
  const std::size_t end = text.size();
  text += '@';
  if (at != address.size()) append_folded_domain(text, address.substr(at + 1));
  return end;
}

Mailbox fold_mailbox(std::string_view address) {
  Mailbox mailbox;
  mailbox.text.reserve(address.size() + 1);
  mailbox.at = append_folded_mailbox(mailbox.text, address);
  return mailbox;
}

}  // namespace grey
