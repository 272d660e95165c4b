#include "greyd/state/record_text.h"

#include <charconv>

#include "greyd/base/append.h"
#include "greyd/base/split.h"
#include "greyd/base/text.h"

namespace grey {
namespace {

constexpr char kNameMark = '=';  // no address begins so

template <typename Number>
bool take_number(std::string_view& line, Number& number) {
  const std::string_view field = take_field(line);
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), number);
  return error == std::errc() && end == field.data() + field.size();
}

// Nearly all words stand for themselves: those are not copied.
bool take_word(std::string_view& line, std::string& storage, std::string_view& word) {
  const std::string_view field = take_field(line);
  if (is_plain_word(field)) {
    word = field;
    return true;
  }
  auto bytes = read_word(field);
  if (!bytes) return false;
  storage = std::move(*bytes);
  word = storage;
  return true;
}

// "spf:example.com"
bool take_pool(std::string_view& line, Client& client) {
  const auto pool = Client::parse_pool(take_field(line));
  if (pool) client = *pool;
  return pool.has_value();
}

bool take_client(std::string_view& line, std::string& storage, Client& client) {
  if (line.starts_with(kNameMark)) {
    line.remove_prefix(1);
    std::string_view name;
    if (line.starts_with(' ') || line.empty()) {
      take_field(line);
    } else if (!take_word(line, storage, name)) {
      return false;
    }
    client = Client::named(name);
    return true;
  }
  if (line.starts_with('s') || line.starts_with('n')) return take_pool(line, client);
  const auto address = Ip::parse(take_field(line));
  if (address) client = *address;
  return address.has_value();
}

}  // namespace

void append_client(std::string& out, const Client& client) {
  if (client.has_address()) {
    append_ip(out, client.ip);
    return;
  }
  if (client.pool) {
    out.append(prefix_of(*client.pool)).append(*client.name);
    return;
  }
  out += kNameMark;
  if (!client.name->empty()) append_word(out, *client.name);
}

void append_record(std::string& out, const SavedRecord& record) {
  static constexpr char kLetters[kRecordClasses] = {'W', 'B', 'T', 'P', 'C', 'S'};
  out += record.change == Change::forgotten ? 'F' : kLetters[std::size_t(record.record_class)];
  out += ' ';
  append_number(out, record.seen);
  out += ' ';
  if (is_of_client(record.record_class)) {
    if (record.change == Change::stored) {
      append_number(out, record.passes);
      out += ' ';
    }
    append_client(out, record.client);
  } else {
    append_client(out, record.client);
    out += ' ';
    append_word(out, record.sender);
    out += ' ';
    append_word(out, record.recipient);
  }
  out += '\n';
}

const SavedRecord* RecordReader::read(std::string_view line) {
  const std::string_view letter = take_field(line);
  record_ = {};
  if (letter == "W") {
    record_.record_class = RecordClass::waiting;
  } else if (letter == "B") {
    record_.record_class = RecordClass::bounce;
  } else if (letter == "P") {
    record_.record_class = RecordClass::passed;
  } else if (letter == "T") {
    record_.record_class = RecordClass::trapped;
  } else if (letter == "C") {
    record_.record_class = RecordClass::client;
  } else if (letter == "S") {
    record_.record_class = RecordClass::sent;
  } else if (letter == "F") {
    record_.change = Change::forgotten;
  } else {
    return nullptr;
  }
  if (!take_number(line, record_.seen) || record_.seen < 0) return nullptr;
  if (is_of_client(record_.record_class)) {
    const bool good = take_number(line, record_.passes) &&
                      take_client(line, client_, record_.client) &&
                      (record_.record_class == RecordClass::client || record_.passes > 0);
    return good && line.empty() && is_possible(record_) ? &record_ : nullptr;
  }
  if (!take_client(line, client_, record_.client)) return nullptr;
  if (record_.change == Change::forgotten && line.empty()) {
    record_.record_class = RecordClass::client;
    return record_.client.is_sent() ? nullptr : &record_;
  }
  const bool good =
      take_word(line, sender_, record_.sender) && take_word(line, recipient_, record_.recipient);
  return good && line.empty() && is_possible(record_) ? &record_ : nullptr;
}

const SavedRecord* RecordReader::read_end_of(std::string_view line) {
  // A record has at most four blanks, so its letter is before one of the last five.
  std::size_t blank = line.size();
  for (int n = 0; n < 5; ++n) {
    blank = blank == 0 ? std::string_view::npos : line.rfind(' ', blank - 1);
    if (blank == std::string_view::npos || blank == 0) return nullptr;
    if (const SavedRecord* record = read(line.substr(blank - 1))) return record;
  }
  return nullptr;
}

}  // namespace grey
