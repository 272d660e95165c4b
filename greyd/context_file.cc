#include "greyd/context_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "greyd/files.h"

namespace grey {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 18;  // bytes written at once

// `path` + `suffix`, or with a number behind it: a name that is not in use.
std::string free_name(const std::string& path, const std::string& suffix) {
  std::string name = path + suffix;
  for (int n = 1; ::access(name.c_str(), F_OK) == 0; ++n) {
    name = path + suffix + "." + std::to_string(n);
  }
  return name;
}

// Moves a damaged file out of the way.
Result<std::string> set_aside(const std::string& path, Seconds now) {
  std::string name = free_name(path, ".damaged." + std::to_string(now));
  if (::rename(path.c_str(), name.c_str()) == 0) return name;
  return tl::make_unexpected(system_error("set aside damaged", path, errno));
}

// Gives the file a second name, so that it outlives the next save; it is read from the first until
// then.
Result<std::string> keep_imported(const std::string& path) {
  std::string name = free_name(path, ".imported");
  if (::link(path.c_str(), name.c_str()) == 0) return name;
  return tl::make_unexpected(system_error("keep imported file as", name, errno));
}

// 0, or the errno of the write that failed.
int write_records(int fd, ContextComposer& composer, const Greylist& greylist) {
  int error = 0;
  const auto write_piece = [&] {
    const std::string_view piece = composer.take_buffer();
    if (error == 0) error = write_all(fd, piece);
  };
  composer.begin();
  greylist.for_each([&](const SavedRecord& record) {
    composer.add(record);
    if (composer.buffered() >= kPiece) write_piece();
  });
  composer.finish();
  write_piece();
  return error;
}

}  // namespace

Result<LoadReport> load_context(const std::string& path, ContextForm form, Greylist& greylist,
                                Seconds now) {
  const auto text = read_file(path);
  if (!text) return tl::make_unexpected(text.error());
  LoadReport report;
  if (!*text) return report;
  const ContextContent content = read_context(**text, [&](const SavedRecord& record) {
    ++(greylist.restore(record, now) ? report.loaded : report.expired);
  });
  if (content.damage.empty() && content.form == form) return report;

  if (!content.damage.empty()) {
    report.damage = content.damage + ", " + std::to_string(content.lost()) + " records lost";
  }
  auto kept = content.damage.empty() ? keep_imported(path) : set_aside(path, now);
  if (!kept) return tl::make_unexpected(kept.error());
  report.kept_as = std::move(*kept);
  return report;
}

Result<std::size_t> save_context(const std::string& path, ContextForm form,
                                 const Greylist& greylist) {
  const std::string temporary = path + ".new";
  // 0600: who writes to whom is nobody else's business.
  const Fd fd(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return tl::make_unexpected(system_error("create", temporary, errno));
  ContextComposer composer(form);
  std::string_view verb = "write";
  int error = write_records(fd.get(), composer, greylist);
  if (error == 0 && ::fsync(fd.get()) != 0) {
    error = errno;
    verb = "sync";
  }
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) {
    error = errno;
    verb = "rename";
  }
  if (error != 0) {
    ::unlink(temporary.c_str());
    return tl::make_unexpected(system_error(verb, temporary, error));
  }
  if (auto synced = sync_directory_of(path); !synced) return tl::make_unexpected(synced.error());
  return composer.records();
}

Result<void> check_context_place(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    return failure("context file " + path + " is not a regular file");
  }
  const std::string probe = path + ".new";
  const Fd fd(::open(probe.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return tl::make_unexpected(system_error("write context file, create", probe, errno));
  ::unlink(probe.c_str());
  return {};
}

}  // namespace grey
