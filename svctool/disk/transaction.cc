#include "svctool/disk/transaction.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "svctool/disk/tree.h"

namespace grey::svctool {
namespace {

// A name that nothing else uses while this process lives, but who means to be in the way.
std::string hidden_name(const std::string& name, std::string_view suffix) {
  return "." + name + "." + std::string(suffix) + "-" + std::to_string(::getpid());
}

tl::unexpected<Error> failed(std::string_view verb, const std::string& path) {
  return tl::make_unexpected(system_error(verb, path, errno));
}

// 0 or -1, as fchmod(2).
int set_attributes(int fd, const FileMode& mode) {
  const bool owned = mode.uid || mode.gid;
  // The owner first, as changing it may clear mode bits.
  if (owned && ::fchown(fd, mode.uid.value_or(uid_t(-1)), mode.gid.value_or(gid_t(-1))) != 0) {
    return -1;
  }
  return ::fchmod(fd, mode.mode);
}

// A descriptor of its own for what may be done with contents and attributes.
Fd reopen(const Directory& directory) {
  return Fd(::openat(directory.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

// Makes a file that was not there. 0 or an errno.
int write_new(int directory, const std::string& name, std::string_view content,
              const FileMode& mode) {
  ::unlinkat(directory, name.c_str(), 0);  // of a process that was killed
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const Fd fd(::openat(directory, name.c_str(), flags, 0600));
  if (!fd) return errno;
  if (const int error = write_all(fd.get(), content)) return error;
  return set_attributes(fd.get(), mode) == 0 && ::fsync(fd.get()) == 0 ? 0 : errno;
}

}  // namespace

Transaction::~Transaction() {
  if (final_) return;
  // Best effort: the error that led here is already on its way to the operator.
  for (const Attributes& entry : attributes_) {
    if (entry.done) (void)set_attributes(entry.fd.get(), entry.before);
  }
  for (auto at = files_.rbegin(); at != files_.rend(); ++at) {
    const Renaming& renaming = *at;
    const int fd = renaming.name.fd();
    const std::string& name = renaming.name.name;
    if (!renaming.done) {
      if (!renaming.staged.empty()) ::unlinkat(fd, renaming.staged.c_str(), 0);
    } else if (renaming.old.empty()) {
      ::unlinkat(fd, name.c_str(), 0);
    }
    if (!renaming.old.empty() &&
        (!renaming.done || ::renameat(fd, renaming.old.c_str(), fd, name.c_str()) != 0)) {
      ::unlinkat(fd, renaming.old.c_str(), 0);
    }
  }
  for (const Renaming& renaming : directories_) {
    (void)remove_tree(renaming.name.fd(), renaming.staged);
  }
  for (auto made = made_directories_.rbegin(); made != made_directories_.rend(); ++made) {
    ::unlinkat(made->fd(), made->name.c_str(), AT_REMOVEDIR);
  }
}

Result<Transaction::Name> Transaction::name_of(std::string_view verb, const std::string& path) {
  const std::string parent = directory_of(path);
  Shared& shared = open_[parent];
  if (!shared) {
    auto opened = open_directory(parent);
    if (!opened) return tl::make_unexpected(to_error(verb, path, opened.error()));
    shared = std::make_shared<const Directory>(std::move(*opened));
  }
  return Name{path, shared, path.substr(path.rfind('/') + 1)};
}

Result<Fd> Transaction::create_directory(const Name& name) {
  if (!name.directory->exposed.empty()) {
    return failure("cannot make directory " + name.path + ": " + name.directory->exposed +
                   ", and could put another one in its place");
  }
  if (::mkdirat(name.fd(), name.name.c_str(), 0700) != 0) {
    return failed("make directory", name.path);
  }
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Fd fd(::openat(name.fd(), name.name.c_str(), flags));
  if (!fd) return failed("open", name.path);
  return fd;
}

Result<void> Transaction::make_directory(const std::string& path, const FileMode& mode) {
  const std::string parent = directory_of(path);
  const auto status = status_of(parent);
  if (!status && status.error().number == ENOENT && parent != path) {
    if (auto made = make_directory(parent, {0755, {}, {}}); !made) return made;
  }
  const auto name = name_of("make directory", path);
  if (!name) return tl::make_unexpected(name.error());
  auto fd = create_directory(*name);
  if (!fd) return tl::make_unexpected(fd.error());
  made_directories_.push_back(*name);
  attributes_.push_back({path, std::move(*fd), mode, {0700, {}, {}}, false});
  return sync(*name->directory);
}

Result<void> Transaction::change_directory(const std::string& path, const FileMode& mode) {
  constexpr std::string_view kVerb = "set mode and owner of";
  // Of a directory the path may be a link.
  const auto resolved = resolve(path);
  if (!resolved) return tl::make_unexpected(resolved.error());
  const auto place = open_place(*resolved);
  if (!place) return tl::make_unexpected(to_error(kVerb, path, place.error()));
  if (!place->directory.exposed.empty()) {
    return failure(std::string("cannot ").append(kVerb).append(" ") + path + ": " +
                   place->directory.exposed + ", and could put another one in its place");
  }
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Fd fd(::openat(place->directory.fd.get(), place->name.c_str(), flags));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return failed("look at", path);
  attributes_.push_back(
      {path, std::move(fd), mode, {status.st_mode & 07777, status.st_uid, status.st_gid}, false});
  return {};
}

Result<void> Transaction::change_file(const std::string& path, const FileMode& mode) {
  const auto name = name_of("set the owner of", path);
  if (!name) return tl::make_unexpected(name.error());
  const Fd directory = reopen(*name->directory);
  // Not to wait for the other end of a fifo.
  const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  Fd fd(::openat(name->fd(), name->name.c_str(), flags));
  struct stat status {
  }, holder{};
  if (!fd || !directory || ::fstat(fd.get(), &status) != 0 ||
      ::fstat(directory.get(), &holder) != 0) {
    return failed("set the owner of", path);
  }
  // Who can write there may have brought another's file, or given it another name there.
  if (!S_ISREG(status.st_mode) || status.st_nlink != 1 || status.st_uid != holder.st_uid) {
    return failure("cannot set the owner of " + path + ": it is another file now");
  }
  attributes_.push_back(
      {path, std::move(fd), mode, {status.st_mode & 07777, status.st_uid, status.st_gid}, false});
  return {};
}

Result<void> Transaction::stage_file(const std::string& path, std::string_view content,
                                     const FileMode& mode) {
  const auto name = name_of("write", path);
  if (!name) return tl::make_unexpected(name.error());
  Renaming renaming{*name, hidden_name(name->name, "new"), "", false};
  if (const int error = write_new(name->fd(), renaming.staged, content, mode)) {
    if (error != EEXIST) ::unlinkat(name->fd(), renaming.staged.c_str(), 0);
    return tl::make_unexpected(system_error("write", path, error));
  }
  files_.push_back(std::move(renaming));
  return {};
}

Result<void> Transaction::stage_removal(const std::string& path) {
  auto name = name_of("remove", path);
  if (!name) return tl::make_unexpected(name.error());
  files_.push_back({std::move(*name), "", "", false});
  return {};
}

Result<std::string> Transaction::stage_directory(const std::string& path) {
  const auto name = name_of("make directory", path);
  if (!name) return tl::make_unexpected(name.error());
  Name staged = *name;
  staged.name = hidden_name(name->name, "new");
  staged.path = path_below(directory_of(path), staged.name);
  // Of a process that was killed.
  if (staged.directory->exposed.empty()) (void)remove_tree(staged.fd(), staged.name);
  if (auto made = create_directory(staged); !made) return tl::make_unexpected(made.error());
  directories_.push_back({*name, staged.name, "", false});
  return staged.path;
}

Result<void> Transaction::rename_file(Renaming& renaming) {
  const Name& name = renaming.name;
  const int fd = name.fd();
  const std::string old = hidden_name(name.name, "old");
  ::unlinkat(fd, old.c_str(), 0);  // of a process that was killed
  if (::linkat(fd, name.name.c_str(), fd, old.c_str(), 0) == 0) {
    renaming.old = old;
  } else if (errno != ENOENT) {
    return failed("keep the old", name.path);
  }
  if (renaming.staged.empty()) {
    if (::unlinkat(fd, name.name.c_str(), 0) != 0) return failed("remove", name.path);
  } else if (::renameat(fd, renaming.staged.c_str(), fd, name.name.c_str()) != 0) {
    return failed("replace", name.path);
  }
  renaming.done = true;
  return {};
}

Result<void> Transaction::sync(const Directory& directory) {
  const Fd fd = reopen(directory);
  if (fd && ::fsync(fd.get()) == 0) return {};
  return failed("sync", directory.path);
}

Result<void> Transaction::commit(const std::function<Result<void>()>& last) {
  for (Renaming& renaming : files_) {
    if (auto renamed = rename_file(renaming); !renamed) return renamed;
  }
  const Directory* synced = nullptr;
  for (const Renaming& renaming : files_) {
    const Directory* directory = renaming.name.directory.get();
    if (directory == synced) continue;
    if (auto done = sync(*directory); !done) return done;
    synced = directory;
  }
  for (Attributes& entry : attributes_) {
    entry.done = true;  // perhaps in part
    if (set_attributes(entry.fd.get(), entry.wanted) != 0) {
      return failed("set mode and owner of", entry.path);
    }
  }
  if (last) {
    if (auto done = last(); !done) return done;
  }
  for (Renaming& renaming : directories_) {
    const Name& name = renaming.name;
    if (::renameat(name.fd(), renaming.staged.c_str(), name.fd(), name.name.c_str()) != 0) {
      return failed("create", name.path);
    }
    renaming.done = true;
    renaming.staged = name.name;
  }
  final_ = true;
  for (const Renaming& renaming : files_) {
    if (!renaming.old.empty()) ::unlinkat(renaming.name.fd(), renaming.old.c_str(), 0);
  }
  // Too late to undo, and a power cut now can only bring the old state back.
  for (const Renaming& renaming : directories_) (void)sync(*renaming.name.directory);
  return {};
}

}  // namespace grey::svctool
