#include "greyd/base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "greyd/base/files.h"

namespace grey {
namespace {

constexpr std::size_t kBlock = 4096;  // the least that a disk loses at once

// Whether every octet can be read: of a mapping that is told by a signal which ends the process.
bool is_readable(int fd, std::size_t size) {
  char chunk[16 * kBlock];
  for (std::size_t at = 0; at < size; at += sizeof chunk) {
    if (::pread(fd, chunk, sizeof chunk, off_t(at)) < 0 && errno == EIO) return false;
  }
  return true;
}

void read_blocks(int fd, char* data, std::size_t size) {
  for (std::size_t at = 0; at < size; at += kBlock) {
    (void)!::pread(fd, data + at, std::min(kBlock, size - at), off_t(at));
  }
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd) return of(fd.get(), path);
  if (errno == ENOENT) return MappedFile();
  return tl::make_unexpected(system_error("open", path, errno));
}

Result<MappedFile> MappedFile::of(int fd, const std::string& path) {
  MappedFile file;
  struct stat status {};
  if (::fstat(fd, &status) != 0) return tl::make_unexpected(system_error("read", path, errno));
  if (!S_ISREG(status.st_mode)) return failure(path + " is not a regular file");
  file.exists_ = true;
  if (status.st_size == 0) return file;
  const auto size = std::size_t(status.st_size);
  const bool readable = is_readable(fd, size);
  void* data =
      readable ? ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0)
               : ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return tl::make_unexpected(system_error("map", path, errno));
  if (!readable) read_blocks(fd, static_cast<char*>(data), size);
  ::madvise(data, size, MADV_SEQUENTIAL);
  file.text_ = {static_cast<const char*>(data), size};
  return file;
}

MappedFile::~MappedFile() {
  if (!text_.empty()) ::munmap(const_cast<char*>(text_.data()), text_.size());
}

}  // namespace grey
