#include "greyd/imports/writer.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "greyd/base/append.h"
#include "greyd/base/text.h"
#include "greyd/core/record_filter.h"
#include "greyd/imports/relaytofrom_writer.h"
#include "greyd/state/context_text.h"
#include "greyd/state/record_text.h"

namespace grey::imports {
namespace {

constexpr std::array<std::string_view, kExportForms> kNames = {"json", "csv", "context",
                                                               "greydaemon", "relaytofrom"};

// ---- csv ---------------------------------------------------------------------------------------

// Senders are hostile, and a spreadsheet takes a cell that begins with one of these for a formula.
constexpr std::string_view kFormula = "=+-@";
// A word has no blank, comma or control character. These would end a cell, or begin one within it,
// where another separator than the comma is set.
constexpr std::string_view kSeparators = "\"';|";

// A word of text.h, of which more is %XX than there: so it reads back as the same.
void append_cell(std::string& out, std::string_view word) {
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    const bool bare = kSeparators.find(c) == std::string_view::npos &&
                      (i > 0 || kFormula.find(c) == std::string_view::npos);
    if (bare) {
      out += c;
      continue;
    }
    static constexpr char kHex[] = "0123456789ABCDEF";
    out.append(1, '%').append(1, kHex[c >> 4]).append(1, kHex[c & 15]);
  }
}

// RFC 4180, without a cell that needs quotes.
class CsvWriter : public Writer {
 public:
  void begin(std::string& out) override {
    out += "state,client,sender,recipient,first_seen,last_seen,passes\r\n";
  }
  bool add(std::string& out, const Record& record) override {
    const bool known = is_of_client(record.record_class);
    const bool waiting = record.record_class == RecordClass::waiting;
    out.append(state_name(record.record_class)).append(1, ',');
    append_cell(out, client_of(record));
    out += ',';
    if (!known) append_cell(out, to_word(record.sender));
    out += ',';
    if (!known) append_cell(out, to_word(record.recipient));
    out += ',';
    if (waiting) append_number(out, record.seen);
    out += ',';
    if (!waiting) append_number(out, record.seen);
    out += ',';
    if (known) append_number(out, record.passes.value_or(0));
    out += "\r\n";
    return true;
  }
  void end(std::string&) override {}

 private:
  static std::string client_of(const Record& record) {
    std::string text;
    if (record.name) {
      append_client(text, imports::client_of(record));
    } else {
      text =
          record.client.prefix == 128 ? to_string(record.client.address) : to_string(record.client);
    }
    return text;
  }
};

// ---- those of greyd/state ----------------------------------------------------------------------

class ContextWriter : public Writer {
 public:
  explicit ContextWriter(ContextForm form) : form_(form), composer_(form) {}

  void begin(std::string& out) override {
    composer_.begin();
    out += composer_.take_buffer();
  }
  bool add(std::string& out, const Record& record) override {
    const bool ours = record.pool || record.record_class == RecordClass::trapped;
    if (ours && form_ == ContextForm::greydaemon) return false;  // it knows neither
    SavedRecord saved;
    saved.record_class = record.record_class;
    saved.seen = record.seen;
    saved.passes = record.passes.value_or(0);
    saved.client = client_of(record);
    saved.sender = record.sender;
    saved.recipient = record.recipient;
    composer_.add(saved);
    out += composer_.take_buffer();
    return true;
  }
  void end(std::string& out) override {
    composer_.finish();
    out += composer_.take_buffer();
  }

 private:
  const ContextForm form_;
  ContextComposer composer_;
};

}  // namespace

std::string_view to_string(ExportForm form) {
  return kNames[std::size_t(form)];
}

std::optional<ExportForm> export_form_named(std::string_view name) {
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return ExportForm(found - kNames.begin());
}

CivilTime host_civil_time(Seconds time) {
  const std::time_t seconds = time;
  std::tm tm{};
  ::localtime_r(&seconds, &tm);
  return {tm.tm_year + 1900,    unsigned(tm.tm_mon + 1), unsigned(tm.tm_mday),
          unsigned(tm.tm_hour), unsigned(tm.tm_min),     unsigned(tm.tm_sec)};
}

std::unique_ptr<Writer> writer_of(ExportForm form, const WriterSettings& settings) {
  switch (form) {
    case ExportForm::csv:
      return std::make_unique<CsvWriter>();
    case ExportForm::context:
      return std::make_unique<ContextWriter>(ContextForm::qmail_greyd);
    case ExportForm::greydaemon:
      return std::make_unique<ContextWriter>(ContextForm::greydaemon);
    case ExportForm::relaytofrom:
      return relaytofrom_writer(settings);
    case ExportForm::json:
      break;
  }
  return nullptr;
}

}  // namespace grey::imports
