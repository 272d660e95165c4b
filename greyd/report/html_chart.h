// Charts as SVG that stands in the page: as wide as there is room, with text that keeps its size.
// Colours are classes of the style sheet, as no other style is allowed there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "greyd/report/report.h"

namespace grey::report {

// A part of a bar or column, in the colour of a fate (FateName::id).
struct Segment {
  Count count = 0;
  std::string_view colour;
};

struct Column {
  std::string label;              // below it; empty: none
  bool also_narrow = true;        // the label is shown on a narrow screen, too
  std::string tip;                // shown where one points at it
  std::vector<Segment> segments;  // from the bottom
};

struct ColumnChart {
  std::string title;             // for who does not see it
  std::string description;       // what it says
  bool labels_at_edges = false;  // a label is that of its column's left edge
  std::vector<Column> columns;
};

std::string svg_columns(const ColumnChart& chart);

// One bar of all segments, of its full width.
std::string svg_stack(std::string_view title, const std::vector<Segment>& segments);

// A bar in a row of a table, of its share of the widest. It says nothing that the row does not.
std::string svg_bar(Count count, Count most, std::string_view colour);

}  // namespace grey::report
