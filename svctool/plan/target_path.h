// Paths of the machine that a service is for, and where they are on this one. With --destdir those
// are two things: what files, scripts and the plan name is "/service/x/run", and what is written is
// "DESTDIR/service/x/run". A TargetPath is the first and no string, so it cannot be opened: that
// takes Destdir::at(). Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace grey::svctool {

class TargetPath {
 public:
  TargetPath() = default;
  explicit TargetPath(std::string path) : path_(std::move(path)) {}

  // For files and messages that name it, on the machine that it is for.
  const std::string& said() const { return path_; }

  // `more` as it stands: "/run" is a file in it.
  TargetPath operator+(std::string_view more) const {
    return TargetPath(path_ + std::string(more));
  }
  bool is_below(const TargetPath& directory) const {
    return std::string_view(path_).starts_with(directory.path_ + "/");
  }

  bool operator==(const TargetPath&) const = default;
  bool operator==(std::string_view said) const { return path_ == said; }

 private:
  std::string path_;  // absolute
};

class Destdir {
 public:
  Destdir() = default;  // none: the service is for this machine
  explicit Destdir(std::string directory)
      : directory_(directory == "/" ? std::string() : std::move(directory)) {}

  bool is_this_machine() const { return directory_.empty(); }
  // Where that path is here, to be read or written.
  std::string at(const TargetPath& path) const { return directory_ + path.said(); }
  const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
};

}  // namespace grey::svctool
