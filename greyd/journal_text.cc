#include "greyd/journal_text.h"

#include <xxhash.h>

#include "greyd/append.h"

namespace grey {
namespace {

constexpr std::size_t kEndLine = 2 + 16 + 1;  // "= ", digits, '\n'

std::uint64_t checksum_of(std::string_view lines) {
  return XXH3_64bits(lines.data(), lines.size());
}

void append_end_line(std::string& out, std::uint64_t checksum) {
  out += "= ";
  append_hex64(out, checksum);
  out += '\n';
}

// The length of the batch that `text` begins with, up to its end line; npos when it has none.
std::size_t batch_size(std::string_view text) {
  if (text.starts_with("= ")) return 0;
  const std::size_t end = text.find("\n= ");
  return end == std::string_view::npos ? end : end + 1;
}

}  // namespace

void end_batch(std::string& lines) {
  append_end_line(lines, checksum_of(lines));
}

JournalContent read_journal(std::string_view text,
                            const std::function<void(const SavedRecord&)>& visit) {
  JournalContent content;
  if (!text.starts_with(kJournalHeader)) {
    // A header that is cut short was never followed by anything.
    if (kJournalHeader.starts_with(text)) {
      content.torn = text.size();
    } else {
      content.damage = "is not a journal of this version";
    }
    return content;
  }
  RecordReader reader;
  std::size_t wrong = 0;
  std::string_view rest = text.substr(kJournalHeader.size());
  while (!rest.empty()) {
    const std::size_t size = batch_size(rest);
    if (size == std::string_view::npos || rest.size() - size < kEndLine) break;
    std::string_view lines = rest.substr(0, size);
    std::string end_line;
    append_end_line(end_line, checksum_of(lines));
    if (rest.substr(size, kEndLine) != end_line) ++wrong;
    const std::size_t next = rest.find('\n', size);
    rest.remove_prefix(next == std::string_view::npos ? rest.size() : next + 1);
    while (!lines.empty()) {
      const std::size_t end = lines.find('\n');
      const SavedRecord* change = reader.read(lines.substr(0, end));
      lines.remove_prefix(end + 1);
      if (change == nullptr) {
        ++content.lost;
      } else {
        ++content.changes;
        visit(*change);
      }
    }
  }
  content.torn = rest.size();
  content.good_size = text.size() - rest.size();
  if (wrong > 0) {
    content.damage = "has " + std::to_string(wrong) + " batches with a wrong checksum";
  }
  return content;
}

}  // namespace grey
