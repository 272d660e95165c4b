// A dump of MySQL or MariaDB in its tokens, as its octets come. What it keeps is one token, of
// kMaxToken octets at most.
//
// Comments are left out, but what stands in an executable one ("/*!40103 SET ... */") counts, as it
// does for the server. What is between "DELIMITER ;;" and "DELIMITER ;" is left out: these are
// triggers and procedures, and no data.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace grey::imports {

struct SqlToken {
  enum class Kind : std::uint8_t {
    word,    // name, keyword, number: as it is written
    quoted,  // `name`
    string,  // 'text' or "text": its octets
    mark,    // any other character
    end,     // of a statement
  };
  Kind kind = Kind::end;
  std::string_view text;  // for the call only
  bool too_long = false;
  std::uint64_t line = 0;

  bool is(char mark) const { return kind == Kind::mark && text.size() == 1 && text[0] == mark; }
};

class SqlLexer {
 public:
  static constexpr std::size_t kMaxToken = 65536;
  // `take` says whether to go on.
  using Take = std::function<bool(const SqlToken&)>;

  explicit SqlLexer(Take take) : take_(std::move(take)) {}
  void feed(std::string_view bytes);
  // What the text ends in, "a string that begins in line 7"; empty: between two tokens.
  std::string end();

  std::uint64_t line() const { return line_; }
  // Whether a line "-- MySQL dump ..." or the like was there, and then "-- Dump completed": what
  // mysqldump begins and ends with, where it writes comments.
  bool announced() const { return announced_; }
  bool completed() const { return completed_; }

 private:
  enum class State : std::uint8_t {
    between,  // two tokens
    word,
    quoted,  // a name
    string,
    escape,           // behind a backslash in a string
    quote,            // behind one that ends a text, or is doubled in it
    dash,             // behind "-"
    dashes,           // behind "--"
    slash,            // behind "/"
    block,            // in a comment
    block_star,       // behind a '*' in it
    executable_mark,  // behind "/*"
    executable,       // in the version of an executable comment
    star,             // behind a '*' in one
    line_comment,
    delimiter,  // behind DELIMITER
    foreign,    // where statements end in something else
    stopped,
  };

  std::string_view run(std::string_view bytes);
  std::string_view run_between(std::string_view bytes);
  std::string_view run_word(std::string_view bytes);
  std::string_view run_text(std::string_view bytes);
  std::string_view run_line(std::string_view bytes);
  std::string_view run_block(std::string_view bytes);
  bool step(char c);  // of the states of one character; false: it is to be looked at again

  void begin(State state);
  void add(std::string_view text);
  void emit(SqlToken::Kind kind);
  void emit_mark(char c);
  void end_word();
  void end_line();
  void begin_executable();

  Take take_;
  State state_ = State::between;
  std::string token_;
  bool too_long_ = false;
  char quote_ = 0;
  bool in_executable_ = false;
  bool at_start_ = true;                // of a statement
  std::uint64_t line_ = 1, begun_ = 1;  // where the token begins
  bool announced_ = false, completed_ = false;
};

}  // namespace grey::imports
