// A whitelist from anywhere: it is refused with a line that names the place, or it answers; a list
// made of its networks is asked the same way, and each entry is found by what it is meant for.
#include <string>
#include <vector>

#include "greyd/lists/address_list.h"
#include "tests/fuzz/require.h"
#include "tests/unit/lists/entry_query.h"

using namespace grey;

namespace {

// A wildcard in front of another part may stand for 65,536 ranges, which take tens of milliseconds.
bool may_be_many_ranges(std::string_view text) {
  for (const char* const front : {"*.", "?.", "]."}) {
    if (text.find(front) != text.npos) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> copy(data, data + size);
  // Of those only some have their turn, so that the others have theirs.
  if (may_be_many_ranges({copy.data(), size}) && size % 16 != 0) return 0;
  const auto list = AddressList::parse({copy.data(), size}, "list");
  if (!list) {
    REQUIRE(list.error().text.starts_with("list:"));
    REQUIRE(list.error().text.find('\n') == std::string::npos);
    return 0;
  }
  std::string clients;
  list->for_each_network([&](const Network& network) { clients += to_string(network) + "\n"; });
  const auto again = AddressList::parse(clients, "again");
  REQUIRE(again);
  for (const char* const address :
       {"192.0.2.1", "10.0.0.0", "255.255.255.255", "::1", "2001:db8::"}) {
    const Ip ip = *Ip::parse(address);
    REQUIRE(list->has_client(ip) == again->has_client(ip));
  }
  const std::string_view text(copy.data(), size);
  (void)list->has_sender(text);
  (void)list->has_recipient(text);
  (void)list->has_client_name(text);
  if (list->entries() == 1 && text.find_first_of("#\n\r\t\f\v \xEF") == text.npos) {
    REQUIRE(testing::has_what_is_meant(*list, text));
  }
  return 0;
}
