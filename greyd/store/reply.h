// What a store answers, as a value. An error is no reply, but for one within an array: see fault.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace grey {

struct Reply {
  enum class Kind : std::uint8_t { nil, integer, bytes, error, array };

  Kind kind = Kind::nil;
  std::int64_t integer = 0;
  std::string text;  // bytes, of a status ("OK"), too; of an error its text
  std::vector<Reply> items;

  bool is_nil() const { return kind == Kind::nil; }
  bool is_integer() const { return kind == Kind::integer; }
  bool is_bytes() const { return kind == Kind::bytes; }
  bool is_array() const { return kind == Kind::array; }
  bool is(std::string_view bytes) const { return is_bytes() && text == bytes; }
};

}  // namespace grey
