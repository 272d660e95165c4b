#include "svctool/daemon/find_supervisor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <sstream>
#include <system_error>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "svctool/daemon/supervision.h"
#include "svctool/files/compare.h"

namespace grey::svctool {
namespace {

namespace fs = std::filesystem;

// Of the machine's own, not of a container that runs on it.
bool has_our_root(const std::string& process) {
  struct stat theirs {
  }, ours{};
  return ::stat((process + "/root").c_str(), &theirs) == 0 && ::stat("/", &ours) == 0 &&
         theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

// A person may run a scanner for services of his own.
bool belongs_to(const std::string& process, uid_t user) {
  struct stat status {};
  return ::stat(process.c_str(), &status) == 0 && status.st_uid == user;
}

const Suite* scanner_of(const std::string& process) {
  const auto name = read_file(process + "/comm");
  if (!name || !*name) return nullptr;
  const std::string_view comm = **name;
  for (const Suite& suite : suites()) {
    if (has_scanner(suite) && comm == std::string(suite.scanner) + "\n") return &suite;
  }
  return nullptr;
}

bool is_process(const fs::path& path) {
  const std::string name = path.filename();
  return std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

// Seconds since 1970, when an entry of a scanner's directory came to lead to the service. Nothing
// when it is gone.
std::optional<std::int64_t> since_when(const std::string& entry, const std::string& service) {
  struct stat link {};
  if (::lstat(entry.c_str(), &link) != 0) return std::nullopt;
  // A link may have been there before what it leads to. Not every file system tells of that.
  struct statx made {};
  const bool told = ::statx(AT_FDCWD, service.c_str(), 0, STATX_BTIME, &made) == 0 &&
                    (made.stx_mask & STATX_BTIME) != 0;
  return std::max<std::int64_t>(link.st_ctim.tv_sec, told ? made.stx_btime.tv_sec : 0);
}

// The first that is no option.
std::string first_argument(const std::string& process) {
  const auto content = read_file(process + "/cmdline");
  if (!content || !*content) return {};
  std::istringstream words(**content);
  std::string word;
  std::getline(words, word, '\0');  // the program
  while (std::getline(words, word, '\0')) {
    if (!word.starts_with('-')) return word;
  }
  return {};
}

// Those of root, and of one more user.
std::vector<Supervisor> running_scanners(const std::string& proc, uid_t user = 0) {
  std::vector<Supervisor> found;
  std::error_code ended;  // a process may, at any moment
  for (fs::directory_iterator at(proc, ended), end; !ended && at != end; at.increment(ended)) {
    const std::string process = at->path();
    if (!is_process(at->path())) continue;
    const Suite* suite = scanner_of(process);
    if (suite == nullptr || !has_our_root(process)) continue;
    if (!belongs_to(process, 0) && !belongs_to(process, user)) continue;
    std::error_code gone;
    fs::path directory = fs::read_symlink(process + "/cwd", gone);
    if (!suite->scanner_works_there) directory /= first_argument(process);
    if (!gone) found.push_back({suite, directory.lexically_normal()});
  }
  return found;
}

}  // namespace

std::optional<Supervisor> find_supervisor(const std::string& proc) {
  const std::vector<Supervisor> found = running_scanners(proc);
  // Of several, such as one that another one supervises, the one with the shorter path.
  const auto first = std::ranges::min_element(found, {}, [](const Supervisor& supervisor) {
    return std::pair(supervisor.servicedir.size(), supervisor.servicedir);
  });
  if (first != found.end()) return *first;
  for (const Suite& suite : suites()) {
    if (runs_here(suite)) return Supervisor{&suite, std::string(suite.servicedir)};
  }
  return std::nullopt;
}

bool is_watched(const Suite& suite, const std::string& servicedir, const std::string& proc) {
  return std::ranges::any_of(running_scanners(proc), [&](const Supervisor& supervisor) {
    std::error_code missing;
    return supervisor.suite == &suite && fs::equivalent(supervisor.servicedir, servicedir, missing);
  });
}

std::vector<Supervisor> find_scanners(const std::string& proc) {
  return running_scanners(proc, ::geteuid());
}

std::optional<Watched> find_watched(const Suite& suite, const std::string& service,
                                    const std::string& proc) {
  for (const Supervisor& scanner : find_scanners(proc)) {
    if (scanner.suite != &suite) continue;
    std::error_code error;
    for (fs::directory_iterator at(scanner.servicedir, error), end; !error && at != end;
         at.increment(error)) {
      std::error_code missing;
      const std::string entry = at->path();
      if (at->path().filename().string().starts_with('.')) continue;
      if (!fs::equivalent(entry, service, missing)) continue;
      const auto came = since_when(entry, service);
      if (!came) continue;
      timespec now{};
      ::clock_gettime(CLOCK_REALTIME, &now);
      return Watched{scanner.servicedir, double(now.tv_sec - *came)};
    }
  }
  return std::nullopt;
}

bool is_scanned(const Suite& suite, const std::string& service, const std::string& proc) {
  return find_watched(suite, service, proc).has_value();
}

const Suite& suite_of(const std::string& service, const std::string& proc) {
  for (const Suite& suite : suites()) {
    if (is_scanned(suite, service, proc)) return suite;
  }
  for (const Suite& suite : suites()) {
    if (!suite.leaves.empty() && is_there(path_below(service, suite.leaves))) return suite;
  }
  if (is_there(service + "/supervise")) return daemontools();
  const auto found = find_supervisor(proc);
  return found ? *found->suite : daemontools();
}

}  // namespace grey::svctool
