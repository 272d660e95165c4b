// A dump of MySQL, or a table with tabs, that anything may have happened to: reading ends, and
// comes to the same however the octets come.
//
// The first octet says how long the pieces are; the second one which of the two it is.
#include <string_view>

#include "tests/fuzz/require.h"
#include "tests/unit/imports/read_items.h"

using namespace grey::imports;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = 1 + data[0] % 64;
  const Form form = data[1] % 4 == 0 ? Form::table : Form::mysql;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto whole = testing::read(form, text);
  const auto pieces = testing::read(form, text, piece);
  REQUIRE(whole.lines == pieces.lines);
  REQUIRE(whole.error == pieces.error);
  REQUIRE(whole.sums.blocked == pieces.sums.blocked && whole.sums.passed == pieces.sums.passed);
  return 0;
}
