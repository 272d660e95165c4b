// What a reader makes of a text, as lines:
//
//   3 passed 192.0.2.1 a@x.org b@y.net seen=1700000000
//   4 listed to:@example.org blocked=0 ends=never
//   5 skipped: it names no client
#pragma once

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "greyd/base/text.h"
#include "greyd/core/record_filter.h"
#include "greyd/imports/reader.h"

namespace grey::imports::testing {

inline std::string time_text(Seconds time) {
  return time == kNever ? "never" : std::to_string(time);
}

inline std::string line_of(const Item& item) {
  std::string line = item.place.line == 0 ? "" : std::to_string(item.place.line) + " ";
  if (const auto* record = std::get_if<Record>(&item.what)) {
    line += std::string(state_name(record->record_class)) + " ";
    line += record->name                   ? "=" + to_word(*record->name)
            : record->client.prefix == 128 ? to_string(record->client.address)
                                           : to_string(record->client);
    if (record->address_only) {
      line += " *";
    } else if (record->record_class != RecordClass::client) {
      line += " " + to_word(record->sender) + " " + to_word(record->recipient);
    }
    line += " seen=" + std::to_string(record->seen);
    if (record->passes) line += " passes=" + std::to_string(*record->passes);
    if (record->ends != kNever) line += " ends=" + std::to_string(record->ends);
    if (record->known_from != kNever) line += " known_from=" + std::to_string(record->known_from);
  } else if (const auto* listed = std::get_if<Listed>(&item.what)) {
    line += "listed " + to_word(listed->text) + " blocked=" + time_text(listed->blocked_until) +
            " ends=" + time_text(listed->ends);
    if (listed->made != kNever) line += " made=" + std::to_string(listed->made);
  } else {
    line += "skipped: " + std::string(to_string(std::get<Skip>(item.what).reason));
  }
  return line + "\n";
}

// A zone an hour east of UTC, so that no test hangs on the machine's.
inline Seconds vienna(const CivilTime& time) {
  return to_seconds(time, {3600, nullptr});
}
inline Settings settings() {
  Settings settings;
  settings.local = vienna;
  return settings;
}

struct Read {
  std::string lines, error;
  Sums sums;
  std::uint64_t other_lines = 0;
};
inline Read read(Form form, std::string_view text, std::size_t piece = std::string_view::npos,
                 const Settings& how = settings()) {
  Read result;
  const auto reader =
      reader_of(form, "FILE", how, [&](const Item& item) { result.lines += line_of(item); });
  Result<void> outcome;
  while (!text.empty() && outcome) {
    const std::string_view part = text.substr(0, piece);
    const std::string copy(part);  // so that a sanitizer sees who looks beyond it
    outcome = reader->feed(copy);
    text.remove_prefix(part.size());
  }
  if (outcome) outcome = reader->finish();
  if (!outcome) result.error = outcome.error().text;
  result.sums = reader->sums();
  result.other_lines = reader->other_lines();
  return result;
}

#ifdef TEST_DATA
inline std::string sample(const std::string& name) {
  std::ifstream file(TEST_DATA "/data/imports/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
#endif

inline std::string with_crlf(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\n') result += '\r';
    result += c;
  }
  return result;
}

}  // namespace grey::imports::testing
