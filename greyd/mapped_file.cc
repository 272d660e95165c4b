#include "greyd/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

#include "greyd/files.h"

namespace grey {

Result<MappedFile> MappedFile::open(const std::string& path) {
  MappedFile file;
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return file;
    return tl::make_unexpected(system_error("open", path, errno));
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0)
    return tl::make_unexpected(system_error("read", path, errno));
  if (!S_ISREG(status.st_mode)) return failure(path + " is not a regular file");
  file.exists_ = true;
  if (status.st_size == 0) return file;
  const auto size = std::size_t(status.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) return tl::make_unexpected(system_error("map", path, errno));
  ::madvise(data, size, MADV_SEQUENTIAL);
  file.text_ = {static_cast<const char*>(data), size};
  return file;
}

MappedFile::~MappedFile() {
  if (!text_.empty()) ::munmap(const_cast<char*>(text_.data()), text_.size());
}

}  // namespace grey
