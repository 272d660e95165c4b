#include "svctool/plan/rules_text.h"

namespace grey::svctool {
namespace {

constexpr std::string_view kAllow = ":allow";
constexpr std::string_view kDeny = ":deny";

Result<Rule> parse_rule(std::string_view text, std::size_t begin, std::size_t end,
                        std::size_t line) {
  const std::string_view source = text.substr(begin, end - begin);
  if (source.empty()) {
    return failure("line " + std::to_string(line) +
                   ": a line of blanks, over which tcprules may never end: empty it");
  }
  if (source.ends_with('\r')) {
    return bad_line(line, source.substr(0, source.size() - 1),
                    "the line ends in CR LF, which tcprules does not take");
  }
  Rule rule;
  rule.line = line;
  rule.begin = begin;
  rule.end = end;
  const std::size_t allow = source.find(kAllow);
  const std::size_t deny = source.find(kDeny);
  rule.allow = allow < deny;
  const std::size_t colon = rule.allow ? allow : deny;
  if (colon == std::string_view::npos) return bad_line(line, source, "neither :allow nor :deny");
  rule.address = source.substr(0, colon);
  std::size_t at = colon + (rule.allow ? kAllow : kDeny).size();
  while (at < source.size()) {
    const std::size_t equals = source.find('=', at);
    if (source[at] != ',' || equals == std::string_view::npos || equals + 1 == source.size()) {
      return bad_line(line, source, "expected ,NAME=\"VALUE\"");
    }
    const char quote = source[equals + 1];
    const std::size_t close = source.find(quote, equals + 2);
    if (close == std::string_view::npos) return bad_line(line, source, "a value's quote is open");
    rule.variables.push_back({begin + at, begin + close + 1, source.substr(at + 1, equals - at - 1),
                              source.substr(equals + 2, close - equals - 2), quote});
    at = close + 1;
  }
  return rule;
}

}  // namespace

tl::unexpected<Error> bad_line(std::size_t line, std::string_view text, std::string_view what) {
  return failure("line " + std::to_string(line) + ": " + std::string(what) + ": " +
                 std::string(text));
}

Result<std::vector<Rule>> parse_rules(std::string_view text) {
  std::vector<Rule> rules;
  std::size_t line = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t newline = text.find('\n', begin);
    const std::size_t next = newline == std::string_view::npos ? text.size() : newline + 1;
    std::size_t end = next;
    while (end > begin &&
           (text[end - 1] == '\n' || text[end - 1] == ' ' || text[end - 1] == '\t')) {
      --end;
    }
    ++line;
    // tcprules passes over a line without anything, and over a comment.
    if (text[begin] != '#' && text[begin] != '\n') {
      auto rule = parse_rule(text, begin, end, line);
      if (!rule) return tl::make_unexpected(rule.error());
      rules.push_back(std::move(*rule));
    }
    begin = next;
  }
  return rules;
}

const RuleVariable* find_variable(const Rule& rule, std::string_view name) {
  const RuleVariable* found = nullptr;
  for (const RuleVariable& variable : rule.variables) {
    if (variable.name == name) found = &variable;
  }
  return found;
}

}  // namespace grey::svctool
