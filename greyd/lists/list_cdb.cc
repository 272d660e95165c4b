#include "greyd/lists/list_cdb.h"

#include <cdb.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <set>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/lists/domain_name.h"

namespace grey {
namespace {

// No entry begins so.
constexpr std::string_view kPrefixesKey = "/prefixes";
constexpr std::string_view kLabelsKey = "/labels";
constexpr std::size_t kMostLabels = kMaxDomain / 2 + 1;
// For a cdb that was made before there was that key: more is hardly in it, and costs lookups.
constexpr std::size_t kUsualLabels = 8;

class CdbLookup : public EntryLookup {
 public:
  // REQUIRES: `fd` is a cdb.
  explicit CdbLookup(Fd fd) : fd_(std::move(fd)) {}
  ~CdbLookup() override {
    if (open_) cdb_free(&cdb_);
  }
  CdbLookup(const CdbLookup&) = delete;
  CdbLookup& operator=(const CdbLookup&) = delete;

  // False when it is no cdb.
  bool open() {
    open_ = cdb_init(&cdb_, fd_.get()) == 0;
    if (!open_ || !read_prefixes()) return false;
    return read_labels();
  }

  bool contains(std::string_view key) const override { return find(key).has_value(); }
  const std::vector<unsigned>& prefixes() const override { return prefixes_; }
  std::size_t domain_labels() const override { return domain_labels_; }

 private:
  // A damaged file is not found in, never read beyond its end: cdb_find checks each position.
  std::optional<std::string_view> find(std::string_view key) const {
    if (cdb_find(&cdb_, key.data(), unsigned(key.size())) <= 0) return std::nullopt;
    const unsigned size = cdb_datalen(&cdb_);
    const void* data = cdb_get(&cdb_, size, cdb_datapos(&cdb_));
    if (data == nullptr) return std::nullopt;
    return std::string_view(static_cast<const char*>(data), size);
  }

  bool read_prefixes() {
    const auto text = find(kPrefixesKey);
    if (!text) return false;
    const char* at = text->data();
    const char* const end = at + text->size();
    while (at != end) {
      unsigned prefix = 0;
      const auto [next, error] = std::from_chars(at, end, prefix);
      if (error != std::errc() || prefix > 128) return false;
      prefixes_.push_back(prefix);
      at = next != end && *next == ' ' ? next + 1 : next;
    }
    return true;
  }

  bool read_labels() {
    const auto text = find(kLabelsKey);
    if (!text) return true;
    const char* const end = text->data() + text->size();
    const auto [at, error] = std::from_chars(text->data(), end, domain_labels_);
    return error == std::errc() && at == end && domain_labels_ <= kMostLabels;
  }

  Fd fd_;
  mutable cdb cdb_{};  // cdb_find keeps its place in it
  bool open_ = false;
  std::vector<unsigned> prefixes_;
  std::size_t domain_labels_ = kUsualLabels;
};

// 0 or an errno.
int write_cdb(int fd, const AddressList& list, std::size_t& keys) {
  cdb_make maker;
  if (cdb_make_start(&maker, fd) != 0) return errno;
  int error = 0;
  const auto add = [&](std::string_view key, std::string_view data) {
    if (error == 0 && cdb_make_add(&maker, key.data(), unsigned(key.size()), data.data(),
                                   unsigned(data.size())) != 0) {
      error = errno;
    }
  };
  std::set<unsigned> prefixes;
  list.for_each_network([&](const Network& network) { prefixes.insert(network.prefix); });
  std::string lengths;
  for (const unsigned prefix : prefixes) {
    lengths += (lengths.empty() ? "" : " ") + std::to_string(prefix);
  }
  add(kPrefixesKey, lengths);
  add(kLabelsKey, std::to_string(list.domain_labels()));
  list.for_each_key([&](std::string_view key) {
    add(key, "");
    ++keys;
  });
  if (cdb_make_finish(&maker) != 0 && error == 0) error = errno;
  return error;
}

// Linux: Documentation/admin-guide/devices.txt, 1 char, 3.
bool is_null_device(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

}  // namespace

Result<std::optional<std::string>> read_list_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    // Also by a link, which is a way to have none.
    if (is_null_device(status)) return std::optional<std::string>("");
    return failure(path + ": not a regular file");
  }
  return read_file(path);
}

Result<ListCdb> make_list_cdb(std::string_view text, const std::string& path) {
  const auto list = AddressList::parse(text, path);
  if (!list) return tl::make_unexpected(list.error());

  ListCdb built;
  built.left = list->domains();
  const Fd fd(::memfd_create("list", MFD_CLOEXEC));
  if (!fd) return tl::make_unexpected(system_error("write", path + ".cdb", errno));
  if (const int error = write_cdb(fd.get(), *list, built.keys)) {
    return tl::make_unexpected(system_error("write", path + ".cdb", error));
  }
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  built.content.resize(std::size_t(size));
  if (::pread(fd.get(), built.content.data(), built.content.size(), 0) != size) {
    return tl::make_unexpected(system_error("write", path + ".cdb", errno));
  }
  return built;
}

Result<std::size_t> build_list_cdb(const std::string& path) {
  const auto text = read_list_file(path);
  if (!text) return tl::make_unexpected(text.error());
  if (!*text) return tl::make_unexpected(system_error("open", path, ENOENT));
  const auto built = make_list_cdb(**text, path);
  if (!built) return tl::make_unexpected(built.error());
  if (auto written = replace_file(path + ".cdb", built->content); !written) {
    return tl::make_unexpected(written.error());
  }
  return built->keys;
}

Result<std::shared_ptr<const EntryLookup>> open_list_cdb(const std::string& path) {
  const auto content = read_list_file(path);
  if (!content) return tl::make_unexpected(content.error());
  if (!*content) return tl::make_unexpected(system_error("open", path, ENOENT));
  // The library maps its file, and a mapped file that somebody cuts kills whoever reads it: so it
  // gets a copy that nobody else has.
  Fd fd(::memfd_create("list", MFD_CLOEXEC));
  if (!fd) return tl::make_unexpected(system_error("copy", path, errno));
  if (const int error = write_all(fd.get(), **content)) {
    return tl::make_unexpected(system_error("copy", path, error));
  }
  auto lookup = std::make_shared<CdbLookup>(std::move(fd));
  if (!lookup->open()) {
    return failure(path + ": not a list that svctool --build-cdb has made");
  }
  return std::shared_ptr<const EntryLookup>(std::move(lookup));
}

}  // namespace grey
