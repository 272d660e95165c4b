#include "greyd/base/duration.h"

#include <doctest/doctest.h>

using grey::format_duration;
using grey::parse_duration;

TEST_CASE("a duration is numbers with their units, from the greatest") {
  CHECK(parse_duration("90s") == 90);
  CHECK(parse_duration("5m") == 300);
  CHECK(parse_duration("12h") == 43'200);
  CHECK(parse_duration("30d") == 2'592'000);
  CHECK(parse_duration("2w") == 1'209'600);
  CHECK(parse_duration("1d12h") == 129'600);
  CHECK(parse_duration("0s") == 0);
  CHECK(parse_duration("5200w") == 5200LL * 7 * 86400);
  for (const char* bad : {"", "5", "m", "5x", "-5m", "+5m", " 5m", "5m ", "5 m", "1.5h", "12h1d",
                          "1h1h", "5M", "999999999999999999999d", "5300w", "1h5"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_duration(bad));
  }
}

TEST_CASE("of a duration the two greatest units are shown") {
  CHECK(format_duration(0) == "0s");
  CHECK(format_duration(59) == "59s");
  CHECK(format_duration(60) == "1m");
  CHECK(format_duration(299) == "4m 59s");
  CHECK(format_duration(3600) == "1h");
  CHECK(format_duration(3605) == "1h");
  CHECK(format_duration(3 * 86400 + 4 * 3600 + 50) == "3d 4h");
  CHECK(format_duration(400 * 86400) == "400d");
  CHECK(format_duration(-90) == "-1m 30s");
}
