// The page around its sections, and tables in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/seconds.h"

namespace grey::report {

// A cell. `number`: what it is sorted by, where that is not its text.
struct Cell {
  std::string html;
  std::optional<double> number{};
  std::string_view look{};  // classes of the style sheet
};

// Text from outside. It is broken before a dot or an @ where it must be, or else anywhere.
Cell text_cell(std::string_view text);
Cell number_cell(double number, const std::string& text);
Cell html_cell(std::string html, std::string_view look = {});

struct Table {
  struct Head {
    std::string_view name, look;
  };
  struct Row {
    std::string attributes;  // as they stand in its tag: ` data-reason="new"`
    std::vector<Cell> cells;
  };
  std::vector<Head> heads;
  std::vector<Row> rows;
};
// It sorts, where scripts run. `look`: a class more; "people": on a narrow screen each row is a
// list of its cells, with their names.
std::string table_html(const Table& table, std::string_view look = {});

// The whole page. `refresh`: it asks for itself again after that time.
std::string page_html(std::string_view title, std::optional<Seconds> refresh,
                      std::string_view body);

}  // namespace grey::report
