#include "greyd/base/deferral.h"

#include <doctest/doctest.h>

#include <string>

using namespace grey;
using namespace std::string_view_literals;

TEST_CASE("a deferral's text is one that an SMTP reply can carry") {
  for (const auto good : {"come back in %t"sv, "%t%t%"sv, "4.7.1 \"later\\sooner\""sv}) {
    CHECK(check_deferral(good));
  }
  for (const auto bad : {""sv, "a\nb"sv, "a\0b"sv, "\xc3\xa4"sv, "\t"sv}) {
    CHECK_FALSE(check_deferral(bad));
  }
  CHECK(check_deferral(std::string(kMaxDeferral, 'x')));
  CHECK_FALSE(check_deferral(std::string(kMaxDeferral + 1, 'x')));
}
