#include <doctest/doctest.h>

#include <random>

#include "svctool/tcprules.h"

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
  CHECK(removed->rules[1].line == 4);
  CHECK(removed->rules[1].before == "2.:allow,GREYIP=\"127.0.0.1@1999\"");
  CHECK(removed->rules[2].line == 6);
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
      {"1.:allow\n:deny\n", "2.", "let 2. in"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto edit = set(row.text, row.address);
    REQUIRE_FALSE(edit);
    CHECK(edit.error().text.find(row.says) != std::string::npos);
  }
  CHECK(set("192.168.0-9.:allow\n", "192.168.10."));
  CHECK(set("192.168.0-9.:allow\n", "192.168."));
  CHECK(set("=a-b.example:allow\n", "1."));
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
                       ":allow\r",
                       ":allow,A="};
  for (const char* line : bad) {
    CAPTURE(line);
    const auto checked = check_rules("# c\n" + std::string(line) + "\n:allow\n");
    REQUIRE_FALSE(checked);
    CHECK(checked.error().text.starts_with("line 2: "));
  }
  CHECK(check_rules("#foo\n\n  \n:allow,A=axa,=xx\n1.2:deny,A=\"\"\nuser@1.2.3.4:allow\n=:allow"));
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
    CHECK(rule_variable(edit->text, address, "GREYIP").value() == "127.0.0.1@1999");
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
    (void)set(text.substr(0, length), "");
    (void)remove_rule_variable(text.substr(0, length), "", "GREYIP");
  }
}
