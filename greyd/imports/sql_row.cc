#include "greyd/imports/sql_row.h"

#include "greyd/base/text.h"
#include "greyd/imports/hex.h"

namespace grey::imports {
namespace {

constexpr std::string_view kMinus = "-";

}  // namespace

void SqlRow::begin(std::size_t columns) {
  columns_ = columns;
  count_ = 0;
  behind_ = false;
  introducer_.clear();
}

std::span<const Cell> SqlRow::cells() {
  cells_.clear();
  for (std::size_t i = 0; i < count_; ++i) {
    cells_.push_back({values_[i].text, values_[i].null, values_[i].too_long});
  }
  return cells_;
}

SqlRow::Step SqlRow::take(const SqlToken& token) {
  return behind_ ? take_behind(token) : take_value(token);
}

SqlRow::Step SqlRow::take_behind(const SqlToken& token) {
  if (token.is(')')) return Step::whole;
  if (!token.is(',')) return Step::unexpected;
  behind_ = false;
  introducer_.clear();
  return Step::more;
}

SqlRow::Step SqlRow::take_value(const SqlToken& token) {
  const bool word = token.kind == SqlToken::Kind::word;
  if (!word && token.kind != SqlToken::Kind::string) {
    if (!token.is('-') || !introducer_.empty()) return Step::unexpected;
    introducer_ = kMinus;
    return Step::more;
  }
  if (word && (introducer_.empty() || introducer_[0] == '_')) {
    const std::string begin = to_lower(token.text.substr(0, 16));
    if (begin.starts_with('_') || begin == "x" || begin == "n") {
      introducer_ = begin;
      return Step::more;
    }
  }
  if (count_ == columns_) return Step::too_many;
  if (count_ == values_.size()) values_.emplace_back();
  Value& value = values_[count_++];
  value.text.clear();
  value.null = false;
  value.too_long = token.too_long;
  behind_ = true;
  return (word ? set_word(value, token) : set_text(value, token)) ? Step::more : Step::unexpected;
}

bool SqlRow::set_text(Value& value, const SqlToken& token) const {
  if (introducer_ == "x") return append_hex(value.text, token.text);
  value.text = token.text;
  return introducer_ != kMinus;
}

// NULL, TRUE and FALSE; a number as it is written, or "0x" and its octets.
bool SqlRow::set_word(Value& value, const SqlToken& token) const {
  const std::string begin = to_lower(token.text.substr(0, 16));
  value.null = begin == "null";
  if (value.null) return introducer_.empty();
  if (begin.starts_with("0x")) return append_hex(value.text, token.text.substr(2));
  value.text = (introducer_ == kMinus ? kMinus : "");
  value.text += token.text;
  return (begin[0] >= '0' && begin[0] <= '9') || begin == "true" || begin == "false";
}

}  // namespace grey::imports
