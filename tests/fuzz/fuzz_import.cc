// A file of any form, told by its content or said: reading ends, and comes to the same however the
// octets come. What it gives can be taken: a record is as it was when its line is read again, and
// an entry is one of a list.
//
// The first octet says how long the pieces are; the second one which form it is, where that is not
// told by the rest.
#include <string_view>

#include "greyd/imports/judge.h"
#include "greyd/state/record_text.h"
#include "tests/fuzz/require.h"
#include "tests/unit/imports/read_items.h"

using namespace grey;
using namespace grey::imports;

namespace {

constexpr Seconds kNow = 1'700'000'000;

void take(const Item& item, Entries& entries) {
  Policy policy;
  policy.timeout = std::numeric_limits<Seconds>::max() / 4;  // so that nothing is over
  policy.ipv4_prefix = 24;
  Judged judged = judge(item, policy, kNow);
  if (const auto* saved = std::get_if<SavedRecord>(&judged)) {
    std::string line;
    append_record(line, *saved);
    REQUIRE(line.find('\n') == line.size() - 1);
    line.pop_back();
    RecordReader reader;
    const SavedRecord* const again = reader.read(line);
    if (saved->seen < 0) return;  // a tree's, before 1970
    REQUIRE(again != nullptr && again->client == saved->client);
    REQUIRE(again->sender == saved->sender && again->recipient == saved->recipient);
  } else if (auto* entry = std::get_if<Entry>(&judged)) {
    REQUIRE(entries.counted() > Entries::kMax - Entries::kMaxRanges ||
            entries.put(std::move(*entry)).has_value());
  }
  (void)describe(item);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = 1 + data[0] % 64;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Form form = form_of(text).value_or(Form(data[1] % kForms));
  if (form == Form::jgreylist || form == Form::cqgreylist) return 0;
  const auto whole = testing::read(form, text);
  const auto pieces = testing::read(form, text, piece);
  REQUIRE(whole.lines == pieces.lines);
  REQUIRE(whole.error == pieces.error);
  REQUIRE(whole.other_lines == pieces.other_lines);

  Entries entries;
  const auto reader =
      reader_of(form, "FILE", testing::settings(), [&](const Item& item) { take(item, entries); });
  (void)reader->read_whole(text);
  return 0;
}
