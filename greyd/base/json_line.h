// Objects of JSON as text, a line each, at the end of a string.
//
// All that is written is ASCII and printable, whatever comes from outside: an address is a word of
// text.h; any other text keeps its blanks, and what is not printable ASCII becomes %XX in it.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "greyd/base/append.h"
#include "greyd/base/text.h"

namespace grey {

void append_json_text(std::string& out, std::string_view text);  // with its quotes

class JsonLine {
 public:
  explicit JsonLine(std::string& out) : out_(out) { out_ += '{'; }
  JsonLine(const JsonLine&) = delete;
  JsonLine& operator=(const JsonLine&) = delete;

  JsonLine& text(std::string_view name, std::string_view value) {
    key(name);
    append_json_text(out_, value);
    return *this;
  }
  JsonLine& word(std::string_view name, std::string_view bytes);  // as append_word() has it
  template <std::integral Number>
  JsonLine& number(std::string_view name, Number value) {
    key(name);
    append_number(out_, value);
    return *this;
  }
  JsonLine& flag(std::string_view name, bool value) {
    key(name);
    out_ += value ? "true" : "false";
    return *this;
  }
  // Values between a begin and its end are in an object, or in a list: those have no names.
  JsonLine& begin_object(std::string_view name = {});
  JsonLine& end_object();
  JsonLine& begin_list(std::string_view name);
  JsonLine& end_list();
  void end() { out_ += "}\n"; }

 private:
  void key(std::string_view name);

  std::string& out_;
  bool first_ = true;  // in the object or list that is being written
};

}  // namespace grey
