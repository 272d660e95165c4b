#include "greyd/report/record_line.h"

#include <charconv>

namespace grey::report {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : left_(text) {}

  bool take(char c) {
    if (left_.empty() || left_.front() != c) return false;
    left_.remove_prefix(1);
    return true;
  }
  bool at(char c) const { return !left_.empty() && left_.front() == c; }
  bool done() const { return left_.empty(); }

  // A text in quotes. What the daemon writes is printable ASCII, and has no escapes but those of a
  // quote and a backslash (json_line.h).
  bool text(std::string& out) {
    out.clear();
    if (!take('"')) return false;
    for (std::size_t i = 0; i < left_.size(); ++i) {
      char c = left_[i];
      if (c == '"') {
        left_.remove_prefix(i + 1);
        return true;
      }
      if (c == '\\' && ++i < left_.size()) {
        c = left_[i];
        if (c != '"' && c != '\\') return false;
      }
      if (c < ' ' || c > '~') return false;
      out += c;
    }
    return false;
  }

  bool number(Seconds& out) {
    const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), out);
    if (error != std::errc() || out < 0) return false;
    left_.remove_prefix(std::size_t(end - left_.data()));
    return true;
  }

 private:
  std::string_view left_;
};

std::string* text_field(RecordLine& record, std::string_view name) {
  if (name == "state") return &record.state;
  if (name == "client") return &record.client;
  if (name == "sender") return &record.sender;
  return name == "recipient" ? &record.recipient : nullptr;
}

bool take_field(Scanner& scanner, RecordLine& record, std::string& name, std::string& unknown) {
  if (!scanner.text(name) || !scanner.take(':')) return false;
  if (scanner.at('"')) {
    std::string* const field = text_field(record, name);
    return scanner.text(field == nullptr ? unknown : *field);
  }
  Seconds number = 0;
  if (!scanner.number(number)) return false;
  if (name == "first_seen" || name == "last_seen") record.seen = number;
  if (name == "passes") record.passes = unsigned(number);
  return true;
}

}  // namespace

bool read_record_line(std::string_view line, RecordLine& record) {
  record.state.clear();
  record.client.clear();
  record.sender.clear();
  record.recipient.clear();
  record.seen = 0;
  record.passes = 0;
  Scanner scanner(line);
  std::string name, unknown;
  if (!scanner.take('{')) return false;
  do {
    if (!take_field(scanner, record, name, unknown)) return false;
  } while (scanner.take(','));
  return scanner.take('}') && scanner.done();
}

}  // namespace grey::report
