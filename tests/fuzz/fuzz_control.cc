// What comes by the control socket, and what stands in the file of entries: reading ends, and what
// was read of entries is read again, the same, from what is written of it.
#include <string>
#include <vector>

#include "greyd/control/request.h"
#include "greyd/core/record_filter.h"
#include "greyd/state/entries_file.h"
#include "tests/fuzz/require.h"

using namespace grey;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> copy(data, data + size);
  const std::string_view text(copy.data(), size);

  if (auto request = Request::parse(text)) {
    RecordFilter::Wanted wanted;
    wanted.client = request->word("client");
    wanted.sender = request->word("sender");
    wanted.recipient = request->word("recipient");
    wanted.state = request->text("state");
    wanted.since = request->number("since");
    const auto recipients = request->words("recipients");
    const auto good = request->end();
    REQUIRE(good || good.error().exit_code == kExitMisuse);
    if (const auto filter = RecordFilter::of(wanted, Policy())) {
      SavedRecord record;
      record.sender = wanted.sender ? std::string_view(*wanted.sender) : text;
      record.recipient = text.substr(0, 300);
      (void)filter->matches(record);
    }
  } else {
    REQUIRE(request.error().exit_code == kExitMisuse);
    REQUIRE(request.error().text.find('\n') == std::string::npos);
  }

  const ReadEntries read = read_entries(text);
  const std::string written = to_text(read.entries);
  const ReadEntries again = read_entries(written);
  REQUIRE(again.bad.empty());
  REQUIRE(to_text(again.entries) == written);
  return 0;
}
