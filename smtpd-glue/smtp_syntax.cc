#include "smtpd-glue/smtp_syntax.h"

#include <algorithm>
#include <array>
#include <utility>

#include "smtpd-glue/reply_octet.h"

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

constexpr std::array<std::pair<std::string_view, Verb>, 12> kVerbs{{
    {"HELO", Verb::helo},
    {"EHLO", Verb::ehlo},
    {"MAIL", Verb::mail},
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

// Where the path begins and what ends it.
struct Path {
  std::string_view text;
  bool bracketed;
};

Path find_path(std::string_view line) {
  line = line.substr(0, std::min(line.find_first_of(std::string_view("\0\r\n", 3)), line.size()));
  const std::size_t bracket = line.find('<');
  if (bracket != std::string_view::npos) return {line.substr(bracket + 1), true};
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {{}, false};
  return {skip_blanks(line.substr(colon + 1)), false};
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
  const std::string_view word = leading_letters(skip_blanks(line));
  for (const auto& [name, verb] : kVerbs) {
    if (equal_in_any_case(word, name)) return verb;
  }
  return Verb::other;
}

std::string address_of(std::string_view line) {
  auto [path, bracketed] = find_path(line);
  if (!path.empty() && path.front() == '@') {
    const std::size_t colon = path.find(':');
    if (colon != std::string_view::npos) path.remove_prefix(colon + 1);
  }
  std::string address;
  bool quoted = false;
  for (std::size_t i = 0; i < path.size() && address.size() < kMaxAddress; ++i) {
    char c = path[i];
    if (c == '\\' && i + 1 < path.size()) {
      c = path[++i];
    } else if (c == '"') {
      quoted = !quoted;
      continue;
    } else if (!quoted && (bracketed ? c == '>' : is_blank(c))) {
      break;
    }
    address += c;
  }
  return address;
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
