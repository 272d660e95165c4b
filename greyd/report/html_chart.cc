#include "greyd/report/html_chart.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "greyd/report/html_parts.h"
#include "greyd/report/report_words.h"

namespace grey::report {
namespace {

// In CSS pixels.
constexpr int kTop = 14, kPlot = 160, kBelow = 22, kAxis = 46;

// Counts beyond that, of a file that is damaged, are not told apart.
constexpr Count kMost = 1'000'000'000'000'000;

// "12.34%"
std::string of_width(double share) {
  char text[32];
  return {text, std::size_t(std::snprintf(text, sizeof text, "%.3f%%", 100 * share))};
}
std::string pixels(double value) {
  char text[32];
  return {text, std::size_t(std::snprintf(text, sizeof text, "%.1f", value))};
}

Count height_of(const Column& column) {
  Count sum = 0;
  for (const Segment& segment : column.segments) sum += std::min(segment.count, kMost);
  return std::min(sum, kMost);
}

// Between lines across the chart: at most four of them, at 1, 2 or 5 times a power of ten.
Count step_for(Count most) {
  most = std::min(most, kMost);
  for (Count power = 1;; power *= 10) {
    for (const Count times : std::array<Count, 3>{1, 2, 5}) {
      if (most <= 4 * times * power) return times * power;
    }
    if (power > most) return power;
  }
}

std::string rect(const std::string& x, double y, const std::string& width, double height,
                 std::string_view colour) {
  return "<rect x=\"" + x + "\" y=\"" + pixels(y) + "\" width=\"" + width + "\" height=\"" +
         pixels(height) + "\" class=\"" + std::string(colour) + "\"/>";
}

std::string text_at(const std::string& x, double y, std::string_view anchor,
                    const std::string& text, bool narrow) {
  return "<text x=\"" + x + "\" y=\"" + pixels(y) + "\" text-anchor=\"" + std::string(anchor) +
         "\"" + (narrow ? "" : " class=\"wide\"") + ">" + escaped(text) + "</text>";
}

std::string column_svg(const Column& column, double left, double width, Count top) {
  std::string out = "<g class=\"col\"><title>" + escaped(column.tip) + "</title>";
  // What is pointed at is all of its height, not its colours alone.
  out += "<rect x=\"" + of_width(left) + "\" y=\"" + pixels(kTop) + "\" width=\"" +
         of_width(width) + "\" height=\"" + pixels(kPlot) + "\" fill=\"transparent\"/>";
  double y = kTop + kPlot;
  for (const Segment& segment : column.segments) {
    if (segment.count == 0) continue;
    const double share = std::min(double(segment.count) / double(top), 1.0);
    const double height = std::max(kPlot * share, 1.0);
    y -= height;
    out += rect(of_width(left + width * 0.12), y, of_width(width * 0.76), height, segment.colour);
  }
  return out + "</g>";
}

}  // namespace

std::string svg_columns(const ColumnChart& chart) {
  Count most = 1;
  for (const Column& column : chart.columns) most = std::max(most, height_of(column));
  const Count step = step_for(most);
  const Count top = (most + step - 1) / step * step;
  const std::string height = std::to_string(kTop + kPlot + kBelow);
  std::string axis, plot;
  for (Count at = 0; at <= top; at += step) {
    const double y = kTop + kPlot * (1 - double(at) / double(top));
    axis += text_at(std::to_string(kAxis - 8), y + 4, "end", rounded(at), true);
    plot += "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"" + pixels(y) + "\" y2=\"" + pixels(y) +
            "\"/>";
  }
  const double width = 1 / double(std::max<std::size_t>(chart.columns.size(), 1));
  for (std::size_t i = 0; i < chart.columns.size(); ++i) {
    const Column& column = chart.columns[i];
    const double left = double(i) * width;
    plot += column_svg(column, left, width, top);
    if (column.label.empty()) continue;
    plot += text_at(of_width(chart.labels_at_edges ? left : left + width / 2),
                    kTop + kPlot + kBelow - 5, "middle", column.label, column.also_narrow);
  }
  return "<div class=\"chart\"><svg width=\"" + std::to_string(kAxis) + "\" height=\"" + height +
         "\" aria-hidden=\"true\">" + axis + "</svg><svg class=\"plot\" width=\"100%\" height=\"" +
         height + "\" role=\"img\"><title>" + escaped(chart.title) + "</title><desc>" +
         escaped(chart.description) + "</desc>" + plot + "</svg></div>\n";
}

std::string svg_stack(std::string_view title, const std::vector<Segment>& segments) {
  Count all = 0;
  for (const Segment& segment : segments) all += segment.count;
  std::string out =
      "<svg width=\"100%\" height=\"26\" role=\"img\"><title>" + escaped(title) + "</title>";
  double left = 0;
  for (const Segment& segment : segments) {
    if (segment.count == 0) continue;
    const double width = double(segment.count) / double(all);
    out += rect(of_width(left), 0, of_width(width), 26, segment.colour);
    left += width;
  }
  return out + "</svg>\n";
}

std::string svg_bar(Count count, Count most, std::string_view colour) {
  const double share = most == 0 ? 0 : double(count) / double(most);
  return "<svg width=\"100%\" height=\"10\" aria-hidden=\"true\">" +
         rect("0", 0, of_width(count > 0 ? std::max(share, 0.005) : 0), 10, colour) + "</svg>";
}

}  // namespace grey::report
