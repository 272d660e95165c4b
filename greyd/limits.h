// The numbers that the daemon takes for its options, and therefore those that svctool writes for
// it. Both man pages state them.
#pragma once

#include <cstdint>

namespace grey {

struct Range {
  std::int64_t low = 0, high = 0;

  constexpr bool holds(std::int64_t number) const { return low <= number && number <= high; }
};

namespace limits {

// Of minutes, hours and days alike: centuries fit, overflow does not.
constexpr Range kDelay{0, 1'000'000};
constexpr Range kPeriod{1, 1'000'000};

constexpr Range kHashSize{0, std::int64_t{1} << 40};
constexpr Range kMaxRecords{1, 400'000'000};
constexpr Range kClientPasses{0, 255};
constexpr Range kIpv4Prefix{0, 32};
constexpr Range kIpv6Prefix{0, 128};
constexpr Range kPort{1, 65535};
constexpr Range kVerbosity{0, 3};

}  // namespace limits

constexpr std::uint16_t kDefaultPolicyPort = 10023;  // of --policy, as postgrey(8) has it

}  // namespace grey
