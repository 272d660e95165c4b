#include "svctool/plan/greyip.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "svctool/plan/run_edit.h"

using namespace grey::svctool;

namespace {

constexpr const char* kOther = "192.0.2.1@1999";
constexpr const char* kOurs = "127.0.0.1@1999";

SmtpService service(const std::string& run, std::optional<std::string> greyip) {
  return {"/s", "/s/run", run, true, std::move(greyip)};
}
const std::string kEnvdir = "#!/bin/sh\nexec envdir ./variables tcpserver\n";
const std::string kPlain = "#!/bin/sh -e\n# GREYIP=comment\nexec tcpserver\n";
const std::string kLine = "GREYIP='127.0.0.1@1999'; export GREYIP # svctool --greyip\n";

}  // namespace

TEST_CASE("a GREYIP that a client could not read is refused") {
  for (const char* good : {"127.0.0.1@1999", "127.0.0.1:1999,[::1]@1999", "@", "192.0.2.1"}) {
    CAPTURE(good);
    CHECK(check_greyip(good));
  }
  for (const char* bad : {"", ",", "127.0.0.1@70000", "host@1", "127.0.0.1@1999,", "1.2.3.4 @1"}) {
    CAPTURE(bad);
    CHECK_FALSE(check_greyip(bad));
  }
}

TEST_CASE("a GREYIP that IndiMail's own client takes otherwise is named, with what serves both") {
  const struct {
    std::string greyip;
    std::vector<std::string> differences;
  } rows[] = {
      {"127.0.0.1@1999", {}},
      {"127.0.0.1@", {}},
      {"127.0.0.1", {}},
      {"@", {}},
      {"0@2000", {}},
      {"0", {}},
      {"::ffff:192.0.2.1@2000", {}},
      {"fd00::1@2000", {}},
      {"fd00::1", {}},
      {"@2000", {"does not read '@2000': write 127.0.0.1@2000"}},
      {":2000", {"does not read ':2000': write 127.0.0.1@2000"}},
      {":", {"does not read ':': write 127.0.0.1@1999"}},
      {"127.0.0.1:2000", {"does not read '127.0.0.1:2000': write 127.0.0.1@2000"}},
      {"127.0.0.1:", {"does not read '127.0.0.1:': write 127.0.0.1@1999"}},
      {"[fd00::1]@2000", {"does not read '[fd00::1]@2000': write fd00::1@2000"}},
      {"[fd00::1]:2000", {"does not read '[fd00::1]:2000': write fd00::1@2000"}},
      {"[fd00::1]", {"does not read '[fd00::1]': write fd00::1@1999"}},
      {"::1@2000", {"asks 127.0.0.1 in the place of ::1"}},
      {"[::1]@2000",
       {"does not read '[::1]@2000': write ::1@2000", "asks 127.0.0.1 in the place of ::1"}},
      {"192.0.2.1@2000,192.0.2.2@2000", {"asks the first of several daemons alone"}},
      {"192.0.2.1,192.0.2.2@2000",
       {"does not read '192.0.2.1': write 192.0.2.1@1999",
        "asks the first of several daemons alone"}},
      {"@,192.0.2.2@2000",
       {"does not read '@': write 127.0.0.1@1999", "asks the first of several daemons alone"}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.greyip);
    REQUIRE(check_greyip(row.greyip));
    std::vector<std::string> expected;
    for (const auto& text : row.differences) {
      expected.push_back("IndiMail's own qmail-smtpd " + text);
    }
    CHECK(indimail_differences(row.greyip) == expected);
  }
}

TEST_CASE("variables/GREYIP is what it was after --no-greyip, whatever that was") {
  const std::optional<std::string> rows[] = {std::nullopt, "", "\n", "\nold notes\n"};
  for (const auto& before : rows) {
    CAPTURE(before.value_or("none"));
    const auto set = plan_greyip(service(kEnvdir, before), kOurs, Force::no, EditRun::no);
    REQUIRE(set);
    REQUIRE(set->entries.size() == 1);
    const std::string& written = set->entries[0].content;
    CHECK(written.substr(0, written.find('\n')) == kOurs);
    const SmtpService after = service(kEnvdir, written);
    CHECK(greyip_in_force(after).value == kOurs);
    CHECK(plan_greyip(after, kOurs, Force::no, EditRun::no)->entries.empty());
    // Another value in between does not lose what was there at first.
    const auto forced = plan_greyip(after, kOther, Force::yes, EditRun::no);
    REQUIRE(forced);
    const Plan undo = plan_no_greyip(service(kEnvdir, forced->entries[0].content));
    REQUIRE(undo.entries.size() == 1);
    CHECK(undo.entries[0].path == "/s/variables/GREYIP");
    if (before) {
      CHECK(undo.entries[0].content == *before);
    } else {
      CHECK(undo.entries[0].type == Entry::Type::absent);
    }
    CHECK(plan_no_greyip(service(kEnvdir, before)).entries.empty());
  }
}

TEST_CASE("another GREYIP is replaced only by force, and needs a place") {
  const auto refused =
      plan_greyip(service(kEnvdir, std::string(kOther) + "\n"), kOurs, Force::no, EditRun::no);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text ==
        "/s/variables/GREYIP is '192.0.2.1@1999', which --force would replace");
  SmtpService none = service(kPlain, std::nullopt);
  none.has_variables = false;
  CHECK(plan_greyip(none, kOurs, Force::yes, EditRun::no).error().text ==
        "/s has no variables/ for GREYIP; --run would set it in its run");
  CHECK(plan_greyip(none, kOurs, Force::no, EditRun::yes));
}

TEST_CASE("--run edits a run that reads no variables/, and only such a one") {
  const auto edited = plan_greyip(service(kPlain, std::nullopt), kOurs, Force::no, EditRun::yes);
  REQUIRE(edited);
  REQUIRE(edited->entries.size() == 1);
  CHECK(edited->entries[0].path == "/s/run");
  CHECK(edited->entries[0].present_attributes);
  CHECK(edited->entries[0].content ==
        "#!/bin/sh -e\n" + kLine + "# GREYIP=comment\nexec tcpserver\n");
  const auto not_edited =
      plan_greyip(service(kEnvdir, std::nullopt), kOurs, Force::no, EditRun::yes);
  REQUIRE(not_edited);
  CHECK(not_edited->entries[0].path == "/s/variables/GREYIP");
}

TEST_CASE("whether a script reads variables/") {
  CHECK(reads_variables(kEnvdir));
  CHECK(reads_variables("#!/bin/sh\nexec /usr/bin/envdir /service/x/variables env y\n"));
  CHECK_FALSE(reads_variables(kPlain));
  CHECK_FALSE(reads_variables("#!/bin/sh\n  # envdir variables\nexec envdir ./env y\n"));
}

TEST_CASE("the line in run comes and goes, and every other byte stays") {
  for (const std::string& run :
       {kPlain, std::string("#!/usr/bin/env bash\n"), std::string("#!/bin/busybox sh\nexec x"),
        std::string("#!/bin/sh\n\n\tMYGREYIP=1\n")}) {
    CAPTURE(run);
    const auto set = set_run_greyip(run, kOurs, false);
    REQUIRE(set);
    CHECK(set->find(kLine) != std::string::npos);
    CHECK(set_run_greyip(*set, kOurs, false) == *set);
    CHECK_FALSE(set_run_greyip(*set, kOther, false));
    const auto other = set_run_greyip(*set, kOther, true);
    REQUIRE(other);
    CHECK(find_run_greyip(*other)->value == kOther);
    CHECK(set_run_greyip(*other, kOurs, true) == *set);
    CHECK(remove_run_greyip(*set) == run);
    CHECK(remove_run_greyip(run) == run);
  }
}

TEST_CASE("a run that cannot be edited is left alone, with the line that is in the way") {
  const struct {
    const char *run, *says;
  } rows[] = {
      {"#!/usr/bin/perl\nexec 'x';\n", "line 1: not a shell script: #!/usr/bin/perl"},
      {"exec x\n", "line 1: not a shell script"},
      {"#!/bin/sh", "line 1: not a shell script"},
      {"", "line 1"},
      {"#!/bin/sh\nexport GREYIP=@1\n", "line 2: GREYIP is set already"},
      {"#!/bin/sh\nexec env A=b GREYIP=@1 x\n", "line 2: GREYIP is set already"},
      {"#!/bin/sh\n GREYIP='@1'; export GREYIP # svctool --greyip\n", "line 2: GREYIP is set"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.run);
    const auto edited = set_run_greyip(row.run, kOurs, true);
    REQUIRE_FALSE(edited);
    CHECK(edited.error().text.starts_with(row.says));
    CHECK(remove_run_greyip(row.run) == row.run);
  }
}
