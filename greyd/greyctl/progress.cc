#include "greyd/greyctl/progress.h"

#include <unistd.h>

#include <cstdio>

namespace grey::greyctl {
namespace {

constexpr std::chrono::milliseconds kFirst{1000}, kEach{200};
constexpr std::size_t kWidth = 79;  // columns: a line that is broken could not be written over

// What a terminal could take for an order is none.
std::string printable(std::string text) {
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  if (text.size() > kWidth) text.replace(0, text.size() - kWidth + 3, "...");
  return text;
}

}  // namespace

ProgressLine::ProgressLine() : on_(::isatty(STDERR_FILENO) != 0), due_(Clock::now() + kFirst) {}

void ProgressLine::tell(const std::function<std::string()>& text) {
  if (!on_ || Clock::now() < due_) return;
  due_ = Clock::now() + kEach;
  shown_ = true;
  std::fprintf(stderr, "\r%s\033[K", printable(text()).c_str());
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (!shown_) return;
  shown_ = false;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
}

}  // namespace grey::greyctl
