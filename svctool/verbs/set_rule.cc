#include "svctool/verbs/set_rule.h"

#include "greyd/base/place.h"
#include "svctool/files/rules_file.h"
#include "svctool/files/staging.h"
#include "svctool/files/walks.h"
#include "svctool/plan/tcprules.h"
#include "svctool/util/output.h"
#include "svctool/verbs/set_greyip.h"
#include "svctool/verbs/verbs.h"

namespace grey::svctool {
namespace {

Result<RuleEdits> edit_rules(const RuleGreyip& request, std::string_view text, Force force) {
  const std::string_view name = request.variable;
  if (request.match.empty()) {
    return request.greyip.empty() ? remove_made_variables(text, name)
                                  : set_for_everyone_else(text, name, request.greyip, force);
  }
  auto edit = request.greyip.empty()
                  ? remove_rule_variable(text, request.match, name)
                  : set_rule_variable(text, request.match, name, request.greyip, force);
  if (!edit) return tl::make_unexpected(edit.error());
  RuleEdits edits{edit->text, {}};
  if (edit->outcome != RuleEdit::Outcome::unchanged) edits.rules.push_back(std::move(*edit));
  return edits;
}

// An error that names a rule without GREYIP, where GREYKEYFILE would do nothing.
Result<void> check_greyip_stands(std::string_view text, const std::string& match) {
  const auto rules = decisions(text, match, "GREYIP");
  if (!rules) return tl::make_unexpected(rules.error());
  for (const RuleDecision& rule : *rules) {
    if (!rule.allow || rule.value) continue;
    const std::string which =
        rule.line == 0 ? "no rule" : "line " + std::to_string(rule.line) + ": " + rule.rule;
    return failure(which +
                   ": sets no GREYIP, which GREYKEYFILE goes with; first --greyip=ADDR@PORT");
  }
  return {};
}

// GREYKEYFILE goes with GREYIP, before it: a rule that was made for both is then made for one
// alone.
Result<RuleEdits> edit_all(const RuleGreyip& request, std::string_view text, Force force) {
  if (!request.greyip.empty()) {
    if (request.variable != "GREYIP") {
      if (auto good = check_greyip_stands(text, request.match); !good) {
        return tl::make_unexpected(good.error());
      }
    }
    return edit_rules(request, text, force);
  }
  RuleGreyip key = request;
  key.variable = "GREYKEYFILE";
  auto without_key = edit_rules(key, text, force);
  if (!without_key) return without_key;
  auto edits = edit_rules(request, without_key->text, force);
  if (edits)
    edits->rules.insert(edits->rules.begin(), without_key->rules.begin(), without_key->rules.end());
  return edits;
}

// Who has set GREYIP for everyone else may take a client with a name for one of them.
void say_named_before(const RuleGreyip& request, const std::string& path, std::string_view text) {
  if (request.greyip.empty() || !request.match.empty()) return;
  for (const RuleDecision& rule : named_before_everyone_else(text, "GREYIP")) {
    say(path + ": line " + std::to_string(rule.line) +
        ": without GREYIP, so clients of that name are not greylisted: " + rule.rule);
  }
}

void say_edit(const std::string& path, const RuleEdit& edit) {
  const std::string where = path + ": line " + std::to_string(edit.line);
  if (edit.outcome == RuleEdit::Outcome::added) say(where + ": add " + edit.rule);
  if (edit.outcome == RuleEdit::Outcome::removed) say(where + ": remove " + edit.before);
  if (edit.outcome == RuleEdit::Outcome::changed) {
    say(where + ": change " + edit.before);
    say(where + ":     to " + edit.rule);
  }
}

}  // namespace

Result<int> run(const RuleGreyip& request, const Manner& manner) {
  Locks locks;
  return set_rule(request, manner, locks);
}

Result<int> set_rule(const RuleGreyip& request, const Manner& manner, Locks& locks) {
  if (auto within = stays_within(manner.destdir, request.file); !within) {
    return tl::make_unexpected(within.error());
  }
  const auto path = resolve(manner.destdir.at(request.file));
  if (!path) return tl::make_unexpected(path.error());
  if (auto taken = locks.directory_of(*path); !taken) return tl::make_unexpected(taken.error());
  const auto file = read_rules(*path);
  if (!file) return tl::make_unexpected(file.error());
  const auto edits = edit_all(request, file->text, manner.force);
  if (!edits) return failure(file->path + ": " + edits.error().text);
  const bool is_greyip = request.variable == "GREYIP";
  if (is_greyip) warn_of_indimail(request.greyip);
  if (manner.dry_run || manner.json) {
    Manner here = manner;
    here.destdir = Destdir();
    Plan plan;
    plan.service = TargetPath(file->path);  // as it was read
    PlanBuilder(plan).file(file->path, 0644, edits->text).with_present_attributes();
    const auto shown = apply_or_show(plan, here);
    if (!shown) return tl::make_unexpected(shown.error());
    return 0;
  }
  const auto written = write_rules(*file, edits->text);
  if (!written) return tl::make_unexpected(written.error());
  for (const RuleEdit& edit : edits->rules) say_edit(file->path, edit);
  if (*written == CdbState::rebuilt) say(file->path + ".cdb: rebuilt");
  if (edits->rules.empty() && *written == CdbState::same) {
    say(file->path + ": nothing to change");
  }
  if (is_greyip) say_named_before(request, file->path, edits->text);
  return 0;
}

}  // namespace grey::svctool
