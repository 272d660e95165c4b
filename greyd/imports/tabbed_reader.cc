#include "greyd/imports/tabbed_reader.h"

#include <utility>
#include <vector>

#include "greyd/imports/line_reader.h"
#include "greyd/imports/row.h"

namespace grey::imports {
namespace {

std::vector<Cell> split(std::string_view line) {
  std::vector<Cell> cells;
  for (;;) {
    const std::size_t tab = line.find('\t');
    cells.push_back({line.substr(0, tab)});
    if (tab == std::string_view::npos) return cells;
    line.remove_prefix(tab + 1);
  }
}

char unescaped(char c) {
  switch (c) {
    case '0':
      return '\0';
    case 't':
      return '\t';
    case 'n':
      return '\n';
    default:
      return c;
  }
}

class TabbedReader : public LineReader {
 public:
  TabbedReader(std::string name, const Settings& settings, Visit visit)
      : LineReader(std::move(name), std::move(visit)), settings_(settings) {}

 private:
  void on_line(std::string_view line) override {
    if (line.empty()) return;
    std::vector<Cell> cells = split(line);
    if (!table_ || Table::is_header(cells)) return on_header(cells);
    if (cells.size() != table_->columns()) {
      return fail("has " + std::to_string(cells.size()) + " values, and the table " +
                  std::to_string(table_->columns()) + " columns");
    }
    texts_.resize(cells.size());
    for (std::size_t i = 0; i < cells.size(); ++i) decode(cells[i], texts_[i]);
    // mysql writes timestamps in the zone of its session, this host's.
    const auto counts = table_->read(cells, {std::nullopt, &settings_.local}, settings_,
                                     [this](What what) { give(std::move(what)); });
    if (!counts) return fail(counts.error().text);
    if (counts->has) count(counts->blocked, counts->passed);
  }

  void on_header(const std::vector<Cell>& cells) {
    std::vector<Column> columns;
    columns.reserve(cells.size());
    for (const Cell& cell : cells) columns.push_back({std::string(cell.text), {}});
    const auto table = Table::of("", columns);
    if (!table || !*table) return fail("has no names of a table that import reads");
    table_ = *table;
  }

  static void decode(Cell& cell, std::string& storage) {
    if (cell.text == "NULL" || cell.text == "\\N") {
      cell.null = true;
      return;
    }
    if (cell.text.find('\\') == std::string_view::npos) return;
    storage.clear();
    for (std::size_t i = 0; i < cell.text.size(); ++i) {
      const bool escape = cell.text[i] == '\\' && i + 1 < cell.text.size();
      storage += escape ? unescaped(cell.text[++i]) : cell.text[i];
    }
    cell.text = storage;
  }

  const Settings settings_;
  std::optional<Table> table_;
  std::vector<std::string> texts_;  // of the cells that are not as they are written
};

}  // namespace

std::unique_ptr<Reader> tabbed_reader(std::string name, const Settings& settings, Visit visit) {
  return std::make_unique<TabbedReader>(std::move(name), settings, std::move(visit));
}

bool is_tabbed_header(std::string_view line) {
  if (line.find('\t') == std::string_view::npos) return false;
  return Table::is_header(split(line));
}

}  // namespace grey::imports
