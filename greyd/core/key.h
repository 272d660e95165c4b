// The keys that clients and triplets are stored under, made from a query by the policy: the client
// reduced to its network (Ip::client_network), sender and recipient to what of them counts, without
// case. Under greydaemon's rules clients are whole, and addresses as greydaemon.h takes them.
//
//   key = tag address [sender NUL recipient]
//
// The tag says whether a client or a triplet and whether IPv4 (4 bytes), IPv6 (16 bytes), a name or
// a pool's domain follows; in a triplet a NUL ends these, and a name is without case there. Of what
// was sent (put_sent) nothing does: its client is the sender's domain.
// A sender or recipient longer than kMaxAddress is kept as its beginning, '#' and a digest of the
// whole, so that two long addresses stay two and a key stays bounded.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/core/policy.h"
#include "greyd/wire/client.h"

namespace grey {

constexpr std::size_t kMaxAddress = 320;  // 64 local part, "@", 255 domain (RFC 5321, 4.5.3.1)

// The parts of a key; views into it.
struct KeyParts {
  bool is_client = false;
  Client client;
  std::string_view sender, recipient;  // empty for a client
};
std::optional<KeyParts> split_key(std::string_view key);
// Its client alone, of which less is looked at.
std::optional<Client> client_of_key(std::string_view key);
// The octets of its client's IPv4 address; empty where it has another, or none.
std::string_view ipv4_of_key(std::string_view key);

// Whether it is of a pool's record: by its tag alone.
constexpr bool is_pool_key(std::string_view key) {
  return !key.empty() && (key[0] & ~6) == 8;
}

// Whether it is of what one of ours has sent, likewise: tag theirs NUL ours.
constexpr bool is_sent_key(std::string_view key) {
  return !key.empty() && key[0] == 18;
}
// What greydaemon's rules know none of.
constexpr bool is_of_domain(std::string_view key) {
  return is_pool_key(key) || is_sent_key(key);
}

// Sets `to` to the key of what was sent to `theirs` by `ours`, each folded as SenderKey::normalized
// does, so that what an answer puts into an address of its own does not count.
void put_sent(std::string& to, std::string_view theirs, std::string_view ours);

// Sets `to` to the key of a pool as a client, or of its triplet that is like the one of a member
// with an address, whose key is given (or what that begins with): as a KeyBuilder makes it, for
// less.
void put_pool_client(std::string& to, const Client& pool);
void put_pool_triplet(std::string& to, const Client& pool, std::string_view member);

// Builds keys in a buffer of its own. Each view lives until the next call.
class KeyBuilder {
 public:
  explicit KeyBuilder(const Policy& policy) : policy_(policy) {}

  // Starts on a new envelope: sets client and sender for the calls below.
  void envelope(const Client& client, std::string_view sender);
  bool null_sender() const { return null_sender_; }  // by the policy's personality
  std::string_view client() const { return client_; }
  std::string_view triplet(std::string_view recipient);
  std::string_view last_triplet() const { return triplet_; }
  // What all triplets of the envelope begin with: the same for one client and sender.
  std::string_view sender_prefix() const {
    return std::string_view(triplet_).substr(0, prefix_size_);
  }

 private:
  Policy policy_;
  std::string client_, triplet_;
  std::string storage_;  // of an address that does not count as it is
  bool null_sender_ = false;
  std::size_t prefix_size_ = 0;  // of triplet_: tag, address or name, sender, NUL
};

}  // namespace grey
