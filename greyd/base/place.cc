#include "greyd/base/place.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace grey {
namespace {

constexpr int kMostLinks = 40;  // as the kernel
// Of a file that is read whole. The longest lists and rules have some ten million lines.
constexpr off_t kMostBytes = off_t(1) << 29;

bool is_ours(uid_t user) {
  return user == 0 || user == ::geteuid();
}

std::string name_of_user(uid_t user) {
  const struct passwd* entry = ::getpwuid(user);
  return entry ? entry->pw_name : std::to_string(user);
}

// Somebody else who is in the group; empty when nobody is.
std::string other_member(gid_t gid) {
  if (const struct group* group = ::getgrgid(gid)) {
    for (char** name = group->gr_mem; *name != nullptr; ++name) {
      const struct passwd* entry = ::getpwnam(*name);
      if (entry != nullptr && !is_ours(entry->pw_uid)) return entry->pw_name;
    }
  }
  std::string found;
  ::setpwent();
  while (const struct passwd* entry = ::getpwent()) {
    if (entry->pw_gid != gid || is_ours(entry->pw_uid)) continue;
    found = entry->pw_name;
    break;
  }
  ::endpwent();
  return found;
}

// Its access list lets some write whom the mode does not name.
bool has_access_list(int fd) {
  const std::string name = "/proc/self/fd/" + std::to_string(fd);
  return ::getxattr(name.c_str(), "system.posix_acl_access", nullptr, 0) > 0;
}

// Who else can make, remove and rename what is in a directory: "user daemon", or nobody.
std::string other_writer(int fd, const struct stat& status) {
  if (!is_ours(status.st_uid)) return "user " + name_of_user(status.st_uid);
  if (status.st_mode & S_IWOTH) return "everyone";
  if (!(status.st_mode & S_IWGRP)) return {};
  if (has_access_list(fd)) return "an access list lets others who";
  const std::string member = other_member(status.st_gid);
  return member.empty() ? "" : "user " + member;
}

// The parts of a path that are still to be gone, the next one last.
class Way {
 public:
  void add_before(std::string_view path) {
    while (!path.empty()) {
      const std::size_t slash = path.rfind('/');
      const std::string_view part = path.substr(slash + 1);  // npos + 1 is 0
      if (!part.empty() && part != ".") parts_.emplace_back(part);
      path = slash == path.npos ? "" : path.substr(0, slash);
    }
  }
  bool done() const { return parts_.empty(); }
  std::string next() {
    std::string part = std::move(parts_.back());
    parts_.pop_back();
    return part;
  }

 private:
  std::vector<std::string> parts_;
};

class Walk {
 public:
  tl::expected<Directory, PlaceError> run(const std::string& path) {
    if (!path.starts_with('/')) {
      char* here = ::getcwd(nullptr, 0);
      if (here == nullptr) return fail(errno, path);
      way_.add_before(path);
      way_.add_before(here);
      std::free(here);
    } else {
      way_.add_before(path);
    }
    if (const int error = start()) return fail(error, "/");
    while (!way_.done()) {
      if (auto gone = step(way_.next()); !gone) return tl::make_unexpected(gone.error());
    }
    at_.sticky = look();
    if (at_.path.empty()) at_.path = "/";
    return std::move(at_);
  }

 private:
  using Done = tl::expected<void, PlaceError>;

  static tl::unexpected<PlaceError> fail(int number, const std::string& path) {
    return tl::make_unexpected(PlaceError{number, path, std::strerror(number)});
  }

  int start() {
    at_ = {Fd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)), "", "", false};
    return at_.fd ? 0 : errno;
  }

  // Whether what is in the present directory is safe from others only where it is ours: it has the
  // sticky bit. Who else can write to any other is noted.
  bool look() {
    struct stat status {};
    if (::fstat(at_.fd.get(), &status) != 0) return false;
    const std::string writer = other_writer(at_.fd.get(), status);
    if (writer.empty()) return false;
    if (is_ours(status.st_uid) && (status.st_mode & S_ISVTX)) return true;
    if (at_.exposed.empty()) {
      at_.exposed = writer + " can write to " + (at_.path.empty() ? "/" : at_.path);
    }
    return false;
  }

  Done step(const std::string& part) {
    const std::string path = at_.path + "/" + part;
    if (part == "..") return step_up();
    const bool sticky = look();
    Fd next(::openat(at_.fd.get(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!next || ::fstat(next.get(), &status) != 0) return fail(errno, path);
    if (sticky && !is_ours(status.st_uid) && at_.exposed.empty()) {
      at_.exposed = "user " + name_of_user(status.st_uid) + " owns " + path;
    }
    if (S_ISLNK(status.st_mode)) return follow(next.get(), path);
    if (!S_ISDIR(status.st_mode)) return fail(ENOTDIR, path);
    at_.fd = std::move(next);
    at_.path = path;
    return {};
  }

  Done step_up() {
    Fd next(::openat(at_.fd.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!next) return fail(errno, at_.path + "/..");
    at_.fd = std::move(next);
    at_.path.erase(at_.path.empty() ? 0 : at_.path.rfind('/'));
    return {};
  }

  Done follow(int link, const std::string& path) {
    if (!at_.exposed.empty()) {
      return tl::make_unexpected(
          PlaceError{0, path, path + " is a link, and " + at_.exposed + ": it is not followed"});
    }
    if (++links_ > kMostLinks) return fail(ELOOP, path);
    char target[PATH_MAX + 1];
    const ssize_t size = ::readlinkat(link, "", target, sizeof target - 1);
    if (size < 0) return fail(errno, path);
    const std::string_view text(target, std::size_t(size));
    way_.add_before(text);
    if (!text.starts_with('/')) return {};
    if (const int error = start()) return fail(error, "/");
    return {};
  }

  Directory at_;
  Way way_;
  int links_ = 0;
};

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

tl::expected<Directory, PlaceError> open_directory(const std::string& path) {
  return Walk().run(path);
}

tl::expected<Place, PlaceError> open_place(const std::string& given) {
  const std::string path = without_slashes(given);
  auto directory = open_directory(directory_of(path));
  if (!directory) return tl::make_unexpected(directory.error());
  return Place{std::move(*directory), path.substr(path.rfind('/') + 1)};
}

namespace {

tl::unexpected<PlaceError> failed_at(const std::string& path, int number) {
  return tl::make_unexpected(PlaceError{number, path, std::strerror(number)});
}

tl::expected<std::string, PlaceError> without_links(const std::string& given) {
  std::string path = given;
  for (int links = 0; links <= kMostLinks; ++links) {
    const auto place = open_place(path);
    if (!place) return tl::make_unexpected(place.error());
    struct stat status {};
    // Of "/" the name is empty.
    constexpr int kFlags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
    if (::fstatat(place->directory.fd.get(), place->name.c_str(), &status, kFlags) != 0) {
      return failed_at(path, errno);
    }
    if (S_ISDIR(status.st_mode)) {
      auto directory = open_directory(path);
      if (!directory) return tl::make_unexpected(directory.error());
      return std::move(directory->path);
    }
    if (!S_ISLNK(status.st_mode)) return place->path();
    const bool foreign = place->directory.sticky && !is_ours(status.st_uid);
    if (!place->directory.exposed.empty() || foreign) {
      return tl::make_unexpected(
          PlaceError{0, path,
                     path + " is a link" +
                         (foreign ? " of user " + name_of_user(status.st_uid) + ", and not of root"
                                  : ", and " + place->directory.exposed) +
                         ": it is not followed"});
    }
    char target[PATH_MAX + 1];
    const ssize_t size =
        ::readlinkat(place->directory.fd.get(), place->name.c_str(), target, sizeof target - 1);
    if (size <= 0) return failed_at(path, errno);
    path = path_below(place->directory.path, std::string_view(target, std::size_t(size)));
  }
  return failed_at(given, ELOOP);
}

// Of what stands at a path that has no link.
std::string exposure_there(const std::string& path) {
  const auto place = open_place(path);
  if (!place) return place.error().number == ENOENT ? "" : place.error().reason;
  if (!place->directory.exposed.empty()) return place->directory.exposed;
  const int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  const Fd fd(::openat(place->directory.fd.get(), place->name.c_str(), flags));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return errno == ENOENT ? "" : std::strerror(errno);
  const std::string writer = other_writer(fd.get(), status);
  return writer.empty() ? "" : writer + " can write to " + place->path();
}

}  // namespace

Result<std::string> resolve(const std::string& path) {
  auto resolved = without_links(path);
  if (!resolved) return tl::make_unexpected(to_error("open", path, resolved.error()));
  return std::move(*resolved);
}

std::string exposure_of(const std::string& path) {
  const auto resolved = without_links(path);
  if (!resolved) return resolved.error().number == ENOENT ? "" : resolved.error().reason;
  return exposure_there(*resolved);
}

tl::expected<struct stat, PlaceError> status_of_name(const std::string& path) {
  const auto place = open_place(path);
  if (!place) return tl::make_unexpected(place.error());
  struct stat status {};
  const int fd = place->directory.fd.get();
  // Of "/" the name is empty.
  if (::fstatat(fd, place->name.c_str(), &status, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0) {
    return failed_at(path, errno);
  }
  return status;
}

tl::expected<struct stat, PlaceError> status_of(const std::string& path) {
  const auto resolved = without_links(path);
  if (!resolved) return tl::make_unexpected(resolved.error());
  return status_of_name(*resolved);
}

bool is_there(const std::string& path) {
  const auto status = status_of(path);
  return status || status.error().number == 0;
}

std::optional<FileId> followed_id(const std::string& path) {
  const auto status = status_of(path);
  if (!status) return std::nullopt;
  return FileId{status->st_dev, status->st_ino};
}

tl::expected<std::vector<std::string>, PlaceError> names_in(const std::string& path) {
  const auto directory = open_directory(path);
  if (!directory) return tl::make_unexpected(directory.error());
  Fd fd(::openat(directory->fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return failed_at(path, errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(fd.get()), &::closedir);
  if (!entries) return failed_at(path, errno);
  fd.release();  // closedir's now
  std::vector<std::string> names;
  while (const struct dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

Result<std::optional<std::string>> read_followed(const std::string& path) {
  const auto resolved = without_links(path);
  if (resolved) return read_regular(*resolved);
  if (resolved.error().number == ENOENT) return std::optional<std::string>();
  return tl::make_unexpected(to_error("open", path, resolved.error()));
}

namespace {

tl::expected<Fd, PlaceError> open_regular_at(int directory, const std::string& name,
                                             const std::string& path) {
  // Not to wait for the other end of a fifo.
  const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  Fd fd(::openat(directory, name.c_str(), flags));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return failed_at(path, errno);
  if (!S_ISREG(status.st_mode)) {
    return tl::make_unexpected(PlaceError{EINVAL, path, "not a regular file"});
  }
  return fd;
}

Result<std::optional<std::string>> read_whole(const tl::expected<Fd, PlaceError>& fd,
                                              const std::string& path) {
  if (!fd && fd.error().number == ENOENT) return std::optional<std::string>();
  if (!fd) return tl::make_unexpected(to_error("open", path, fd.error()));
  struct stat status {};
  if (::fstat(fd->get(), &status) != 0) {
    return tl::make_unexpected(system_error("open", path, errno));
  }
  if (status.st_size > kMostBytes) return tl::make_unexpected(system_error("read", path, EFBIG));
  std::string content;
  char chunk[65536];
  for (;;) {
    const ssize_t got = ::read(fd->get(), chunk, sizeof chunk);
    if (got == 0) return std::optional<std::string>(std::move(content));
    if (got > 0) content.append(chunk, std::size_t(got));
    if (content.size() > std::size_t(kMostBytes)) {
      return tl::make_unexpected(system_error("read", path, EFBIG));
    }
    if (got < 0 && errno != EINTR) return tl::make_unexpected(system_error("read", path, errno));
  }
}

}  // namespace

tl::expected<Fd, PlaceError> open_regular(const std::string& path) {
  const auto place = open_place(path);
  if (!place) return tl::make_unexpected(place.error());
  return open_regular_at(place->directory.fd.get(), place->name, path);
}

Result<std::optional<std::string>> read_regular(const std::string& path) {
  const auto place = open_place(path);
  if (!place) return tl::make_unexpected(to_error("open", path, place.error()));
  return read_regular_at(place->directory.fd.get(), place->name, path);
}

Result<std::optional<std::string>> read_regular_at(int directory, const std::string& name,
                                                   const std::string& path) {
  return read_whole(open_regular_at(directory, name, path), path);
}

Error to_error(std::string_view verb, const std::string& path, const PlaceError& error) {
  return {"cannot " + std::string(verb) + " " + path + ": " + error.reason, kExitSystemFailure,
          error.number};
}

}  // namespace grey
