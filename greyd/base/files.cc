#include "greyd/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace grey {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Error system_error(std::string_view verb, std::string_view path, int error_number) {
  std::string text = "cannot ";
  text.append(verb).append(" ").append(path).append(": ").append(std::strerror(error_number));
  return {std::move(text), kExitSystemFailure, error_number};
}

Result<std::optional<std::string>> read_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return std::optional<std::string>();
    return tl::make_unexpected(system_error("open", path, errno));
  }
  struct stat status {};
  std::string content;
  if (::fstat(fd.get(), &status) == 0 && status.st_size > 0) {
    content.reserve(std::size_t(status.st_size) + 1);
  }
  char chunk[65536];
  for (;;) {
    const ssize_t got = ::read(fd.get(), chunk, sizeof chunk);
    if (got == 0) return std::optional<std::string>(std::move(content));
    if (got > 0) content.append(chunk, std::size_t(got));
    if (got < 0 && errno != EINTR) return tl::make_unexpected(system_error("read", path, errno));
  }
}

int write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t wrote = ::write(fd, data.data(), data.size());
    if (wrote >= 0) {
      data.remove_prefix(std::size_t(wrote));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

namespace {

std::optional<FileId> id_of(int result, const struct stat& status) {
  if (result != 0) return {};
  return FileId{status.st_dev, status.st_ino};
}

}  // namespace

std::optional<FileId> file_id(const std::string& path) {
  struct stat status {};
  return id_of(::lstat(path.c_str(), &status), status);
}

std::optional<FileId> file_id(int fd) {
  struct stat status {};
  return id_of(::fstat(fd, &status), status);
}

std::string free_name(const std::string& path) {
  std::string name = path;
  for (int n = 1; file_id(name); ++n) name = path + "." + std::to_string(n);
  return name;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

namespace {

// What an open file without a name can be linked by; empty: it cannot.
std::string link_of(int fd) {
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  return file_id(link) ? link : std::string();
}

}  // namespace

Result<NewFile> NewFile::begin(const std::string& path, bool unnamed) {
  if (unnamed) {
    Fd fd(::open(directory_of(path).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    if (fd && !link_of(fd.get()).empty()) return NewFile(path, {}, std::move(fd));
  }
  std::string temporary = path + ".tmp.XXXXXX";
  Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return tl::make_unexpected(system_error("create a temporary file beside", path, errno));
  return NewFile(path, std::move(temporary), std::move(fd));
}

int NewFile::give_name() {
  std::string name = path_ + ".tmp.XXXXXX";
  // Nobody's yet; link(2) does not replace, so it is free again for a moment.
  const Fd placed(::mkostemp(name.data(), O_CLOEXEC));
  if (!placed || ::unlink(name.c_str()) != 0) return errno;
  const int linked =
      ::linkat(AT_FDCWD, link_of(fd_.get()).c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW);
  if (linked != 0) return errno;
  temporary_ = std::move(name);
  return 0;
}

NewFile::~NewFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<void> NewFile::write(std::string_view content) {
  const int error = write_all(fd_.get(), content);
  if (error == 0) return {};
  return tl::make_unexpected(system_error("write", path_, error));
}

Result<void> NewFile::put_in_place(const FileMode& mode) {
  const auto failed = [&](std::string_view verb) {
    return tl::make_unexpected(system_error(verb, path_, errno));
  };
  if (::fchmod(fd_.get(), mode.mode) != 0) return failed("set the mode of");
  if ((mode.uid || mode.gid) &&
      ::fchown(fd_.get(), mode.uid.value_or(uid_t(-1)), mode.gid.value_or(gid_t(-1))) != 0) {
    return failed("set the owner of");
  }
  if (::fsync(fd_.get()) != 0) return failed("sync");
  if (temporary_.empty()) {
    if (const int error = give_name()) {
      return tl::make_unexpected(system_error("replace", path_, error));
    }
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return failed("replace");
  temporary_.clear();
  return sync_directory_of(path_);
}

Result<void> replace_file(const std::string& path, std::string_view content, const FileMode& mode) {
  auto file = NewFile::begin(path);
  if (!file) return tl::make_unexpected(file.error());
  if (auto written = file->write(content); !written) return written;
  return file->put_in_place(mode);
}

int sync_parent(const std::string& path) {
  const Fd fd(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return errno;
  // EINVAL: a file system that has no such call for directories.
  return ::fsync(fd.get()) == 0 || errno == EINVAL ? 0 : errno;
}

Result<void> sync_directory_of(const std::string& path) {
  const int error = sync_parent(path);
  if (error == 0) return {};
  return tl::make_unexpected(system_error("sync", directory_of(path), error));
}

std::string path_below(std::string_view directory, std::string_view path) {
  if (path.starts_with('/') || directory.empty()) return std::string(path);
  std::string result(directory);
  if (!result.ends_with('/')) result += '/';
  return result.append(path);
}

}  // namespace grey
