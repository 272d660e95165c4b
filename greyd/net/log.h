// Standard error, where multilog or the journal of systemd reads. Two ways in, one way out:
// - a spdlog logger for what happens now and then, one line each;
// - a buffer for what happens often, written once per batch.
// Neither ever blocks the daemon: when the reader does not keep up, lines are dropped whole and
// counted, and the count is logged when there is room again.
#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include "greyd/base/log_format.h"

namespace grey {

// Whether `fd` goes to the journal, which says in JOURNAL_STREAM which file that is, as
// DEVICE:INODE (systemd.exec(5)). Who has redirected it since has another file. `stream`: nullptr
// when unset.
bool is_journal(int fd, const char* stream);

// "<4>": what the journal takes for the priority of the line behind it (sd-daemon(3)).
inline void append_priority(std::string& out, Priority priority) {
  out.append({'<', char(priority), '>'});
}

class LogPipe {
 public:
  // `journal`: each line begins with its priority.
  explicit LogPipe(int fd, bool journal = false) : fd_(fd), journal_(journal) {}

  // Of all that is added from now on; whoever adds lines writes them so.
  void set_format(LogFormat format) { format_ = format; }
  LogFormat format() const { return format_; }

  // Where one line is to be added, with its '\n'.
  std::string& line(Priority priority) {
    if (journal_) append_priority(buffer_, priority);
    return buffer_;
  }
  // Adds the line that `write(std::string& out)` appends, with its '\n'. One for which there is no
  // memory is dropped.
  template <typename Write>
  void add_line(Priority priority, Write write) noexcept {
    const std::size_t before = buffer_.size();
    try {
      write(line(priority));
    } catch (const std::exception&) {
      buffer_.resize(before);
      drop("\n");
    }
  }
  // Adds a text of one or more lines, with or without the last '\n'.
  void add(Priority priority, std::string_view text);
  // Adds a note in the log's format. One for which there is no memory is dropped.
  void add_note(const Note& note) noexcept;
  void flush() noexcept;
  std::uint64_t dropped_lines() const { return dropped_; }
  // From now on they are counted there, too. It must outlive this.
  void count_in(std::uint64_t& lines) { count_ = &lines; }

 private:
  bool writable() const;
  std::string_view write_out();
  void drop(std::string_view lines) noexcept;

  int fd_;
  bool journal_;
  LogFormat format_ = LogFormat::plain;
  std::string buffer_;
  std::uint64_t dropped_ = 0;  // in all
  std::uint64_t unreported_ = 0;
  std::uint64_t* count_ = nullptr;
  bool cut_ = false;  // the last byte written did not end a line
};

// A logger whose texts become notes of `pipe`, which must outlive it.
std::shared_ptr<spdlog::logger> make_logger(LogPipe& pipe);

}  // namespace grey
