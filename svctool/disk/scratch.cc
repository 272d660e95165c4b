#include "svctool/disk/scratch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "greyd/base/files.h"
#include "svctool/disk/tree.h"

namespace grey::svctool {
namespace {

constexpr std::string_view kVerb = "make a temporary directory";

tl::unexpected<Error> failed(const std::string& what, int number) {
  return tl::make_unexpected(system_error(kVerb, what, number));
}

std::string own_name() {
  return ".svctool-" + std::to_string(::getpid());
}

}  // namespace

ScratchDirectory::ScratchDirectory(Directory parent, std::string name)
    : parent_(std::move(parent)), name_(std::move(name)) {}

Result<std::unique_ptr<ScratchDirectory>> ScratchDirectory::make(Directory parent, std::string own,
                                                                 const std::string& what) {
  std::unique_ptr<ScratchDirectory> scratch(
      new ScratchDirectory(std::move(parent), std::move(own)));
  const int at = scratch->parent_.fd.get();
  const char* name = scratch->name_.c_str();
  // Of a process that was killed. Where others can write it could be anything; in /tmp, another's.
  if (scratch->parent_.exposed.empty() && !scratch->parent_.sticky) (void)remove_tree(at, name);
  if (::mkdirat(at, name, 0700) != 0) return failed(what, errno);
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Fd fd(::openat(at, name, flags));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return failed(what, errno);
  // Where others can write, one of theirs may have taken its place.
  if (status.st_uid != ::geteuid() || (status.st_mode & 077) != 0) {
    return failure("cannot " + std::string(kVerb) + " " + what + ": " + scratch->parent_.exposed +
                   ", and has put another one in its place");
  }
  scratch->fd_ = std::move(fd);
  return scratch;
}

Result<std::unique_ptr<ScratchDirectory>> ScratchDirectory::beside(const std::string& file) {
  const std::string what = "beside " + file;
  auto place = open_place(file);
  if (!place) return tl::make_unexpected(to_error(kVerb, what, place.error()));
  return make(std::move(place->directory), own_name(), what);
}

Result<std::unique_ptr<ScratchDirectory>> ScratchDirectory::in_temporary_files() {
  const char* named = std::getenv("TMPDIR");
  const std::string where = named != nullptr && *named != '\0' ? named : "/tmp";
  const std::string what = "in " + where;
  auto directory = open_directory(where);
  if (!directory) return tl::make_unexpected(to_error(kVerb, what, directory.error()));
  if (!directory->exposed.empty()) {
    return failure("cannot " + std::string(kVerb) + " " + what + ": " + directory->exposed);
  }
  // Anybody may make names there.
  unsigned long random = 0;
  if (::getentropy(&random, sizeof random) != 0) return failed(what, errno);
  return make(std::move(*directory), own_name() + "-" + std::to_string(random), what);
}

ScratchDirectory::~ScratchDirectory() {
  if (!fd_) return;
  // By its descriptor, as its name may be another directory's by now.
  (void)empty_tree(fd_.get());
  ::unlinkat(parent_.fd.get(), name_.c_str(), AT_REMOVEDIR);
}

Result<std::optional<std::string>> ScratchDirectory::read(const std::string& name) const {
  return read_regular_at(fd(), name, name);
}

Result<void> ScratchDirectory::make_directory(const std::string& name) const {
  if (::mkdirat(fd(), name.c_str(), 0700) == 0) return {};
  return failed(name, errno);
}

Result<void> ScratchDirectory::write(const std::string& name, std::string_view content) const {
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const Fd file(::openat(fd(), name.c_str(), flags, 0600));
  const int error = file ? write_all(file.get(), content) : errno;
  if (error == 0) return {};
  return tl::make_unexpected(system_error("write", path() + "/" + name, error));
}

BegunFiles::BegunFiles(const std::string& file, const std::vector<std::string>& suffixes) {
  auto place = open_place(file);
  if (!place) return;
  place_.emplace(std::move(*place));
  for (const std::string& suffix : suffixes) {
    const std::string name = place_->name + suffix;
    struct stat status {};
    if (::fstatat(fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) {
      missing_.push_back(name);
    }
  }
  all_missing_ = missing_.size() == suffixes.size();
}

bool BegunFiles::remove() const {
  std::size_t removed = 0;
  for (const std::string& name : missing_) removed += ::unlinkat(fd(), name.c_str(), 0) == 0;
  return removed > 0 && all_missing_;
}

}  // namespace grey::svctool
