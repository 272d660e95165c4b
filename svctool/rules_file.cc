#include "svctool/rules_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "greyd/files.h"
#include "svctool/transaction.h"

namespace grey::svctool {
namespace {

// A rule base of a million lines takes a second; a tcprules that runs for a minute is caught in one
// of its endless loops.
constexpr unsigned kTcprulesSeconds = 60;

// A directory for tcprules to work in, gone with its contents at the end of the scope.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(std::string pattern) : path_(std::move(pattern)) {
    if (::mkdtemp(path_.data()) == nullptr) {
      error_ = errno;
      path_.clear();
    }
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  int error() const { return error_; }

 private:
  std::string path_;
  int error_ = 0;
};

[[noreturn]] void exec_tcprules(const std::string& directory, int errors) {
  const std::string text = directory + "/text", cdb = directory + "/cdb", tmp = directory + "/tmp";
  const int input = ::open(text.c_str(), O_RDONLY);
  if (input < 0 || ::dup2(input, 0) < 0 || ::dup2(errors, 2) < 0) ::_exit(111);
  ::alarm(kTcprulesSeconds);  // lives on through execlp
  ::execlp("tcprules", "tcprules", cdb.c_str(), tmp.c_str(), static_cast<char*>(nullptr));
  ::_exit(127);
}

// What the child said on standard error, as one line.
std::string drain(int fd) {
  std::string said;
  char chunk[512];
  for (;;) {
    const ssize_t got = ::read(fd, chunk, sizeof chunk);
    if (got > 0) said.append(chunk, std::size_t(got));
    if (got == 0 || (got < 0 && errno != EINTR)) break;
  }
  while (said.ends_with('\n')) said.pop_back();
  for (char& c : said) c = c == '\n' ? ' ' : c;
  return said;
}

Result<void> run_tcprules(const std::string& directory, const std::string& path) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return tl::make_unexpected(system_error("make a pipe for", "tcprules", errno));
  }
  Fd reading(ends[0]), writing(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return tl::make_unexpected(system_error("start", "tcprules", errno));
  if (child == 0) exec_tcprules(directory, writing.get());
  writing.reset();
  const std::string said = drain(reading.get());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
    return failure("cannot rebuild " + path + ".cdb: tcprules is not in PATH");
  }
  return failure(path + ": " + (said.empty() ? "tcprules failed" : said));
}

FileMode mode_like(const std::string& path, const FileMode& otherwise) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return otherwise;
  return {status.st_mode & 07777, status.st_uid, status.st_gid};
}

}  // namespace

Result<RulesFile> read_rules(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return tl::make_unexpected(system_error("open", path, errno));
  RulesFile file{resolved, ""};
  std::free(resolved);
  auto text = read_file(file.path);
  if (!text) return tl::make_unexpected(text.error());
  if (!*text) return tl::make_unexpected(system_error("open", path, ENOENT));
  file.text = std::move(**text);
  return file;
}

Result<CdbState> write_rules(const RulesFile& file, std::string_view text) {
  const std::string cdb = file.path + ".cdb";
  const ScratchDirectory scratch(file.path.substr(0, file.path.rfind('/') + 1) + ".svctool.XXXXXX");
  if (scratch.path().empty()) {
    return tl::make_unexpected(
        system_error("make a temporary directory beside", file.path, scratch.error()));
  }
  if (auto written = replace_file(scratch.path() + "/text", text); !written) {
    return tl::make_unexpected(written.error());
  }
  if (auto ran = run_tcprules(scratch.path(), file.path); !ran) {
    return tl::make_unexpected(ran.error());
  }
  const auto built = read_file(scratch.path() + "/cdb");
  if (!built) return tl::make_unexpected(built.error());
  if (!*built) return failure(file.path + ": tcprules made no cdb");
  const auto old = read_file(cdb);
  if (!old) return tl::make_unexpected(old.error());

  const FileMode mode = mode_like(file.path, {});
  const bool same_cdb = *old == *built;
  Transaction transaction;
  Result<void> done;
  if (!same_cdb) done = transaction.stage_file(cdb, **built, mode_like(cdb, mode));
  if (done && text != file.text) done = transaction.stage_file(file.path, text, mode);
  if (done) done = transaction.commit();
  if (!done) return tl::make_unexpected(done.error());
  return same_cdb ? CdbState::same : CdbState::rebuilt;
}

}  // namespace grey::svctool
