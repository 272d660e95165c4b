#include "greyd/imports/form.h"

#include <algorithm>
#include <array>

#include "greyd/base/text.h"
#include "greyd/imports/multilog_reader.h"
#include "greyd/imports/tabbed_reader.h"
#include "greyd/state/context_text.h"
#include "greyd/state/indimail_context.h"
#include "greyd/wire/ip.h"

namespace grey::imports {
namespace {

constexpr std::array<std::string_view, kForms + 3> kNames = {
    "context", "json",     "indimail", "greydaemon", "jgreylist", "cqgreylist", "mysql",
    "table",   "multilog", "postgrey", "spamdb",     "qmail",     "postfix",    "log"};

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view without_blanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](std::string_view beginning) { return text.starts_with(beginning); });
}

bool is_greydaemon(std::string_view sample) {
  const std::size_t end = sample.find('\n');
  if (end == std::string_view::npos) return false;
  const auto content = read_context(sample.substr(0, end + 1), [](const SavedRecord&) {});
  return content.form == ContextForm::greydaemon;
}

bool is_sql(std::string_view text) {
  if (starts_with_any(text, {"-- ", "--\n", "--\r", "/*"})) return true;
  const std::string begin = to_lower(text.substr(0, 10));
  return starts_with_any(begin, {"insert ", "replace ", "create ", "drop ", "set ", "use ", "lock ",
                                 "start ", "begin;", "delimiter ", "alter "});
}

// Trees are looked at no further than this many entries of a directory.
constexpr std::size_t kLookedAt = 1000;

// Which tree a directory of the first level, which a number names, belongs to.
Result<std::optional<Form>> form_below(Directory& directory, const std::string& name) {
  std::optional<Form> form;
  std::size_t seen = 0;
  const auto listed = directory.list({name}, [&](const DirectoryEntry& entry) {
    const bool digits = entry.name.size() == 3 &&
                        entry.name.find_first_not_of("0123456789") == std::string_view::npos;
    if (entry.kind == DirectoryEntry::Kind::directory && digits && name.size() == 3) {
      form = Form::jgreylist;
    } else if (entry.kind == DirectoryEntry::Kind::file && Ip::parse(entry.name)) {
      form = Form::cqgreylist;
    }
    return !form && ++seen < kLookedAt;
  });
  if (!listed) return tl::make_unexpected(listed.error());
  return form;
}

}  // namespace

std::string_view to_string(Form form) {
  return kNames[std::size_t(form)];
}

std::optional<Form> form_named(std::string_view name) {
  const auto* const end = kNames.begin() + kForms;
  const auto* const found = std::find(kNames.begin(), end, name);
  if (found == end) return std::nullopt;
  return Form(found - kNames.begin());
}

std::optional<Form> form_of(std::string_view sample) {
  if (sample.starts_with(kByteOrderMark)) sample.remove_prefix(kByteOrderMark.size());
  if (sample.starts_with("qmail-greyd context ")) return Form::context;
  if (tai64n_seconds(sample.substr(0, sample.find('\n')))) return Form::multilog;
  if (is_indimail_context(sample)) return Form::indimail;
  if (is_greydaemon(sample)) return Form::greydaemon;
  if (sample.starts_with("VERSION=")) return Form::postgrey;
  if (starts_with_any(sample, {"GREY|", "WHITE|", "TRAPPED|", "SPAMTRAP|", "DOMAIN|"})) {
    return Form::spamdb;
  }
  sample = without_blanks(sample);
  if (sample.starts_with('{')) return Form::json;
  if (is_tabbed_header(sample.substr(0, sample.find_first_of("\r\n")))) return Form::table;
  if (is_sql(sample)) return Form::mysql;
  return std::nullopt;
}

std::string_view why_unreadable(std::string_view sample) {
  const bool packed =
      starts_with_any(sample, {"\x1f\x8b", "BZh", "\xFD\x37zXZ", "PK\x03\x04", "\x28\xB5\x2F\xFD"});
  if (packed) return "is compressed: unpack it first";
  if (starts_with_any(sample, {"\xFF\xFE", "\xFE\xFF"})) return "is text in UTF-16";
  if (sample.starts_with("SQLite format 3")) return "is a database of SQLite, not a dump";
  return {};
}

std::string why_no_form(std::string_view sample) {
  if (sample.empty()) return "is empty";
  const std::string_view why = why_unreadable(sample);
  return std::string(why.empty() ? "is none of the forms that import reads" : why);
}

Result<std::optional<Form>> form_of(Directory& directory) {
  std::optional<Form> form;
  Result<void> outcome;
  std::size_t seen = 0;
  const auto listed = directory.list({}, [&](const DirectoryEntry& entry) {
    const bool log = entry.name == "current" || tai64n_seconds(entry.name.substr(0, 25));
    if (log && entry.kind == DirectoryEntry::Kind::file) form = Form::multilog;
    const bool number = entry.name.size() <= 3 &&
                        entry.name.find_first_not_of("0123456789") == std::string_view::npos;
    if (number && entry.kind == DirectoryEntry::Kind::directory) {
      const auto below = form_below(directory, std::string(entry.name));
      if (!below) {
        outcome = tl::make_unexpected(below.error());
        return false;
      }
      form = *below;
      ++seen;
    }
    return !form && seen < kLookedAt;
  });
  if (!outcome) return tl::make_unexpected(outcome.error());
  if (!listed) return tl::make_unexpected(listed.error());
  return form;
}

}  // namespace grey::imports
