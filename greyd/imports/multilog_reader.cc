#include "greyd/imports/multilog_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "greyd/base/split.h"
#include "greyd/imports/line_reader.h"

namespace grey::imports {
namespace {

constexpr std::size_t kLabel = 24;  // digits: 16 of seconds, 8 of nanoseconds
// What tai64nlocal(8) takes off: 2^62, and the 10 seconds that TAI was ahead in 1970.
constexpr std::uint64_t kEpoch = (std::uint64_t{1} << 62) + 10;

class MultilogReader : public LineReader {
 public:
  using LineReader::LineReader;

 private:
  struct Fields {
    std::string_view result, code, client;
    unsigned clients = 0;  // "remoteip=" fields
  };
  static Fields read_fields(std::string_view text) {
    Fields fields;
    while (!text.empty()) {
      const std::string_view field = take_field(text);
      if (field.starts_with("result=") && fields.result.empty()) fields.result = field.substr(7);
      if (field.starts_with("code=") && fields.code.empty()) fields.code = field.substr(5);
      if (!field.starts_with("remoteip=")) continue;
      fields.client = field.substr(9);
      ++fields.clients;
    }
    return fields;
  }

  void on_line(std::string_view line) override {
    const auto stamp = tai64n_seconds(line);
    if (!stamp || line.find("result=accepted") == std::string_view::npos) return pass_over();
    const Fields fields = read_fields(line.substr(1 + kLabel));
    if (fields.result != "accepted" || fields.code != "250" || fields.clients == 0) {
      return pass_over();
    }
    // A client that could write one of them would be somebody else's.
    if (fields.clients > 1) return give(Skip{Reason::two_clients, fields.client});
    const auto ip = Ip::parse_client(fields.client);
    if (!ip) return give(Skip{Reason::no_address, fields.client});
    Record record;
    record.record_class = RecordClass::client;
    record.client = network_of(*ip);
    record.address_only = true;
    record.seen = *stamp;
    give(record);
  }
  void on_long_line(std::string_view) override { pass_over(); }
  void on_torn_line(std::string_view) override { pass_over(); }
};

}  // namespace

std::optional<Seconds> tai64n_seconds(std::string_view line) {
  if (line.size() < 1 + kLabel || line[0] != '@') return std::nullopt;
  if (line.size() > 1 + kLabel && line[1 + kLabel] != ' ') return std::nullopt;
  const std::string_view label = line.substr(1, kLabel);
  if (label.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  std::uint64_t seconds = 0;
  std::from_chars(label.data(), label.data() + 16, seconds, 16);
  // Those before 1970, and those that never come, are no stamps of a log.
  if (seconds < kEpoch || seconds >= kEpoch + (std::uint64_t{1} << 40)) return std::nullopt;
  return Seconds(seconds - kEpoch);
}

std::unique_ptr<Reader> multilog_reader(std::string name, Visit visit) {
  return std::make_unique<MultilogReader>(std::move(name), std::move(visit));
}

Result<std::vector<std::string>> multilog_files(Directory& directory) {
  constexpr std::size_t kMax = 10'000;  // multilog's n; who keeps more gives them by name
  std::vector<std::string> files;
  bool current = false;
  const auto listed = directory.list({}, [&](const DirectoryEntry& entry) {
    if (entry.kind != DirectoryEntry::Kind::file) return true;
    if (entry.name == "current") current = true;
    if (tai64n_seconds(entry.name.substr(0, 1 + kLabel)) && files.size() < kMax) {
      files.emplace_back(entry.name);
    }
    return true;
  });
  if (!listed) return tl::make_unexpected(listed.error());
  std::sort(files.begin(), files.end());
  if (current) files.emplace_back("current");
  return files;
}

}  // namespace grey::imports
