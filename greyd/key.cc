#include "greyd/key.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "greyd/sender_key.h"
#include "greyd/text.h"

namespace grey {
namespace {

constexpr char kClient = 0;
constexpr char kTriplet = 2;
constexpr char kV6 = 1;

void append_address(std::string& key, std::string_view address) {
  if (address.size() <= kMaxAddress) {
    const std::size_t start = key.size();
    key.append(address);
    std::transform(key.begin() + std::ptrdiff_t(start), key.end(),
                   key.begin() + std::ptrdiff_t(start), [](char c) { return to_lower(c); });
    return;
  }
  constexpr std::size_t kDigest = 16;
  const std::string folded = to_lower(address);
  unsigned char digest[kDigest];
  char hex[2 * kDigest + 1];
  crypto_generichash(digest, kDigest, reinterpret_cast<const unsigned char*>(folded.data()),
                     folded.size(), nullptr, 0);
  sodium_bin2hex(hex, sizeof hex, digest, kDigest);
  key.append(folded, 0, kMaxAddress - 1 - 2 * kDigest).append(1, '#').append(hex);
}

}  // namespace

void KeyBuilder::envelope(const Ip& client, std::string_view sender) {
  const Ip network = client.client_network(policy_.ipv4_prefix, policy_.ipv6_prefix);
  const bool v4 = network.is_v4();
  const std::size_t skip = v4 ? 12 : 0;
  client_[0] = char(kClient | (v4 ? 0 : kV6));
  std::memcpy(client_.data() + 1, network.bytes().data() + skip, 16 - skip);
  client_size_ = 1 + 16 - skip;

  triplet_.assign(client_.data(), client_size_);
  triplet_[0] = char(triplet_[0] | kTriplet);
  SenderBuffer buffer;
  append_address(triplet_, reduce_sender(sender, policy_.sender_key, buffer));
  triplet_ += '\0';
  prefix_size_ = triplet_.size();
}

std::string_view KeyBuilder::triplet(std::string_view recipient) {
  triplet_.resize(prefix_size_);
  if (policy_.recipient_key == RecipientKey::full) append_address(triplet_, recipient);
  return triplet_;
}

std::optional<KeyParts> split_key(std::string_view key) {
  if (key.empty() || (key[0] & ~(kTriplet | kV6)) != 0) return std::nullopt;
  const bool v4 = (key[0] & kV6) == 0;
  const std::size_t address_size = v4 ? 4 : 16;
  if (key.size() < 1 + address_size) return std::nullopt;
  std::array<std::uint8_t, 16> bytes = Ip::from_v4(0).bytes();
  std::memcpy(bytes.data() + 16 - address_size, key.data() + 1, address_size);
  KeyParts parts;
  parts.client = Ip(bytes);
  const std::string_view envelope = key.substr(1 + address_size);
  if ((key[0] & kTriplet) == 0) {
    parts.is_client = true;
    if (!envelope.empty()) return std::nullopt;
    return parts;
  }
  const std::size_t nul = envelope.find('\0');
  if (nul == std::string_view::npos) return std::nullopt;
  parts.sender = envelope.substr(0, nul);
  parts.recipient = envelope.substr(nul + 1);
  return parts;
}

}  // namespace grey
