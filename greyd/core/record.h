// A record as it leaves the core and comes back: in readable parts, apart from the policy's keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "greyd/core/record_state.h"
#include "greyd/wire/client.h"

namespace grey {

struct RecordView;

enum class Change : std::uint8_t { stored, forgotten };

// What a key stands for, and what is stored there. Or what has become of it.
struct SavedRecord {
  RecordClass record_class = RecordClass::waiting;
  Seconds seen = 0;
  unsigned passes = 0;  // see RecordState
  Client client;
  std::string_view sender, recipient;  // of a triplet; sent: theirs and ours, as replies name them
  Change change = Change::stored;
};

// Whether a record that comes from outside can be one: what was sent has a client of its own kind,
// which is its sender's domain, and nothing else has.
bool is_possible(const SavedRecord& record);

// Nothing for a key that key.h did not make. The views point into the key.
std::optional<SavedRecord> to_saved(const RecordView& view);

}  // namespace grey
