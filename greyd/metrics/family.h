// Metric families, as Prometheus has them, and their two forms as text. Pure.
//
// Sources: "Exposition formats" of prometheus.io for 0.0.4, the OpenMetrics specification for 1.0.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace grey::metrics {

struct Sample {
  std::vector<std::pair<std::string, std::string>> labels;  // name, value
  std::uint64_t value = 0;
};

struct Histogram {
  std::vector<std::uint64_t> bounds;  // upper ones, rising; the last class has none
  std::vector<std::uint64_t> counts;  // one more than bounds, of each class alone
  std::uint64_t sum = 0;              // of all that was measured
};

struct Family {
  enum class Type : std::uint8_t { counter, gauge, histogram, info };

  // Whole, but for what the type adds: _total of a counter, _info of an info. What it ends with is
  // its unit, if that is _seconds or _bytes.
  std::string name;
  Type type = Type::gauge;
  std::string help;  // a line
  std::vector<Sample> samples;
  std::optional<Histogram> histogram;
};

enum class Format : std::uint8_t { text, openmetrics };

// "text/plain; version=0.0.4; charset=utf-8"
std::string_view media_type(Format format);

std::string to_text(std::span<const Family> families, Format format);

// What somebody takes who says so in `accept`, the values of Accept (RFC 9110, 12.5.1). Text for
// who wants neither: it is better than nothing.
Format format_for(std::string_view accept);

}  // namespace grey::metrics
