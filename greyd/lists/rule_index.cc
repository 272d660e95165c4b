#include "greyd/lists/rule_index.h"

#include <algorithm>
#include <bit>

namespace grey {
namespace {

constexpr std::size_t kLeastSlots = 16;
constexpr std::size_t kHead = 3;  // octets before an entry's text

constexpr std::uint32_t kNodeBits = RuleIndex::kMaxNodes - 1;

// In an octet.
char form_of(const RuleKey& key) {
  return char(std::size_t(key.kind) * kRuleForms + std::size_t(key.form));
}

}  // namespace

RuleIndex::RuleIndex() : nodes_{{kNone, 0, kNone, 0}}, slots_(kLeastSlots) {}

std::string_view RuleIndex::text_of(const Node& node) const {
  const auto octet = [&](std::size_t i) {
    return std::size_t(static_cast<unsigned char>(texts_[node.entry + i]));
  };
  return std::string_view(texts_).substr(node.entry + kHead, octet(0) << 8 | octet(1));
}

RuleKey RuleIndex::key_of(const Node& node) const {
  const auto form = static_cast<unsigned char>(texts_[node.entry + 2]);
  return rule_key(RuleKind(form / kRuleForms), RuleForm(form % kRuleForms), text_of(node));
}

bool RuleIndex::is(const Node& node, std::uint32_t parent, const RuleKey& key) const {
  const std::string_view text = text_of(node);
  return node.parent == parent && texts_[node.entry + 2] == form_of(key) &&
         text.size() == key.size() && text.starts_with(key.head) && text.ends_with(key.tail);
}

RuleIndex::Place RuleIndex::find(std::uint32_t parent, const RuleKey& key) const {
  const std::uint32_t hash = (key.hash ^ parent * 0x9e3779b1u) * 0x85ebca6bu;
  const std::uint32_t tag = hash & ~kNodeBits;
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = (hash ^ hash >> 16) & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    if ((slots_[slot] & ~kNodeBits) != tag) continue;
    const std::uint32_t node = slots_[slot] & kNodeBits;
    if (is(nodes_[node], parent, key)) return {slot, node, tag};
  }
  return {slot, 0, tag};
}

std::uint32_t RuleIndex::child(std::uint32_t parent, const RuleKey& key) const {
  if ((nodes_[parent].children & key.bit()) == 0) return 0;
  return find(parent, key).node;
}

void RuleIndex::put(std::uint32_t node) {
  const Place place = find(nodes_[node].parent, key_of(nodes_[node]));
  slots_[place.slot] = place.tag | node;
}

void RuleIndex::rehash(std::size_t slots) {
  std::vector<std::uint32_t>(slots).swap(slots_);
  for (std::size_t i = 1; i < nodes_.size(); ++i) put(std::uint32_t(i));
}

std::uint32_t RuleIndex::add_child(std::uint32_t parent, const RuleKey& key) {
  if (2 * (nodes_.size() + 1) > slots_.size()) rehash(2 * slots_.size());
  const auto node = std::uint32_t(nodes_.size());
  nodes_.push_back({parent, std::uint32_t(texts_.size()), kNone, 0});
  nodes_[parent].children |= key.bit();
  texts_ += char(key.size() >> 8);
  texts_ += char(key.size() & 0xff);
  texts_ += form_of(key);
  texts_.append(key.head).append(key.tail);
  put(node);
  shapes_.add(key);
  return node;
}

void RuleIndex::add(std::span<const RuleKey> path, std::uint32_t rule) {
  std::uint32_t node = kRoot;
  for (const RuleKey& key : path) {
    const std::uint32_t next = child(node, key);
    node = next != 0 ? next : add_child(node, key);
  }
  nodes_[node].rule = std::min(nodes_[node].rule, rule);
}

// From here on networks are in their trees, and the index has what else there is.
void RuleIndex::finish() {
  nodes_.shrink_to_fit();
  texts_.shrink_to_fit();
  std::vector<std::uint32_t> hashed;
  for (std::uint32_t i = 1; i < nodes_.size(); ++i) {
    const RuleKey key = key_of(nodes_[i]);
    key.form == RuleForm::network ? add_network(network_of(key.head), i) : hashed.push_back(i);
  }
  v4_.build();
  v6_.build();
  const std::size_t least = std::max(2 * (hashed.size() + 1), kLeastSlots);
  std::vector<std::uint32_t>(std::bit_ceil(least)).swap(slots_);
  for (const std::uint32_t node : hashed) put(node);
}

void RuleIndex::add_network(const Network& network, std::uint32_t node) {
  if (network.address.is_v4()) {
    v4_.add(v4_number(network.address), network.prefix - Ip::kV4Bits, node);
  } else {
    v6_.add(v6_number(network.address), network.prefix, node);
  }
}

std::size_t RuleIndex::memory() const {
  return nodes_.capacity() * sizeof(Node) + slots_.capacity() * sizeof(std::uint32_t) +
         v4_.memory() + v6_.memory();
}

// ---- Walk --------------------------------------------------------------------------------------

void RuleIndex::Walk::begin(const RuleIndex& index) {
  index_ = &index;
  reached_.assign(1, kRoot);
  rule_ = index.nodes_[kRoot].rule;
}

void RuleIndex::Walk::reach(std::uint32_t node) {
  rule_ = std::min(rule_, index_->nodes_[node].rule);
  if (index_->nodes_[node].children != 0) reached_.push_back(node);
}

void RuleIndex::Walk::step(std::span<const RuleKey> keys) {
  const std::size_t before = reached_.size();
  for (const RuleKey& key : keys) {
    for (std::size_t i = 0; i < before; ++i) {
      const std::uint32_t node = index_->child(reached_[i], key);
      if (node != 0) reach(node);
    }
  }
}

void RuleIndex::Walk::step_address(const Ip& ip) {
  const auto visit = [this](std::uint32_t node) { reach(node); };
  if (ip.is_v4()) {
    index_->v4_.for_each_around(v4_number(ip), visit);
  } else {
    index_->v6_.for_each_around(v6_number(ip), visit);
  }
}

std::uint32_t RuleIndex::Walk::rule_after(std::span<const RuleKey> keys) const {
  std::uint32_t rule = rule_;
  for (const RuleKey& key : keys) {
    for (const std::uint32_t at : reached_) {
      const std::uint32_t node = index_->child(at, key);
      if (node != 0) rule = std::min(rule, index_->nodes_[node].rule);
    }
  }
  return rule;
}

}  // namespace grey
