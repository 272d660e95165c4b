// One who writes records in some form, as reader.h reads them: a record in, text out. Pure: it
// knows no file and no clock.
//
//   const auto writer = writer_of(ExportForm::csv, {});
//   writer->begin(out);
//   for (...) if (!writer->add(out, record)) ++left_out;
//   writer->end(out);
//
// `out` may be taken away between any two calls, so that memory does not grow with the records.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/core/policy.h"
#include "greyd/imports/civil_time.h"
#include "greyd/imports/item.h"

namespace grey::imports {

enum class ExportForm : std::uint8_t {
  json,         // an object on each line, see control/record_json.h
  csv,          // for spreadsheets; the fields of json
  context,      // our own context file
  greydaemon,   // the Perl daemon's save file, which has known clients and waiting triplets alone:
                // the other triplets wait in it, since they were last seen
  relaytofrom,  // statements of SQL, see relaytofrom_writer.h
};
constexpr std::size_t kExportForms = std::size_t(ExportForm::relaytofrom) + 1;

std::string_view to_string(ExportForm form);  // as --format has it
std::optional<ExportForm> export_form_named(std::string_view name);

// Seconds since 1970 as a time of some place.
using CivilOf = std::function<CivilTime(Seconds)>;
CivilTime host_civil_time(Seconds time);  // of this host's zone

struct WriterSettings {
  Terms terms;  // of the daemon whose records these are
  CivilOf civil = host_civil_time;
};

class Writer {
 public:
  Writer() = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  virtual ~Writer() = default;

  virtual void begin(std::string& out) = 0;
  // False: the form has no place for such a record, and nothing was written. Of the record what our
  // own readers give counts: class, client or name, sender, recipient, seen and passes.
  virtual bool add(std::string& out, const Record& record) = 0;
  // Without it the text of context and relaytofrom is not whole, and those who read it know.
  virtual void end(std::string& out) = 0;
};

// REQUIRES: the form is not json. That is what `list` answers, as it is.
std::unique_ptr<Writer> writer_of(ExportForm form, const WriterSettings& settings);

}  // namespace grey::imports
