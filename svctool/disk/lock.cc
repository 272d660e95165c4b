#include "svctool/disk/lock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "greyd/base/place.h"

namespace grey::svctool {
namespace {

constexpr std::chrono::seconds kWait{60};  // some dozens of others, a second each
constexpr int kPauseMilliseconds = 20;

// False: a file system without locks.
Result<bool> wait_for(const Fd& fd, int operation, const std::string& path) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + kWait;
  while (::flock(fd.get(), operation | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return false;
    if (Clock::now() >= end) {
      std::string text = path + ": another program holds its lock for a minute now (fuser ";
      return failure(text.append(path).append(")"));
    }
    ::poll(nullptr, 0, kPauseMilliseconds);
  }
  return true;
}

// Without links; the nearest that is there.
std::string nearest_directory(const std::string& path) {
  std::string nearest = path;
  for (;;) {
    auto directory = open_directory(nearest);
    if (directory) return std::move(directory->path);
    std::string above = grey::directory_of(nearest);
    if (above == nearest) return above;
    nearest = std::move(above);
  }
}

}  // namespace

Result<void> Locks::take(const std::string& path, Kind kind) {
  const auto directory = open_directory(path);
  if (!directory) return {};  // who reads there next says why not
  Fd fd(::openat(directory->fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto id = fd ? file_id(fd.get()) : std::nullopt;
  if (!id) return {};
  const int operation = kind == Kind::alone ? LOCK_EX : LOCK_SH;
  const auto held = std::ranges::find(held_, *id, &Held::id);
  if (held != held_.end()) {
    if (held->kind == Kind::alone || kind == Kind::shared) return {};
    const auto locked = wait_for(held->fd, operation, directory->path);
    if (!locked) return tl::make_unexpected(locked.error());
    held->kind = kind;
    return {};
  }
  const auto locked = wait_for(fd, operation, directory->path);
  if (!locked) return tl::make_unexpected(locked.error());
  if (*locked) held_.push_back({*id, std::move(fd), kind});
  return {};
}

Result<void> Locks::directory_of(const std::string& path) {
  const auto place = open_place(path);
  return place ? take(place->directory.path, Kind::alone) : Result<void>();
}

Result<void> Locks::service_place(const std::string& service) {
  auto taken = tree(grey::directory_of(service));
  return taken ? tree(service) : taken;  // which a link may have elsewhere
}

Result<void> Locks::tree(const std::string& path) {
  for (;;) {
    const std::string nearest = nearest_directory(path);
    const auto id = followed_id(nearest);
    const std::size_t before = held_.size();
    for (std::size_t slash = 0; slash != std::string::npos && nearest != "/";) {
      if (auto taken = take(slash == 0 ? "/" : nearest.substr(0, slash), Kind::shared); !taken) {
        return taken;
      }
      slash = nearest.find('/', slash + 1);
    }
    if (auto taken = take(nearest, Kind::alone); !taken) return taken;
    // Who was waited for may have made or moved it.
    if (nearest_directory(path) == nearest && followed_id(nearest) == id) return {};
    held_.erase(held_.begin() + std::ptrdiff_t(before), held_.end());
  }
}

}  // namespace grey::svctool
