#include "svctool/plan/tcprules.h"

#include <doctest/doctest.h>

#include <random>

using namespace grey::svctool;

namespace {

const std::string kMade =
    "# The next rule was made by svctool --greyip; --no-greyip takes it out with this line.\n";
const std::string kMadeAfterOpenLine =
    "# The next rule was made by svctool --greyip, which ended the line before, too.\n";

grey::Result<RuleEdit> set(std::string_view text, std::string_view address,
                           Force force = Force::no) {
  return set_rule_variable(text, address, "GREYIP", "127.0.0.1@1999", force);
}

}  // namespace

TEST_CASE("GREYIP is added to the rule that was meant, and every other byte stays") {
  const struct {
    const char *text, *address;
    std::string expected;
  } rows[] = {
      {":allow\n", "", ":allow,GREYIP=\"127.0.0.1@1999\"\n"},
      {":allow", "", ":allow,GREYIP=\"127.0.0.1@1999\""},
      {":allow \t\n", "", ":allow,GREYIP=\"127.0.0.1@1999\" \t\n"},
      {"", "", kMade + ":allow,GREYIP=\"127.0.0.1@1999\"\n"},
      {"# only this", "",
       "# only this\n" + kMadeAfterOpenLine + ":allow,GREYIP=\"127.0.0.1@1999\"\n"},
      {"127.:allow,RELAYCLIENT=\"\"\n\n# all\n:allow,A=/b\"c/\n\n", "",
       "127.:allow,RELAYCLIENT=\"\"\n\n# all\n:allow,A=/b\"c/,GREYIP=\"127.0.0.1@1999\"\n\n"},
      {"192.168.:allow\n:deny\n", "192.168.", "192.168.:allow,GREYIP=\"127.0.0.1@1999\"\n:deny\n"},
      {"1.2.3.4-7:allow,X=\",GREYIP=\"\n:allow\n", "1.2.3.4-7",
       "1.2.3.4-7:allow,X=\",GREYIP=\",GREYIP=\"127.0.0.1@1999\"\n:allow\n"},
      {"::1:allow\n", "::1", "::1:allow,GREYIP=\"127.0.0.1@1999\"\n"},
      {"1.:allow\n", "2.", "1.:allow\n" + kMade + "2.:allow,GREYIP=\"127.0.0.1@1999\"\n"},
      {":allow,M=\":deny\"\n", "", ":allow,M=\":deny\",GREYIP=\"127.0.0.1@1999\"\n"},
      // tcpserver finds the first of two
      {":allow\n:allow,B=\"c\"\n", "", ":allow,GREYIP=\"127.0.0.1@1999\"\n:allow,B=\"c\"\n"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto edit = set(row.text, row.address);
    REQUIRE(edit);
    CHECK(edit->text == row.expected);
    CHECK(edit->outcome != RuleEdit::Outcome::unchanged);
    const auto again = set(edit->text, row.address);
    REQUIRE(again);
    CHECK(again->outcome == RuleEdit::Outcome::unchanged);
    CHECK(again->text == edit->text);
    const auto removed = remove_rule_variable(edit->text, row.address, "GREYIP");
    REQUIRE(removed);
    CHECK(removed->text == row.text);
  }
}

TEST_CASE("an edit says which line it is about") {
  const auto changed = set("# c\n\n:allow\n", "");
  REQUIRE(changed);
  CHECK(changed->line == 3);
  CHECK(changed->before == ":allow");
  CHECK(changed->rule == ":allow,GREYIP=\"127.0.0.1@1999\"");
  const auto added = set("1.:allow\n2.:allow", "");
  REQUIRE(added);
  CHECK(added->outcome == RuleEdit::Outcome::added);
  CHECK(added->line == 4);
}

TEST_CASE("a rule that was made stays once the operator uses it for more") {
  const auto made = set("1.:allow", "2.");
  REQUIRE(made);
  const auto remove = [](const std::string& text) {
    const auto edit = remove_rule_variable(text, "2.", "GREYIP");
    REQUIRE(edit);
    return edit->text;
  };
  CHECK(remove(made->text + "3.:deny\n") == "1.:allow\n3.:deny\n");
  std::string more = made->text;
  more.insert(more.find(",GREYIP"), ",A=\"b\"");
  CHECK(remove(more) == "1.:allow\n" + kMadeAfterOpenLine + "2.:allow,A=\"b\"\n");
  // The comment alone, at the start of a file that somebody has cut.
  CHECK(remove(kMadeAfterOpenLine + "2.:allow,GREYIP=\"@\"\n") == "");
}

TEST_CASE("without an address, all rules that were made go, and GREYIP of everyone else") {
  const std::string first = "1.:allow,GREYIP=\"@1\"\n:allow,A=\"b\"";
  std::string text = first;
  for (const char* address : {"", "2.", "3."}) text = set(text, address)->text;
  const auto removed = remove_made_variables(text, "GREYIP");
  REQUIRE(removed);
  CHECK(removed->text == first);
  REQUIRE(removed->rules.size() == 3);
  CHECK(removed->rules[0].line == 2);
  CHECK(removed->rules[0].rule == ":allow,A=\"b\"");
  CHECK(removed->rules[1].line == 5);
  CHECK(removed->rules[1].before == "2.:allow,A=\"b\",GREYIP=\"127.0.0.1@1999\"");
  CHECK(removed->rules[2].line == 8);
  const auto again = remove_made_variables(removed->text, "GREYIP");
  REQUIRE(again);
  CHECK(again->rules.empty());
  CHECK(again->text == first);
  CHECK_FALSE(remove_made_variables("nothing", "GREYIP"));
}

TEST_CASE("a file with DOS line ends is called that") {
  const auto edit = set("1.:allow\r\n:allow\r\n", "");
  REQUIRE_FALSE(edit);
  CHECK(edit.error().text ==
        "line 1: the line ends in CR LF, which tcprules does not take: 1.:allow");
}

TEST_CASE("another GREYIP is shown, and replaced only by force") {
  const char* text = ":allow,GREYIP='192.0.2.1@1',B=\"c\"\n";
  const auto refused = set(text, "");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text ==
        "line 1: another GREYIP is set, which --force would replace: "
        ":allow,GREYIP='192.0.2.1@1',B=\"c\"");
  const auto forced = set(text, "", Force::yes);
  REQUIRE(forced);
  CHECK(forced->text == ":allow,GREYIP='127.0.0.1@1999',B=\"c\"\n");
  // A quote that the new value contains is of no use.
  const auto requoted = set(":allow,GREYIP=0x0\n", "", Force::yes);
  REQUIRE(requoted);
  CHECK(requoted->text == ":allow,GREYIP=\"127.0.0.1@1999\"\n");
}

TEST_CASE("a rule that denies, or that would never be found, is not written") {
  const struct {
    const char *text, *address, *says;
  } rows[] = {
      {":deny\n", "", "denies"},
      {"1.2.:deny\n:allow\n", "1.2.", "denies"},
      {"192.168.0-9.:allow\n", "192.168.3.", "would not be found"},
      {"192.168.-9.:allow\n", "192.168.3.", "would not be found"},
      {"192.168.-9.:allow\n", "192.168.0.", "would not be found"},
      {"1.:allow\n:deny\n", "2.", "let 2. in"},
      {"10.1.:deny\n:allow\n", "10.1.2.3", "let 10.1.2.3 in"},
      {"10.1.:deny\n:allow\n", "10.1.2.", "let 10.1.2. in"},
      {"10.0-2.:deny\n:allow\n", "10.1.2.3", "let 10.1.2.3 in"},
      {"10.1.:deny\n10.1.:allow\n:allow\n", "10.1.2.3", "let 10.1.2.3 in"},
      {"10.1.:deny\n10.1.:allow\n:allow\n", "10.1.", "denies"},
      {"10.0-2.:deny\n10.1.:allow\n", "10.1.", "comes first and decides for 10.1."},
      {"10.0.0.0/8:deny\n:allow\n", "10.1.2.3", "let 10.1.2.3 in"},
      {"=:deny\n:allow\n", "10.1.2.3", "let 10.1.2.3 in"},
      {"=.bad.example:deny\n:allow\n", "10.1.", "let 10.1. in"},
      {"=mx.bad.example:deny\n:allow\n", "10.1.2.3", "let 10.1.2.3 in"},
      {"10.:deny\n:allow\n", "=mx.example.org", "let =mx.example.org in"},
      {"=.org:deny\n:allow\n", "=.example.org", "let =.example.org in"},
      {"2001:db8::deny\n:allow\n", "2001:db8::1", "let 2001:db8::1 in"},
      {"joe@=mx.example.org:deny\n:allow\n", "joe@10.1.2.3", "let joe@10.1.2.3 in"},
      {"=:allow,A=\"b\"\n:allow\n", "10.1.2.3", "others to one with other variables"},
      {"10.1.:allow,A=\"b\"\n:allow\n", "10.1-2.3.", "others to one with other variables"},
      {"10.5-.:allow\n", "10.5-.", "stands for no address"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto edit = set(row.text, row.address);
    REQUIRE_FALSE(edit);
    CHECK(edit.error().text.find(row.says) != std::string::npos);
  }
  CHECK(set("192.168.9-.:deny\n", "192.168.10."));        // tcprules takes that end for 0
  CHECK(set("=mx.bad.example:deny\n:allow\n", "10.1."));  // who has that name does not come there
  CHECK(set("10.1.2.3:deny\n:allow\n", "10.1."));
  CHECK(set("192.168.0-9.:allow\n", "192.168.10."));
  CHECK(set("192.168.0-9.:allow\n", "192.168."));
  CHECK(set("=a-b.example:allow\n", "1."));
}

TEST_CASE("a rule that is made has the variables of the one that has decided until then") {
  const struct {
    const char *text, *address, *rule;
  } rows[] = {
      {":allow,A=\"b\",C=/d/\n", "10.", "10.:allow,A=\"b\",C=/d/"},
      {"10.:allow,X=\"y\"\n:allow,A=\"b\"\n", "10.1.2.3", "10.1.2.3:allow,X=\"y\""},
      {"10.:allow,X=\"y\"\n10.1.:allow\n:allow,A=\"b\"\n", "10.1.2.3", "10.1.2.3:allow"},
      {"10.0-3.:allow,X=\"y\"\n:allow\n", "10.1.2.3", "10.1.2.3:allow,X=\"y\""},
      {":allow,GREYIP=\"@1\",A=\"b\"\n", "10.", "10.:allow,A=\"b\""},
      {"=.org:allow,X=\"y\"\n:allow\n", "=.example.org", "=.example.org:allow,X=\"y\""},
      {"=:allow,A=\"b\"\n:allow,A=/b/\n", "10.", "10.:allow,A=\"b\""},
      {"::allow,X=\"y\"\n:allow\n", "::1", "::1:allow,X=\"y\""},
      {"10.:allow,X=\"y\"\n:allow\n", "10.1-3.", "10.1-3.:allow,X=\"y\""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto edit = set(row.text, row.address);
    REQUIRE(edit);
    CHECK(edit->outcome == RuleEdit::Outcome::added);
    CHECK(edit->rule == row.rule + std::string(",GREYIP=\"127.0.0.1@1999\""));
    const auto removed = remove_rule_variable(edit->text, row.address, "GREYIP");
    REQUIRE(removed);
    CHECK(removed->text == row.text);
    // Of a rule that the operator has added to only GREYIP goes.
    std::string more = edit->text;
    more.insert(more.rfind(",GREYIP"), ",Z=\"z\"");
    const auto kept = remove_rule_variable(more, row.address, "GREYIP");
    REQUIRE(kept);
    CHECK(kept->text.ends_with(row.rule + std::string(",Z=\"z\"\n")));
  }
}

TEST_CASE("an address that tcpserver never looks for is not written into the rules") {
  for (const char* address : {"10.1", "10.1.2.3.", "10.1.2", "10.01.2.3", "256.", "mx.example.org",
                              "10.0.0.0/8", "2001:DB8::1", "2001:db8:0:0:0:0:0:1", "2001:db8",
                              "::ffff:10.1.2.3", "2001:db8:1:0:1:1:1:1", "joe@", "joe@10."}) {
    CAPTURE(address);
    const auto edit = set(":allow\n", address);
    REQUIRE_FALSE(edit);
    CHECK(edit.error().text.find("no address that tcpserver looks for") != std::string::npos);
    CHECK(set(std::string(address) + ":allow\n", address));  // the operator's own rule
  }
  for (const char* address : {"10.1.2.3", "10.", "10.1.2.", "::1", "2001:db8::1",
                              "2001:db8:", "2001:db8:1::1:1:1:1", "=", "=.org", "=mx.example.org",
                              "joe@10.1.2.3", "joe@=mx.example.org", "10.1.2.3-7", "10.2-3."}) {
    CAPTURE(address);
    CHECK(set(":allow\n", address));
  }
}

TEST_CASE(
    "everyone else are those without a name, and those with one when there is a rule for them") {
  const auto all = [](std::string_view text) {
    return set_for_everyone_else(text, "GREYIP", "@1", Force::no);
  };
  const struct {
    const char *text, *expected;
  } rows[] = {
      {"=:allow\n:allow\n", "=:allow,GREYIP=\"@1\"\n:allow,GREYIP=\"@1\"\n"},
      {":allow\n=:allow,A=\"b\"\n", ":allow,GREYIP=\"@1\"\n=:allow,A=\"b\",GREYIP=\"@1\"\n"},
      {"=:allow\n:deny\n", "=:allow,GREYIP=\"@1\"\n:deny\n"},
      {"=:deny\n:allow\n", "=:deny\n:allow,GREYIP=\"@1\"\n"},
      {"=.org:allow\n:allow\n", "=.org:allow\n:allow,GREYIP=\"@1\"\n"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto edits = all(row.text);
    REQUIRE(edits);
    CHECK(edits->text == row.expected);
    const auto again = all(edits->text);
    REQUIRE(again);
    CHECK(again->rules.empty());
    CHECK(remove_made_variables(edits->text, "GREYIP")->text == row.text);
  }
  const auto made = all("=:allow");
  REQUIRE(made);
  CHECK(made->rules.size() == 2);
  CHECK(made->text.starts_with("=:allow,GREYIP=\"@1\"\n"));
  CHECK(made->text.ends_with("\n:allow,GREYIP=\"@1\"\n"));
  CHECK_FALSE(all("=:deny\n:deny\n"));
  CHECK_FALSE(all(":deny\n"));
  CHECK(named_before_everyone_else("=.org:allow\n=mx.net:allow,GREYIP=\"@\"\n=:allow", "GREYIP")
            .size() == 1);
}

TEST_CASE("a line that tcprules would not take is an error with its number") {
  const char* bad[] = {"foo",
                       ":al",
                       ":allowX=\"y\"",
                       ":allow,A",
                       ":allow,A=\"x",
                       ":allow,A=\"x\",",
                       ":allow ,A=\"x\"",
                       ":allow,A=\"x\"B=\"y\"",
                       ":denyfoo",
                       " # indented",
                       "  ",
                       "\t",
                       ":allow\r",
                       ":allow,A="};
  for (const char* line : bad) {
    CAPTURE(line);
    const auto checked = check_rules("# c\n" + std::string(line) + "\n:allow\n");
    REQUIRE_FALSE(checked);
    CHECK(checked.error().text.starts_with("line 2: "));
  }
  CHECK(check_rules("#foo\n\n:allow,A=axa,=xx\n1.2:deny,A=\"\"\nuser@1.2.3.4:allow\n=:allow"));
}

TEST_CASE("what was set is taken out again, to the byte, from any rules") {
  const char* lines[] = {
      ":allow", "1.:allow,A=\"b\"", "2.:allow \t", "",
      "# c",    "1.2-3.:deny",      ":deny",       ":allow,GREYIP=\"127.0.0.1@1999\""};
  std::mt19937 random(11);
  int set_again = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (auto n = random() % 6; n > 0; --n) {
      text += lines[random() % std::size(lines)];
      if (n > 1 || random() % 2 == 0) text += '\n';
    }
    const char* address = random() % 2 == 0 ? "" : "2.";
    const auto edit = set(text, address);
    if (!edit || edit->outcome == RuleEdit::Outcome::unchanged) continue;
    CAPTURE(text);
    const auto decided = decisions(edit->text, address, "GREYIP");
    REQUIRE(decided);
    CHECK(decided->back().value == "127.0.0.1@1999");
    const auto removed = remove_rule_variable(edit->text, address, "GREYIP");
    REQUIRE(removed);
    REQUIRE(removed->text == text);
    ++set_again;
  }
  CHECK(set_again > 1000);
}

TEST_CASE("rules cut off at any length never crash the parser") {
  const std::string text = "1.2.3-5.:allow,A=\"b\",C=/d/\n#x\n::1:deny\n:allow,GREYIP=\"@\"\n";
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const std::string cut = text.substr(0, length);
    CAPTURE(cut);
    // What is taken for rules is edited to rules, and else left alone.
    const auto edit = set(cut, "");
    if (edit) CHECK(check_rules(edit->text));
    if (!check_rules(cut)) CHECK_FALSE(edit);
    const auto removed = remove_rule_variable(cut, "", "GREYIP");
    if (removed) CHECK(check_rules(removed->text));
  }
}
