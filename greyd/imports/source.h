// What there is at a path, whatever it is: a file of a form, a tree, a directory of logs.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "greyd/imports/reader.h"

namespace grey::imports {

struct ReadSource {
  Form form = Form::context;
  Sums sums;
  std::uint64_t other_lines = 0;  // see Reader
};

// Is told now and then how many octets of how many have been read, of each file by itself.
using Progress = std::function<void(std::uint64_t octets, std::uint64_t of)>;

// Reads all of it; `form` where it is not to be told by its content. Memory does not grow with it.
//
// An error is one line that names the path: it is not there, or cannot be read; it is none of the
// forms, or of another than was said; it is bad, see reader.h. Then nothing of it is to be taken.
// As that is known at the end only, who takes things reads it twice; so a pipe, which can be read
// once, is an error. It does not hang on one.
Result<ReadSource> read_source(const std::string& path, std::optional<Form> form,
                               const Settings& settings, const Visit& visit,
                               const Progress& progress = {});

}  // namespace grey::imports
