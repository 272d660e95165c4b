// The entries that rules name somebody by, as keys, and of one who is asked about the keys that
// would name it. As in an AddressList, of which these are the entries: a client's networks, its
// verified name, a mailbox as sender or recipient.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/wire/ip.h"

namespace grey {

enum class RuleKind : std::uint8_t { address, name, sender, recipient };
constexpr std::size_t kRuleKinds = 4;

// What an entry of a kind is compared with.
enum class RuleForm : std::uint8_t {
  network,      // 192.0.2.0/24: the prefix and the address, 17 octets
  whole,        // mx.example.com, user@example.com
  below,        // .example.com, @.example.com: all that ends so
  local,        // user@
  domain,       // @example.com
  local_below,  // user@.example.com
};
constexpr std::size_t kRuleForms = 6;

// One of 32.
constexpr std::uint32_t rule_bit(RuleKind kind, RuleForm form) {
  return std::uint32_t{1} << (std::size_t(kind) * kRuleForms + std::size_t(form));
}

// A part of a key's text, that may be one of several keys and is hashed once. A view.
struct RulePiece {
  RulePiece() = default;
  explicit RulePiece(std::string_view of);

  std::string_view text;
  std::uint64_t hash = 0;
};

// The text is in two pieces: of a mailbox what is before its domain, with the '@', and the domain;
// of others it is the first.
struct RuleKey {
  RuleKey(RuleKind of, RuleForm as, const RulePiece& begin, const RulePiece& rest = {});

  std::size_t size() const { return head.size() + tail.size(); }
  std::uint32_t bit() const { return rule_bit(kind, form); }

  RuleKind kind;
  RuleForm form;
  std::string_view head, tail;
  std::uint32_t hash;  // of all that
};
// Of the key's whole text.
RuleKey rule_key(RuleKind kind, RuleForm form, std::string_view text);

// An entry of a rule: one key, or those of its networks, or of its name's spellings.
struct RuleEntry {
  RuleKind kind{};
  std::vector<std::string> texts;
  std::vector<RuleForm> forms;  // of each

  RuleKey key(std::size_t i) const { return rule_key(kind, forms[i], texts[i]); }
};

// Which keys there are in a set of rules: others need not be looked up.
struct RuleShapes {
  std::uint32_t bits = 0;                              // RuleKey::bit() of each
  std::vector<std::uint8_t> v4_prefixes, v6_prefixes;  // of the 128-bit form, ascending
  std::array<std::size_t, kRuleKinds> labels{};        // the most that a `below` has

  void add(const RuleKey& key);
  bool has(RuleKind kind) const;
};

// The keys that would name somebody, of those that there are. Reused; views into itself and into
// what it was made of.
class RuleKeys {
 public:
  const std::vector<RuleKey>& all() const { return keys_; }

  void of_name(std::string_view name, const RuleShapes& shapes);
  // None for an empty one. `kind`: sender or recipient.
  void of_mailbox(RuleKind kind, std::string_view address, const RuleShapes& shapes);
  // Those that name all that `key`, an entry's, does: itself, and wider ones.
  void that_hold(const RuleKey& key, const RuleShapes& shapes);

 private:
  using NetworkText = std::array<char, 17>;

  void begin();
  void add(const RuleShapes& shapes, RuleKind kind, RuleForm form, const RulePiece& head,
           const RulePiece& tail = {}) {
    if ((shapes.bits & rule_bit(kind, form)) != 0) keys_.emplace_back(kind, form, head, tail);
  }
  void add_networks(const Ip& ip, unsigned longest, const RuleShapes& shapes);
  void add_names_above(std::string_view name, const RuleShapes& shapes);
  void add_mailboxes_above(RuleKind kind, const RulePiece& local, std::string_view domain,
                           const RuleShapes& shapes);

  std::vector<RuleKey> keys_;
  std::vector<NetworkText> networks_;
  std::string folded_;
};

// The text of a network's key, and back.
std::string network_key(const Network& network);
Network network_of(std::string_view key);

}  // namespace grey
