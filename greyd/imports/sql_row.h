// The values of one row of an INSERT, from the tokens between its parentheses. Its memory is used
// again for the next one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/imports/row.h"
#include "greyd/imports/sql_lexer.h"

namespace grey::imports {

class SqlRow {
 public:
  // Behind the '('.
  void begin(std::size_t columns);

  enum class Step : std::uint8_t {
    more,
    whole,       // that was the ')'
    unexpected,  // what no value is made of: a function, say
    too_many,    // values
  };
  Step take(const SqlToken& token);
  std::span<const Cell> cells();

 private:
  struct Value {
    std::string text;
    bool null = false, too_long = false;
  };

  Step take_value(const SqlToken& token);
  Step take_behind(const SqlToken& token);
  bool set_text(Value& value, const SqlToken& token) const;
  bool set_word(Value& value, const SqlToken& token) const;

  std::vector<Value> values_;
  std::size_t columns_ = 0, count_ = 0;
  bool behind_ = false;     // a value
  std::string introducer_;  // "_binary", "x", "-": what stands before a value
  std::vector<Cell> cells_;
};

}  // namespace grey::imports
