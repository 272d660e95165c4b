// The counters of a shared state by their names.
#include "greyd/shared/counters_text.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

using namespace grey;

TEST_CASE("each counter of a shared state is given under a name of its own") {
  shared::SharedCounters counters;
  StoreCounters link;
  Count next = 1;
  // All are plain numbers: each gets one of its own.
  static_assert(sizeof(counters) % sizeof(Count) == 0 && sizeof(link) % sizeof(Count) == 0);
  for (std::size_t i = 0; i < sizeof(counters) / sizeof(Count); ++i) {
    reinterpret_cast<Count*>(&counters)[i] = next++;
  }
  for (std::size_t i = 0; i < sizeof(link) / sizeof(Count); ++i) {
    reinterpret_cast<Count*>(&link)[i] = next++;
  }
  std::map<Count, std::string> names;
  shared::visit_counters(counters, link, [&](std::string_view name, Count count) {
    CAPTURE(name);
    CHECK(name.starts_with("store."));
    CHECK(names.emplace(count, name).second);
  });
  CHECK(names.size() == next - 1);
  CHECK(names[counters.decider.asked] == "store.asked");
  CHECK(names[counters.orders.refused] == "store.orders.refused");
  CHECK(names[link.failures[std::size_t(Fault::timed_out)]] == "store.failures.timed_out");
  CHECK(names[link.connect_failures[std::size_t(Fault::denied)]] ==
        "store.connect-failures.denied");
}
