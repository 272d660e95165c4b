#include "svctool/disk/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>

#include "greyd/base/files.h"

namespace grey::svctool {
namespace {

int sync(int directory) {
  const Fd fd(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && ::fsync(fd.get()) == 0 ? 0 : errno;
}

}  // namespace

int empty_tree(int directory) {
  Fd fd(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return errno;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(fd.get()), &::closedir);
  if (!entries) return errno;
  fd.release();  // closedir's now
  while (const struct dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (const int error = remove_tree(directory, name)) return error;
  }
  return 0;
}

int remove_tree(int directory, const std::string& name) {
  if (::unlinkat(directory, name.c_str(), 0) == 0) return 0;
  if (errno != EISDIR && errno != EPERM) return errno;
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const Fd fd(::openat(directory, name.c_str(), flags));
  if (!fd) return errno;
  if (const int error = empty_tree(fd.get())) return error;
  return ::unlinkat(directory, name.c_str(), AT_REMOVEDIR) == 0 ? 0 : errno;
}

Result<void> remove_file(const std::string& path) {
  const auto place = open_place(path);
  if (!place && place.error().number == ENOENT) return {};
  if (!place) return tl::make_unexpected(to_error("remove", path, place.error()));
  const int fd = place->directory.fd.get();
  if (::unlinkat(fd, place->name.c_str(), 0) != 0 && errno != ENOENT) {
    return tl::make_unexpected(system_error("remove", path, errno));
  }
  return {};
}

namespace {

Result<Place> open_unexposed(std::string_view verb, const std::string& path) {
  auto place = open_place(path);
  if (!place) return tl::make_unexpected(to_error(verb, path, place.error()));
  if (place->directory.exposed.empty()) return std::move(*place);
  return failure("cannot " + std::string(verb) + " " + path + ": " + place->directory.exposed +
                 ", and could put another one in its place");
}

}  // namespace

Result<void> refuse_exposed(std::string_view verb, const std::string& path) {
  const auto place = open_unexposed(verb, path);
  return place ? Result<void>() : tl::make_unexpected(place.error());
}

Result<MovedAside> MovedAside::move(const std::string& path) {
  auto place = open_unexposed("remove", path);
  if (!place) return tl::make_unexpected(place.error());
  const std::string hidden = "." + place->name + ".removed-" + std::to_string(::getpid());
  MovedAside moved(std::move(*place), path, path_below(directory_of(path), hidden));
  const std::string& name = moved.place_.name;
  if (::renameat(moved.fd(), name.c_str(), moved.fd(), hidden.c_str()) != 0) {
    return tl::make_unexpected(system_error("remove", path, errno));
  }
  return moved;
}

Result<void> MovedAside::put_back() {
  if (::renameat(fd(), hidden_name().c_str(), fd(), place_.name.c_str()) == 0) return {};
  return tl::make_unexpected(system_error("put back", path_, errno));
}

Result<void> MovedAside::remove() {
  if (const int error = remove_tree(fd(), hidden_name())) {
    return tl::make_unexpected(system_error("remove all of", hidden_, error));
  }
  (void)sync(fd());
  return {};
}

}  // namespace grey::svctool
