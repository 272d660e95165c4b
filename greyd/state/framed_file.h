// A small file of the daemon's own, in a form that tells whether it is whole (framed_text.h), as it
// is read at a start.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>

#include "greyd/base/error.h"
#include "greyd/base/seconds.h"

namespace grey {

struct FramedFile {
  std::string path;
  off_t most;  // octets that it can have
  // Takes what can be read of a text. Returns its first line that cannot and why, as FrameReader
  // does; empty: all could.
  std::function<std::string(std::string_view text)> take;
  // What follows when some could not, for the note; asked after take().
  std::function<std::string()> loss;

  // Of no file nothing is taken. One that is damaged gets a second name, PATH.damaged.<now>, before
  // anything can write it anew, and `note` says so. An error when it is there and cannot be read
  // or kept; what was taken does not count then.
  Result<void> load(Seconds now, std::string& note) const;
};

// The same where a text becomes a value in one go, which has its first bad line in `bad`.
// `loss(value)`: what follows.
template <typename Read, typename Loss>
auto load_framed(const std::string& path, off_t most, Read read, Loss loss, Seconds now,
                 std::string& note) -> Result<decltype(read(std::string_view()))> {
  decltype(read(std::string_view())) value;
  const auto take = [&](std::string_view text) {
    value = read(text);
    return value.bad;
  };
  const auto loaded = FramedFile{path, most, take, [&] { return loss(value); }}.load(now, note);
  if (!loaded) return tl::make_unexpected(loaded.error());
  return value;
}

}  // namespace grey
