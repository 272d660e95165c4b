#include "svctool/daemon/processes.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>
#include <system_error>

#include "greyd/base/place.h"
#include "svctool/util/number.h"

namespace grey::svctool {
namespace {

namespace fs = std::filesystem;

std::string read_text(pid_t pid, const char* name) {
  auto text = read_file(proc_directory(pid) + name);
  return text && *text ? std::move(**text) : std::string();
}

}  // namespace

std::string proc_directory(pid_t pid) {
  return "/proc/" + std::to_string(pid);
}

double age_of(pid_t pid) {
  const auto stat = parse_stat(read_text(pid, "/stat"));
  timespec now{};
  if (!stat || ::clock_gettime(CLOCK_BOOTTIME, &now) != 0) return 0;
  const double started = double(stat->start) / double(::sysconf(_SC_CLK_TCK));
  return double(now.tv_sec) + double(now.tv_nsec) / 1e9 - started;
}

std::string program_of(pid_t pid) {
  std::string name = read_text(pid, "/comm");
  while (name.ends_with('\n')) name.pop_back();
  return name;
}

std::vector<std::string> command_line_of(pid_t pid) {
  std::vector<std::string> words;
  std::istringstream text(read_text(pid, "/cmdline"));
  for (std::string word; std::getline(text, word, '\0');) words.push_back(word);
  return words;
}

std::optional<uid_t> user_of(pid_t pid) {
  struct stat status {};
  if (::stat(proc_directory(pid).c_str(), &status) != 0) return std::nullopt;
  return status.st_uid;
}

std::string user_name(uid_t user) {
  const struct passwd* entry = ::getpwuid(user);
  return entry != nullptr ? entry->pw_name : std::to_string(user);
}

bool is_stopped(pid_t pid) {
  const auto stat = parse_stat(read_text(pid, "/stat"));
  return stat && (stat->state == 'T' || stat->state == 't');
}

std::optional<bool> has_open(pid_t pid, const FileId& file) {
  std::error_code error;
  for (fs::directory_iterator at(proc_directory(pid) + "/fd", error), end; !error && at != end;
       at.increment(error)) {
    struct stat status {};
    if (::stat(at->path().c_str(), &status) != 0) continue;
    if (FileId{status.st_dev, status.st_ino} == file) return true;
  }
  if (error) return std::nullopt;
  return false;
}

std::string held_elsewhere(pid_t pid, const std::string& path) {
  const std::string end = path.substr(path.rfind('/'));
  std::error_code error;
  for (fs::directory_iterator at(proc_directory(pid) + "/fd", error), last; !error && at != last;
       at.increment(error)) {
    std::error_code gone;
    const std::string target = fs::read_symlink(at->path(), gone).string();
    if (!gone && target.ends_with(end) && target != path && status_of(target)) return target;
  }
  return {};
}

std::optional<std::size_t> waiting_in_log_pipe(pid_t pid) {
  const std::string path = proc_directory(pid) + "/fd/2";
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISFIFO(status.st_mode)) return std::nullopt;
  // Another reader for a moment, who reads nothing.
  const Fd pipe(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  int bytes = 0;
  if (!pipe || ::ioctl(pipe.get(), FIONREAD, &bytes) != 0) return std::nullopt;
  return std::size_t(bytes);
}

// The state is the third field, the start the 22nd.
std::optional<ProcessStat> parse_stat(std::string_view text) {
  const std::size_t name_end = text.rfind(')');
  if (name_end == text.npos) return std::nullopt;
  std::istringstream fields{std::string(text.substr(name_end + 1))};
  ProcessStat stat;
  std::string field;
  if (!(fields >> stat.state)) return std::nullopt;
  for (int n = 4; n <= 22; ++n) {
    if (!(fields >> field)) return std::nullopt;
  }
  const auto start = parse_number<std::uint64_t>(field);
  if (!start) return std::nullopt;
  stat.start = *start;
  return stat;
}

}  // namespace grey::svctool
