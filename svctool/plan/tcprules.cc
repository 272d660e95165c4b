#include "svctool/plan/tcprules.h"

#include <algorithm>
#include <map>

#include "svctool/plan/rules_search.h"
#include "svctool/plan/rules_text.h"

namespace grey::svctool {
namespace {

// Before a rule that was made, and what that did to the line before.
constexpr std::string_view kMade =
    "# The next rule was made by svctool --greyip; --no-greyip takes it out with this line.\n";
constexpr std::string_view kMadeAfterOpenLine =
    "# The next rule was made by svctool --greyip, which ended the line before, too.\n";
// After that, when it has variables of the rule that decided before it was there.
constexpr std::string_view kCarried = "# As before, it sets ";

const Rule* find_rule(const std::vector<Rule>& rules, std::string_view address) {
  const auto rule = std::ranges::find(rules, address, &Rule::address);
  return rule == rules.end() ? nullptr : &*rule;
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

// The variables of a rule but `name`, as they are written.
std::string others_than(std::string_view name, std::string_view text, const Rule& rule) {
  std::string others;
  for (const RuleVariable& variable : rule.variables) {
    if (variable.name != name) {
      others.append(text.substr(variable.begin, variable.end - variable.begin));
    }
  }
  return others;
}

// What they come to.
std::map<std::string_view, std::string_view> values_but(std::string_view name, const Rule* rule) {
  std::map<std::string_view, std::string_view> values;
  if (rule == nullptr) return values;
  for (const RuleVariable& variable : rule->variables) {
    if (variable.name != name) values.insert_or_assign(variable.name, variable.value);
  }
  return values;
}

// The rule, if any, whose place a new one for `address` takes, so that its clients see nothing
// change but `name`. An error when it would let somebody in, or when there is not one such rule.
Result<const Rule*> find_replaced(std::string_view text, const RuleIndex& index,
                                  std::string_view address, std::string_view name) {
  std::vector<const Rule*> all;
  for (const std::string& key : keys_of(address)) {
    if (const auto good = check_key(key); !good) return tl::make_unexpected(good.error());
    if (const Rule* rule = index.find(key)) {
      return bad_line(
          rule->line, rule->in(text),
          "this rule already decides for " + key + ", and a later one would not be found");
    }
    for (const Rule* rule : deciders(index, key)) all.push_back(rule);
  }
  if (all.empty()) return failure("'" + std::string(address) + "' stands for no address");
  for (const Rule* rule : all) {
    if (rule != nullptr && !rule->allow) {
      return bad_line(rule->line, rule->in(text),
                      "a new rule would let " + std::string(address) + " in, which is denied by");
    }
  }
  for (const Rule* rule : all) {
    if (values_but(name, rule) == values_but(name, all.front())) continue;
    const Rule& named = rule != nullptr ? *rule : *all.front();
    return bad_line(named.line, named.in(text),
                    "some clients of " + std::string(address) +
                        " come to this rule today, others to one with other variables, so that a "
                        "new one would not be right for all");
  }
  return all.front();
}

Result<RuleEdit> append_rule(std::string_view text, const RuleIndex& index,
                             std::string_view address, std::string_view name,
                             std::string_view value) {
  const auto replaced = find_replaced(text, index, address, name);
  if (!replaced) return tl::make_unexpected(replaced.error());
  const std::string carried = *replaced ? others_than(name, text, **replaced) : "";
  RuleEdit edit;
  edit.outcome = RuleEdit::Outcome::added;
  edit.rule.append(address).append(":allow").append(carried).append(assignment(name, value));
  edit.text = text;
  const bool open_line = !text.empty() && !text.ends_with('\n');
  if (open_line) edit.text += '\n';
  edit.text.append(open_line ? kMadeAfterOpenLine : kMade);
  if (!carried.empty()) edit.text.append(kCarried).append(carried).append("\n");
  edit.line = 1;
  for (const char c : edit.text) edit.line += c == '\n';
  edit.text += edit.rule + "\n";
  return edit;
}

// The comment before a rule that was made.
struct MadeMark {
  std::size_t begin = 0;
  bool after_open_line = false;
  std::string_view carried;  // the variables that it got from another rule
};

std::optional<MadeMark> find_mark(std::string_view text, const Rule& rule) {
  std::string_view before = text.substr(0, rule.begin);
  MadeMark mark;
  if (before.ends_with('\n')) {
    const std::size_t begin = before.substr(0, before.size() - 1).rfind('\n') + 1;  // npos + 1 is 0
    const std::string_view last = before.substr(begin, before.size() - 1 - begin);
    if (last.starts_with(kCarried)) {
      mark.carried = last.substr(kCarried.size());
      before = before.substr(0, begin);
    }
  }
  if (before.ends_with(kMade)) {
    mark.begin = before.size() - kMade.size();
  } else if (before.ends_with(kMadeAfterOpenLine)) {
    mark.begin = before.size() - kMadeAfterOpenLine.size();
    mark.after_open_line = true;
  } else {
    return std::nullopt;
  }
  return mark;
}

// The text without a rule that was made and the comment before it.
RuleEdit remove_made_rule(std::string_view text, const Rule& rule, const MadeMark& mark) {
  std::string_view before = text.substr(0, mark.begin);
  std::string_view after = text.substr(std::min(text.find('\n', rule.end), text.size() - 1) + 1);
  // The newline that was added goes, unless other lines have been added since.
  if (mark.after_open_line && after.empty() && before.ends_with('\n')) before.remove_suffix(1);
  RuleEdit edit;
  edit.outcome = RuleEdit::Outcome::removed;
  edit.line = rule.line;
  edit.before = rule.in(text);
  edit.text.append(before).append(after);
  return edit;
}

// Takes `name` out of a rule, and the rule when it was made for `name` alone.
RuleEdit remove_variable(std::string_view text, const Rule& rule, std::string_view name) {
  RuleEdit unchanged;
  unchanged.text = text;
  const RuleVariable* variable = find_variable(rule, name);
  if (variable == nullptr) return unchanged;
  const auto mark = find_mark(text, rule);
  if (mark && rule.allow && others_than(name, text, rule) == mark->carried) {
    return remove_made_rule(text, rule, *mark);
  }
  return replace(text, rule, variable->begin, variable->end, "");
}

// In a rule that is there.
Result<RuleEdit> set_variable(std::string_view text, const Rule& rule, std::string_view name,
                              std::string_view value, Force force) {
  if (!rule.allow) {
    return bad_line(rule.line, rule.in(text), "this rule denies, so it is left alone");
  }
  const RuleVariable* variable = find_variable(rule, name);
  if (variable == nullptr) {
    return replace(text, rule, rule.end, rule.end, assignment(name, value));
  }
  if (variable->value == value) return replace(text, rule, rule.end, rule.end, "");
  if (force == Force::no) {
    return bad_line(rule.line, rule.in(text),
                    "another " + std::string(name) + " is set, which --force would replace");
  }
  std::string changed = assignment(name, value);
  if (value.find(variable->quote) == std::string_view::npos) {
    changed[1 + name.size() + 1] = changed.back() = variable->quote;
  }
  return replace(text, rule, variable->begin, variable->end, changed);
}

// Whether a client comes to `rule` at all; an error that names the one before it when none does.
Result<void> check_found(std::string_view text, const RuleIndex& index, const Rule& rule) {
  const Rule* first = nullptr;
  for (const std::string& key : keys_of(rule.address)) {
    first = index.find(key);
    if (first == &rule) return {};
  }
  if (first == nullptr) return bad_line(rule.line, rule.in(text), "it stands for no address");
  return bad_line(first->line, first->in(text),
                  "this rule comes first and decides for " + std::string(rule.address));
}

RuleDecision decision_of(std::string_view text, const Rule* rule, std::string_view name) {
  if (rule == nullptr) return {};
  RuleDecision decision{rule->line, std::string(rule->in(text)), rule->allow, {}};
  if (const RuleVariable* variable = find_variable(*rule, name)) decision.value = variable->value;
  return decision;
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
  const RuleIndex index(*rules);
  const Rule* rule = find_rule(*rules, address);
  if (rule == nullptr) return append_rule(text, index, address, name, value);
  if (auto found = check_found(text, index, *rule); !found) {
    return tl::make_unexpected(found.error());
  }
  return set_variable(text, *rule, name, value, force);
}

Result<RuleEdits> set_for_everyone_else(std::string_view text, std::string_view name,
                                        std::string_view value, Force force) {
  const auto rules = parse_rules(text);
  if (!rules) return tl::make_unexpected(rules.error());
  const Rule* named = find_rule(*rules, "=");
  const Rule* all = find_rule(*rules, "");
  RuleEdits edits{std::string(text), {}};
  const bool one_is_enough = named != nullptr && all != nullptr && named->allow != all->allow;
  for (const std::string_view address : {"=", ""}) {
    const Rule* rule = address.empty() ? all : named;
    if (rule == nullptr && !address.empty()) continue;
    if (rule != nullptr && !rule->allow && (one_is_enough || rule == named)) continue;
    auto edit = set_rule_variable(edits.text, address, name, value, force);
    if (!edit) return tl::make_unexpected(edit.error());
    edits.text = edit->text;
    if (edit->outcome != RuleEdit::Outcome::unchanged) edits.rules.push_back(std::move(*edit));
  }
  std::ranges::sort(edits.rules, {}, &RuleEdit::line);
  return edits;
}

Result<std::vector<RuleDecision>> decisions(std::string_view text, std::string_view address,
                                            std::string_view name) {
  const auto rules = parse_rules(text);
  if (!rules) return tl::make_unexpected(rules.error());
  const RuleIndex index(*rules);
  std::vector<const Rule*> found;
  const auto add = [&found](const Rule* rule) {
    if (std::ranges::find(found, rule) == found.end()) found.push_back(rule);
  };
  for (const std::string& key : keys_of(address)) {
    const Rule* own = index.find(key);
    if (address.empty() && index.find("=") != nullptr) add(index.find("="));
    if (own != nullptr || address.empty()) {
      add(own);
    } else {
      std::ranges::for_each(deciders(index, key), add);
    }
  }
  std::vector<RuleDecision> result;
  result.reserve(found.size());
  for (const Rule* rule : found) result.push_back(decision_of(text, rule, name));
  return result;
}

std::vector<RuleDecision> named_before_everyone_else(std::string_view text, std::string_view name) {
  std::vector<RuleDecision> result;
  const auto rules = parse_rules(text);
  if (!rules) return result;
  for (const Rule& rule : *rules) {
    const bool by_name = rule.address.size() > 1 && rule.address[0] == '=';
    if (by_name && rule.allow && find_variable(rule, name) == nullptr) {
      result.push_back(decision_of(text, &rule, name));
    }
  }
  return result;
}

std::vector<RuleDecision> allowed_without(std::string_view text, std::string_view name) {
  std::vector<RuleDecision> result;
  const auto rules = parse_rules(text);
  if (!rules) return result;
  for (const Rule& rule : *rules) {
    const bool everyone_else = rule.address.empty() || rule.address == "=";
    const bool host = rule.address.starts_with("127.") || rule.address == "::1";
    if (!rule.allow || everyone_else || host || find_variable(rule, "RELAYCLIENT") != nullptr ||
        find_variable(rule, name) != nullptr) {
      continue;
    }
    result.push_back(decision_of(text, &rule, name));
  }
  return result;
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
  const Rule* named = find_rule(*rules, "=");
  RuleEdits edits{std::string(text), {}};
  // From the end, so that lines and offsets of what is still to be edited stay true.
  for (auto rule = rules->rbegin(); rule != rules->rend(); ++rule) {
    const bool meant = &*rule == everyone_else || &*rule == named || find_mark(text, *rule);
    if (!meant) continue;
    RuleEdit edit = remove_variable(edits.text, *rule, name);
    if (edit.outcome == RuleEdit::Outcome::unchanged) continue;
    edits.text = edit.text;
    edits.rules.push_back(std::move(edit));
  }
  std::ranges::reverse(edits.rules);
  return edits;
}

}  // namespace grey::svctool
