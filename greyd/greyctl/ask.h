// A request and its whole answer.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "greyd/greyctl/channel.h"

namespace grey::greyctl {

// The last line of an answer, as what it says and as it came.
struct LastLine {
  nlohmann::json object;
  std::string line;
};
// Told of each line before that.
using TakeLine = std::function<void(const nlohmann::json& object, const std::string& line)>;

// An answer that says an error is that error. `patient`: see Channel.
Result<LastLine> ask(Channel& channel, const std::string& request, const TakeLine& take,
                     bool patient = false);

// The answer to what has been sent already.
Result<LastLine> answer_of(Channel& channel, const TakeLine& take, bool patient = false);

}  // namespace grey::greyctl
