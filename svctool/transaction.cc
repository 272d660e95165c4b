#include "svctool/transaction.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace grey::svctool {
namespace {

// A name beside `path` that nothing else uses while this process lives.
std::string hidden_name(const std::string& path, std::string_view suffix) {
  const std::size_t slash = path.rfind('/');
  const std::size_t base = slash == std::string::npos ? 0 : slash + 1;
  return path.substr(0, base) + "." + path.substr(base) + "." + std::string(suffix) + "-" +
         std::to_string(::getpid());
}

tl::unexpected<Error> failed(std::string_view verb, const std::string& path) {
  return tl::make_unexpected(system_error(verb, path, errno));
}

int set_attributes(const std::string& path, const FileMode& mode) {
  const bool owned = mode.uid || mode.gid;
  // The owner first, as changing it may clear mode bits.
  if (owned && ::chown(path.c_str(), mode.uid.value_or(uid_t(-1)), mode.gid.value_or(gid_t(-1)))) {
    return -1;
  }
  return ::chmod(path.c_str(), mode.mode);
}

}  // namespace

Transaction::~Transaction() {
  if (final_) return;
  // Best effort: the error that led here is already on its way to the operator.
  for (auto at = files_.rbegin(); at != files_.rend(); ++at) {
    const Renaming& renaming = *at;
    if (!renaming.done) {
      ::unlink(renaming.staged.c_str());
    } else if (renaming.old.empty()) {
      ::unlink(renaming.path.c_str());
    }
    if (!renaming.old.empty() &&
        (!renaming.done || ::rename(renaming.old.c_str(), renaming.path.c_str()) != 0)) {
      ::unlink(renaming.old.c_str());
    }
  }
  for (const Renaming& renaming : directories_) {
    std::error_code ignored;
    std::filesystem::remove_all(renaming.staged, ignored);
  }
  for (const Attributes& entry : attributes_) (void)set_attributes(entry.path, entry.before);
  for (auto path = made_directories_.rbegin(); path != made_directories_.rend(); ++path) {
    ::rmdir(path->c_str());
  }
}

Result<void> Transaction::make_directory(const std::string& path, const FileMode& mode) {
  struct stat status {};
  const std::string parent = directory_of(path);
  if (::stat(parent.c_str(), &status) != 0 && errno == ENOENT && parent != path) {
    if (auto made = make_directory(parent, {0755, {}, {}}); !made) return made;
  }
  if (::mkdir(path.c_str(), 0700) != 0) return failed("make directory", path);
  made_directories_.push_back(path);
  if (set_attributes(path, mode) != 0) return failed("set mode and owner of", path);
  return sync_directory_of(path);
}

Result<void> Transaction::change_directory(const std::string& path, const FileMode& mode) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return failed("look at", path);
  attributes_.push_back({path, {status.st_mode & 07777, status.st_uid, status.st_gid}});
  if (set_attributes(path, mode) != 0) return failed("set mode and owner of", path);
  return {};
}

Result<void> Transaction::stage_file(const std::string& path, std::string_view content,
                                     const FileMode& mode) {
  Renaming renaming{hidden_name(path, "new"), path, "", false};
  if (auto written = replace_file(renaming.staged, content, mode); !written) {
    // The operator asked for `path`, not for our name for it; the system's reason stands last.
    Error error = written.error();
    error.text = "cannot write " + path + error.text.substr(error.text.rfind(": "));
    return tl::make_unexpected(std::move(error));
  }
  files_.push_back(std::move(renaming));
  return {};
}

Result<void> Transaction::stage_removal(const std::string& path) {
  files_.push_back({"", path, "", false});
  return {};
}

Result<std::string> Transaction::stage_directory(const std::string& path) {
  std::string name = hidden_name(path, "new") + ".XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) return failed("make a directory beside", path);
  directories_.push_back({name, path, "", false});
  return name;
}

Result<void> Transaction::rename_file(Renaming& renaming) {
  const std::string old = hidden_name(renaming.path, "old");
  if (::link(renaming.path.c_str(), old.c_str()) == 0) {
    renaming.old = old;
  } else if (errno != ENOENT) {
    return failed("keep the old", renaming.path);
  }
  if (renaming.staged.empty()) {
    if (::unlink(renaming.path.c_str()) != 0) return failed("remove", renaming.path);
  } else if (::rename(renaming.staged.c_str(), renaming.path.c_str()) != 0) {
    return failed("replace", renaming.path);
  }
  renaming.done = true;
  return {};
}

Result<void> Transaction::commit() {
  for (Renaming& renaming : files_) {
    if (auto renamed = rename_file(renaming); !renamed) return renamed;
  }
  std::string synced;
  for (const Renaming& renaming : files_) {
    const std::string parent = directory_of(renaming.path);
    if (parent == synced) continue;
    if (auto done = sync_directory_of(renaming.path); !done) return done;
    synced = parent;
  }
  for (Renaming& renaming : directories_) {
    if (::rename(renaming.staged.c_str(), renaming.path.c_str()) != 0) {
      return failed("create", renaming.path);
    }
    renaming.done = true;
    renaming.staged = renaming.path;
  }
  final_ = true;
  for (const Renaming& renaming : files_) {
    if (!renaming.old.empty()) ::unlink(renaming.old.c_str());
  }
  // Too late to undo, and a power cut now can only bring the old state back.
  for (const Renaming& renaming : directories_) (void)sync_directory_of(renaming.path);
  return {};
}

}  // namespace grey::svctool
