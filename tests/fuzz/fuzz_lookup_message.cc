// What the look-up helper says, which may be anything: what is taken is what it would have written,
// and within the bounds of what a domain's networks may be.
#include <string>
#include <string_view>

#include "greyd/spf/messages.h"
#include "greyd/state/networks_file.h"
#include "tests/fuzz/require.h"

using namespace grey;

namespace {

void check(const spf::Flattened& flattened) {
  REQUIRE(flattened.networks.size() <= spf::kMaxNetworks);
  REQUIRE(flattened.ttl >= spf::kLeastTtl && flattened.ttl <= spf::kMostTtl);
  for (const Network& network : flattened.networks) {
    REQUIRE(spf::is_fit(network));
    REQUIRE(!network.contains(Ip::from_v4(0)) || network.address == Ip::from_v4(0));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string copy(data, data + size);
  const std::string_view text(copy);
  if (const auto message = spf::read_message(text)) {
    REQUIRE(to_text(*message) == text);
    if (const auto* const answer = std::get_if<spf::DomainAnswer>(&*message)) {
      check(answer->flattened);
    }
  }
  if (const auto question = spf::read_question(text)) REQUIRE(to_text(*question) == text);
  const ReadNetworks read = read_networks(text);
  for (const auto& [domain, known] : read.networks) check(known.flattened);
  if (read.bad.empty()) {
    const ReadNetworks again = read_networks(to_text(read.networks));
    REQUIRE(again.bad.empty() && again.networks.size() == read.networks.size());
  }
  return 0;
}
