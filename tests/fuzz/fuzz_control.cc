// What comes by the control socket: reading ends, with a request whose filter can be asked, or with
// one line that says what is wrong.
#include <string>
#include <vector>

#include "greyd/control/request.h"
#include "greyd/core/record_filter.h"
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
  return 0;
}
