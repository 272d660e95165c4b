#include "smtpd-glue/greysmtpd/smtp_syntax.h"

#include <algorithm>
#include <array>
#include <utility>

#include "smtpd-glue/libgreylist/reply_octet.h"

namespace grey::smtp {
namespace {

char upper(char c) {
  return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
}
bool is_letter(char c) {
  return upper(c) >= 'A' && upper(c) <= 'Z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
std::string_view leading_letters(std::string_view text) {
  const auto end = std::ranges::find_if_not(text, is_letter);
  return text.substr(0, std::size_t(end - text.begin()));
}

// SEND, SOML and SAML begin a transaction as MAIL does (RFC 821), or something else where a server
// still has them (RFC 5321, F.6).
constexpr std::array<std::pair<std::string_view, Verb>, 15> kVerbs{{
    {"HELO", Verb::helo},
    {"EHLO", Verb::ehlo},
    {"MAIL", Verb::mail},
    {"SEND", Verb::unfollowed},
    {"SOML", Verb::unfollowed},
    {"SAML", Verb::unfollowed},
    {"RCPT", Verb::rcpt},
    {"DATA", Verb::data},
    {"BDAT", Verb::bdat},
    {"RSET", Verb::rset},
    {"NOOP", Verb::noop},
    {"QUIT", Verb::quit},
    {"AUTH", Verb::auth},
    {"STARTTLS", Verb::starttls},
    {"XCLIENT", Verb::xclient},
}};

// RFC 821 and 2645 change the roles of client and server, RFC 4468 fetches a message from
// elsewhere, and the other two are Exchange's, for octets that are no commands, and for TLS.
constexpr std::array<std::string_view, 5> kUnfollowed{"TURN", "ATRN", "BURL", "XEXCH50",
                                                      "X-ANONYMOUSTLS"};

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

// Where the path begins and what ends it.
struct Path {
  std::string_view text;
  bool bracketed;
};

// Of a line without a colon: qmail takes "MAIL FROM a@b" for "MAIL FROM:<>".
std::optional<Path> find_no_path(std::string_view line) {
  line.remove_prefix(std::size_t(std::ranges::find_if(line, is_letter) - line.begin()));
  line = skip_blanks(line.substr(leading_letters(line).size()));
  const std::string_view word = leading_letters(line);
  const bool alone = skip_blanks(line.substr(word.size())).empty();
  const bool known =
      word.empty() || equal_in_any_case(word, "FROM") || equal_in_any_case(word, "TO");
  return alone && known ? std::optional(Path{{}, false}) : std::nullopt;
}

std::optional<Path> find_path(std::string_view line) {
  const std::size_t bracket = line.find('<');
  if (bracket != std::string_view::npos) {
    // "Joe <a@b>" is read by some, and refused by others.
    const bool plain =
        line.substr(0, bracket).find_first_of("@\"(),;=>[\\") == std::string_view::npos;
    return plain ? std::optional(Path{line.substr(bracket + 1), true}) : std::nullopt;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return find_no_path(line);
  const std::string_view path = line.substr(colon + 1);
  // Some drop the bracket, and to some a tab is as good as a letter.
  if (path.find_first_of(">\t") != std::string_view::npos) return std::nullopt;
  return Path{skip_blanks(path), false};
}

// None when a server might end the route elsewhere: qmail looks for a colon beyond the bracket.
std::optional<std::string_view> without_route(std::string_view path) {
  if (!path.starts_with('@')) return path;
  const std::size_t end = path.find_first_of(":\"\\<>()[]; \t");
  if (end == std::string_view::npos || path[end] != ':') return std::nullopt;
  return path.substr(end + 1);
}

// Servers look for a route before they remove quotes, or after (mailfront).
bool has_route(std::string_view address) {
  return address.starts_with('@') && address.find(':') != std::string_view::npos;
}

// Outside of quotes. A bracket opens an address in place of a domain only.
bool is_read_differently(char c, std::string_view address) {
  if (c == '[') return !address.ends_with('@');
  return std::string_view("<>(),; \t").find(c) != std::string_view::npos;
}

bool is_parameter(std::string_view word) {  // RFC 5321, 4.1.2: esmtp-param, with any value
  const std::string_view keyword = word.substr(0, word.find('='));
  return !keyword.empty() && keyword.front() != '-' && std::ranges::all_of(keyword, [](char c) {
    return is_letter(c) || is_digit(c) || c == '-';
  });
}

// Nothing, or blanks and parameters: no octet that a server might take for more of the address.
bool may_follow_address(std::string_view text) {
  while (!text.empty()) {
    if (!is_blank(text.front())) return false;
    text = skip_blanks(text);
    const auto end = std::ranges::find_if(text, is_blank);
    const std::string_view word = text.substr(0, std::size_t(end - text.begin()));
    if (!word.empty() && !is_parameter(word)) return false;
    text.remove_prefix(word.size());
  }
  return true;
}

}  // namespace

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view skip_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

bool equal_in_any_case(std::string_view text, std::string_view upper_case) {
  return std::ranges::equal(text, upper_case, {}, upper);
}

Verb verb_of(std::string_view line) {
  line.remove_prefix(std::size_t(std::ranges::find_if(line, is_letter) - line.begin()));
  const std::string_view word = leading_letters(line);
  for (const auto& [name, verb] : kVerbs) {
    if (equal_in_any_case(word, name)) return verb;
  }
  for (const auto name : kUnfollowed) {
    const std::string_view rest = line.substr(std::min(name.size(), line.size()));
    const bool ends =
        rest.empty() || rest.front() == ' ' || is_control(rest.front()) || rest.front() == '\t';
    if (ends && equal_in_any_case(line.substr(0, name.size()), name)) return Verb::unfollowed;
  }
  return Verb::other;
}

std::string_view argument_of(std::string_view line) {
  line.remove_prefix(std::size_t(std::ranges::find_if(line, is_letter) - line.begin()));
  line = skip_blanks(line.substr(leading_letters(line).size()));
  while (!line.empty() && (is_blank(line.back()) || is_control(line.back()))) line.remove_suffix(1);
  return line;
}

bool has_inner_cr(std::string_view line) {
  const std::size_t cr = line.find('\r');
  return cr != std::string_view::npos &&
         line.find_first_not_of("\r\n", cr) != std::string_view::npos;
}

std::optional<std::string> address_of(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (std::ranges::any_of(line, is_control)) return std::nullopt;
  const auto found = find_path(line);
  if (!found) return std::nullopt;
  auto path = without_route(found->text);
  if (!path) return std::nullopt;
  std::string address;
  bool quoted = false;
  std::size_t at = 0;
  for (; at < path->size(); ++at) {
    char c = (*path)[at];
    if (c == '\\' && at + 1 < path->size()) {
      c = (*path)[++at];
    } else if (c == '"') {
      quoted = !quoted;
      continue;
    } else if (!quoted) {
      if (c == (found->bracketed ? '>' : ' ')) break;
      if (is_read_differently(c, address)) return std::nullopt;
    }
    if (address.size() == kMaxAddress) return std::nullopt;
    address += c;
  }
  if (quoted || has_route(address)) return std::nullopt;
  path->remove_prefix(at);
  if (found->bracketed && !path->empty()) path->remove_prefix(1);
  return may_follow_address(*path) ? std::optional(address) : std::nullopt;
}

ReplyLine parse_reply_line(std::string_view line) {
  if (line.size() < 3 || !std::ranges::all_of(line.substr(0, 3), is_digit)) return {0, false};
  const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  return {code, line.size() == 3 || line[3] != '-'};
}

bool offers(std::string_view reply_line, std::string_view keyword) {
  if (reply_line.size() < 4) return false;
  return equal_in_any_case(leading_letters(skip_blanks(reply_line.substr(4))), keyword);
}

std::string reply_text(std::string_view text) {
  std::string result(text.substr(0, 400));
  for (char& c : result) c = reply_octet(c);
  return result;
}

}  // namespace grey::smtp
