#include "greyd/state/context_text.h"

#include <charconv>
#include <new>

#include "greyd/base/append.h"
#include "greyd/base/text.h"
#include "greyd/state/indimail_context.h"
#include "greyd/state/record_text.h"

namespace grey {
namespace {

constexpr std::string_view kHeaderStart = "qmail-greyd context ";
constexpr std::string_view kHeader = "qmail-greyd context 1\n";
constexpr std::string_view kLegend =
    "# W first-seen client sender recipient: waits for its good retry\n"
    "# B accepted client sender recipient: a bounce that was accepted\n"
    "# P last-seen client sender recipient: has passed\n"
    "# C last-seen good-retries client\n";

std::string end_line(std::size_t records, std::uint64_t checksum) {
  std::string line = "end " + std::to_string(records) + " ";
  append_hex64(line, checksum);
  return line + "\n";
}

enum class Line { record, comment, bad };

// "e", "end 12 0123": what a cut leaves of our end line.
bool is_part_of_end(std::string_view text) {
  constexpr std::string_view kStart = "end ";
  return kStart.starts_with(text) || text.starts_with(kStart);
}

// Calls take(line) for each line of `text`, and counts. A last line without its '\n' may be a part
// of one
// ("a@example.org" cut from "a@example.organic"), so it counts as bad.
template <typename Take>
void for_each_line(std::string_view text, ContextContent& content, Take take) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const bool whole = end != std::string_view::npos;
    Line line = Line::comment;  // of our end line a part, at most
    if (whole) {
      line = take(text.substr(0, end));
    } else if (!is_part_of_end(text)) {
      line = Line::bad;
    }
    if (line == Line::record) ++content.records;
    if (line == Line::bad && content.bad++ == 0) content.first_bad_line = number;
    text.remove_prefix(whole ? end + 1 : text.size());
  }
}

bool take(const SavedRecord* record, const std::function<void(const SavedRecord&)>& visit) {
  if (record == nullptr || record->change != Change::stored) return false;
  visit(*record);
  return true;
}

// ---- our own form ------------------------------------------------------------------------------

// Checks the end line and returns the text between it and the header.
std::string_view check_end(std::string_view text, ContextContent& content) {
  const std::size_t last = text.rfind('\n', text.size() - 2) + 1;
  const std::string_view line = text.substr(last);
  if (last < kHeader.size() || !line.starts_with("end ") || !line.ends_with('\n')) {
    content.damage = "has no end line";
    return text.substr(kHeader.size());
  }
  std::size_t announced = 0;
  std::from_chars(line.data() + 4, line.data() + line.size(), announced);
  content.announced = announced;
  if (line != end_line(announced, XXH3_64bits(text.data(), last))) {
    content.damage = "has a wrong checksum";
  }
  return text.substr(kHeader.size(), last - kHeader.size());
}

void read_ours(std::string_view text, ContextContent& content,
               const std::function<void(const SavedRecord&)>& visit) {
  content.form = ContextForm::qmail_greyd;
  const std::string_view lines = check_end(text, content);
  RecordReader reader;
  for_each_line(lines, content, [&](std::string_view line) {
    if (line.starts_with('#') || line.starts_with("end ")) return Line::comment;
    if (take(reader.read(line), visit)) return Line::record;
    content.records += take(reader.read_end_of(line), visit) ? 1 : 0;
    return Line::bad;
  });
}

// ---- greydaemon's form -------------------------------------------------------------------------

// The text up to the next blank, taken off `line` with it. False when there is no blank.
bool take_word(std::string_view& line, std::string_view& word) {
  const std::size_t end = line.find(' ');
  if (end == std::string_view::npos) return false;
  word = line.substr(0, end);
  line.remove_prefix(end + 1);
  return true;
}

// The text behind the last blank, taken off `line` likewise.
bool take_last_word(std::string_view& line, std::string_view& word) {
  const std::size_t end = line.rfind(' ');
  if (end == std::string_view::npos) return false;
  word = line.substr(end + 1);
  line = line.substr(0, end);
  return true;
}

// "<client> <sender> <recipient>": of these only a client that is no address may have blanks in it.
bool read_greydaemon_triplet(std::string_view line, SavedRecord& record) {
  if (!take_last_word(line, record.recipient) || !take_last_word(line, record.sender)) return false;
  if (record.sender == ".") record.sender = {};
  record.client = Client::parse(line);
  return true;
}

bool read_greydaemon_line(std::string_view line, SavedRecord& record) {
  if (line.find('\0') != std::string_view::npos) return false;  // no address has one
  if (line.ends_with('\r')) line.remove_suffix(1);              // copied by way of another system
  std::string_view letter, stamp;
  if (!take_word(line, letter) || !take_word(line, stamp)) return false;
  const auto [end, error] = std::from_chars(stamp.data(), stamp.data() + stamp.size(), record.seen);
  if (error != std::errc() || end != stamp.data() + stamp.size() || record.seen < 0) return false;
  if (letter == "I") {
    record.record_class = RecordClass::client;
    record.passes = 1;
    record.client = Client::parse(line);
    return true;
  }
  record.record_class = RecordClass::waiting;
  return letter == "G" && read_greydaemon_triplet(line, record);
}

void read_greydaemon(std::string_view text, ContextContent& content,
                     const std::function<void(const SavedRecord&)>& visit) {
  content.form = ContextForm::greydaemon;
  for_each_line(text, content, [&](std::string_view line) {
    SavedRecord record;
    if (!read_greydaemon_line(line, record)) return Line::bad;
    visit(record);
    return Line::record;
  });
}

bool is_greydaemon(std::string_view text) {
  SavedRecord record;
  const std::size_t end = text.find('\n');
  return end != std::string_view::npos && read_greydaemon_line(text.substr(0, end), record);
}

// ---- none of them
// -----------------------------------------------------------------------------------

// Whatever lines of the first two forms there are in a file whose beginning is not as it should be.
ContextContent salvage(std::string_view text,
                       const std::function<void(const SavedRecord&)>& visit) {
  ContextContent content;
  RecordReader reader;
  std::string_view lines = text;
  if (const std::size_t end = text.find("\nend "); end != std::string_view::npos) {
    lines = text.substr(0, end + 1);
  }
  for_each_line(lines, content, [&](std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);  // copied by way of another system
    if (line.starts_with('#')) return Line::comment;
    SavedRecord greydaemon;
    const SavedRecord* record = reader.read(line);
    if (record == nullptr && read_greydaemon_line(line, greydaemon)) record = &greydaemon;
    if (take(record, visit)) {
      content.form = ContextForm::qmail_greyd;
      return Line::record;
    }
    if (take(reader.read_end_of(line), visit)) {
      content.form = ContextForm::qmail_greyd;
      ++content.records;
    }
    return Line::bad;
  });
  if (content.form) {
    content.damage = "has a damaged first line";
  } else {
    content = {};
    content.damage = text.empty() ? "is empty" : "is not a context file";
  }
  return content;
}

// What would end the line is left out of it.
void append_greydaemon_text(std::string& out, std::string_view text) {
  for (const char c : text) out += c == '\n' || c == '\r' ? '?' : c;
}

// There are no blanks in addresses.
void append_greydaemon_address(std::string& out, std::string_view address) {
  for (const char c : address) {
    if (c != ' ') append_greydaemon_text(out, {&c, 1});
  }
}

void append_greydaemon_record(std::string& out, const SavedRecord& record) {
  out += record.record_class == RecordClass::client ? "I " : "G ";
  append_number(out, record.seen);
  out += ' ';
  if (record.client.has_address()) {
    append_ip(out, record.client.ip);
  } else {
    append_greydaemon_text(out, *record.client.name);
  }
  if (record.record_class != RecordClass::client) {
    out += ' ';
    append_greydaemon_address(out, record.sender.empty() ? "." : record.sender);
    out += ' ';
    append_greydaemon_address(out, record.recipient);
  }
  out += '\n';
}

}  // namespace

ContextContent read_context(std::string_view text,
                            const std::function<void(const SavedRecord&)>& visit) {
  ContextContent content;
  if (text.starts_with(kHeader)) {
    read_ours(text, content, visit);
  } else if (text.starts_with(kHeaderStart)) {
    content = salvage(text, visit);
    content.damage = "is of another version";
  } else if (is_greydaemon(text)) {
    read_greydaemon(text, content, visit);
  } else if (is_indimail_context(text)) {
    content = read_indimail_context(text, visit);
  } else {
    content = salvage(text, visit);
  }
  if (!content.form && text.find('\0') != std::string_view::npos) {
    // IndiMail's, whose first record is the one that is bad?
    ContextContent indimail = read_indimail_context(text, visit);
    if (indimail.records > 0) content = std::move(indimail);
  }
  if (content.damage.empty() && content.bad > 0) {
    content.damage = "has lines that are no records, the first in line " +
                     std::to_string(content.first_bad_line);
  }
  return content;
}

ContextComposer::ContextComposer(ContextForm form)
    : form_(form), hash_(XXH3_createState(), &XXH3_freeState) {
  if (!hash_) throw std::bad_alloc();
  XXH3_64bits_reset(hash_.get());
}

void ContextComposer::begin() {
  if (form_ == ContextForm::qmail_greyd) buffer_.append(kHeader).append(kLegend);
}

void ContextComposer::add(const SavedRecord& record) {
  ++records_;
  if (form_ == ContextForm::qmail_greyd) {
    append_record(buffer_, record);
  } else {
    append_greydaemon_record(buffer_, record);
  }
}

std::string_view ContextComposer::take_buffer() {
  XXH3_64bits_update(hash_.get(), buffer_.data(), buffer_.size());
  taken_.swap(buffer_);
  buffer_.clear();
  return taken_;
}

void ContextComposer::finish() {
  if (form_ != ContextForm::qmail_greyd) return;
  XXH3_64bits_update(hash_.get(), buffer_.data(), buffer_.size());
  buffer_ += end_line(records_, XXH3_64bits_digest(hash_.get()));
}

}  // namespace grey
