#include "greyd/imports/sql_lexer.h"

#include <algorithm>

#include "greyd/base/text.h"

namespace grey::imports {
namespace {

constexpr std::size_t kWindow = 256;     // octets of a text that are looked at together
constexpr unsigned kNoServer = 990'000;  // versions from here on are for no server: a comment

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
// Of names, keywords, numbers and variables.
bool is_word(char c) {
  const char folded = to_lower(c);
  return (folded >= 'a' && folded <= 'z') || is_digit(c) || c == '_' || c == '$' || c == '@' ||
         c == '.' || (c & 0x80) != 0;
}

// The octet that "\c" stands for; "\%" and "\_" stand for themselves.
char escaped(char c) {
  switch (c) {
    case '0':
      return '\0';
    case 'b':
      return '\b';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'Z':
      return '\x1a';
    default:
      return c;
  }
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

void SqlLexer::feed(std::string_view bytes) {
  while (!bytes.empty() && state_ != State::stopped) bytes = run(bytes);
}

// Takes some of `bytes`, at least one octet or another state; what is left.
std::string_view SqlLexer::run(std::string_view bytes) {
  switch (state_) {
    case State::between:
      return run_between(bytes);
    case State::word:
      return run_word(bytes);
    case State::quoted:
    case State::string:
      return run_text(bytes);
    case State::block:
      return run_block(bytes);
    case State::line_comment:
    case State::delimiter:
    case State::foreign:
      return run_line(bytes);
    default:
      return step(bytes.front()) ? bytes.substr(1) : bytes;
  }
}

std::string_view SqlLexer::run_between(std::string_view bytes) {
  const char c = bytes.front();
  const std::string_view rest = bytes.substr(1);
  if (c == '\n') ++line_;
  if (is_space(c)) return rest;
  if (is_word(c)) {
    begin(State::word);
    return bytes;
  }
  begun_ = line_;
  if (c == '\'' || c == '"' || c == '`') {
    begin(c == '`' ? State::quoted : State::string);
    quote_ = c;
  } else if (c == '-') {
    state_ = State::dash;
  } else if (c == '/') {
    state_ = State::slash;
  } else if (c == '#') {
    begin(State::line_comment);
  } else if (c == '*' && in_executable_) {
    state_ = State::star;
  } else if (c == ';') {
    emit(SqlToken::Kind::end);
  } else {
    emit_mark(c);
  }
  return rest;
}

std::string_view SqlLexer::run_word(std::string_view bytes) {
  std::size_t size = 0;
  while (size < bytes.size() && is_word(bytes[size])) ++size;
  add(bytes.substr(0, size));
  if (size < bytes.size()) end_word();
  return bytes.substr(size);
}

void SqlLexer::end_word() {
  if (at_start_ && to_lower(token_) == "delimiter") return begin(State::delimiter);
  emit(SqlToken::Kind::word);
}

// In a string or a quoted name. Looks at a window, as a text may have an escape in every other
// octet.
std::string_view SqlLexer::run_text(std::string_view bytes) {
  const std::string_view window = bytes.substr(0, kWindow);
  std::size_t size = std::min(window.find(quote_), window.size());
  if (state_ == State::string) size = std::min(window.substr(0, size).find('\\'), size);
  const std::string_view text = window.substr(0, size);
  line_ += std::uint64_t(std::count(text.begin(), text.end(), '\n'));
  add(text);
  if (size == window.size()) return bytes.substr(size);
  state_ = window[size] == quote_ ? State::quote : State::escape;
  return bytes.substr(size + 1);
}

std::string_view SqlLexer::run_block(std::string_view bytes) {
  const std::size_t star = std::min(bytes.find('*'), bytes.size());
  line_ += std::uint64_t(std::count(bytes.begin(), bytes.begin() + std::ptrdiff_t(star), '\n'));
  if (star == bytes.size()) return {};
  state_ = State::block_star;
  return bytes.substr(star + 1);
}

// The rest of a line that counts as one.
std::string_view SqlLexer::run_line(std::string_view bytes) {
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  add(bytes.substr(0, end));
  if (end == bytes.size()) return {};
  ++line_;
  end_line();
  return bytes.substr(end + 1);
}

void SqlLexer::end_line() {
  const std::string_view text = trimmed(token_);
  if (state_ == State::line_comment) {
    announced_ = announced_ || text.starts_with("MySQL dump") || text.starts_with("MariaDB dump");
    completed_ = completed_ || text.starts_with("Dump completed");
    state_ = State::between;
  } else if (state_ == State::delimiter) {
    begun_ = line_;
    begin(text == ";" ? State::between : State::foreign);
  } else {
    constexpr std::string_view kDelimiter = "delimiter";
    const bool again = to_lower(text.substr(0, kDelimiter.size())) == kDelimiter;
    const bool ended = again && trimmed(text.substr(kDelimiter.size())) == ";";
    begin(ended ? State::between : State::foreign);
  }
}

bool SqlLexer::step(char c) {
  switch (state_) {
    case State::escape:
      if (c == '\n') ++line_;
      if (c == '%' || c == '_') add("\\");
      c = escaped(c);
      add({&c, 1});
      state_ = State::string;
      return true;
    case State::quote:
      if (c == quote_) {
        add({&c, 1});
        state_ = quote_ == '`' ? State::quoted : State::string;
        return true;
      }
      emit(quote_ == '`' ? SqlToken::Kind::quoted : SqlToken::Kind::string);
      return false;
    case State::dash:
      if (c != '-') {
        emit_mark('-');
        return false;
      }
      state_ = State::dashes;
      return true;
    case State::dashes:  // a comment only with a blank behind it
      if (is_space(c)) {
        begin(State::line_comment);
        return false;
      }
      emit_mark('-');
      if (state_ != State::stopped) emit_mark('-');
      return false;
    case State::slash:
      if (c != '*') {
        emit_mark('/');
        return false;
      }
      begin(State::executable_mark);
      return true;
    case State::executable_mark:
      if (c == 'M' && token_.empty()) {  // "/*M!100100": for MariaDB
        add("M");
        return true;
      }
      begin(c == '!' ? State::executable : State::block);
      return c == '!';
    case State::executable:
      if (is_digit(c)) {
        add({&c, 1});
        return true;
      }
      begin_executable();
      return false;
    case State::block_star:
      if (c == '*') return true;
      state_ = c == '/' ? State::between : State::block;
      return c == '/';
    case State::star:
      if (c != '/') {
        emit_mark('*');
        return false;
      }
      in_executable_ = false;
      state_ = State::between;
      return true;
    default:
      return true;
  }
}

void SqlLexer::begin_executable() {
  unsigned version = 0;
  for (const char c : token_.substr(0, 7)) version = 10 * version + unsigned(c - '0');
  in_executable_ = version < kNoServer;
  state_ = in_executable_ ? State::between : State::block;
}

void SqlLexer::begin(State state) {
  if (state != State::between) begun_ = line_;
  state_ = state;
  token_.clear();
  too_long_ = false;
}

void SqlLexer::add(std::string_view text) {
  const std::size_t room = kMaxToken - token_.size();
  too_long_ = too_long_ || text.size() > room;
  token_.append(text.substr(0, room));
}

void SqlLexer::emit(SqlToken::Kind kind) {
  if (kind == SqlToken::Kind::end) token_.clear();
  at_start_ = kind == SqlToken::Kind::end;
  state_ = take_({kind, token_, too_long_, begun_}) ? State::between : State::stopped;
}

void SqlLexer::emit_mark(char c) {
  token_.assign(1, c);
  too_long_ = false;
  emit(SqlToken::Kind::mark);
}

std::string SqlLexer::end() {
  const auto within = [&](const char* what) {
    return std::string(what) + " that begins in line " + std::to_string(begun_);
  };
  switch (state_) {
    case State::word:
      end_word();
      break;
    case State::quote:
      emit(quote_ == '`' ? SqlToken::Kind::quoted : SqlToken::Kind::string);
      break;
    case State::line_comment:
      end_line();
      break;
    case State::quoted:
      return within("a name");
    case State::string:
    case State::escape:
      return within("a string");
    case State::block:
    case State::block_star:
    case State::executable:
    case State::executable_mark:
      return within("a comment");
    case State::foreign:
    case State::delimiter:
      end_line();
      if (state_ != State::between) return within("a part with another delimiter");
      break;
    default:
      break;
  }
  return in_executable_ ? "a comment" : "";
}

}  // namespace grey::imports
