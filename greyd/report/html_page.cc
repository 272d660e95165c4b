#include "greyd/report/html_page.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "greyd/report/html_parts.h"

namespace grey::report {

Cell text_cell(std::string_view text) {
  std::string html;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of("@.", at + 1), text.size());
    if (at > 0) html += "<wbr>";
    html += escaped(text.substr(at, end - at));
    at = end;
  }
  return {std::move(html), {}, "w"};
}
Cell number_cell(double number, const std::string& text) {
  return {escaped(text), number, "n"};
}
Cell html_cell(std::string html, std::string_view look) {
  return {std::move(html), {}, look};
}

namespace {

std::string class_of(std::string_view look) {
  return look.empty() ? std::string() : " class=\"" + std::string(look) + "\"";
}

}  // namespace

std::string table_html(const Table& table, std::string_view look) {
  std::string out = "<div class=\"scroll\"><table class=\"sort";
  if (!look.empty()) out.append(" ").append(look);
  out += "\"><thead><tr>";
  for (const Table::Head& head : table.heads) {
    out += "<th scope=\"col\"" + class_of(head.look) + ">" + escaped(head.name) + "</th>";
  }
  out += "</tr></thead><tbody>\n";
  for (const Table::Row& row : table.rows) {
    out += "<tr" + row.attributes + ">";
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const Cell& cell = row.cells[i];
      out += "<td" + class_of(cell.look);
      if (look == "people") out += " data-l=\"" + escaped(table.heads[i].name) + "\"";
      if (cell.number) {
        char text[40];
        out.append(text,
                   std::size_t(std::snprintf(text, sizeof text, " data-v=\"%.0f\"", *cell.number)));
      }
      out += ">" + cell.html + "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string page_html(std::string_view title, std::optional<Seconds> refresh,
                      std::string_view body) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "base-uri 'none'; form-action 'none'; style-src " +
      source_hash(page_style()) + "; script-src " + source_hash(page_script()) + "\">\n";
  out +=
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"referrer\" content=\"no-referrer\"><meta name=\"robots\" content=\"noindex\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n";
  if (refresh) {
    out += "<meta http-equiv=\"refresh\" content=\"" + std::to_string(*refresh) + "\">\n";
  }
  out.append("<title>").append(escaped(title)).append("</title>\n<style>").append(page_style());
  out.append("</style></head>\n<body><main>\n").append(body).append("</main>\n<script>");
  return out.append(page_script()).append("</script></body></html>\n");
}

}  // namespace grey::report
