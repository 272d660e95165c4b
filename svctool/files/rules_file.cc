#include "svctool/files/rules_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include "greyd/base/files.h"
#include "svctool/files/compare.h"
#include "svctool/files/transaction.h"
#include "svctool/util/place.h"
#include "svctool/util/process.h"

namespace grey::svctool {
namespace {

// tcprules needs a second for a million lines, and waits for nothing but its disk. One that runs or
// sleeps for longer is caught in one of its endless loops, or is another program.
constexpr unsigned kTcprulesSeconds = 1;
constexpr std::size_t kLinesPerSecond = 200'000;  // of a slow machine

// A directory for tcprules to work in, gone with its contents at the end of the scope. Nobody else
// may look into it, and tcprules knows no other name of it than ".".
class ScratchDirectory {
 public:
  // Beside `file`, where there is as much room as for the one that replaces it.
  static Result<std::unique_ptr<ScratchDirectory>> make(const std::string& file) {
    constexpr std::string_view kVerb = "make a temporary directory beside";
    auto place = open_place(file);
    if (!place) return tl::make_unexpected(to_error(kVerb, file, place.error()));
    auto scratch = std::make_unique<ScratchDirectory>(std::move(place->directory));
    const int parent = scratch->parent_.fd.get();
    // Of a process that was killed.
    if (scratch->parent_.exposed.empty()) (void)remove_tree(parent, scratch->name_);
    if (::mkdirat(parent, scratch->name_.c_str(), 0700) != 0) {
      return tl::make_unexpected(system_error(kVerb, file, errno));
    }
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    scratch->fd_ = Fd(::openat(parent, scratch->name_.c_str(), flags));
    struct stat status {};
    if (!scratch->fd_ || ::fstat(scratch->fd_.get(), &status) != 0) {
      return tl::make_unexpected(system_error(kVerb, file, errno));
    }
    // Where others can write, one of theirs may have taken its place.
    if (status.st_uid != ::geteuid() || (status.st_mode & 077) != 0) {
      return failure("cannot make a temporary directory beside " + file + ": " +
                     scratch->parent_.exposed + ", and has put another one in its place");
    }
    return scratch;
  }

  explicit ScratchDirectory(Directory parent)
      : parent_(std::move(parent)), name_(".svctool-" + std::to_string(::getpid())) {}
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() {
    for (const char* name : {"text", "cdb", "tmp"}) {
      if (fd_) ::unlinkat(fd_.get(), name, 0);
    }
    ::unlinkat(parent_.fd.get(), name_.c_str(), AT_REMOVEDIR);
  }

  int fd() const { return fd_.get(); }
  Result<std::optional<std::string>> read(const char* name) const {
    return read_regular_at(fd(), name, name);
  }
  int write(const char* name, std::string_view content) const {
    const Fd file(::openat(fd(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    return file ? write_all(file.get(), content) : errno;
  }

 private:
  Directory parent_;
  std::string name_;
  Fd fd_;
};

Result<void> run_tcprules(const ScratchDirectory& scratch, const std::string& path,
                          std::size_t lines) {
  const auto more = unsigned(lines / kLinesPerSecond);
  Program program{{"tcprules", "cdb", "tmp"}, "text"};
  program.directory = scratch.fd();
  program.processor_seconds = program.idle_seconds = kTcprulesSeconds + more;
  const auto ran = run_program(program);
  if (!ran) return failure(path + ": " + ran.error().text);
  return {};
}

struct Cdb {
  std::string built;
  bool same = false;  // as the one that is there
};

Result<Cdb> build_cdb(const RulesFile& file, std::string_view text) {
  const auto scratch = ScratchDirectory::make(file.path);
  if (!scratch) return tl::make_unexpected(scratch.error());
  if (const int error = (*scratch)->write("text", text)) {
    return tl::make_unexpected(system_error("rebuild", file.path + ".cdb", error));
  }
  const auto lines = std::size_t(std::ranges::count(text, '\n'));
  if (auto ran = run_tcprules(**scratch, file.path, lines); !ran) {
    return tl::make_unexpected(ran.error());
  }
  auto built = (*scratch)->read("cdb");
  if (!built) return tl::make_unexpected(built.error());
  if (!*built) return failure(file.path + ": tcprules made no cdb");
  // None, or a link that leads nowhere or is not to be followed: it will be replaced.
  const auto present = resolve(file.path + ".cdb");
  if (!present) return Cdb{std::move(**built), false};
  const auto old = read_regular(*present);
  if (!old) return tl::make_unexpected(old.error());
  const bool same = *old == *built;
  return Cdb{std::move(**built), same};
}

}  // namespace

Result<RulesFile> read_rules(const std::string& path) {
  auto resolved = resolve(path);
  if (!resolved) return tl::make_unexpected(resolved.error());
  RulesFile file{std::move(*resolved), ""};
  auto text = read_regular(file.path);
  if (!text) return tl::make_unexpected(text.error());
  if (!*text) return tl::make_unexpected(system_error("open", path, ENOENT));
  file.text = std::move(**text);
  return file;
}

Result<CdbState> compare_cdb(const RulesFile& file) {
  const auto cdb = build_cdb(file, file.text);
  if (!cdb) return tl::make_unexpected(cdb.error());
  return cdb->same ? CdbState::same : CdbState::rebuilt;
}

Result<CdbState> write_rules(const RulesFile& file, std::string_view text) {
  const auto cdb = build_cdb(file, text);
  if (!cdb) return tl::make_unexpected(cdb.error());
  const std::string cdb_path = file.path + ".cdb";
  const FileMode mode = mode_of_file(file.path, {});
  Transaction transaction;
  Result<void> done;
  if (!cdb->same) {
    done = transaction.stage_file(cdb_path, cdb->built, mode_of_file(cdb_path, mode));
  }
  // tcprules may have taken a while.
  const auto now = read_regular(file.path);
  if (!now) return tl::make_unexpected(now.error());
  if (*now != file.text) {
    return failure(file.path + ": was changed by another program just now, and is left so");
  }
  if (done && text != file.text) done = transaction.stage_file(file.path, text, mode);
  if (done) done = transaction.commit();
  if (!done) return tl::make_unexpected(done.error());
  return cdb->same ? CdbState::same : CdbState::rebuilt;
}

}  // namespace grey::svctool
