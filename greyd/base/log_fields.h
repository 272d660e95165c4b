// A line of the log that has fields: the same calls write it in each format. Inline, and for the
// format as a template argument, as decisions are logged by the ten thousand a second.
//
// Strings are words of text.h in each format, so that one rule reads them back: what is not
// printable ASCII, and '%', '<' and ',', is %XX. Only the empty text differs: "<>", in JSON "".
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "greyd/base/append.h"
#include "greyd/base/log_format.h"
#include "greyd/base/text.h"

namespace grey {

// A field's name as it stands before the value, with what separates it from the field before it.
struct FieldName {
  std::string_view plain;  // " client="; in logfmt, too
  std::string_view json;   // ",\"client\":"
};

// Puts a '\\' before each '"' and '\\' from `begin` on.
inline void escape_quotes(std::string& out, std::size_t begin) {
  for (std::size_t i = begin; i < out.size(); ++i) {
    if (out[i] == '"' || out[i] == '\\') out.insert(i++, 1, '\\');
  }
}

// In logfmt a value that has one of these is in quotes: readers differ in how they take them else.
inline void quote_where_needed(std::string& out, std::size_t begin) {
  const auto needs_quotes = [](char c) { return c == '=' || c == '\\'; };
  if (std::none_of(out.begin() + std::ptrdiff_t(begin), out.end(), needs_quotes)) return;
  out.insert(begin, 1, '"');
  out += '"';
}

template <LogFormat format>
class LogFields {
 public:
  explicit LogFields(std::string& out) : out_(out) {
    if constexpr (format == LogFormat::json) out_ += "{\"level\":\"info\",";
    if constexpr (format == LogFormat::logfmt) out_ += "level=info ";
  }

  void name(const FieldName& name) { out_ += format == LogFormat::json ? name.json : name.plain; }

  // A value that is a string: what write() adds, by calls of word() or of bytes that are plain.
  template <typename Write>
  void string(const FieldName& field, Write write) {
    name(field);
    const std::size_t begin = out_.size();
    if constexpr (format == LogFormat::json) out_ += '"';
    write();
    if constexpr (format == LogFormat::json) out_ += '"';
    if constexpr (format == LogFormat::logfmt) quote_where_needed(out_, begin);
  }
  // The first `shown` bytes of a text from outside, as a word; "..." stands for the rest.
  void word(std::string_view bytes, std::size_t shown) {
    if constexpr (format == LogFormat::json) {
      if (bytes.empty()) return;
    }
    const std::size_t begin = out_.size();
    append_word(out_, bytes.substr(0, shown));
    if constexpr (format != LogFormat::plain) escape_quotes(out_, begin);
    if (bytes.size() > shown) out_ += "...";
  }
  // A word of this program's own, in which nothing is to be escaped.
  void own(const FieldName& field, std::string_view text) {
    name(field);
    if constexpr (format == LogFormat::json) out_ += '"';
    out_ += text;
    if constexpr (format == LogFormat::json) out_ += '"';
  }
  template <typename Number>
  void number(const FieldName& field, Number value) {
    name(field);
    append_number(out_, value);
  }
  void yes(const FieldName& field) {
    name(field);
    out_ += format == LogFormat::json ? "true" : "yes";
  }
  void end() {
    if constexpr (format == LogFormat::json) out_ += '}';
    out_ += '\n';
  }

 private:
  std::string& out_;
};

}  // namespace grey
