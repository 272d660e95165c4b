// A record as the control socket's `list` tells it, read without a tree of JSON: there may be
// millions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "greyd/base/seconds.h"

namespace grey::report {

struct RecordLine {
  std::string state, client, sender, recipient;
  Seconds seen = 0;  // first or last
  unsigned passes = 0;
};

// Takes the place of what is in `record`, whose memory is used again. False: the line is no flat
// object of texts and numbers; what was taken of it until then means nothing.
bool read_record_line(std::string_view line, RecordLine& record);

}  // namespace grey::report
