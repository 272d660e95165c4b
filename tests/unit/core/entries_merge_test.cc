// An entry that comes from elsewhere, and one that is here.
#include <doctest/doctest.h>

#include <string>

#include "greyd/core/entries.h"

using namespace grey;

namespace {

using Kind = Entry::Kind;
constexpr Seconds kThen = 1'000'000;

// Whether one by `import` of `since` and `until` is taken over one by `by`.
bool replaces(const Entry& there, Kind kind, Seconds since, std::optional<Seconds> until) {
  Entries entries;
  REQUIRE(entries.put(there));
  const auto merged = entries.merge({kind, "192.0.2.1", since, until, "import"});
  REQUIRE(merged);
  Entry stands;
  entries.for_each([&](const Entry& entry) { stands = entry; });
  CHECK(entries.size() == 1);
  CHECK((stands.by == "import" && stands.kind == kind && stands.since == since) == *merged);
  return *merged;
}

}  // namespace

TEST_CASE("what is newer wins, but over an administrator's that lasts or is of the other kind") {
  const Entry forever{Kind::allow, "192.0.2.1", kThen, {}, "uid:0"};
  const Entry short_lived{Kind::allow, "192.0.2.1", kThen, kThen + 10, "uid:0"};
  CHECK_FALSE(replaces(forever, Kind::allow, kThen - 1, {}));
  CHECK_FALSE(replaces(forever, Kind::allow, kThen + 1, kThen + 99));
  CHECK_FALSE(replaces(forever, Kind::block, kThen + 1, {}));
  CHECK_FALSE(replaces(short_lived, Kind::allow, kThen, {}));
  CHECK_FALSE(replaces(short_lived, Kind::allow, kThen + 1, kThen + 9));
  CHECK_FALSE(replaces(short_lived, Kind::block, kThen + 1, {}));
  CHECK(replaces(short_lived, Kind::allow, kThen + 1, kThen + 11));
  CHECK(replaces(short_lived, Kind::allow, kThen + 1, {}));
}

TEST_CASE("of two imported ones the newer stands, and the same again is the same") {
  const Entry there{Kind::block, "192.0.2.1", kThen, kThen + 10, "import"};
  CHECK_FALSE(replaces(there, Kind::block, kThen + 1, kThen + 10));
  CHECK_FALSE(replaces(there, Kind::allow, kThen, {}));
  CHECK(replaces(there, Kind::allow, kThen + 1, {}));
  CHECK(replaces(there, Kind::block, kThen + 1, kThen + 5));
}

TEST_CASE("one that names nobody is none") {
  Entries entries;
  CHECK_FALSE(entries.merge({Kind::allow, "nonsense", kThen, {}, "import"}));
  CHECK(entries.size() == 0);
  CHECK(entries.merge({Kind::allow, " 192.0.2.1 ", kThen, {}, "import"}) == true);
  entries.for_each([](const Entry& entry) { CHECK(entry.text == "192.0.2.1"); });
}
