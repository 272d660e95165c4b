// What /proc tells of a process. Nothing, or an empty text, when it is gone or only root may know.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/files.h"

namespace grey::svctool {

std::string proc_directory(pid_t pid);

// How many seconds ago it was started; 0 when that is not told.
double age_of(pid_t pid);
// The name that it goes by, which it may have chosen itself.
std::string program_of(pid_t pid);
std::vector<std::string> command_line_of(pid_t pid);
// Whom it acts as.
std::optional<uid_t> user_of(pid_t pid);
std::string user_name(uid_t user);  // or the number
// Whether a signal has stopped it, as kill -STOP does; a supervisor does not know of that.
bool is_stopped(pid_t pid);
// Whether it has that file open.
std::optional<bool> has_open(pid_t pid, const FileId& file);
// Of a file that the process has open which had this path, and now has one of the same name in
// another directory: that path; else empty.
std::string held_elsewhere(pid_t pid, const std::string& path);
// How much waits in the pipe that is its standard error for somebody to read it.
std::optional<std::size_t> waiting_in_log_pipe(pid_t pid);

// ---- pure

// The text of /proc/PID/stat: "PID (NAME) S ...", in which a name may hold anything.
struct ProcessStat {
  char state = '?';
  std::uint64_t start = 0;  // in clock ticks since the machine was started
};
std::optional<ProcessStat> parse_stat(std::string_view text);

}  // namespace grey::svctool
