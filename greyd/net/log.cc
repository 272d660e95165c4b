#include "greyd/net/log.h"

#include <poll.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>

namespace grey {
namespace {

Priority priority_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::critical:
      return Priority::critical;
    case spdlog::level::err:
      return Priority::error;
    case spdlog::level::warn:
      return Priority::warning;
    default:
      return Priority::info;
  }
}

class PipeSink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit PipeSink(LogPipe& pipe) : pipe_(pipe) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string_view text(message.payload.data(), message.payload.size());
    if (text.ends_with('\n')) text.remove_suffix(1);
    pipe_.add_note({priority_of(message.level), text});
    pipe_.flush();
  }
  void flush_() override { pipe_.flush(); }

 private:
  LogPipe& pipe_;
};

}  // namespace

bool is_journal(int fd, const char* stream) {
  if (stream == nullptr) return false;
  const std::string_view text = stream;
  const char* const end = text.data() + text.size();
  std::uint64_t device = 0, inode = 0;
  const auto [colon, bad_device] = std::from_chars(text.data(), end, device);
  if (bad_device != std::errc() || colon == end || *colon != ':') return false;
  const auto [rest, bad_inode] = std::from_chars(colon + 1, end, inode);
  if (bad_inode != std::errc() || rest != end) return false;
  struct stat status {};
  return ::fstat(fd, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

void LogPipe::add(Priority priority, std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  for (;;) {
    const std::size_t end = text.find('\n');
    line(priority).append(text.substr(0, end)) += '\n';
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

void LogPipe::add_note(const Note& note) noexcept {
  const std::size_t before = buffer_.size();
  try {
    std::string text;
    append_note(text, format_, note);
    add(note.priority, text);
  } catch (const std::exception&) {
    buffer_.resize(before);
    drop("\n");
  }
}

// A pipe that polls as writable takes PIPE_BUF bytes at once without blocking, so that is the most
// that one write is given. (The descriptor is shared with others, so it is not made non-blocking.)
bool LogPipe::writable() const {
  pollfd pipe{fd_, POLLOUT, 0};
  int ready;
  do {
    ready = ::poll(&pipe, 1, 0);
  } while (ready < 0 && errno == EINTR);
  return ready == 1 && (pipe.revents & POLLOUT) != 0;
}

void LogPipe::drop(std::string_view lines) noexcept {
  const auto count = std::uint64_t(std::count(lines.begin(), lines.end(), '\n'));
  dropped_ += count;
  unreported_ += count;
  if (count_ != nullptr) *count_ += count;
}

void LogPipe::flush() noexcept {
  std::string_view rest = buffer_;
  try {
    rest = write_out();
  } catch (const std::exception&) {
    rest = buffer_;  // no memory for a note
  }
  drop(rest);
  buffer_.clear();
}

// What is left of the buffer. Throws before anything of that is written, if at all.
std::string_view LogPipe::write_out() {
  // A line that was longer than one write, and whose rest was dropped, is ended at least.
  if (cut_ && !buffer_.empty()) buffer_.insert(buffer_.begin(), '\n');
  if (unreported_ > 0 && !buffer_.empty() && writable()) {
    std::string note;
    if (journal_) append_priority(note, Priority::warning);
    const std::string text = std::to_string(unreported_) + " log lines dropped";
    append_note(note, format_, {Priority::warning, text});
    unreported_ = 0;
    (void)!::write(fd_, note.data(), note.size());
  }
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    // Whole lines while they fit, so that a drop never leaves half a line behind.
    std::size_t size = std::min<std::size_t>(rest.size(), PIPE_BUF);
    if (const std::size_t end = rest.substr(0, size).rfind('\n'); end != std::string_view::npos) {
      size = end + 1;
    }
    if (!writable()) break;
    const ssize_t wrote = ::write(fd_, rest.data(), size);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) break;
    cut_ = rest[std::size_t(wrote) - 1] != '\n';
    rest.remove_prefix(std::size_t(wrote));
  }
  return rest;
}

std::shared_ptr<spdlog::logger> make_logger(LogPipe& pipe) {
  auto logger = std::make_shared<spdlog::logger>("qmail-greyd", std::make_shared<PipeSink>(pipe));
  // spdlog would write to standard error itself, past the pipe and in a form of its own.
  logger->set_error_handler([&pipe](const std::string& text) {
    pipe.add_note({Priority::error, text});
    pipe.flush();
  });
  return logger;
}

}  // namespace grey
