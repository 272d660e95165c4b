// The player of scenarios: one that does not go as it says fails, and so does one that says
// nothing. (Each scenario in tests/replay is a test of its own.)
#include "tests/replay/replay.h"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/temporary_directory.h"

namespace {

std::string played(const std::string& script) {
  const grey::testing::TemporaryDirectory directory;
  const std::string path = directory / "a.scenario";
  std::ofstream(path) << script;
  return grey::testing::replay(path);
}

}  // namespace

TEST_CASE("a scenario fails at the first line that does not go as it says") {
  const std::string asked = "start\n192.0.2.1 a@x.org b@y.net : ";
  CHECK(played(asked + "defer new age=0 wait=300\n") == "");
  CHECK(played(asked + "accept new\n") ==
        "a.scenario:2: expected \"accept new\", got \"defer new\"");
  CHECK(played(asked + "defer new\n+1m\n192.0.2.1 a@x.org b@y.net : defer early age=61\n") ==
        "a.scenario:4: expected \"defer early age=61\", got \"defer early age=60\"");
  CHECK(played(asked + "defer new wait=none\n") ==
        "a.scenario:2: expected \"defer new wait=none\", got \"defer new wait=300\"");
  CHECK(played(asked + "defer new\nrecords 2\n") == "a.scenario:3: there are 1 records");
  CHECK(played(asked + "defer new\nreload-fails\n") == "a.scenario:3: the lists are good");
}

TEST_CASE("a scenario that cannot be played, or asks nothing, is none") {
  CHECK(played("192.0.2.1 a@x.org b@y.net : defer new\n") == "a.scenario:1: nothing is started");
  CHECK(played("options --no-such\nstart\n").starts_with("a.scenario:2: "));
  CHECK(played("start\n+5x\n") == "a.scenario:2: not a time: 5x");
  CHECK(played("start\nexpire\n") == "a.scenario: asks nothing");
  CHECK(played("") == "a.scenario: asks nothing");
  CHECK(grey::testing::replay("/no/such.scenario") == "/no/such.scenario: cannot be opened");
}
