#include "greyd/sender_key.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "greyd/text.h"

// What `normalized` folds, in this order:
//
// 1. Signatures before the address, which change from day to day or with each message:
//      prvs=0123abcdef=user@       BATV, draft-levine-smtp-batv-01: key digit, 3 digits of the day,
//                                  6 hexadecimal digits
//      btv1==0123abcdef==user@     BATV as Barracuda's appliances write it (observed)
//      msprvs1=17827abCD=user@     SparkPost (observed)
//    The address behind the signature is the key.
// 2. SRS (libsrs2; "Sender Rewriting Scheme", S. Shevek): hash and time stamp go, the hosts and
//    the user stay. The separator after the scheme is one of = + -.
//      SRS0=hash=tt=host=user@             -> srs0:host=user@
//      SRS1=hash=host1==hash=tt=host=user@ -> srs1:host1=host=user@
// 3. "+extension" of a local part. That covers VERP as Mailman writes it
//    (list-bounces+user=dom.example@) and Sendgrid's (bounces+1234567-ab12-user=dom.example@).
// 4. Numbers in addresses that a machine made for a bounce: those with a part "bounce", "bounces"
//    or "return", or with a long hexadecimal part or a UUID. Each part (between - _ . =) that is a
//    number, a UUID (RFC 4122), or hexadecimal of 8 digits and more, becomes "#".
//      list-return-123-user=dom@           ezmlm, ezmlm-send(1): the number of the message
//      bounce-123-user=dom@                Lyris and others (observed)
//      bounce-md_301.5f3c2a1b.v1-<32 hex>@ Mandrill (observed)
//      <16 hex>-<UUID>-000000@             Amazon SES (its developer guide)
//    A number alone proves nothing: 123456@qq.com and 654321@qq.com are two people, and so are
//    ann-1978@ and ann-1979@.

namespace grey {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
}

bool equals(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() && std::equal(text.begin(), text.end(), lower.begin(),
                                                   [](char a, char b) { return to_lower(a) == b; });
}

bool starts_with(std::string_view text, std::string_view lower) {
  return equals(text.substr(0, lower.size()), lower);
}

// The address behind `scheme tag mark`, where `tag` is of letters and digits.
std::optional<std::string_view> behind_tag(std::string_view local, std::string_view scheme,
                                           std::string_view mark) {
  if (!starts_with(local, scheme)) return std::nullopt;
  const std::size_t end = local.find(mark, scheme.size());
  if (end == std::string_view::npos || end == scheme.size()) return std::nullopt;
  const std::string_view tag = local.substr(scheme.size(), end - scheme.size());
  const bool good = std::all_of(tag.begin(), tag.end(), [](char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
  });
  const std::string_view rest = local.substr(end + mark.size());
  return good && !rest.empty() ? std::optional(rest) : std::nullopt;
}

std::string_view without_signature(std::string_view local) {
  if (const auto rest = behind_tag(local, "prvs=", "=")) return *rest;
  if (const auto rest = behind_tag(local, "btv1==", "==")) return *rest;
  if (const auto rest = behind_tag(local, "msprvs1=", "=")) return *rest;
  return local;
}

// Takes the text up to the next '=' off `text`; false when there is none, or nothing before it.
bool take_until_equals(std::string_view& text, std::string_view& part) {
  const std::size_t end = text.find('=');
  if (end == std::string_view::npos || end == 0) return false;
  part = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

// Appends to a buffer that is known to be long enough: nothing here grows.
struct Output {
  char* at;
  void add(std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
  }
};

// True, and the folded local part written, when `local` is of an SRS scheme.
bool fold_srs(std::string_view local, Output& out) {
  if (local.size() < 6 || std::string_view("=+-").find(local[4]) == std::string_view::npos) {
    return false;
  }
  std::string_view rest = local.substr(5);
  std::string_view hash, first_host, stamp;
  if (starts_with(local, "srs0")) {
    if (!take_until_equals(rest, hash) || !take_until_equals(rest, stamp)) return false;
    out.add("srs0:");
  } else if (starts_with(local, "srs1")) {
    if (!take_until_equals(rest, hash) || !take_until_equals(rest, first_host)) return false;
    if (rest.empty() || std::string_view("=+-").find(rest[0]) == std::string_view::npos)
      return false;
    rest.remove_prefix(1);  // the separator of the SRS0 address inside
    if (!take_until_equals(rest, hash) || !take_until_equals(rest, stamp)) return false;
    out.add("srs1:");
    out.add(first_host);
    out.add("=");
  } else {
    return false;
  }
  if (rest.find('=') == std::string_view::npos) return false;  // host=user must be left
  out.add(rest);
  return true;
}

bool all_hex(std::string_view part) {
  return std::all_of(part.begin(), part.end(), is_hex);
}
bool all_digits(std::string_view part) {
  return std::all_of(part.begin(), part.end(), is_digit);
}
bool has_digit(std::string_view part) {
  return std::any_of(part.begin(), part.end(), is_digit);
}

// "8-4-4-4-12" hexadecimal digits, and then the end or another part.
bool starts_with_uuid(std::string_view text) {
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() < kShape.size()) return false;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] == 'x' ? !is_hex(text[i]) : text[i] != '-') return false;
  }
  return text.size() == kShape.size() || !is_hex(text[kShape.size()]);
}

// The part that `text` starts with: a UUID, or what is before the next separator.
std::string_view next_part(std::string_view text) {
  return text.substr(0, starts_with_uuid(text) ? 36 : text.find_first_of("-_.="));
}

// Calls visit(part) for each part of the local part, and between(separator) for what is between.
template <typename Visit, typename Between>
void for_each_part(std::string_view local, Visit visit, Between between) {
  for (;;) {
    const std::string_view part = next_part(local);
    visit(part);
    if (part.size() == local.size()) return;
    between(local.substr(part.size(), 1));
    local.remove_prefix(part.size() + 1);
  }
}

bool is_made_for_bounces(std::string_view local) {
  constexpr std::size_t kLongHex = 16;
  bool result = false;
  for_each_part(
      local,
      [&](std::string_view part) {
        result |= equals(part, "bounce") || equals(part, "bounces") || equals(part, "return");
        result |= starts_with_uuid(part);
        result |= part.size() >= kLongHex && all_hex(part) && has_digit(part) && !all_digits(part);
      },
      [](std::string_view) {});
  return result;
}

void fold_numbers(std::string_view local, Output& out) {
  constexpr std::size_t kHex = 8;
  for_each_part(
      local,
      [&](std::string_view part) {
        const bool number = !part.empty() && all_digits(part);
        const bool hex = part.size() >= kHex && all_hex(part) && has_digit(part);
        out.add(number || hex || starts_with_uuid(part) ? "#" : part);
      },
      [&](std::string_view separator) { out.add(separator); });
}

// One fold of each kind.
std::string_view fold_once(std::string_view sender, SenderBuffer& buffer) {
  constexpr std::size_t kSlack = 8;  // a fold writes at most "srs1:" more than it takes
  const std::size_t at = sender.rfind('@');
  if (at == std::string_view::npos || at == 0 || sender.size() + kSlack > buffer.size()) {
    return sender;
  }
  std::string_view local = without_signature(sender.substr(0, at));
  Output out{buffer.data()};
  if (!fold_srs(local, out)) {
    out.at = buffer.data();
    if (const std::size_t plus = local.find('+'); plus != 0) local = local.substr(0, plus);
    if (is_made_for_bounces(local)) {
      fold_numbers(local, out);
    } else {
      out.add(local);
    }
  }
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
