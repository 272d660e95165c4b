// Ways through the table. What keeps their places while it changes is in table.cc: unlink(),
// relocate() and sort_by_age().
#include <vector>

#include "greyd/core/table.h"

namespace grey {

namespace {

constexpr std::size_t kLeast = 1000;  // records that may have come, beside as many as there were

}  // namespace

Table::Cursor::Cursor(Table& table, Way way) : table_(table), way_(way) {
  table.cursors_.push_back(this);
}

Table::Cursor::~Cursor() {
  std::erase(table_.cursors_, this);
}

void Table::Cursor::start() {
  record_class_ = 0;
  start_class();
}

void Table::Cursor::start_class() {
  const Order& order = table_.orders_[record_class_];
  next_ = way_ == Way::from_young ? order.tail : order.head;
  last_ = order.tail;
  left_ = 2 * order.count + kLeast;
}

Table::Ref Table::Cursor::next() {
  while (record_class_ < kRecordClasses) {
    if (next_ != 0) return next_;
    skip_class();
  }
  return 0;
}

void Table::Cursor::step() {
  if (way_ == Way::from_young) {
    next_ = table_.at(next_)->prev;
    return;
  }
  const bool is_last = way_ == Way::following ? --left_ == 0 : next_ == last_;
  next_ = is_last ? 0 : table_.at(next_)->next;
}

void Table::Cursor::skip_class() {
  next_ = 0;
  if (record_class_ >= kRecordClasses || ++record_class_ == kRecordClasses) return;
  start_class();
}

}  // namespace grey
