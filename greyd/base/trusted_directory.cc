#include "greyd/base/trusted_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace grey {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel's own

bool others_write(const struct stat& directory) {
  return (directory.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (directory.st_mode & S_ISVTX) == 0;
}

class Walk {
 public:
  explicit Walk(const std::string& path) : path_(path), rest_(path) {}
  Result<Fd> go();

 private:
  Result<void> step(const std::string& name);
  Result<void> follow(const std::string& name, const struct stat& link);
  Result<void> check_passed(const std::string& name, const struct stat& entry) const;
  int enter(const char* name);
  std::string take_name();
  tl::unexpected<Error> distrust(const std::string& why) const {
    return failure("the way to its directory is not safe for root: " + why);
  }

  const std::string path_;
  std::string rest_;  // of the path, with what links say put in front
  Fd at_;
  struct stat status_ {};  // of at_
  int links_ = 0;
};

// Goes to a directory below at_, not through a link.
int Walk::enter(const char* name) {
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Fd next(::openat(at_ ? at_.get() : AT_FDCWD, name, kFlags));
  if (!next || ::fstat(next.get(), &status_) != 0) return errno;
  at_ = std::move(next);
  return 0;
}

std::string Walk::take_name() {
  const std::size_t begin = rest_.find_first_not_of('/');
  if (begin == std::string::npos) return {};
  const std::size_t end = std::min(rest_.find('/', begin), rest_.size());
  std::string name = rest_.substr(begin, end - begin);
  rest_.erase(0, end);
  return name;
}

// That nobody else can put another thing in this entry's place.
Result<void> Walk::check_passed(const std::string& name, const struct stat& entry) const {
  if (status_.st_uid != 0) {
    return distrust("the directory that has " + name + " in it belongs to user " +
                    std::to_string(status_.st_uid));
  }
  if (others_write(status_)) {
    return distrust("others may write to the directory that has " + name + " in it");
  }
  const bool shared = (status_.st_mode & (S_IWGRP | S_IWOTH)) != 0;  // and sticky
  if (shared && entry.st_uid != 0) {
    return distrust(name + " belongs to user " + std::to_string(entry.st_uid) +
                    ", in a directory that others may write to");
  }
  return {};
}

Result<void> Walk::follow(const std::string& name, const struct stat& link) {
  if (auto safe = check_passed(name, link); !safe) return safe;
  char target[PATH_MAX];
  const ssize_t size = ::readlinkat(at_.get(), name.c_str(), target, sizeof target);
  const int error = size < 0 ? errno : ELOOP;
  if (size < 0 || ++links_ > kMaxLinks) {
    return failure(std::strerror(error));
  }
  rest_ = std::string(target, std::size_t(size)) + "/" + rest_;
  if (target[0] != '/') return {};
  if (const int failed = enter("/")) {
    return failure(std::strerror(failed));
  }
  return {};
}

Result<void> Walk::step(const std::string& name) {
  struct stat entry {};
  if (::fstatat(at_.get(), name.c_str(), &entry, AT_SYMLINK_NOFOLLOW) != 0) {
    return failure(std::strerror(errno));
  }
  if (S_ISLNK(entry.st_mode)) return follow(name, entry);
  if (auto safe = check_passed(name, entry); !safe) return safe;
  if (const int error = enter(name.c_str())) return failure(std::strerror(error));
  return {};
}

Result<Fd> Walk::go() {
  if (const int error = enter(path_.starts_with('/') ? "/" : ".")) {
    return failure(std::strerror(error));
  }
  for (std::string name = take_name(); !name.empty(); name = take_name()) {
    if (auto stepped = step(name); !stepped) return tl::make_unexpected(stepped.error());
  }
  if (others_write(status_)) {
    return failure("others may write to its directory, which is not safe for root");
  }
  return std::move(at_);
}

}  // namespace

Result<Fd> open_trusted_directory(const std::string& path) {
  if (::geteuid() == 0) return Walk(path).go();
  Fd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return failure(std::strerror(errno));
  return fd;
}

}  // namespace grey
