#include "greyd/state/journal_text.h"

#include <xxhash.h>

#include <algorithm>

#include "greyd/base/append.h"
#include "greyd/state/record_text.h"

namespace grey {
namespace {

constexpr std::string_view kEndLine = "= ";

std::string end_line(std::string_view lines) {
  std::string line(kEndLine);
  append_hex64(line, XXH3_64bits(lines.data(), lines.size()));
  return line + '\n';
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// Takes lines off `rest` while there are whole ones.
class Reader {
 public:
  Reader(std::string_view text, const std::function<void(const SavedRecord&)>& visit)
      : rest_(text), batch_(text), visit_(visit) {}

  JournalContent content;
  std::size_t wrong = 0;  // batches with a wrong checksum

  void read_lines() {
    for (std::size_t end; (end = rest_.find('\n')) != std::string_view::npos;) {
      const std::string_view line = rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
      if (line.starts_with(kEndLine)) {
        if (batch_.substr(std::size_t(line.data() - batch_.data()), end + 1) !=
            end_line(unended(line.data()))) {
          ++wrong;
          take(reader_.read_end_of(line));
        }
        batch_ = rest_;
        bad_in_batch_ = 0;
      } else {
        read(line);
      }
    }
  }
  std::string_view rest() const { return rest_; }  // no whole line
  // The whole lines behind the last checksum line.
  std::string_view unended() const { return unended(rest_.data()); }
  bool unended_is_good() const { return bad_in_batch_ == 0; }

 private:
  std::string_view unended(const char* end) const {
    return batch_.substr(0, std::size_t(end - batch_.data()));
  }
  void read(std::string_view line) {
    const SavedRecord* change = reader_.read(line);
    if (change == nullptr) {
      content.bad += line.empty() ? 0 : 1;  // kEndOfDamage begins so
      ++bad_in_batch_;
      change = reader_.read_end_of(line);
    }
    take(change);
  }
  void take(const SavedRecord* change) {
    if (change == nullptr) return;
    ++content.changes;
    visit_(*change);
  }

  std::string_view rest_, batch_;
  std::size_t bad_in_batch_ = 0;
  RecordReader reader_;
  const std::function<void(const SavedRecord&)>& visit_;
};

void append_damage(std::string& damage, const std::string& what) {
  damage += (damage.empty() ? "has " : " and ") + what;
}

}  // namespace

void end_batch(std::string& lines) {
  lines += end_line(lines);
}

JournalContent read_journal(std::string_view text,
                            const std::function<void(const SavedRecord&)>& visit) {
  const bool has_header = text.starts_with(kJournalHeader);
  if (!has_header && kJournalHeader.starts_with(text)) {
    // A header that is cut short was never followed by anything.
    JournalContent content;
    content.torn = text.size();
    return content;
  }
  // In the place of a header that is damaged there may be a record of which nothing is known.
  Reader reader(has_header ? text.substr(kJournalHeader.size()) : text, visit);
  reader.read_lines();
  JournalContent content = std::move(reader.content);
  const std::string_view rest = reader.rest();
  if (!has_header) {
    content.damage =
        content.changes == 0 ? "is not a journal of this version" : "has a damaged first line";
    return content;
  }
  if (reader.wrong > 0) {
    append_damage(content.damage, std::to_string(reader.wrong) + " batches with a wrong checksum");
  }
  if (!reader.unended_is_good() || !is_printable(rest)) {
    // Not what a death in the middle of writing leaves.
    append_damage(content.damage, "a damaged end");
    content.bad += rest.empty() ? 0 : 1;
    return content;
  }
  content.torn = rest.size();
  content.good_size = text.size() - rest.size();
  if (!reader.unended().empty()) content.ending = end_line(reader.unended());
  return content;
}

}  // namespace grey
