// What is remembered of a client or of a triplet.
#pragma once

#include <cstddef>
#include <cstdint>

#include "greyd/base/seconds.h"

namespace grey {

// What a record stands for. Of the first four also the order in which records go when there are too
// many.
// `trapped` and `client` stand under a client's key, one of them at a time: who has not passed and
// has written to a trap, and who has passed. `sent` stands under a key of its own (put_sent).
enum class RecordClass : std::uint8_t { waiting, bounce, trapped, passed, client, sent };
constexpr std::size_t kRecordClasses = 6;

// Whether such a record is of a client, and not of a triplet.
constexpr bool is_of_client(RecordClass record_class) {
  return record_class == RecordClass::client || record_class == RecordClass::trapped;
}

struct RecordState {
  RecordClass record_class = RecordClass::waiting;
  Seconds seen = 0;  // waiting: first seen; bounce: accepted; sent: last told; else last seen
  // client: good retries so far; trapped: messages to traps. At most 255.
  std::uint8_t passes = 0;
  bool operator==(const RecordState&) const = default;
};

}  // namespace grey
