#include "greyd/base/json_line.h"

namespace grey {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < ' ' || octet > '~') {
      out += '%';
      out += kHex[octet >> 4];
      out += kHex[octet & 15];
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  out += '"';
}

JsonLine& JsonLine::word(std::string_view name, std::string_view bytes) {
  return text(name, to_word(bytes));
}

JsonLine& JsonLine::begin_object(std::string_view name) {
  key(name);
  out_ += '{';
  first_ = true;
  return *this;
}

JsonLine& JsonLine::end_object() {
  out_ += '}';
  first_ = false;
  return *this;
}

JsonLine& JsonLine::begin_list(std::string_view name) {
  key(name);
  out_ += '[';
  first_ = true;
  return *this;
}

JsonLine& JsonLine::end_list() {
  out_ += ']';
  first_ = false;
  return *this;
}

void JsonLine::key(std::string_view name) {
  if (!first_) out_ += ',';
  first_ = false;
  if (name.empty()) return;
  out_.append(1, '"').append(name).append("\":");
}

}  // namespace grey
