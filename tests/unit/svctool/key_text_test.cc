#include "svctool/plan/key_text.h"

#include <doctest/doctest.h>

#include "greyd/wire/keys.h"
#include "svctool/cli/options.h"
#include "svctool/plan/greyip.h"

using namespace grey::svctool;

namespace {

const std::string kOld = "old 000102030405060708090a0b0c0d0e0f\n";
const std::string kNew = "new 0f0e0d0c0b0a09080706050403020100\n";

}  // namespace

TEST_CASE("a change of keys is three steps, each of which both ends can take at another time") {
  const std::string begun = text_of_new_keys(kOld);
  const auto added = change_keys(begun, KeyStep::add, kNew);
  REQUIRE(added);
  const std::string mark = "# svctool --key-change: new follows old\n";
  CHECK(added->ends_with(kOld + mark + kNew));
  const auto used = change_keys(*added, KeyStep::use, "");
  REQUIRE(used);
  CHECK(used->ends_with(kNew + kOld + mark));
  const auto dropped = change_keys(*used, KeyStep::drop, "");
  REQUIRE(dropped);
  CHECK(*dropped == text_of_new_keys(kNew));
  // Whatever two neighbouring steps each has, what one sends the other takes.
  const std::string steps[] = {begun, *added, *used, *dropped};
  for (std::size_t i = 0; i + 1 < std::size(steps); ++i) {
    grey::wire::KeyRing one, other;
    REQUIRE_FALSE(grey::wire::parse_keys(steps[i], one));
    REQUIRE_FALSE(grey::wire::parse_keys(steps[i + 1], other));
    CHECK(other.find(one.first().id()) != nullptr);
    CHECK(one.find(other.first().id()) != nullptr);
  }
}

TEST_CASE("comments and other lines stay, and a last line without an end is one") {
  const std::string mark = "# svctool --key-change: new follows old\n";
  const std::string text = "# one\n\n" + kOld + "# two\n" + mark + kNew.substr(0, kNew.size() - 1);
  const auto used = change_keys(text, KeyStep::use, "");
  REQUIRE(used);
  CHECK(*used == "# one\n\n" + kNew + kOld + "# two\n" + mark);
}

TEST_CASE("keys that a change has not made are not touched by it") {
  const std::string mx2 = "mx2 100102030405060708090a0b0c0d0e0f\n";
  const std::string mx3 = "mx3 200102030405060708090a0b0c0d0e0f\n";
  const std::string begun = kOld + mx2 + mx3;
  CHECK_FALSE(change_keys(begun, KeyStep::use, ""));
  CHECK_FALSE(change_keys(begun, KeyStep::drop, ""));
  const auto added = change_keys(begun, KeyStep::add, kNew);
  REQUIRE(added);
  CHECK_FALSE(change_keys(*added, KeyStep::add, kNew));
  CHECK(change_keys(*added, KeyStep::drop, "") == begun);
  const auto used = change_keys(*added, KeyStep::use, "");
  REQUIRE(used);
  CHECK_FALSE(change_keys(*used, KeyStep::use, ""));
  CHECK(change_keys(*used, KeyStep::drop, "") == kNew + mx2 + mx3);
  // One of the two is gone, by hand.
  CHECK_FALSE(change_keys(added->substr(kOld.size()), KeyStep::drop, ""));
  std::string full = kOld;
  for (int i = 1; i < 16; ++i) full += "mx" + std::to_string(i) + kOld.substr(3);
  CHECK(change_keys(full, KeyStep::none, ""));
  CHECK_FALSE(change_keys(full, KeyStep::add, kNew));
}

TEST_CASE(
    "a step that is not the next one, or a file that is none, is an error and nothing of it is "
    "told") {
  const struct {
    std::string text;
    KeyStep step;
    const char* error;
  } cases[] = {{kOld + "# svctool --key-change: new follows old\n" + kNew, KeyStep::add,
                "a change is under way"},
               {kOld + kNew, KeyStep::drop, "no change is under way"},
               {kOld, KeyStep::use, "no change is under way"},
               {kOld, KeyStep::drop, "no change is under way"},
               {"", KeyStep::none, "there is no key in it"},
               {kOld + "id secret\n", KeyStep::add, "line 2: "}};
  for (const auto& bad : cases) {
    CAPTURE(bad.text);
    const auto changed = change_keys(bad.text, bad.step, kNew);
    REQUIRE_FALSE(changed);
    CHECK(changed.error().text.find(bad.error) != std::string::npos);
    CHECK(changed.error().text.find("secret") == std::string::npos);
  }
}

TEST_CASE("a new key is one that daemon and clients read") {
  grey::wire::KeyRing ring;
  REQUIRE_FALSE(
      grey::wire::parse_keys(text_of_new_keys(key_line("20261127-ab12", {{1, 2, 3}})), ring));
  CHECK(ring.first().id() == "20261127-ab12");
  CHECK(ring.first().secret[2] == 3);
}

TEST_CASE("--key names a file, and at most one who uses it") {
  const auto parse = [](std::vector<std::string> arguments) {
    return parse_command_line(arguments);
  };
  const auto line = parse(
      {"--key=/etc/keys", "--service=/service/smtp", "--key-change=use", "--key-owner=:mail"});
  REQUIRE(line);
  const auto& request = std::get<KeyRequest>(line->request);
  CHECK(request.file == "/etc/keys");
  CHECK(request.step == KeyStep::use);
  CHECK(request.owner == ":mail");
  CHECK(request.service == "/service/smtp");
  for (const std::vector<std::string>& bad :
       std::vector<std::vector<std::string>>{{"--key=keys"},
                                             {"--key=/a b"},
                                             {"--key=/a", "--service=/s", "--tcprules=/t"},
                                             {"--key=/a", "--greylist=1", "--service=/s"},
                                             {"--key=/a", "--key-change=other"},
                                             {"--key=/a", "--check"},
                                             {"--key-owner=u"},
                                             {"--key=/a", "--min-resend-min=1"}}) {
    CAPTURE(bad.front() + " " + bad.back());
    CHECK_FALSE(parse(bad));
  }
}

TEST_CASE("GREYKEYFILE stands beside GREYIP, is not replaced unasked, and goes with it") {
  SmtpService service{"/s", "/s/run", "#!/bin/sh\nexec envdir ./variables x\n", true, "@1\n", {}};
  const auto set = plan_key_file(service, "/k", Force::no);
  REQUIRE(set);
  REQUIRE(set->entries.size() == 1);
  CHECK(set->entries[0].path == "/s/variables/GREYKEYFILE");
  CHECK(set->entries[0].content == "/k\n");
  service.key_file = "/k\n";
  CHECK(plan_key_file(service, "/k", Force::no)->entries.empty());
  CHECK_FALSE(plan_key_file(service, "/other", Force::no));
  CHECK(plan_key_file(service, "/other", Force::yes)->entries.size() == 1);
  CHECK(plan_no_greyip(service).entries.size() == 2);
  service.has_variables = false;
  CHECK_FALSE(plan_key_file(service, "/k", Force::yes));
}
