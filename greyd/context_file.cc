#include "greyd/context_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>

#include "greyd/files.h"
#include "greyd/record_text.h"

namespace grey {
namespace {

constexpr std::string_view kHeader = "qmail-greyd context 1\n";
constexpr std::string_view kLegend =
    "# W first-seen client sender recipient: waits for its good retry\n"
    "# P last-seen client sender recipient: has passed\n"
    "# C last-seen good-retries client\n";

std::string trailer(std::size_t records, std::uint64_t checksum) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string line = "end " + std::to_string(records) + " ";
  for (int shift = 60; shift >= 0; shift -= 4) line += kHex[(checksum >> shift) & 15];
  return line + "\n";
}

// Writes the file in pieces, so that saving needs no memory of the size of the state.
class Writer {
 public:
  explicit Writer(int fd) : fd_(fd), hash_(XXH3_createState(), &XXH3_freeState) {
    XXH3_64bits_reset(hash_.get());
  }
  std::string& buffer() { return buffer_; }
  void flush_if_full() {
    if (buffer_.size() >= kPiece) flush();
  }
  void finish(std::size_t records) {
    flush();
    buffer_ = trailer(records, XXH3_64bits_digest(hash_.get()));
    flush();
  }
  int error() const { return error_; }

 private:
  static constexpr std::size_t kPiece = std::size_t{1} << 18;

  void flush() {
    XXH3_64bits_update(hash_.get(), buffer_.data(), buffer_.size());
    if (error_ == 0) error_ = write_all(fd_, buffer_);
    buffer_.clear();
  }

  int fd_;
  int error_ = 0;  // errno of the first write that failed
  std::string buffer_;
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> hash_;
};

struct Content {
  std::string_view records;
  std::string damage;
  std::optional<std::size_t> announced;  // by the trailer
};

// Takes header and trailer off and checks them.
Content open_content(std::string_view text) {
  if (!text.starts_with(kHeader)) {
    const std::string_view first_line = text.substr(0, text.find('\n'));
    if (first_line.starts_with("qmail-greyd context ")) {
      return {{}, "is of another version", {}};
    }
    return {{}, text.empty() ? "is empty" : "is not a context file", {}};
  }
  const std::size_t last = text.size() < 2 ? 0 : text.rfind('\n', text.size() - 2) + 1;
  const std::string_view end_line = text.substr(last);
  std::string_view records = text.substr(kHeader.size());
  if (!end_line.starts_with("end ") || !end_line.ends_with('\n') || last < kHeader.size()) {
    return {records, "has no end line", {}};
  }
  records = text.substr(kHeader.size(), last - kHeader.size());
  std::size_t announced = 0;
  std::from_chars(end_line.data() + 4, end_line.data() + end_line.size(), announced);
  const std::uint64_t checksum = XXH3_64bits(text.data(), last);
  if (end_line != trailer(announced, checksum)) {
    return {records, "has a wrong checksum", announced};
  }
  return {records, {}, announced};
}

struct Counts {
  std::size_t loaded = 0, expired = 0, bad = 0;
};

Counts restore_records(std::string_view records, Greylist& greylist, Seconds now) {
  Counts counts;
  RecordReader reader;
  while (!records.empty()) {
    const std::size_t end = records.find('\n');
    const std::string_view line = records.substr(0, end);
    records.remove_prefix(end == std::string_view::npos ? records.size() : end + 1);
    if (line.starts_with('#')) continue;
    // A line without its end may be a part of one: "a@example.org" cut from "a@example.organic".
    const SavedRecord* record = end == std::string_view::npos ? nullptr : reader.read(line);
    if (record == nullptr) {
      ++counts.bad;
    } else if (greylist.restore(*record, now)) {
      ++counts.loaded;
    } else {
      ++counts.expired;
    }
  }
  return counts;
}

Result<std::string> set_aside(const std::string& path, Seconds now) {
  std::string aside = path + ".damaged." + std::to_string(now);
  for (int n = 1; ::access(aside.c_str(), F_OK) == 0; ++n) {
    aside = path + ".damaged." + std::to_string(now) + "." + std::to_string(n);
  }
  if (::rename(path.c_str(), aside.c_str()) != 0) {
    return tl::make_unexpected(system_error("set aside damaged", path, errno));
  }
  return aside;
}

}  // namespace

Result<LoadReport> load_context(const std::string& path, Greylist& greylist, Seconds now) {
  const auto text = read_file(path);
  if (!text) return tl::make_unexpected(text.error());
  LoadReport report;
  if (!*text) return report;
  report.found = true;
  Content content = open_content(**text);
  const Counts counts = restore_records(content.records, greylist, now);
  report.loaded = counts.loaded;
  report.expired = counts.expired;
  if (content.damage.empty() && counts.bad > 0) content.damage = "has lines that are no records";
  if (content.damage.empty()) return report;

  const std::size_t read = counts.loaded + counts.expired;
  const std::size_t lost =
      content.announced && *content.announced > read ? *content.announced - read : counts.bad;
  report.damage = content.damage + ", " + std::to_string(lost) + " records lost";
  auto aside = set_aside(path, now);
  if (!aside) return tl::make_unexpected(aside.error());
  report.set_aside_as = std::move(*aside);
  return report;
}

Result<std::size_t> save_context(const std::string& path, const Greylist& greylist) {
  const std::string temporary = path + ".new";
  // 0600: who writes to whom is nobody else's business.
  const Fd fd(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return tl::make_unexpected(system_error("create", temporary, errno));
  Writer writer(fd.get());
  std::size_t records = 0;
  writer.buffer().append(kHeader).append(kLegend);
  greylist.for_each([&](const SavedRecord& record) {
    append_record(writer.buffer(), record);
    writer.flush_if_full();
    ++records;
  });
  writer.finish(records);
  std::string_view verb = "write";
  int error = writer.error();
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
  if (const auto synced = sync_directory_of(path); !synced)
    return tl::make_unexpected(synced.error());
  return records;
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
