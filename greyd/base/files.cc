#include "greyd/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "greyd/base/place.h"

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

// The last part of a path.
std::string name_in(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// For openat(2) and its like alone.
Result<Fd> open_parent(std::string_view verb, const std::string& path) {
  const std::string parent = directory_of(path);
  if (::geteuid() == 0) {
    auto directory = open_directory(parent);
    if (!directory) return tl::make_unexpected(to_error(verb, path, directory.error()));
    return std::move(directory->fd);
  }
  Fd fd(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return tl::make_unexpected(system_error(verb, path, errno));
  return fd;
}

// 0 or an errno. EINVAL: a file system that has no such call for directories.
int sync_open_directory(int fd) {
  return ::fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
}

// Of one that is open for openat(2) and its like alone.
int sync_directory(int directory) {
  const Fd fd(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd ? sync_open_directory(fd.get()) : errno;
}

// `use(name)` with names beside `name` that nobody can have foreseen, until one is free: what it
// gave, or -1 and errno.
template <typename Use>
int with_free_name(const std::string& name, std::string& chosen, Use use) {
  constexpr int kMostTries = 100;
  for (int tries = 0; tries < kMostTries; ++tries) {
    unsigned char bytes[8];
    if (::getentropy(bytes, sizeof bytes) != 0) return -1;
    chosen = name + ".tmp.";
    for (const unsigned char byte : bytes) {
      constexpr char kDigits[] = "0123456789abcdef";
      chosen += {kDigits[byte >> 4], kDigits[byte & 15]};
    }
    const int result = use(chosen.c_str());
    if (result >= 0 || errno != EEXIST) return result;
  }
  return -1;
}

}  // namespace

Result<NewFile> NewFile::begin(const std::string& path, bool unnamed) {
  constexpr std::string_view kVerb = "create a temporary file beside";
  auto directory = open_parent(kVerb, path);
  if (!directory) return tl::make_unexpected(directory.error());
  const int at = directory->get();
  if (unnamed) {
    Fd fd(::openat(at, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    if (fd && !link_of(fd.get()).empty()) {
      return NewFile(path, {}, std::move(*directory), std::move(fd));
    }
  }
  std::string temporary;
  Fd fd(with_free_name(name_in(path), temporary, [at](const char* name) {
    return ::openat(at, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  }));
  if (!fd) return tl::make_unexpected(system_error(kVerb, path, errno));
  return NewFile(path, std::move(temporary), std::move(*directory), std::move(fd));
}

int NewFile::give_name() {
  const std::string link = link_of(fd_.get());
  std::string chosen;
  const int linked = with_free_name(name_in(path_), chosen, [&](const char* name) {
    return ::linkat(AT_FDCWD, link.c_str(), directory_.get(), name, AT_SYMLINK_FOLLOW);
  });
  if (linked < 0) return errno;
  temporary_ = std::move(chosen);
  return 0;
}

NewFile::~NewFile() {
  if (!temporary_.empty()) ::unlinkat(directory_.get(), temporary_.c_str(), 0);
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
  const int at = directory_.get();
  if (::renameat(at, temporary_.c_str(), at, name_in(path_).c_str()) != 0) return failed("replace");
  temporary_.clear();
  if (const int error = sync_directory(at)) {
    return tl::make_unexpected(system_error("sync", directory_of(path_), error));
  }
  return {};
}

Result<void> replace_file(const std::string& path, std::string_view content, const FileMode& mode) {
  auto file = NewFile::begin(path);
  if (!file) return tl::make_unexpected(file.error());
  if (auto written = file->write(content); !written) return written;
  return file->put_in_place(mode);
}

int sync_parent(const std::string& path) {
  // By one descriptor: a snapshot needs it where there are no more to be had.
  const Fd fd(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd ? sync_open_directory(fd.get()) : errno;
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
