// Files that svctool edits, from anywhere: tcp.smtp, a `run`, variables/GREYIP, .options. Each is
// refused with one line, or it is edited, and taking the edit back gives every byte again.
#include <string>

#include "svctool/cli/options.h"
#include "svctool/plan/greyip.h"
#include "svctool/plan/run_edit.h"
#include "svctool/plan/tcprules.h"
#include "tests/fuzz/require.h"

using namespace grey;
using namespace grey::svctool;

namespace {

constexpr const char* kGreyip = "127.0.0.1@1999";

void edit_rules(const std::string& text) {
  for (const char* address : {"", "192.168."}) {
    const auto edit = set_rule_variable(text, address, "GREYIP", kGreyip, Force::no);
    if (!edit) {
      REQUIRE(edit.error().text.find('\n') == std::string::npos);
      continue;
    }
    const auto decided = decisions(edit->text, address, "GREYIP");
    REQUIRE(decided && decided->back().value == kGreyip);
    const auto again = set_rule_variable(edit->text, address, "GREYIP", kGreyip, Force::no);
    REQUIRE(again && again->outcome == RuleEdit::Outcome::unchanged);
    const auto removed = remove_rule_variable(edit->text, address, "GREYIP");
    REQUIRE(removed);
    if (edit->outcome != RuleEdit::Outcome::unchanged) REQUIRE(removed->text == text);
  }
}

void edit_run(const std::string& text) {
  (void)reads_variables(text);
  const auto edited = set_run_greyip(text, kGreyip, false);
  if (!edited) {
    REQUIRE(edited.error().text.find('\n') == std::string::npos);
    return;
  }
  REQUIRE(set_run_greyip(*edited, kGreyip, false) == *edited);
  if (*edited != text) REQUIRE(remove_run_greyip(*edited) == text);
}

void edit_variable(const std::string& text) {
  SmtpService service{"/s", "/s/run", "#!/bin/sh\nexec envdir variables x\n", true, text};
  const auto plan = plan_greyip(service, kGreyip, Force::no, EditRun::no);
  if (!plan || plan->entries.empty()) return;
  service.greyip = plan->entries[0].content;
  const Plan undo = plan_no_greyip(service);
  REQUIRE(undo.entries.size() == 1 && undo.entries[0].content == text);
}

void read_options_file(const std::string& text) {
  const auto request = parse_options_file(text);
  if (!request) {
    REQUIRE(request.error().exit_code == kExitSystemFailure);
    REQUIRE(request.error().text.find('\n') == std::string::npos);
    return;
  }
  std::string again;
  for (const std::string& option : request->options) again += option + "\n";
  const auto same = parse_options_file(again);
  REQUIRE(same && same->options == request->options && same->values == request->values);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  // A command line takes CLI11 ten milliseconds: only what looks like one has its turn.
  if (text.starts_with("--") && size < 1000) {
    read_options_file("--greylist=1999\n" + text);
    return 0;
  }
  edit_rules(text);
  edit_run(text);
  edit_variable(text);
  return 0;
}
