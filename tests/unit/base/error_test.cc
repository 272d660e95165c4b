// What is decided on of an error is a number or a text of its own, never a part of a sentence.
#include "greyd/base/error.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "svctool/plan/settings.h"

using namespace grey;

TEST_CASE("an error of the system has its number, and one of ours has none") {
  CHECK(system_error("open", "/x", EACCES).number == EACCES);
  const auto below_a_file = read_regular("/dev/null/x");
  REQUIRE_FALSE(below_a_file);
  CHECK(below_a_file.error().number == ENOTDIR);
  CHECK(Error{"no such thing"}.number == 0);
  const Result<void> own = misuse("--x: no");
  CHECK(own.error().number == 0);
}

TEST_CASE("what is wrong with a value is said of whatever holds it") {
  using namespace svctool;
  const Setting& setting = *find_setting("min-resend-min");
  CHECK(value_fault(setting, "5").empty());
  CHECK(value_fault(setting, "soon") == "'soon' is not a number of minutes from 0 to 1000000");
  CHECK(value_fault(setting, "") == "the value is empty");
  CHECK(line_fault("a\nb") == "the value contains a control character");
  CHECK(check_value(setting, "soon").error().text ==
        "--min-resend-min: " + value_fault(setting, "soon"));
  const Setting& fixed = *find_setting("recipients");
  CHECK(greydaemon_fault(fixed, "all").empty());
  CHECK(greydaemon_fault(fixed, "any") ==
        "under greydaemon's rules it is always all; qmail-greyd has the choice");
  CHECK(greydaemon_fault(setting, "7").empty());
}
