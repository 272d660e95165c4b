// What there is at a path, whatever it is: a file of a form, a tree, a directory of logs.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/imports/directory.h"
#include "greyd/imports/reader.h"

namespace grey::imports {

struct ReadSource {
  Form form = Form::context;
  Sums sums;
  std::uint64_t other_lines = 0;  // see Reader
};

// Is told now and then how many octets of how many have been read, of each file by itself.
using Progress = std::function<void(std::uint64_t octets, std::uint64_t of)>;

// It is opened once, and read from its beginning as often as it is wanted: so who may read it only
// now can read it later, but for a tree.
//
// An error is one line that names the path: it is not there, or cannot be read; it is none of the
// forms, or of another than was said; it is bad, see reader.h. Then nothing of it is to be taken.
// As that is known at the end only, who takes things reads it twice; so a pipe, which can be read
// once, is an error. It does not hang on one.
class Source {
 public:
  // `form` where it is not to be told by its content.
  static Result<Source> open(const std::string& path, std::optional<Form> form);

  const std::string& path() const { return path_; }
  // Reads all of it. Memory does not grow with it. Of a tree, what is in it is opened only now.
  Result<ReadSource> read(const Settings& settings, const Visit& visit,
                          const Progress& progress = {});

 private:
  struct File {
    std::string path;
    Fd fd;  // of more than a few hundred logs: none, and it is opened when it is read
    std::uint64_t size = 0;  // when it was opened: a log grows
  };

  Source(std::string path, Form form) : path_(std::move(path)), form_(form) {}
  static Result<File> open_file(const std::string& path);
  static Result<Source> open_directory(const std::string& path, std::optional<Form> form);
  Result<ReadSource> read_file(const File& file, const Settings& settings, const Visit& visit,
                               const Progress& progress) const;

  std::string path_;
  Form form_;
  std::vector<File> files_;            // several of a directory of logs, the oldest first
  std::optional<DiskDirectory> tree_;  // else
};

// The same at once.
Result<ReadSource> read_source(const std::string& path, std::optional<Form> form,
                               const Settings& settings, const Visit& visit,
                               const Progress& progress = {});

}  // namespace grey::imports
