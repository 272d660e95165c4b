#include "greyd/imports/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/base/mapped_file.h"
#include "greyd/imports/multilog_reader.h"
#include "greyd/imports/trees.h"

namespace grey::imports {
namespace {

// Files of a log's directory: a process may have a thousand open, as a rule.
constexpr std::size_t kKeptOpen = 500;

bool is_tree(Form form) {
  return form == Form::jgreylist || form == Form::cqgreylist;
}

Result<std::size_t> read_some(int fd, const std::string& path, std::uint64_t at,
                              std::vector<char>& buffer) {
  for (;;) {
    const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), off_t(at));
    if (got >= 0) return std::size_t(got);
    if (errno != EINTR) return tl::make_unexpected(system_error("read", path, errno));
  }
}

Result<void> read_pieces(Reader& reader, int fd, const std::string& path, std::uint64_t size,
                         const Progress& progress) {
  std::vector<char> buffer(std::size_t{1} << 18);
  for (std::uint64_t done = 0;;) {
    const auto got = read_some(fd, path, done, buffer);
    if (!got) return tl::make_unexpected(got.error());
    if (*got == 0) return reader.finish();
    if (auto fed = reader.feed({buffer.data(), *got}); !fed) return fed;
    done += *got;
    if (progress) progress(done, std::max(done, size));
  }
}

Result<void> read_mapped(Reader& reader, int fd, const std::string& path) {
  const auto file = MappedFile::of(fd, path);
  if (!file) return tl::make_unexpected(file.error());
  return reader.read_whole(file->text());
}

Result<std::string> beginning_of(int fd, const std::string& path, std::size_t most) {
  std::string sample(most, '\0');
  std::size_t size = 0;
  while (size < sample.size()) {
    const ssize_t got = ::pread(fd, sample.data() + size, sample.size() - size, off_t(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::make_unexpected(system_error("read", path, errno));
    if (got == 0) break;
    size += std::size_t(got);
  }
  sample.resize(size);
  return sample;
}

// Its form, by its content.
Result<Form> form_at(int fd, const std::string& path) {
  const auto sample = beginning_of(fd, path, kSample);
  if (!sample) return tl::make_unexpected(sample.error());
  const auto form = form_of(*sample);
  if (!form) return failure(path + " " + why_no_form(*sample));
  return *form;
}

// Of a log's directory: one that was compressed by whoever rotates it is no log, and what it holds
// must not be passed over.
Result<void> check_log(int fd, const std::string& path) {
  constexpr std::size_t kEnough = 64;
  const auto sample = beginning_of(fd, path, kEnough);
  if (!sample) return tl::make_unexpected(sample.error());
  const std::string_view why = why_unreadable(*sample);
  return why.empty() ? Result<void>() : failure(path + " " + std::string(why));
}

}  // namespace

Result<Source::File> Source::open_file(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return tl::make_unexpected(system_error("open", path, errno));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    return tl::make_unexpected(system_error("read", path, errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return failure(path + " is no regular file, and could be read only once");
  }
  return File{path, std::move(fd), std::uint64_t(status.st_size)};
}

Result<Source> Source::open_directory(const std::string& path, std::optional<Form> form) {
  auto directory = DiskDirectory::open(path);
  if (!directory) return tl::make_unexpected(directory.error());
  if (!form) {
    const auto told = form_of(*directory);
    if (!told) return tl::make_unexpected(told.error());
    if (!*told) return failure(path + " is a directory of none of the forms that import reads");
    form = **told;
  }
  Source source(path, *form);
  if (is_tree(*form)) {
    source.tree_ = std::move(*directory);
    return source;
  }
  const bool is_multilogs =
      *form == Form::multilog || *form == Form::qmail_send || *form == Form::any_sent_log;
  if (!is_multilogs) return failure(path + " is a directory");
  const auto names = multilog_files(*directory);
  if (!names) return tl::make_unexpected(names.error());
  for (const std::string& name : *names) {
    auto file = open_file((path + "/").append(name));
    if (!file && file.error().number == ENOENT) continue;  // multilog has taken it away just now
    if (!file) return tl::make_unexpected(file.error());
    if (auto log = check_log(file->fd.get(), file->path); !log) {
      return tl::make_unexpected(log.error());
    }
    if (source.files_.size() >= kKeptOpen) file->fd.reset();
    source.files_.push_back(std::move(*file));
  }
  return source;
}

Result<Source> Source::open(const std::string& path, std::optional<Form> form) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return tl::make_unexpected(system_error("open", path, errno));
  }
  if (S_ISDIR(status.st_mode)) return open_directory(path, form);
  auto file = open_file(path);
  if (!file) return tl::make_unexpected(file.error());
  if (!form) {
    const auto told = form_at(file->fd.get(), path);
    if (!told) return tl::make_unexpected(told.error());
    form = *told;
  }
  if (is_tree(*form)) return failure(path + " is not a directory");
  Source source(path, *form);
  source.files_.push_back(std::move(*file));
  return source;
}

Result<ReadSource> Source::read_file(const File& file, const Settings& settings, const Visit& visit,
                                     const Progress& progress) const {
  if (!file.fd) {
    const auto opened = open_file(file.path);
    if (!opened) return tl::make_unexpected(opened.error());
    return read_file(*opened, settings, visit, progress);
  }
  const auto reader = reader_of(form_, file.path, settings, visit);
  const auto read = wants_whole(form_)
                        ? read_mapped(*reader, file.fd.get(), file.path)
                        : read_pieces(*reader, file.fd.get(), file.path, file.size, progress);
  if (!read) return tl::make_unexpected(read.error());
  return ReadSource{form_, reader->sums(), reader->other_lines()};
}

Result<ReadSource> Source::read(const Settings& settings, const Visit& visit,
                                const Progress& progress) {
  if (tree_) {
    const Visit with_path = [&](const Item& item) {
      const std::string place = path_ + "/" + std::string(item.place.file);
      visit({{place, item.place.line}, item.what});
    };
    const auto read = read_tree(form_, *tree_, settings, with_path);
    if (!read) return tl::make_unexpected(read.error());
    return ReadSource{form_, {}, 0};
  }
  ReadSource all{form_, {}, 0};
  for (const File& file : files_) {
    auto one = read_file(file, settings, visit, progress);
    if (!one) return one;
    all.sums = one->sums;  // of the one file; a log has none
    all.other_lines += one->other_lines;
  }
  return all;
}

Result<ReadSource> read_source(const std::string& path, std::optional<Form> form,
                               const Settings& settings, const Visit& visit,
                               const Progress& progress) {
  auto source = Source::open(path, form);
  if (!source) return tl::make_unexpected(source.error());
  return source->read(settings, visit, progress);
}

}  // namespace grey::imports
