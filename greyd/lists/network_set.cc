#include "greyd/lists/network_set.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "greyd/lists/ip_number.h"

namespace grey {
namespace {

// One entry may stand for many ranges ("10.*.*.1"), but not for any number of them.
constexpr std::size_t kMaxRangesPerEntry = 65536;

std::optional<unsigned> number_up_to(unsigned limit, std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > limit) {
    return std::nullopt;
  }
  return value;
}

struct Run {
  unsigned low, high;
};
// The numbers that a part of a pattern stands for, in order. None: it is not a part.
using Part = std::vector<Run>;
constexpr Run kAll{0, 255};

bool is_whole(const Part& part) {
  return part.size() == 1 && part[0].low == kAll.low && part[0].high == kAll.high;
}

bool fits(std::string_view pattern, std::string_view digits) {
  return std::equal(
      pattern.begin(), pattern.end(), digits.begin(), digits.end(),
      [](char of_pattern, char digit) { return of_pattern == '?' || of_pattern == digit; });
}

// "2?": each question mark is one digit, and no number begins with a 0 but 0 itself.
Part numbers_that_fit(std::string_view pattern) {
  Part part;
  for (unsigned number = kAll.low; number <= kAll.high; ++number) {
    if (!fits(pattern, std::to_string(number))) continue;
    if (part.empty() || part.back().high + 1 != number) part.push_back({number, number});
    part.back().high = number;
  }
  return part;
}

// "45", "*", "3-4", "[3-4]", "2?"
Part parse_part(std::string_view text) {
  if (text == "*") return {kAll};
  if (text.find('?') != std::string_view::npos) return numbers_that_fit(text);
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  const std::size_t dash = text.find('-');
  const auto low = number_up_to(255, text.substr(0, dash));
  const auto high = dash == std::string_view::npos ? low : number_up_to(255, text.substr(dash + 1));
  if (!low || !high || *low > *high) return {};
  return {{*low, *high}};
}

std::vector<unsigned> numbers_of(const Part& part) {
  std::vector<unsigned> numbers;
  for (const Run& run : part) {
    for (unsigned number = run.low; number <= run.high; ++number) numbers.push_back(number);
  }
  return numbers;
}

std::size_t count_of(const Part& part) {
  std::size_t numbers = 0;
  for (const Run& run : part) numbers += run.high - run.low + 1;
  return numbers;
}

// An IPv4 address with wildcards and ranges. Parts after `last` are whole, so that each combination
// of numbers of those before it is as many ranges as `last` has runs.
struct Pattern {
  Part parts[4];
  std::size_t last = 3;
};

std::optional<Pattern> read_pattern(std::string_view entry) {
  Pattern pattern;
  std::size_t given = 0;
  if (entry.ends_with('.')) entry.remove_suffix(1);
  for (;;) {
    if (given == 4) return std::nullopt;
    const std::size_t dot = entry.find('.');
    pattern.parts[given] = parse_part(entry.substr(0, dot));
    if (pattern.parts[given++].empty()) return std::nullopt;
    if (dot == std::string_view::npos) break;
    entry.remove_prefix(dot + 1);
  }
  for (; given < 4; ++given) pattern.parts[given] = {kAll};
  while (pattern.last > 0 && is_whole(pattern.parts[pattern.last])) --pattern.last;
  return pattern;
}

std::size_t combinations_of(const Pattern& pattern) {
  std::size_t combinations = 1;
  for (std::size_t i = 0; i < pattern.last; ++i) combinations *= count_of(pattern.parts[i]);
  return combinations;
}

std::size_t range_count(const Pattern& pattern) {
  return combinations_of(pattern) * pattern.parts[pattern.last].size();
}

bool looks_like_v4(std::string_view entry) {
  return entry.find_first_not_of("0123456789.*?[]-/") == std::string_view::npos;
}

bool is_v4_pattern(std::string_view entry) {
  return looks_like_v4(entry) && entry.find('/') == std::string_view::npos;
}

}  // namespace

bool NetworkSet::is_meant(std::string_view entry) {
  return looks_like_v4(entry) || entry.find(':') != std::string_view::npos;
}

std::optional<WrittenNetwork> read_network(std::string_view entry) {
  const bool dotted = looks_like_v4(entry);
  const std::size_t slash = entry.find('/');
  if (dotted && slash == std::string_view::npos) return std::nullopt;
  std::string address(entry.substr(0, slash));
  if (dotted) {
    for (auto dots = std::count(address.begin(), address.end(), '.'); dots < 3; ++dots) {
      address += ".0";
    }
  }
  const std::optional<Ip> ip = Ip::parse(address);
  const unsigned most = dotted ? 32 : 128;
  const auto bits = slash == std::string_view::npos ? std::optional<unsigned>(most)
                                                    : number_up_to(most, entry.substr(slash + 1));
  if (!ip || !bits) return std::nullopt;
  const unsigned prefix = dotted ? Ip::kV4Bits + *bits : *bits;
  if (ip->is_v4() && prefix < Ip::kV4Bits) return std::nullopt;  // ::ffff:192.0.2.0/90
  return WrittenNetwork{*ip, prefix};
}

std::size_t NetworkSet::ranges_of(std::string_view entry) {
  if (!is_v4_pattern(entry)) return read_network(entry) ? 1 : 0;
  const auto pattern = read_pattern(entry);
  return pattern ? range_count(*pattern) : 0;
}

// "192.168.3-4.45-45": the numbers of each part.
std::string NetworkSet::pattern_key(std::string_view entry) {
  const auto pattern = read_pattern(entry);
  std::string key;
  for (const Part& part : pattern->parts) {
    if (!key.empty()) key += '.';
    for (const Run& run : part) {
      if (&run != &part.front()) key += ',';
      key += std::to_string(run.low) + "-" + std::to_string(run.high);
    }
  }
  return key;
}

bool NetworkSet::add(std::string_view entry, std::uint32_t line) {
  if (is_v4_pattern(entry)) return add_v4_pattern(entry, line);
  const auto network = read_network(entry);
  if (!network) return false;
  add(Network{network->address.network(network->prefix), network->prefix}, line);
  return true;
}

void NetworkSet::add(const Network& network, std::uint32_t line) {
  const Wide rest = network.prefix == 128 ? Wide{0} : ~Wide{0} >> network.prefix;
  if (network.address.is_v4()) {
    const std::uint32_t first = v4_number(network.address);
    v4_.add(first, first | std::uint32_t(rest), line);
  } else {
    const Wide first = v6_number(network.address);
    v6_.add(first, first | rest, line);
  }
}

bool NetworkSet::add_v4_pattern(std::string_view entry, std::uint32_t line) {
  const auto pattern = read_pattern(entry);
  if (!pattern || range_count(*pattern) > kMaxRangesPerEntry) return false;
  std::vector<unsigned> choices[3];
  for (std::size_t i = 0; i < pattern->last; ++i) choices[i] = numbers_of(pattern->parts[i]);
  const unsigned tail_bits = unsigned(8 * (3 - pattern->last));
  const std::uint32_t tail = (1u << tail_bits) - 1;
  const std::size_t combinations = combinations_of(*pattern);
  for (std::size_t n = 0; n < combinations; ++n) {
    std::uint32_t lead = 0;
    std::size_t rest = n;
    for (std::size_t i = 0; i < pattern->last; ++i) {
      lead |= std::uint32_t(choices[i][rest % choices[i].size()]) << (24 - 8 * i);
      rest /= choices[i].size();
    }
    for (const Run& run : pattern->parts[pattern->last]) {
      v4_.add(lead | run.low << tail_bits, lead | run.high << tail_bits | tail, line);
    }
  }
  return true;
}

void NetworkSet::add(const Ip& ip) {
  if (ip.is_v4()) {
    v4_.add(v4_number(ip), v4_number(ip));
  } else {
    v6_.add(v6_number(ip), v6_number(ip));
  }
}

void NetworkSet::build() {
  v4_.build();
  v6_.build();
}

void NetworkSet::for_each_network(const std::function<void(const Network&)>& visit) const {
  v4_.for_each([&](std::uint32_t first, std::uint32_t last) {
    cut_into_networks(first, last, [&](std::uint32_t network, unsigned prefix) {
      visit({Ip::from_v4(network), Ip::kV4Bits + prefix});
    });
  });
  v6_.for_each([&](Wide first, Wide last) {
    cut_into_networks(first, last, [&](Wide network, unsigned prefix) {
      visit({v6_from_number(network), prefix});
    });
  });
}

void NetworkSet::prefetch_index(const Ip& ip) const {
  ip.is_v4() ? v4_.prefetch_index(v4_number(ip)) : v6_.prefetch_index(v6_number(ip));
}

void NetworkSet::prefetch_range(const Ip& ip) const {
  ip.is_v4() ? v4_.prefetch_range(v4_number(ip)) : v6_.prefetch_range(v6_number(ip));
}

bool NetworkSet::contains(const Ip& ip) const {
  return ip.is_v4() ? v4_.contains(v4_number(ip)) : v6_.contains(v6_number(ip));
}

std::uint32_t NetworkSet::line_of(const Ip& ip) const {
  return ip.is_v4() ? v4_.line_of(v4_number(ip)) : v6_.line_of(v6_number(ip));
}

Result<NetworkSet> parse_networks(std::string_view list) {
  NetworkSet networks;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view entry = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    while (entry.starts_with(' ')) entry.remove_prefix(1);
    while (entry.ends_with(' ')) entry.remove_suffix(1);
    if (entry.empty()) continue;
    if (!networks.add(entry)) return failure("not an address or network: " + std::string(entry));
  }
  networks.build();
  return networks;
}

}  // namespace grey
