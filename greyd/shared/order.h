// What an administrator has said to one daemon, and holds for all that share its state.
//
//   {"order":"forget","at":1764172800,"by":"uid:0@mx1","client":"192.0.2.0/24","sender":"*@x"}
//   {"order":"allow","at":1764172800,"by":"uid:0@mx1","entry":"192.0.2.7","until":1764259200}
//   {"order":"block",...}  {"order":"unlist",...}
//
// Addresses and entries are words of text.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/base/seconds.h"
#include "greyd/core/record_filter.h"

namespace grey::shared {

constexpr std::size_t kLongestOrder = 4096;  // octets of its text

struct Order {
  enum class Kind : std::uint8_t { forget, allow, block, unlist };

  Kind kind = Kind::forget;
  Seconds at = 0;
  std::string by;
  RecordFilter::Wanted records{};  // of forget: client, sender, recipient
  std::string entry{};             // of the others
  std::optional<Seconds> until{};  // of allow and block
};

std::string to_text(const Order& order);
// Of a forget: the same for two that name the same.
std::string what_it_names(const Order& order);
// Nothing for what is none.
std::optional<Order> read_order(std::string_view text);

}  // namespace grey::shared
