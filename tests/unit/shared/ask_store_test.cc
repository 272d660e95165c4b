#include "greyd/shared/ask_store.h"

#include <doctest/doctest.h>

#include "greyd/shared/fingerprint.h"

using namespace grey;
using namespace grey::shared;

TEST_CASE("policies differ in what one has and the other has not, by name") {
  CHECK(difference("min-resend=300 timeout=7", "min-resend=300 timeout=7") == "");
  CHECK(difference("timeout=7 min-resend=300", "min-resend=300 timeout=7") == "");
  CHECK(difference("min-resend=300 timeout=7", "min-resend=600 timeout=8") ==
        "min-resend is 300 there and 600 here, timeout is 7 there and 8 here");
  CHECK(difference("min-resend=300", "min-resend=300 passes=1") ==
        "passes is not said there and 1 here");
  CHECK(difference("", "") == "");
  CHECK(difference("key=12", "key=34") == "the key is another");
}

TEST_CASE("whatever stands there is one printable line, and a short one") {
  const std::string text =
      difference("a=1\nfatal:\x1b[2J b " + std::string(100'000, 'x'), fingerprint({}, {}));
  CHECK(text.find_first_of("\n\x1b") == std::string::npos);
  CHECK(text.size() < 2000);
}

TEST_CASE("a remark is one line, which says whether it may pass") {
  CHECK(to_line({"unreachable", "db1:6379: Connection refused", Passes::maybe}) ==
        "store: unreachable: db1:6379: Connection refused; until it answers the daemon decides "
        "alone");
  CHECK(to_line({"denied", "db1:6379: WRONGPASS", Passes::no}) ==
        "store: denied: db1:6379: WRONGPASS; that does not pass by itself: until it is mended the "
        "daemon decides alone");
  CHECK(to_line({"evicts", "db1:6379: it may drop what it was told", Passes::shares}) ==
        "store: evicts: db1:6379: it may drop what it was told; noeviction keeps it");
}

TEST_CASE("a store that is not there is a remark, within about a second") {
  SharedSettings settings;
  settings.url = *parse_store_url("redis://127.0.0.1:1");
  const std::vector<StoreRemark> remarks = ask_store(settings, {});
  REQUIRE(remarks.size() == 1);
  CHECK(remarks[0] == StoreRemark{"unreachable", "127.0.0.1:1: Connection refused", Passes::maybe});
}
