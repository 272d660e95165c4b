#include "greyd/state/indimail_context.h"

#include <charconv>
#include <optional>

namespace grey {
namespace {

struct Record {
  Ip client;
  std::string_view sender;
  std::string_view recipients;  // T<recipient> NUL ...
  Seconds time = 0;
  unsigned char status = 0;
};

// What is before the next NUL, which is taken too. Nothing when there is no NUL.
std::optional<std::string_view> take_field(std::string_view& text) {
  const std::size_t end = text.find('\0');
  if (end == std::string_view::npos) return {};
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(end + 1);
  return field;
}

template <typename Number>
bool read_number(std::string_view field, Number& number) {
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), number);
  return error == std::errc() && end == field.data() + field.size();
}

// Is it a list of T<recipient> NUL, and nothing else?
bool is_recipient_list(std::string_view list) {
  while (!list.empty()) {
    const auto field = take_field(list);
    if (!field || !field->starts_with('T')) return false;
  }
  return true;
}

// Takes a record from the front of `text`. Nothing, and `text` as it was, when there is none.
std::optional<Record> take_record(std::string_view& text) {
  std::string_view rest = text;
  Record record;
  const auto client = take_field(rest);
  const auto ip = client ? Ip::parse_client(*client) : std::nullopt;
  const auto sender = take_field(rest);
  const auto length = take_field(rest);
  std::size_t size = 0;
  if (!ip || !sender || !length || !read_number(*length, size) || size > rest.size()) return {};
  record.client = *ip;
  record.sender = *sender;
  record.recipients = rest.substr(0, size);
  rest.remove_prefix(size);
  const auto time = take_field(rest);
  if (!time || !read_number(*time, record.time) || record.time < 0) return {};
  if (rest.size() < 2 || rest[1] != '\n' || !is_recipient_list(record.recipients)) return {};
  record.status = static_cast<unsigned char>(rest[0]);
  text = rest.substr(2);
  return record;
}

// Statuses as the header says; what is none of them waits.
bool has_passed(unsigned char status) {
  return status == 4 || status == 5;
}
bool is_known(unsigned char status) {
  return status <= 6 && status != 3;
}

std::string remark_text(std::size_t passed, std::size_t waiting, std::size_t unknown) {
  std::string text = "IndiMail's: " + std::to_string(passed) + " triplets that have passed, " +
                     std::to_string(waiting) + " that wait";
  if (unknown > 0) {
    text += "; " + std::to_string(unknown) + " of these have a status that is not known";
  }
  return text;
}

}  // namespace

bool is_indimail_context(std::string_view text) {
  return take_record(text).has_value();
}

ContextContent read_indimail_context(std::string_view text,
                                     const std::function<void(const SavedRecord&)>& visit) {
  ContextContent content;
  content.form = ContextForm::indimail;
  std::size_t passed = 0, waiting = 0, unknown = 0;
  bool reading = true;  // not in the rest of a bad record
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto record = take_record(text);
    if (!record) {
      // The rest of one bad record counts once, however many '\n' are in it.
      if (reading && content.bad++ == 0) content.first_bad_line = number;
      reading = false;
      const std::size_t end = text.find('\n');
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      continue;
    }
    reading = true;
    SavedRecord saved;
    saved.record_class = has_passed(record->status) ? RecordClass::passed : RecordClass::waiting;
    saved.client = record->client;
    saved.sender = record->sender;
    saved.seen = record->time;
    while (!record->recipients.empty()) {
      saved.recipient = take_field(record->recipients)->substr(1);
      visit(saved);
      ++content.records;
      ++(has_passed(record->status) ? passed : waiting);
      unknown += is_known(record->status) ? 0 : 1;
    }
  }
  content.remark = remark_text(passed, waiting, unknown);
  return content;
}

}  // namespace grey
