// How far a command has come, for one who looks at a terminal: a line on the standard error that is
// written over, after a second and a few times in each, and gone at the end. Elsewhere nothing.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace grey::greyctl {

class ProgressLine {
 public:
  ProgressLine();  // looks whether there is a terminal
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Costs little: `text` is asked when it is time for it.
  void tell(const std::function<std::string()>& text);
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  const bool on_;
  Clock::time_point due_;
  bool shown_ = false;
};

}  // namespace grey::greyctl
