// What stands in the file of entries made by command: reading ends, and what was read is read
// again, the same, from what is written of it.
#include <string>
#include <vector>

#include "greyd/state/entries_file.h"
#include "tests/fuzz/require.h"

using namespace grey;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> copy(data, data + size);
  const std::string_view text(copy.data(), size);

  const ReadEntries read = read_entries(text);
  const std::string written = to_text(read.entries);
  const ReadEntries again = read_entries(written);
  REQUIRE(again.bad.empty());
  REQUIRE(to_text(again.entries) == written);
  return 0;
}
