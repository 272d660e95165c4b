// The few things daemon and installer do with files, each of which either happens whole or leaves
// what was there. Every error names the path and the system's reason.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "greyd/base/error.h"

namespace grey {

// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { reset(); }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }  // the caller's from now on
  explicit operator bool() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

// "cannot <verb> <path>: <strerror(error_number)>"
Error system_error(std::string_view verb, std::string_view path, int error_number);

// The whole file. Nothing (not an error) when it does not exist.
Result<std::optional<std::string>> read_file(const std::string& path);

// All of `data`, whatever the number of write calls it takes. The errno of the one that failed, or
// 0.
int write_all(int fd, std::string_view data);

// Which file a name or a descriptor stands for.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileId&) const = default;
};

// Of a symbolic link that of the link itself. Nothing, and errno, when there is none.
std::optional<FileId> file_id(const std::string& path);
std::optional<FileId> file_id(int fd);

// `path` itself, or with a number behind it: a name that is not in use.
std::string free_name(const std::string& path);

struct FileMode {
  mode_t mode = 0644;
  // Left as the process's own where absent.
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
};

// Replaces `path` by temporary file (in the same directory), fsync, rename, fsync of the directory.
// After an error the old file is as it was and the temporary file is gone.
Result<void> replace_file(const std::string& path, std::string_view content,
                          const FileMode& mode = {});

// The same for what is written piece by piece. All of it happens in the directory that begin()
// opened, whatever then becomes of its path; and root goes no way there on which another user could
// have put a link (place.h).
class NewFile {
 public:
  // `unnamed`: has no name until it is whole, where system and file system can do that, so that who
  // is killed meanwhile leaves nothing either.
  static Result<NewFile> begin(const std::string& path, bool unnamed = false);
  NewFile(NewFile&& other) noexcept
      : path_(std::move(other.path_)),
        temporary_(std::exchange(other.temporary_, {})),
        directory_(std::move(other.directory_)),
        fd_(std::move(other.fd_)) {}
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();  // without put_in_place() nothing is left of it

  Result<void> write(std::string_view content);
  // fsync, rename, fsync of the directory. REQUIRES: no call before had an error.
  Result<void> put_in_place(const FileMode& mode);

 private:
  NewFile(std::string path, std::string temporary, Fd directory, Fd fd)
      : path_(std::move(path)),
        temporary_(std::move(temporary)),
        directory_(std::move(directory)),
        fd_(std::move(fd)) {}

  int give_name();  // 0 or an errno

  std::string path_, temporary_;  // temporary_: a name in directory_; empty while it has none
  Fd directory_, fd_;             // directory_: O_PATH
};

// The directory that holds `path`; "." for a name alone.
std::string directory_of(const std::string& path);

// fsyncs the directory that holds `path`, so that a rename in it survives a power cut.
Result<void> sync_directory_of(const std::string& path);
int sync_parent(const std::string& path);  // the same: 0 or an errno

// `path` itself when absolute, else below `directory`.
std::string path_below(std::string_view directory, std::string_view path);

}  // namespace grey
