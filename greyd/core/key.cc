#include "greyd/core/key.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "greyd/base/text.h"
#include "greyd/core/greydaemon.h"
#include "greyd/core/sender_key.h"

namespace grey {
namespace {

// Bits of the tag; a client's key with an IPv4 address has none of them.
constexpr char kV6 = 1;
constexpr char kTriplet = 2;
constexpr char kName = 4;
constexpr char kPool = 8;  // with kName: by verified name; without: by SPF
constexpr char kSent = 16;

enum class Case : std::uint8_t { kept, folded };

void append_bounded(std::string& key, std::string_view text, Case letters) {
  const auto fold = [letters](char c) { return letters == Case::folded ? to_lower(c) : c; };
  if (text.size() <= kMaxAddress) {
    const std::size_t start = key.size();
    key.append(text);
    std::transform(key.begin() + std::ptrdiff_t(start), key.end(),
                   key.begin() + std::ptrdiff_t(start), fold);
    return;
  }
  constexpr std::size_t kDigest = 16;
  std::string folded(text);
  std::transform(folded.begin(), folded.end(), folded.begin(), fold);
  unsigned char digest[kDigest];
  char hex[2 * kDigest + 1];
  crypto_generichash(digest, kDigest, reinterpret_cast<const unsigned char*>(folded.data()),
                     folded.size(), nullptr, 0);
  sodium_bin2hex(hex, sizeof hex, digest, kDigest);
  key.append(folded, 0, kMaxAddress - 1 - 2 * kDigest).append(1, '#').append(hex);
}

void append_address(std::string& key, std::string_view address) {
  append_bounded(key, address, Case::folded);
}

// The tag and bytes of a network.
void append_network(std::string& key, const Ip& network) {
  const bool v4 = network.is_v4();
  const std::size_t skip = v4 ? 12 : 0;
  key += v4 ? '\0' : kV6;
  key.append(reinterpret_cast<const char*>(network.bytes().data()) + skip, 16 - skip);
}

char tag_of(PoolKind kind) {
  return kind == PoolKind::spf ? kPool : char(kPool | kName);
}

bool begins_as_key(std::string_view key) {
  if (key.empty()) return false;
  const char of = char(key[0] & ~kTriplet);
  return of == 0 || of == kV6 || of == kName || of == kPool || of == (kPool | kName) ||
         is_sent_key(key);
}

// Whose domain what was sent was sent to. `rest`: behind its tag.
std::optional<Client> sent_to(std::string_view rest) {
  const std::string_view theirs = rest.substr(0, rest.find('\0'));
  const std::size_t at = theirs.rfind('@');
  if (at == std::string_view::npos) return std::nullopt;
  return Client::of_pool(PoolKind::sent, theirs.substr(at + 1));
}

// Takes what append_network() or a name's tag began off `rest`.
std::optional<Client> take_client(std::string_view& rest) {
  const char tag = rest[0];
  const bool is_triplet = (tag & kTriplet) != 0;
  rest.remove_prefix(1);
  if ((tag & kSent) != 0) return sent_to(rest);
  if ((tag & (kName | kPool)) != 0) {
    const std::size_t end = is_triplet ? rest.find('\0') : rest.size();
    if (end == std::string_view::npos) return std::nullopt;
    Client client = Client::named(rest.substr(0, end));
    if ((tag & kPool) != 0) client.pool = (tag & kName) != 0 ? PoolKind::name : PoolKind::spf;
    rest.remove_prefix(is_triplet ? end + 1 : end);
    return client;
  }
  const std::size_t size = (tag & kV6) != 0 ? 16 : 4;
  if (rest.size() < size) return std::nullopt;
  std::array<std::uint8_t, 16> bytes = Ip::from_v4(0).bytes();
  std::memcpy(bytes.data() + 16 - size, rest.data(), size);
  rest.remove_prefix(size);
  return Ip(bytes);
}

}  // namespace

void KeyBuilder::envelope(const Client& client, std::string_view sender) {
  client_.clear();
  if (client.has_address()) {
    append_network(client_,
                   policy_.clients_are_whole()
                       ? client.ip
                       : client.ip.client_network(policy_.ipv4_prefix, policy_.ipv6_prefix));
    triplet_ = client_;
  } else {
    client_ += client.pool ? tag_of(*client.pool) : kName;
    triplet_ = client_;
    append_bounded(client_, *client.name, Case::kept);
    append_bounded(triplet_, *client.name, Case::folded);
    triplet_ += '\0';
  }
  triplet_[0] = char(triplet_[0] | kTriplet);
  if (policy_.personality == Personality::greydaemon) {
    sender = greydaemon::sender_that_counts(sender, storage_);
  }
  null_sender_ = sender.empty();
  SenderBuffer buffer;
  append_address(triplet_, reduce_sender(sender, policy_.sender_key, buffer));
  triplet_ += '\0';
  prefix_size_ = triplet_.size();
}

std::string_view KeyBuilder::triplet(std::string_view recipient) {
  triplet_.resize(prefix_size_);
  if (policy_.recipient_key == RecipientKey::none) return triplet_;
  if (policy_.personality == Personality::greydaemon) {
    recipient = greydaemon::without_blanks(recipient, storage_);
  }
  append_address(triplet_, recipient);
  return triplet_;
}

void put_sent(std::string& to, std::string_view theirs, std::string_view ours) {
  SenderBuffer buffer;
  to.assign(1, char(kSent | kTriplet));
  append_address(to, reduce_sender(theirs, SenderKey::normalized, buffer));
  to += '\0';
  append_address(to, reduce_sender(ours, SenderKey::normalized, buffer));
}

void put_pool_client(std::string& to, const Client& pool) {
  to.assign(1, tag_of(*pool.pool)).append(*pool.name);
}

void put_pool_triplet(std::string& to, const Client& pool, std::string_view member) {
  const std::size_t client = 1 + ((member[0] & kV6) != 0 ? 16 : 4);
  to.assign(1, char(tag_of(*pool.pool) | kTriplet)).append(*pool.name).append(1, '\0');
  to.append(member.substr(client));
}

std::optional<Client> client_of_key(std::string_view key) {
  return begins_as_key(key) ? take_client(key) : std::nullopt;
}

static_assert((kTriplet | kName) == 6 && kPool == 8);  // is_pool_key()
static_assert((kSent | kTriplet) == 18);               // is_sent_key()

std::string_view ipv4_of_key(std::string_view key) {
  const bool is_v4 = key.size() >= 5 && (key[0] & ~kTriplet) == 0;
  return is_v4 ? key.substr(1, 4) : std::string_view();
}

std::optional<KeyParts> split_key(std::string_view key) {
  if (!begins_as_key(key)) return std::nullopt;
  const bool is_triplet = (key[0] & kTriplet) != 0;
  const std::optional<Client> client = take_client(key);
  if (!client) return std::nullopt;
  if (!is_triplet) {
    if (!key.empty()) return std::nullopt;
    return KeyParts{true, *client, {}, {}};
  }
  const std::size_t nul = key.find('\0');
  if (nul == std::string_view::npos) return std::nullopt;
  return KeyParts{false, *client, key.substr(0, nul), key.substr(nul + 1)};
}

}  // namespace grey
