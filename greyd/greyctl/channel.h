// Who answers requests (control/request.h): a daemon behind its control socket, or the files of one
// that does not run (offline.h).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "greyd/base/error.h"
#include "greyd/base/files.h"

namespace grey::greyctl {

class Channel {
 public:
  virtual ~Channel() = default;
  // `request`: a line, without its end. One at a time.
  virtual Result<void> send(const std::string& request) = 0;
  // The next line of the answer; nothing when whoever answers has gone. `patient`: it may take as
  // long as it will.
  virtual Result<std::optional<std::string>> receive(bool patient) = 0;
};

// Who has gone, or does not answer within `patience` (each line), is an error that names the
// socket.
Result<std::unique_ptr<Channel>> connect_to(
    const std::string& path, std::chrono::milliseconds patience = std::chrono::minutes(1));

}  // namespace grey::greyctl
