// Standard error, where multilog reads. Two ways in, one way out:
// - a spdlog logger for what happens now and then, one line each;
// - a buffer for the decisions, written once per batch.
// Neither ever blocks the daemon: when the reader does not keep up, lines are dropped whole and
// counted, and the count is logged when there is room again.
#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <memory>
#include <string>

namespace grey {

class LogPipe {
 public:
  explicit LogPipe(int fd) : fd_(fd) {}
  std::string& buffer() { return buffer_; }  // whole lines, each with its '\n'
  void flush();
  std::uint64_t dropped_lines() const { return dropped_; }

 private:
  bool writable() const;
  void drop(std::string_view lines);

  int fd_;
  std::string buffer_;
  std::uint64_t dropped_ = 0;  // in all
  std::uint64_t unreported_ = 0;
  bool cut_ = false;  // the last byte written did not end a line
};

// A logger that writes "LEVEL: text" lines through `pipe`, which must outlive it.
std::shared_ptr<spdlog::logger> make_logger(LogPipe& pipe);

// Keeps the log of one kind of event bounded: the first of a period is due, the others are counted.
class RateLimit {
 public:
  explicit RateLimit(std::int64_t period_seconds) : period_(period_seconds) {}
  // How many events the line that is due now stands for; 0: no line now.
  std::uint64_t due(std::int64_t now) {
    ++waiting_;
    if (started_ && now >= last_ && now - last_ < period_) return 0;
    started_ = true;
    last_ = now;
    return std::exchange(waiting_, 0);
  }

 private:
  std::int64_t period_;
  std::int64_t last_ = 0;
  bool started_ = false;
  std::uint64_t waiting_ = 0;
};

}  // namespace grey
