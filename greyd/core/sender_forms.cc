#include "greyd/core/sender_forms.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "greyd/base/text.h"

// What is folded, in this order. A local part in quotes is left alone, and so is whatever only
// looks like a form: a tag has to have the shape of one, or it might be somebody's name.
//
// 1. Signatures, which change from day to day or with each message. The address without them stays.
//      prvs=0123abcdef=user@      BATV, draft-levine-smtp-batv-01: key digit, 3 digits of the day,
//      6 prvs=user=0123abcdef@      hexadecimal digits. Behind the user, or after a '/', in
//      versions prvs=user/0123abcdef@      before it; appliances write 6 to 16 hexadecimal digits
//      (observed) btv1==0123abcdef==user@    BATV as Barracuda's appliances write it (observed)
//      msprvs1=17827abCD=user@    SparkPost (observed): day, and letters and digits
//      SES=ABCDEFGH2345=user@     Signed Envelope Sender, as pysrs writes it: letters and digits
// 2. SRS (libsrs2; "Sender Rewriting Scheme", S. Shevek): hash and time stamp go, the hosts and
//    the user stay, without a signature of his own. The separator after the scheme is one of = + -.
//      SRS0=hash=tt=host=user@             -> srs0:host=user@
//      SRS1=hash=host1==hash=tt=host=user@ -> srs1:host1=host=user@
//    Microsoft 365 (its documentation of SRS):
//      who+SRS=hash=tt=host=user@          -> srs:who=host=user@
//      bounces+SRS=hash=tt@                -> bounces@, by 3.
// 3. "+extension" of a local part. That covers VERP as Mailman and Postfix write it
//    (list-bounces+user=dom.example@), Sendgrid's (bounces+1234567-ab12-user=dom.example@), Google
//    Groups' (list+bncBCabc@) and Mailgun's. Not "-extension": ann-marie@ is not ann@.
//      bounce+user==a==dom.example==list@  -> sympa:list@ (Sympa's VERP: the list is behind)
//      user=dom.example__0a1b2c3d4e@       -> user=dom.example@ (Salesforce, observed)
// 4. Numbers in addresses that a machine made for a bounce: those with a part "bounce", "bounces"
//    or "return", those of a domain with such a label, and those with a UUID and a long hexadecimal
//    part. Each part (between - _ . =) that is a number, a UUID (RFC 4122), hexadecimal of 8 digits
//    and more, or a cookie of ezmlm's, becomes "#"; of plain numbers those behind the word.
//      list-return-123-user=dom@           ezmlm, ezmlm-send(1): the number of the message
//      list-return-warn-123.abcdefghijklmnopabcd-user=dom@  ezmlm-warn(1): 20 letters a to p
//      bounce-123-user=dom@                Lyris and others (observed)
//      bounce-mc.us1_123.456-user=dom@     Mailchimp (observed)
//      bounce-md_301.5f3c2a1b.v1-<32 hex>@ Mandrill (observed)
//      <16 hex>-<UUID>-000000@             Amazon SES (its developer guide)
//      m-aB3_dE-fGh...@bounce.             LinkedIn (observed): a letter, and 20 or more of base64
//    A number alone proves nothing: 123456@qq.com and 654321@qq.com are two people, and so are
//    ann-1978@ and ann-1979@. Nor does one hexadecimal part alone, or a UUID: relays that hide
//    people's addresses have such ones.

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

bool is_alnum(char c) {
  return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
}

bool all_hex(std::string_view part) {
  return std::ranges::all_of(part, is_hex);
}
bool all_digits(std::string_view part) {
  return std::ranges::all_of(part, is_digit);
}
bool has_digit(std::string_view part) {
  return std::ranges::any_of(part, is_digit);
}
bool has_length(std::string_view text, std::size_t least, std::size_t most) {
  return text.size() >= least && text.size() <= most;
}

// ---- 1. signatures -----------------------------------------------------------------------------

using IsTag = bool (*)(std::string_view);

bool is_batv_tag(std::string_view tag) {
  return tag.size() == 10 && all_digits(tag.substr(0, 4)) && all_hex(tag.substr(4));
}
bool is_appliance_tag(std::string_view tag) {
  return has_length(tag, 6, 16) && all_hex(tag) && has_digit(tag);
}
bool is_sparkpost_tag(std::string_view tag) {
  return has_length(tag, 8, 32) && all_digits(tag.substr(0, 5)) &&
         std::ranges::all_of(tag, is_alnum);
}
bool is_ses_tag(std::string_view tag) {
  return has_length(tag, 8, 32) && has_digit(tag) && std::ranges::all_of(tag, is_alnum);
}

// `tag mark user`
std::optional<std::string_view> behind_tag(std::string_view text, std::string_view mark,
                                           IsTag is_tag) {
  const std::size_t end = text.find(mark);
  if (end == std::string_view::npos || !is_tag(text.substr(0, end))) return std::nullopt;
  const std::string_view user = text.substr(end + mark.size());
  return user.empty() ? std::nullopt : std::optional(user);
}

// `user mark tag`
std::optional<std::string_view> before_tag(std::string_view text, std::string_view mark,
                                           IsTag is_tag) {
  const std::size_t end = text.rfind(mark);
  if (end == std::string_view::npos || !is_tag(text.substr(end + mark.size()))) return std::nullopt;
  return end == 0 ? std::nullopt : std::optional(text.substr(0, end));
}

struct Signature {
  std::string_view scheme;
  std::string_view mark;
  IsTag is_tag;
  bool may_follow;  // the tag may be behind the user
};

// Where both sides could be the tag, the first row decides: the stricter shape, and its usual
// place.
constexpr Signature kSignatures[] = {
    {"prvs=", "=", is_batv_tag, true},          {"prvs=", "/", is_batv_tag, true},
    {"prvs=", "=", is_appliance_tag, true},     {"btv1==", "==", is_appliance_tag, true},
    {"msprvs1=", "=", is_sparkpost_tag, false}, {"ses=", "=", is_ses_tag, false},
};

std::string_view without_signature(std::string_view local) {
  for (const Signature& row : kSignatures) {
    if (!starts_with(local, row.scheme)) continue;
    const std::string_view rest = local.substr(row.scheme.size());
    if (const auto user = behind_tag(rest, row.mark, row.is_tag)) return *user;
    if (!row.may_follow) continue;
    if (const auto user = before_tag(rest, row.mark, row.is_tag)) return *user;
  }
  return local;
}

// ---- 2. SRS ------------------------------------------------------------------------------------

// Takes the text up to the next '=' off `text`; false when there is none, or nothing before it.
bool take_until_equals(std::string_view& text, std::string_view& part) {
  const std::size_t end = text.find('=');
  if (end == std::string_view::npos || end == 0) return false;
  part = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

bool is_srs_separator(char c) {
  return c == '=' || c == '+' || c == '-';
}

struct SrsAddress {
  std::string_view scheme;  // of the key
  std::string_view by;      // who rewrote an address that was rewritten already, or forwarded it
  std::string_view host, user;
};

bool take_host_and_user(std::string_view text, SrsAddress& srs) {
  if (!take_until_equals(text, srs.host) || text.empty()) return false;
  srs.user = without_signature(text);
  return true;
}

bool parse_srs(std::string_view local, SrsAddress& srs) {
  std::string_view rest = local.substr(5);
  std::string_view hash, stamp;
  if (!take_until_equals(rest, hash)) return false;
  srs.scheme = "srs0:";
  if (starts_with(local, "srs1")) {
    srs.scheme = "srs1:";
    if (!take_until_equals(rest, srs.by) || rest.empty() || !is_srs_separator(rest[0]))
      return false;
    rest.remove_prefix(1);  // the separator of the SRS0 address inside
    if (!take_until_equals(rest, hash)) return false;
  }
  return take_until_equals(rest, stamp) && take_host_and_user(rest, srs);
}

constexpr std::string_view kMicrosoft = "+srs=";

std::size_t find_microsoft(std::string_view local) {
  for (std::size_t i = local.find('+'); i != std::string_view::npos; i = local.find('+', i + 1)) {
    if (starts_with(local.substr(i), kMicrosoft)) return i;
  }
  return std::string_view::npos;
}

enum class Fold { not_this, as_it_is, done };

Fold fold_srs(std::string_view local, Output& out) {
  SrsAddress srs;
  const std::size_t microsoft = find_microsoft(local);
  if (local.size() > 5 && is_srs_separator(local[4]) &&
      (starts_with(local, "srs0") || starts_with(local, "srs1"))) {
    if (!parse_srs(local, srs)) return Fold::as_it_is;
  } else if (microsoft != std::string_view::npos && microsoft != 0) {
    std::string_view rest = local.substr(microsoft + kMicrosoft.size());
    std::string_view hash, stamp;
    if (!take_until_equals(rest, hash)) return Fold::as_it_is;
    if (rest.find('=') == std::string_view::npos) return Fold::not_this;
    if (!take_until_equals(rest, stamp) || !take_host_and_user(rest, srs)) return Fold::as_it_is;
    srs.scheme = "srs:";
    srs.by = local.substr(0, microsoft);
  } else {
    return Fold::not_this;
  }
  out.add(srs.scheme);
  if (!srs.by.empty()) {
    out.add(srs.by);
    out.add("=");
  }
  out.add(srs.host);
  out.add("=");
  out.add(srs.user);
  return Fold::done;
}

// ---- 3. extensions -----------------------------------------------------------------------------

// The list of Sympa's "bounce+user==a==domain==list", or nothing.
std::string_view sympa_list(std::string_view local) {
  if (!starts_with(local, "bounce+")) return {};
  constexpr std::string_view kAt = "==a==", kMark = "==";
  const std::size_t at = local.find(kAt);
  if (at == std::string_view::npos) return {};
  const std::size_t domain_end = local.find(kMark, at + kAt.size());
  if (domain_end == std::string_view::npos) return {};
  const std::string_view list = local.substr(domain_end + kMark.size());
  return list.substr(0, list.find(kMark));  // "==w" behind it is the kind of message
}

std::string_view without_extension(std::string_view local) {
  const std::size_t plus = local.find('+');
  return plus == 0 ? local : local.substr(0, plus);
}

// "user=dom.example__token" without the token.
std::string_view without_salesforce_token(std::string_view local) {
  const std::size_t equals = local.find('=');
  if (equals == std::string_view::npos || equals == 0) return local;
  const std::size_t mark = local.find("__", equals);
  if (mark == std::string_view::npos) return local;
  const std::string_view domain = local.substr(equals + 1, mark - equals - 1);
  const std::string_view token = local.substr(mark + 2);
  const bool good =
      domain.find('.') != std::string_view::npos && token.size() >= 8 && has_digit(token) &&
      std::ranges::all_of(token, [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
  return good ? local.substr(0, mark) : local;
}

// ---- 4. bounces --------------------------------------------------------------------------------

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

bool is_bounce_word(std::string_view part) {
  return equals(part, "bounce") || equals(part, "bounces") || equals(part, "return");
}

bool is_bounce_domain(std::string_view domain) {
  while (!domain.empty()) {
    const std::string_view label = domain.substr(0, domain.find('.'));
    if (equals(label, "bounce") || equals(label, "bounces") || equals(label, "returns"))
      return true;
    domain.remove_prefix(std::min(label.size() + 1, domain.size()));
  }
  return false;
}

bool is_made_for_bounces(std::string_view local) {
  constexpr std::size_t kLongHex = 16;
  bool word = false, uuid = false, hex = false;
  for_each_part(
      local,
      [&](std::string_view part) {
        word |= is_bounce_word(part);
        uuid |= starts_with_uuid(part);
        hex |= part.size() >= kLongHex && !starts_with_uuid(part) && all_hex(part) &&
               has_digit(part) && !all_digits(part);
      },
      [](std::string_view) {});
  return word || (uuid && hex);
}

bool has_bounce_word(std::string_view local) {
  bool result = false;
  for_each_part(
      local, [&](std::string_view part) { result |= is_bounce_word(part); },
      [](std::string_view) {});
  return result;
}

// "x-" and 20 or more of base64 in its form for URLs (RFC 4648, 5).
bool is_letter_and_token(std::string_view local) {
  return local.size() >= 22 && is_alnum(local[0]) && !is_digit(local[0]) && local[1] == '-' &&
         has_digit(local.substr(2)) && std::ranges::all_of(local.substr(2), [](char c) {
           return is_alnum(c) || c == '-' || c == '_';
         });
}

// `everywhere`: plain numbers before a word that tells of a bounce, too, and long tokens. (Before
// it a number may be the list's: news-2025-return-1 is not news-2026-return-1.)
void fold_numbers(std::string_view local, bool everywhere, Output& out) {
  constexpr std::size_t kHex = 8, kToken = 20, kCookie = 20;
  bool behind_word = everywhere || !has_bounce_word(local);
  bool behind_number = false;
  for_each_part(
      local,
      [&](std::string_view part) {
        behind_word |= is_bounce_word(part);
        const bool number = !part.empty() && all_digits(part);
        const bool hex = part.size() >= kHex && all_hex(part) && has_digit(part) && !number;
        const bool cookie =
            behind_number && part.size() == kCookie && std::ranges::all_of(part, [](char c) {
              return to_lower(c) >= 'a' && to_lower(c) <= 'p';
            });
        const bool token = everywhere && part.size() >= kToken && has_digit(part) &&
                           std::ranges::all_of(part, is_alnum);
        const bool fold =
            (number && behind_word) || hex || cookie || token || starts_with_uuid(part);
        behind_number = number;
        out.add(fold ? "#" : part);
      },
      [&](std::string_view separator) { out.add(separator); });
}

}  // namespace

void Output::add(std::string_view text) {
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  at += text.size();
}

void fold_local(std::string_view local, std::string_view domain, Output& out) {
  if (local.starts_with('"')) return out.add(local);
  local = without_signature(local);
  switch (fold_srs(local, out)) {
    case Fold::as_it_is:
      return out.add(local);
    case Fold::done:
      return;
    case Fold::not_this:
      break;
  }
  if (const std::string_view list = sympa_list(local); !list.empty()) {
    out.add("sympa:");
    return out.add(list);
  }
  local = without_salesforce_token(without_extension(local));
  const bool bounce_domain = is_bounce_domain(domain);
  if (bounce_domain && is_letter_and_token(local)) {
    out.add(local.substr(0, 2));
    out.add("#");
  } else if (bounce_domain || is_made_for_bounces(local)) {
    fold_numbers(local, bounce_domain, out);
  } else {
    out.add(local);
  }
}

}  // namespace grey
