// Records that come back from a file and become one: under another policy than they were saved
// under, or from a program whose keys are others than ours.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "greyd/core/greylist.h"
#include "greyd/state/record_text.h"

using namespace grey;

namespace {

constexpr Seconds kNow = 1'700'000'000;
constexpr Seconds kHour = 3600, kDay = 86400;

SavedRecord triplet(RecordClass record_class, Seconds age) {
  return {record_class, kNow - age, 0, *Ip::parse("192.0.2.1"), "a@example.org", "b@example.net"};
}

SavedRecord known_client(unsigned passes, Seconds age) {
  SavedRecord record{RecordClass::client, kNow - age, passes, *Ip::parse("192.0.2.1"), {}, {}};
  return record;
}

std::string lines_of(const Greylist& greylist) {
  std::string lines;
  greylist.for_each([&](const SavedRecord& record) { append_record(lines, record); });
  return lines;
}

std::string restored(const std::vector<SavedRecord>& records, Expiry expiry = Expiry::usual) {
  Greylist greylist({}, 100, HashKey{});
  greylist.set_expiry(expiry);
  for (const SavedRecord& record : records) greylist.restore(record, kNow);
  return lines_of(greylist);
}

}  // namespace

TEST_CASE("of two records that become one, in either order, that one stands which says most") {
  using enum RecordClass;
  const struct {
    const char* why;
    SavedRecord stands, other;
  } rows[] = {
      {"what has passed before a later first attempt", triplet(passed, 2 * kDay),
       triplet(waiting, 60)},
      {"and before an earlier one", triplet(passed, 60), triplet(waiting, 2 * kDay)},
      {"the first attempt before another within the window", triplet(waiting, 10 * kHour),
       triplet(waiting, 60)},
      {"but the one that began anew after the window", triplet(waiting, 60),
       triplet(waiting, 13 * kHour)},
      {"of two that have passed the later", triplet(passed, 60), triplet(passed, kDay)},
      {"an accepted bounce before an attempt", triplet(bounce, 60), triplet(waiting, 30)},
      {"of a client the later", known_client(3, 60), known_client(1, kDay)},
      {"alone, where the other was over by then", known_client(1, 60), known_client(3, 8 * kDay)},
      {"one that no longer counted when the other came is no more", triplet(waiting, 60),
       triplet(bounce, 7 * kHour)},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    const std::string expected = restored({row.stands});
    CHECK(expected != "");
    CHECK(restored({row.stands, row.other}) == expected);
    CHECK(restored({row.other, row.stands}) == expected);
  }
}

TEST_CASE("of a client the last time and the most passes count, in either order") {
  const SavedRecord later = known_client(1, 60), more = known_client(3, kDay);
  const std::string expected = restored({known_client(3, 60)});
  CHECK(restored({later, more}) == expected);
  CHECK(restored({more, later}) == expected);
}

TEST_CASE("while nothing expires, what was over before the other came is no more, either") {
  const SavedRecord over = triplet(RecordClass::passed, 8 * kDay);
  const SavedRecord fresh = triplet(RecordClass::waiting, 60);
  for (const auto& records : {std::vector{over, fresh}, std::vector{fresh, over}}) {
    CHECK(restored(records, Expiry::suspended) == restored({fresh}));
  }
  CHECK(restored({over}, Expiry::suspended).starts_with("P "));
}
