#include "greyd/state/framed_file.h"

#include <sys/stat.h>

#include "greyd/base/files.h"
#include "greyd/state/kept_files.h"

namespace grey {

Result<void> FramedFile::load(Seconds now, std::string& note) const {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && status.st_size > most) {
    return failure(path + " is larger than it can be");
  }
  const auto text = read_file(path);
  if (!text) return tl::make_unexpected(text.error());
  if (!*text) return {};
  const std::string bad = take(**text);
  if (bad.empty()) return {};
  const std::string family = path + ".damaged.";
  const auto kept = keep_aside(path, family + std::to_string(now), family);
  if (!kept) return tl::make_unexpected(kept.error());
  note = path + ":" + bad + "; kept as " + *kept + ", " + loss();
  return {};
}

}  // namespace grey
