#include "svctool/tcprules.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

namespace grey::svctool {
namespace {

// Offsets are into the whole text.
struct Variable {
  std::size_t begin = 0;  // the comma before it
  std::size_t end = 0;    // after the closing quote
  std::string_view name, value;
  char quote = '"';
};

struct Rule {
  std::size_t line = 0;
  std::size_t begin = 0, end = 0;  // without white space at the end
  std::string_view address;
  bool allow = false;
  std::vector<Variable> variables;
};

constexpr std::string_view kAllow = ":allow";
constexpr std::string_view kDeny = ":deny";

// Before a rule that was made, and what that did to the line before.
constexpr std::string_view kMade =
    "# The next rule was made by svctool --greyip; --no-greyip takes it out with this line.\n";
constexpr std::string_view kMadeAfterOpenLine =
    "# The next rule was made by svctool --greyip, which ended the line before, too.\n";

tl::unexpected<Error> bad_line(std::size_t line, std::string_view text, std::string_view what) {
  return failure("line " + std::to_string(line) + ": " + std::string(what) + ": " +
                 std::string(text));
}

Result<Rule> parse_rule(std::string_view text, std::size_t begin, std::size_t end,
                        std::size_t line) {
  const std::string_view source = text.substr(begin, end - begin);
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
    if (end > begin && text[begin] != '#') {
      auto rule = parse_rule(text, begin, end, line);
      if (!rule) return tl::make_unexpected(rule.error());
      rules.push_back(std::move(*rule));
    }
    begin = next;
  }
  return rules;
}

// One component of an address against one of a pattern in which "3-7" stands for five numbers,
// and a missing end of the range for 0 or 255.
bool component_covers(std::string_view pattern, std::string_view component) {
  const std::size_t dash = pattern.find('-');
  if (dash == std::string_view::npos) return pattern == component;
  const auto number = [](std::string_view digits) -> std::optional<int> {
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  };
  const std::optional<int> wanted = number(component);
  const std::string_view from = pattern.substr(0, dash), to = pattern.substr(dash + 1);
  const std::optional<int> low = from.empty() ? 0 : number(from);
  const std::optional<int> high = to.empty() ? 255 : number(to);
  return wanted && low && high && *low <= *wanted && *wanted <= *high;
}

// Whether tcprules makes `address` out of a rule for `pattern`. Only the first component with a
// dash is a range to tcprules; names ("=host", "user@ip") have none.
bool covers(std::string_view pattern, std::string_view address) {
  if (pattern == address) return true;
  if (pattern.find_first_of("=@") != std::string_view::npos) return false;
  for (;;) {
    const std::size_t dot = pattern.find('.');
    const std::size_t other = address.find('.');
    if (!component_covers(pattern.substr(0, dot), address.substr(0, other))) return false;
    if (dot == std::string_view::npos || other == std::string_view::npos) return dot == other;
    pattern.remove_prefix(dot + 1);
    address.remove_prefix(other + 1);
  }
}

const Rule* find_rule(const std::vector<Rule>& rules, std::string_view address) {
  for (const Rule& rule : rules) {
    if (rule.address == address) return &rule;
  }
  return nullptr;
}

// tcpserver hands the variables on in order, so that of two with one name the last counts.
const Variable* find_variable(const Rule& rule, std::string_view name) {
  const Variable* found = nullptr;
  for (const Variable& variable : rule.variables) {
    if (variable.name == name) found = &variable;
  }
  return found;
}

RuleEdit replace(std::string_view text, const Rule& rule, std::size_t begin, std::size_t end,
                 std::string_view by) {
  RuleEdit edit;
  edit.text.append(text.substr(0, begin)).append(by).append(text.substr(end));
  edit.line = rule.line;
  edit.before = text.substr(rule.begin, rule.end - rule.begin);
  edit.rule = edit.text.substr(rule.begin, rule.end - rule.begin - (end - begin) + by.size());
  edit.outcome =
      edit.rule == edit.before ? RuleEdit::Outcome::unchanged : RuleEdit::Outcome::changed;
  return edit;
}

std::string assignment(std::string_view name, std::string_view value) {
  std::string text = ",";
  return text.append(name).append("=\"").append(value).append("\"");
}

Result<RuleEdit> append_rule(std::string_view text, const std::vector<Rule>& rules,
                             std::string_view address, std::string_view added) {
  for (const Rule& rule : rules) {
    const std::string_view source = text.substr(rule.begin, rule.end - rule.begin);
    if (covers(rule.address, address)) {
      return bad_line(rule.line, source,
                      "this rule already decides for " + std::string(address) +
                          ", and a later one would not be found");
    }
    if (rule.address.empty() && !rule.allow) {
      return bad_line(rule.line, source,
                      "a new rule would let " + std::string(address) + " in, which is denied by");
    }
  }
  RuleEdit edit;
  edit.outcome = RuleEdit::Outcome::added;
  edit.rule.append(address).append(kAllow).append(added);
  edit.text = text;
  const bool open_line = !text.empty() && !text.ends_with('\n');
  if (open_line) edit.text += '\n';
  edit.text.append(open_line ? kMadeAfterOpenLine : kMade);
  edit.line = 1;
  for (const char c : edit.text) edit.line += c == '\n';
  edit.text += edit.rule + "\n";
  return edit;
}

bool is_made(std::string_view text, const Rule& rule) {
  const std::string_view before = text.substr(0, rule.begin);
  return before.ends_with(kMade) || before.ends_with(kMadeAfterOpenLine);
}

// The text without a rule that was made and the comment before it. Nothing when it was not made.
std::optional<RuleEdit> remove_made_rule(std::string_view text, const Rule& rule) {
  std::string_view before = text.substr(0, rule.begin);
  std::string_view after = text.substr(std::min(text.find('\n', rule.end), text.size() - 1) + 1);
  if (before.ends_with(kMade)) {
    before.remove_suffix(kMade.size());
  } else if (before.ends_with(kMadeAfterOpenLine)) {
    before.remove_suffix(kMadeAfterOpenLine.size());
    // The newline that was added goes, unless other lines have been added since.
    if (after.empty() && before.ends_with('\n')) before.remove_suffix(1);
  } else {
    return std::nullopt;
  }
  RuleEdit edit;
  edit.outcome = RuleEdit::Outcome::removed;
  edit.line = rule.line;
  edit.before = text.substr(rule.begin, rule.end - rule.begin);
  edit.text.append(before).append(after);
  return edit;
}

// Takes `name` out of a rule, and the rule when it was made for `name` alone.
RuleEdit remove_variable(std::string_view text, const Rule& rule, std::string_view name) {
  RuleEdit unchanged;
  unchanged.text = text;
  const Variable* variable = find_variable(rule, name);
  if (variable == nullptr) return unchanged;
  if (rule.allow && rule.variables.size() == 1) {
    if (auto removed = remove_made_rule(text, rule)) return *removed;
  }
  return replace(text, rule, variable->begin, variable->end, "");
}

}  // namespace

Result<void> check_rules(std::string_view text) {
  const auto rules = parse_rules(text);
  if (!rules) return tl::make_unexpected(rules.error());
  return {};
}

Result<RuleEdit> set_rule_variable(std::string_view text, std::string_view address,
                                   std::string_view name, std::string_view value, Force force) {
  const auto rules = parse_rules(text);
  if (!rules) return tl::make_unexpected(rules.error());
  const Rule* rule = find_rule(*rules, address);
  if (rule == nullptr) return append_rule(text, *rules, address, assignment(name, value));
  const std::string_view source = text.substr(rule->begin, rule->end - rule->begin);
  if (!rule->allow) return bad_line(rule->line, source, "this rule denies, so it is left alone");
  const Variable* variable = find_variable(*rule, name);
  if (variable == nullptr) {
    return replace(text, *rule, rule->end, rule->end, assignment(name, value));
  }
  if (variable->value == value) return replace(text, *rule, rule->end, rule->end, "");
  if (force == Force::no) {
    return bad_line(rule->line, source,
                    "another " + std::string(name) + " is set, which --force would replace");
  }
  std::string changed = assignment(name, value);
  if (value.find(variable->quote) == std::string_view::npos) {
    changed[1 + name.size() + 1] = changed.back() = variable->quote;
  }
  return replace(text, *rule, variable->begin, variable->end, changed);
}

Result<std::optional<std::string>> rule_variable(std::string_view text, std::string_view address,
                                                 std::string_view name) {
  const auto rules = parse_rules(text);
  if (!rules) return tl::make_unexpected(rules.error());
  const Rule* rule = find_rule(*rules, address);
  const Variable* variable = rule ? find_variable(*rule, name) : nullptr;
  if (variable == nullptr) return std::optional<std::string>();
  return std::optional<std::string>(std::string(variable->value));
}

Result<RuleEdit> remove_rule_variable(std::string_view text, std::string_view address,
                                      std::string_view name) {
  const auto rules = parse_rules(text);
  if (!rules) return tl::make_unexpected(rules.error());
  const Rule* rule = find_rule(*rules, address);
  if (rule != nullptr) return remove_variable(text, *rule, name);
  RuleEdit unchanged;
  unchanged.text = text;
  return unchanged;
}

Result<RuleEdits> remove_made_variables(std::string_view text, std::string_view name) {
  const auto rules = parse_rules(text);
  if (!rules) return tl::make_unexpected(rules.error());
  const Rule* everyone_else = find_rule(*rules, "");
  RuleEdits edits{std::string(text), {}};
  // From the end, so that lines and offsets of what is still to be edited stay true.
  for (auto rule = rules->rbegin(); rule != rules->rend(); ++rule) {
    if (&*rule != everyone_else && !is_made(text, *rule)) continue;
    RuleEdit edit = remove_variable(edits.text, *rule, name);
    if (edit.outcome == RuleEdit::Outcome::unchanged) continue;
    edits.text = edit.text;
    edits.rules.push_back(std::move(edit));
  }
  std::ranges::reverse(edits.rules);
  return edits;
}

}  // namespace grey::svctool
