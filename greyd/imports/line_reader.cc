#include "greyd/imports/line_reader.h"

#include <array>
#include <cstring>

#include "greyd/lists/network_set.h"

namespace grey::imports {
namespace {

// One to four parts of digits, each at most 255; behind fewer than four there may be a '.'.
std::optional<Network> read_octets(std::string_view text) {
  std::uint32_t address = 0;
  for (unsigned parts = 1; parts <= 4; ++parts) {
    const std::size_t end = std::min(text.find('.'), text.size());
    const auto part = read_number<unsigned>(text.substr(0, end));
    if (!part || end > 3 || *part > 255) return std::nullopt;
    address = address << 8 | *part;
    const bool last = end == text.size() || (parts < 4 && end + 1 == text.size());
    const unsigned bits = 8 * parts;
    if (last) return Network{Ip::from_v4(address << (32 - bits)), Ip::kV4Bits + bits};
    text.remove_prefix(end + 1);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Network> read_client(std::string_view text) {
  if (const auto ip = Ip::parse(text)) return network_of(*ip);
  if (text.find_first_of("/:") == std::string_view::npos) return read_octets(text);
  const auto network = read_network(text);
  if (!network) return std::nullopt;
  return Network{network->address.network(network->prefix), network->prefix};
}

void LineReader::keep(std::string_view part) {
  begun_.append(part.substr(0, kMaxLine + 1 - begun_.size()));
}

void LineReader::look_at_length() {
  if (long_ || begun_.size() <= kMaxLine) return;
  long_ = true;
  on_long_line(std::string_view(begun_).substr(0, kMaxLine));
}

void LineReader::end_line(std::string_view line) {
  if (line.size() > kMaxLine) {
    if (!long_) on_long_line(line.substr(0, kMaxLine));
    long_ = false;
  } else {
    if (line.ends_with('\r')) line.remove_suffix(1);
    on_line(line);
  }
  ++number_;
}

void LineReader::on_bytes(std::string_view bytes) {
  while (!bytes.empty() && !failed()) {
    const auto* const found =
        static_cast<const char*>(std::memchr(bytes.data(), '\n', bytes.size()));
    if (found == nullptr) {
      keep(bytes);
      return look_at_length();
    }
    const auto end = std::size_t(found - bytes.data());
    if (begun_.empty()) {
      end_line(bytes.substr(0, end));
    } else {
      keep(bytes.substr(0, end));
      end_line(begun_);
      begun_.clear();
    }
    bytes.remove_prefix(end + 1);
  }
}

void LineReader::on_end() {
  if (!begun_.empty() && !long_) on_torn_line(begun_);
  if (!failed()) on_last_line();
}

void LineReader::on_long_line(std::string_view) {
  fail("the line is longer than any of such a file");
}

void LineReader::on_torn_line(std::string_view) {
  fail("the last line has no end: the file has been cut");
}

}  // namespace grey::imports
