#include "greyd/core/record.h"

#include "greyd/base/text.h"
#include "greyd/core/key.h"
#include "greyd/core/table.h"

namespace grey {

bool is_possible(const SavedRecord& record) {
  const bool sent = record.record_class == RecordClass::sent;
  if (!record.client.is_sent()) return !sent;
  if (!sent && record.change == Change::stored) return false;
  if (record.sender.size() > kMaxAddress || record.recipient.empty()) return false;
  const std::size_t at = record.sender.rfind('@');
  return at != std::string_view::npos &&
         to_lower(record.sender.substr(at + 1)) == *record.client.name;
}

std::optional<SavedRecord> to_saved(const RecordView& view) {
  const std::optional<KeyParts> parts = split_key(view.key);
  if (!parts) return std::nullopt;
  return SavedRecord{view.record_class, view.seen,        view.passes,   parts->client,
                     parts->sender,     parts->recipient, Change::stored};
}

}  // namespace grey
