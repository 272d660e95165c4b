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

bool is_tree(Form form) {
  return form == Form::jgreylist || form == Form::cqgreylist;
}

Result<std::size_t> read_some(int fd, const std::string& path, std::vector<char>& buffer) {
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got >= 0) return std::size_t(got);
    if (errno != EINTR) return tl::make_unexpected(system_error("read", path, errno));
  }
}

Result<void> read_pieces(Reader& reader, int fd, const std::string& path, std::uint64_t size,
                         const Progress& progress) {
  std::vector<char> buffer(std::size_t{1} << 18);
  for (std::uint64_t done = 0;;) {
    const auto got = read_some(fd, path, buffer);
    if (!got) return tl::make_unexpected(got.error());
    if (*got == 0) return reader.finish();
    if (auto fed = reader.feed({buffer.data(), *got}); !fed) return fed;
    done += *got;
    if (progress) progress(done, std::max(done, size));
  }
}

Result<void> read_mapped(Reader& reader, const std::string& path) {
  const auto file = MappedFile::open(path);
  if (!file) return tl::make_unexpected(file.error());
  return reader.read_whole(file->text());
}

// Its form, by its content.
Result<Form> form_at(int fd, const std::string& path) {
  std::string sample(kSample, '\0');
  std::size_t size = 0;
  while (size < sample.size()) {
    const ssize_t got = ::pread(fd, sample.data() + size, sample.size() - size, off_t(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::make_unexpected(system_error("read", path, errno));
    if (got == 0) break;
    size += std::size_t(got);
  }
  sample.resize(size);
  const auto form = form_of(sample);
  if (!form) return failure(path + " " + why_no_form(sample));
  return *form;
}

Result<ReadSource> read_file_of(std::optional<Form> form, const std::string& path,
                                const Settings& settings, const Visit& visit,
                                const Progress& progress) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return tl::make_unexpected(system_error("open", path, errno));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    return tl::make_unexpected(system_error("read", path, errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return failure(path + " is no regular file, and could be read only once");
  }
  if (!form) {
    const auto told = form_at(fd.get(), path);
    if (!told) return tl::make_unexpected(told.error());
    form = *told;
  }
  if (is_tree(*form)) return failure(path + " is not a directory");
  const auto reader = reader_of(*form, path, settings, visit);
  const auto read = wants_whole(*form) ? read_mapped(*reader, path)
                                       : read_pieces(*reader, fd.get(), path,
                                                     std::uint64_t(status.st_size), progress);
  if (!read) return tl::make_unexpected(read.error());
  return ReadSource{*form, reader->sums(), reader->other_lines()};
}

Result<ReadSource> read_logs(const std::string& path, Directory& directory,
                             const Settings& settings, const Visit& visit,
                             const Progress& progress) {
  const auto files = multilog_files(directory);
  if (!files) return tl::make_unexpected(files.error());
  ReadSource all{Form::multilog, {}, 0};
  for (const std::string& name : *files) {
    const auto one = read_file_of(Form::multilog, path + "/" + name, settings, visit, progress);
    if (!one) return one;
    all.other_lines += one->other_lines;
  }
  return all;
}

Result<ReadSource> read_directory_of(std::optional<Form> form, const std::string& path,
                                     const Settings& settings, const Visit& visit,
                                     const Progress& progress) {
  auto directory = DiskDirectory::open(path);
  if (!directory) return tl::make_unexpected(directory.error());
  if (!form) {
    const auto told = form_of(*directory);
    if (!told) return tl::make_unexpected(told.error());
    if (!*told) return failure(path + " is a directory of none of the forms that import reads");
    form = **told;
  }
  if (*form == Form::multilog) return read_logs(path, *directory, settings, visit, progress);
  if (!is_tree(*form)) return failure(path + " is a directory");
  const Visit with_path = [&](const Item& item) {
    const std::string place = path + "/" + std::string(item.place.file);
    visit({{place, item.place.line}, item.what});
  };
  const auto read = read_tree(*form, *directory, settings, with_path);
  if (!read) return tl::make_unexpected(read.error());
  return ReadSource{*form, {}, 0};
}

}  // namespace

Result<ReadSource> read_source(const std::string& path, std::optional<Form> form,
                               const Settings& settings, const Visit& visit,
                               const Progress& progress) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return tl::make_unexpected(system_error("open", path, errno));
  }
  return S_ISDIR(status.st_mode) ? read_directory_of(form, path, settings, visit, progress)
                                 : read_file_of(form, path, settings, visit, progress);
}

}  // namespace grey::imports
