#include "greyd/core/record.h"

#include "greyd/core/key.h"
#include "greyd/core/table.h"

namespace grey {

std::optional<SavedRecord> to_saved(const RecordView& view) {
  const std::optional<KeyParts> parts = split_key(view.key);
  if (!parts) return std::nullopt;
  return SavedRecord{view.record_class, view.seen,        view.passes,   parts->client,
                     parts->sender,     parts->recipient, Change::stored};
}

}  // namespace grey
