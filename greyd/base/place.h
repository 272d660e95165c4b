// Reaches directories and files without being led astray. svctool, and greyctl where it writes a
// file, run as root, below directories that belong to the users of services as well; whoever can
// write to a directory on the way could put a link there, also between a look and what follows it.
// So a path is gone along directory by directory, each opened in the one before, and what is done
// is done in the directory that was opened.
//
// A link is followed where only root (or whoever runs this) could have put it.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/base/files.h"

namespace grey {

struct Directory {
  Fd fd;             // for openat(2) and its like alone (O_PATH)
  std::string path;  // without links
  // Who else could exchange what is in it, or what leads to it: "user daemon can write to /a".
  // Empty: nobody.
  std::string exposed;
  // Others may make new names in it, and exchange their own, but not ours: as in /tmp.
  bool sticky = false;
};

struct PlaceError {
  int number = 0;  // 0: a link that is not followed
  std::string path, reason;
};

tl::expected<Directory, PlaceError> open_directory(const std::string& path);

// What holds `path`, and its name there. The name itself may be a link.
struct Place {
  Directory directory;
  std::string name;

  std::string path() const { return path_below(directory.path, name); }
};
tl::expected<Place, PlaceError> open_place(const std::string& path);

// The same path without any link, also in its last part: an error where one is not followed.
Result<std::string> resolve(const std::string& path);

// Who else could change what a path leads to: "user daemon can write to /a". Empty: nobody, or
// nothing is there.
std::string exposure_of(const std::string& path);

// What stands there; a link is followed as by resolve().
tl::expected<struct stat, PlaceError> status_of(const std::string& path);
// The same, and of a link in the last part it is the link's own.
tl::expected<struct stat, PlaceError> status_of_name(const std::string& path);
// Whether anything is there, also what is not to be followed: whoever then reads says why not.
bool is_there(const std::string& path);
// Which file it stands for, through links; nothing when there is none.
std::optional<FileId> followed_id(const std::string& path);

// What is in a directory, sorted; a link to it is followed as by resolve().
tl::expected<std::vector<std::string>, PlaceError> names_in(const std::string& path);

// A regular file, to be read; the last part of the path may not be a link.
tl::expected<Fd, PlaceError> open_regular(const std::string& path);

// The whole of a regular file; the last part of the path may not be a link. Nothing when it does
// not exist. What else stands there, such as a fifo that nobody writes to, is an error at once.
Result<std::optional<std::string>> read_regular(const std::string& path);
// The same, and a link is followed as by resolve().
Result<std::optional<std::string>> read_followed(const std::string& path);
// As read_regular(), of `name` in a directory that is open; `path` is for the error.
Result<std::optional<std::string>> read_regular_at(int directory, const std::string& name,
                                                   const std::string& path);

// "cannot VERB PATH: REASON"
Error to_error(std::string_view verb, const std::string& path, const PlaceError& error);

}  // namespace grey
