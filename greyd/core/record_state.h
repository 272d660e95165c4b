// What is remembered of a client or of a triplet.
#pragma once

#include <cstddef>
#include <cstdint>

#include "greyd/base/seconds.h"

namespace grey {

// What a record stands for. Also the order in which records go when there are too many.
enum class RecordClass : std::uint8_t { waiting, bounce, passed, client };
constexpr std::size_t kRecordClasses = 4;

struct RecordState {
  RecordClass record_class = RecordClass::waiting;
  Seconds seen = 0;         // waiting: first seen; bounce: accepted; passed and client: last seen
  std::uint8_t passes = 0;  // client: good retries so far, at most 255
  bool operator==(const RecordState&) const = default;
};

}  // namespace grey
