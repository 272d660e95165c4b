// Ways through the table. What keeps their places while it changes is elsewhere: unlink() and
// sort_by_age() in table_orders.cc, relocate() in table.cc.
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
  order_ = 0;
  start_list();
}

void Table::Cursor::start_list() {
  const List& list = table_.orders_[order_];
  next_ = way_ == Way::from_young ? list.tail : list.head;
  last_ = list.tail;
  left_ = 2 * list.count + kLeast;
}

Table::Ref Table::Cursor::next() {
  while (order_ < kOrders) {
    if (next_ != 0) return next_;
    skip_list();
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

void Table::Cursor::skip_list() {
  next_ = 0;
  if (order_ >= kOrders || ++order_ == kOrders) return;
  start_list();
}

}  // namespace grey
