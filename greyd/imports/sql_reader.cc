#include "greyd/imports/sql_reader.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "greyd/base/text.h"
#include "greyd/imports/row.h"
#include "greyd/imports/sql_lexer.h"
#include "greyd/imports/sql_row.h"

namespace grey::imports {
namespace {

constexpr std::size_t kMaxColumns = 4096;  // MySQL's limit
constexpr std::size_t kMaxTables = 1000;   // that count, in one dump

bool is_word(const SqlToken& token, std::string_view lower_case) {
  return token.kind == SqlToken::Kind::word && to_lower(token.text) == lower_case;
}
bool is_name(const SqlToken& token) {
  // In quotes as ANSI has them, too.
  return token.kind == SqlToken::Kind::quoted || token.kind == SqlToken::Kind::word ||
         token.kind == SqlToken::Kind::string;
}

// The last part of "`database`.`table`", whichever parts have quotes. The lexer has dots in words.
class TableName {
 public:
  // False when the token is no part of it.
  bool take(const SqlToken& token) {
    if (!is_name(token)) return false;
    const bool word = token.kind == SqlToken::Kind::word;
    if (given_ && !(word && token.text.starts_with('.'))) return false;
    name_ = word ? token.text.substr(token.text.rfind('.') + 1) : token.text;
    given_ = !name_.empty();
    return true;
  }
  bool given() const { return given_; }
  const std::string& text() const { return name_; }
  void clear() { given_ = false; }

 private:
  std::string name_;
  bool given_ = false;
};

class SqlReader : public Reader {
 public:
  SqlReader(std::string name, const Settings& settings, Visit visit)
      : Reader(std::move(name), std::move(visit)),
        settings_(settings),
        zone_{std::nullopt, &settings_.local},
        lexer_([this](const SqlToken& token) { return take(token); }) {}

 private:
  enum class State : std::uint8_t {
    start,          // of a statement
    other,          // in one that does not matter
    set,            // SET
    zone,           // SET TIME_ZONE
    create,         // CREATE
    create_name,    // CREATE TABLE
    column,         // CREATE TABLE t (: before the next column
    column_type,    // and behind its name
    column_rest,    // and behind that
    insert_name,    // INSERT INTO, REPLACE INTO
    insert_column,  // INSERT INTO t (
    values,         // behind VALUES, or a row's ','
    row,            // in a row
    row_end,        // behind a row
  };

  void on_bytes(std::string_view bytes) override { lexer_.feed(bytes); }
  void on_end() override {
    const std::string within = lexer_.end();
    if (failed()) return;
    if (!within.empty()) return fail(lexer_.line(), "the dump ends within " + within);
    if (state_ != State::start) return fail(lexer_.line(), "the dump ends within a statement");
    if (lexer_.announced() && !lexer_.completed()) {
      fail(lexer_.line(), "the dump has been cut: it has no line '-- Dump completed'");
    }
  }

  // The lexer's; false ends it.
  bool take(const SqlToken& token) {
    line_ = token.line;
    if (token.is('\0')) {  // as where a disk has lost the rest: it need not be read to its end
      fail("has a NUL outside of a text");
    } else if (token.kind == SqlToken::Kind::end) {
      end_statement();
    } else {
      step(token);
    }
    return !failed();
  }

  void step(const SqlToken& token);
  void end_statement();
  void start(const SqlToken& token);
  void on_set(const SqlToken& token);
  void on_zone(const SqlToken& token);
  void on_create(const SqlToken& token);
  void on_create_name(const SqlToken& token);
  void on_column(const SqlToken& token);
  void on_column_rest(const SqlToken& token);
  void end_columns();
  void on_insert_name(const SqlToken& token);
  void on_insert_column(const SqlToken& token);
  bool matters() const;
  void find_table();
  void begin_rows();
  void on_row(const SqlToken& token);
  void end_row();
  void wrong(const SqlToken& token);
  using Reader::fail;
  void fail(std::string_view what) { fail(line_, what); }

  const Settings settings_;
  Zone zone_;  // of timestamps
  SqlLexer lexer_;
  State state_ = State::start;
  std::uint64_t line_ = 1;

  TableName name_;
  std::vector<Column> columns_;  // of a CREATE TABLE, or of an INSERT
  unsigned depth_ = 0;           // of parentheses within a column
  std::map<std::string, Table, std::less<>> tables_;
  std::optional<Table> table_;  // of the INSERT; nothing: it does not matter
  SqlRow row_;
};

// ---- statements --------------------------------------------------------------------------------

void SqlReader::step(const SqlToken& token) {
  switch (state_) {
    case State::start:
      return start(token);
    case State::other:
      return;
    case State::set:
      return on_set(token);
    case State::zone:
      return on_zone(token);
    case State::create:
      return on_create(token);
    case State::create_name:
      return on_create_name(token);
    case State::column:
      return on_column(token);
    case State::column_type:
      if (is_name(token)) columns_.back().type = to_lower(token.text.substr(0, 32));
      state_ = State::column_rest;
      if (!is_name(token)) on_column_rest(token);
      return;
    case State::column_rest:
      return on_column_rest(token);
    case State::insert_name:
      return on_insert_name(token);
    case State::insert_column:
      return on_insert_column(token);
    case State::values:
      if (!token.is('(')) return wrong(token);
      row_.begin(table_->columns());
      state_ = State::row;
      return;
    case State::row:
      return on_row(token);
    case State::row_end:
      if (token.is(',')) {
        state_ = State::values;
      } else if (is_word(token, "on") || is_word(token, "as") || is_word(token, "returning")) {
        state_ = State::other;
      } else {
        wrong(token);
      }
      return;
  }
}

void SqlReader::wrong(const SqlToken& token) {
  fail("unexpected " + to_word(token.text.substr(0, 40)));
}

void SqlReader::end_statement() {
  switch (state_) {
    case State::column:
    case State::column_type:
    case State::column_rest:
    case State::insert_name:
    case State::insert_column:
    case State::values:
    case State::row:
      return fail("a statement ends too early");
    default:
      state_ = State::start;
  }
}

void SqlReader::start(const SqlToken& token) {
  name_.clear();
  columns_.clear();
  state_ = State::other;
  if (is_word(token, "set")) state_ = State::set;
  if (is_word(token, "create")) state_ = State::create;
  if (is_word(token, "insert") || is_word(token, "replace")) state_ = State::insert_name;
}

void SqlReader::on_set(const SqlToken& token) {
  if (is_word(token, "time_zone") || is_word(token, "@@time_zone") ||
      is_word(token, "@@session.time_zone")) {
    state_ = State::zone;
  }
}

void SqlReader::on_zone(const SqlToken& token) {
  if (token.is('=') || token.is(':')) return;
  // "SYSTEM", a zone's name, what it was before: this host's.
  zone_.offset = token.kind == SqlToken::Kind::string ? parse_offset(token.text) : std::nullopt;
  state_ = State::set;
}

// ---- CREATE TABLE ------------------------------------------------------------------------------

void SqlReader::on_create(const SqlToken& token) {
  if (is_word(token, "temporary") || is_word(token, "or") || is_word(token, "replace")) return;
  state_ = is_word(token, "table") ? State::create_name : State::other;
}

void SqlReader::on_create_name(const SqlToken& token) {
  const bool condition =
      token.kind == SqlToken::Kind::word && !name_.given() &&
      (is_word(token, "if") || is_word(token, "not") || is_word(token, "exists"));
  if (condition || name_.take(token)) return;
  depth_ = 0;
  state_ = token.is('(') && name_.given() ? State::column : State::other;
}

void SqlReader::on_column(const SqlToken& token) {
  static constexpr std::string_view kNoColumns[] = {"primary", "key",      "unique",  "constraint",
                                                    "index",   "fulltext", "spatial", "foreign",
                                                    "check",   "period",   "like"};
  const bool none = token.kind == SqlToken::Kind::word &&
                    std::find(std::begin(kNoColumns), std::end(kNoColumns), to_lower(token.text)) !=
                        std::end(kNoColumns);
  if (!is_name(token) || none) {
    state_ = State::column_rest;
    return none ? void() : on_column_rest(token);
  }
  if (columns_.size() == kMaxColumns) return fail("a table with too many columns");
  columns_.push_back({std::string(token.text.substr(0, 256)), {}});
  state_ = State::column_type;
}

void SqlReader::on_column_rest(const SqlToken& token) {
  if (token.is('(')) ++depth_;
  if (token.is(',') && depth_ == 0) state_ = State::column;
  if (!token.is(')')) return;
  if (depth_ == 0) return end_columns();
  --depth_;
}

void SqlReader::end_columns() {
  state_ = State::other;
  auto table = Table::of(name_.text(), columns_);
  if (!table) return fail(table.error().text);
  const std::string key = to_lower(name_.text());
  tables_.erase(key);
  if (!*table) return;
  if (tables_.size() == kMaxTables) return fail("too many tables of this kind");
  tables_.emplace(key, **table);
}

// ---- INSERT ------------------------------------------------------------------------------------

void SqlReader::on_insert_name(const SqlToken& token) {
  static constexpr std::string_view kBefore[] = {"into", "low_priority", "delayed", "high_priority",
                                                 "ignore"};
  const bool keyword = token.kind == SqlToken::Kind::word && !name_.given();
  if (keyword && std::find(std::begin(kBefore), std::end(kBefore), to_lower(token.text)) !=
                     std::end(kBefore)) {
    return;
  }
  if (name_.given() && (is_word(token, "values") || is_word(token, "value"))) return begin_rows();
  if (name_.take(token)) return;
  if (!token.is('(')) {
    if (matters()) return wrong(token);  // "SELECT", "SET": rows that cannot be read
    state_ = State::other;
  } else if (name_.given()) {
    state_ = State::insert_column;
  }
}

bool SqlReader::matters() const {
  if (!name_.given()) return false;
  return Table::named(name_.text()) || tables_.contains(to_lower(name_.text()));
}

void SqlReader::on_insert_column(const SqlToken& token) {
  if (token.is(',')) return;
  if (token.is(')')) {
    state_ = State::insert_name;  // VALUES is to come
    return;
  }
  if (!is_name(token)) return wrong(token);
  if (columns_.size() == kMaxColumns) return fail("an INSERT with too many columns");
  columns_.push_back({std::string(token.text.substr(0, 256)), {}});
}

// Which one the INSERT is for, by its own columns, else by those of CREATE TABLE, else as it was
// made.
void SqlReader::find_table() {
  const auto created = tables_.find(to_lower(name_.text()));
  if (columns_.empty()) {
    table_ = created != tables_.end() ? std::optional(created->second) : Table::named(name_.text());
    return;
  }
  auto table = Table::of(name_.text(), columns_);
  if (!table) return fail(table.error().text);
  table_ = *table;
  if (table_ && created != tables_.end()) table_->take_types_of(created->second);
}

void SqlReader::begin_rows() {
  find_table();
  state_ = table_ ? State::values : State::other;
}

void SqlReader::on_row(const SqlToken& token) {
  switch (row_.take(token)) {
    case SqlRow::Step::more:
      return;
    case SqlRow::Step::whole:
      return end_row();
    case SqlRow::Step::unexpected:
      return wrong(token);
    case SqlRow::Step::too_many:
      return fail("a row has more values than the table columns");
  }
}

void SqlReader::end_row() {
  state_ = State::row_end;
  const auto cells = row_.cells();
  if (cells.size() != table_->columns()) {
    return fail("a row has fewer values than the table columns");
  }
  const auto counts =
      table_->read(cells, zone_, settings_, [this](What what) { give(line_, std::move(what)); });
  if (!counts) return fail(counts.error().text);
  if (counts->has) count(counts->blocked, counts->passed);
}

}  // namespace

std::unique_ptr<Reader> sql_reader(std::string name, const Settings& settings, Visit visit) {
  return std::make_unique<SqlReader>(std::move(name), settings, std::move(visit));
}

}  // namespace grey::imports
