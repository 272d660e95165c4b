#include "greyd/base/log_format.h"

#include <array>
#include <utility>

#include "greyd/base/text.h"

namespace grey {
namespace {

using Level = std::pair<Priority, std::string_view>;
constexpr std::array<Level, 4> kLevels{{{Priority::info, "info"},
                                        {Priority::warning, "warning"},
                                        {Priority::error, "error"},
                                        {Priority::critical, "fatal"}}};

std::string_view name_of(Priority priority) {
  for (const auto& [level, name] : kLevels) {
    if (level == priority) return name;
  }
  return "info";
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < ' ' || c == 0x7f;
}

void append_hex(std::string& out, char c) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  const char escaped[3] = {'%', kHex[byte >> 4], kHex[byte & 15]};
  out.append(escaped, 3);
}

// The inside of a string in quotes, of JSON and logfmt alike.
void append_quoted(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (is_control(c) || static_cast<unsigned char>(c) > 0x7f) {
      append_hex(out, c);
    } else {
      out += c;
    }
  }
}

// Takes off `rest` what it begins with; false when it does not.
bool take(std::string_view& rest, std::string_view start) {
  if (!rest.starts_with(start)) return false;
  rest.remove_prefix(start.size());
  return true;
}

bool take_level(std::string_view& rest, Priority& priority) {
  for (const auto& [level, name] : kLevels) {
    if (!take(rest, name)) continue;
    priority = level;
    return true;
  }
  return false;
}

// What append_quoted has written, up to the quote that ends it, but for %XX.
bool take_quoted(std::string_view& rest, std::string& text) {
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return true;
    }
    if (rest[i] == '\\' && ++i == rest.size()) return false;
    text += rest[i];
  }
  return false;
}

struct Form {
  std::string_view level, program, message, end;
  bool quotes_level;
};
constexpr Form kLogfmt{"level=", " program=\"", " message=\"", "\"", false};
constexpr Form kJson{"{\"level\":\"", ",\"program\":\"", ",\"message\":\"", "\"}", true};

void append_in(const Form& form, std::string& out, const Note& note) {
  out.append(form.level).append(name_of(note.priority));
  if (form.quotes_level) out += '"';
  if (!note.program.empty()) {
    append_quoted(out.append(form.program), note.program);
    out += '"';
  }
  append_quoted(out.append(form.message), note.text.substr(0, kShownOfNote));
  if (note.text.size() > kShownOfNote) out += "...";
  out.append(form.end) += '\n';
}

std::optional<Note> read_in(const Form& form, std::string_view line, std::string& storage) {
  Note note;
  storage.clear();
  storage.reserve(line.size());  // views into it stay
  if (!take(line, form.level) || !take_level(line, note.priority)) return std::nullopt;
  if (form.quotes_level && !take(line, "\"")) return std::nullopt;
  if (take(line, form.program) && !take_quoted(line, storage)) return std::nullopt;
  const std::size_t program = storage.size();
  if (!take(line, form.message) || !take_quoted(line, storage)) return std::nullopt;
  if (line != form.end.substr(1)) return std::nullopt;
  note.program = std::string_view(storage).substr(0, program);
  note.text = std::string_view(storage).substr(program);
  return note;
}

// "PROGRAM: fatal: TEXT" or "LEVEL: TEXT"
std::optional<Note> read_plain(std::string_view line) {
  Note note;
  std::string_view rest = line;
  if (take_level(rest, note.priority) && note.priority != Priority::critical && take(rest, ": ")) {
    note.text = rest;
    return note;
  }
  constexpr std::string_view kFatal = ": fatal: ";
  const std::size_t at = line.find(": ");
  if (at == line.npos || !line.substr(at).starts_with(kFatal)) return std::nullopt;
  return Note{Priority::critical, line.substr(at + kFatal.size()), line.substr(0, at)};
}

}  // namespace

void append_note(std::string& out, LogFormat format, const Note& note) {
  if (format != LogFormat::plain) {
    append_in(format == LogFormat::json ? kJson : kLogfmt, out, note);
    return;
  }
  if (note.priority == Priority::critical) out.append(note.program).append(": ");
  out.append(name_of(note.priority)).append(": ");
  const bool ended = note.text.ends_with('\n');
  for (const char c : note.text.substr(0, note.text.size() - (ended ? 1 : 0))) {
    if (is_control(c)) {
      append_hex(out, c);
    } else {
      out += c;
    }
  }
  out += '\n';
}

std::optional<Note> read_note(std::string_view line, std::string& storage) {
  if (line.starts_with(kJson.level)) return read_in(kJson, line, storage);
  if (line.starts_with(kLogfmt.level)) return read_in(kLogfmt, line, storage);
  return read_plain(line);
}

bool is_ordinary(std::string_view line) {
  std::string storage;
  if (const auto note = read_note(line, storage)) return note->priority != Priority::critical;
  return line.starts_with("verdict=") || line.starts_with("level=info ") ||
         line.starts_with("{\"level\":\"info\",");
}

}  // namespace grey
