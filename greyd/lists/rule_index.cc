#include "greyd/lists/rule_index.h"

#include <algorithm>
#include <bit>

namespace grey {
namespace {

constexpr std::size_t kLeastSlots = 16;
constexpr std::size_t kHead = 3;  // octets before an entry's text

std::uint32_t mix(std::uint32_t parent, std::uint32_t hash) {
  std::uint32_t mixed = (hash ^ (parent * 0x9e3779b1u)) * 0x85ebca6bu;
  return mixed ^ mixed >> 16;
}

}  // namespace

RuleIndex::RuleIndex() : nodes_{{kNone, 0, kNone, 0}}, slots_(kLeastSlots) {}

RuleKey RuleIndex::key_of(const Node& node) const {
  const auto octet = [&](std::size_t i) {
    return std::size_t(static_cast<unsigned char>(texts_[node.entry + i]));
  };
  const std::string_view text =
      std::string_view(texts_).substr(node.entry + kHead, octet(0) << 8 | octet(1));
  return {RuleKind(octet(2) / kRuleForms), RuleForm(octet(2) % kRuleForms), text};
}

bool RuleIndex::is(const Node& node, std::uint32_t parent, const RuleKey& key) const {
  if (node.parent != parent) return false;
  const RuleKey own = key_of(node);
  return own.bit() == key.bit() && own.head.size() == key.size() &&
         own.head.starts_with(key.head) && own.head.ends_with(key.tail);
}

std::uint32_t RuleIndex::slot_of(std::uint32_t parent, const RuleKey& key) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = mix(parent, key.hash) & mask;
  while (slots_[slot] != 0 && !is(nodes_[slots_[slot]], parent, key)) slot = (slot + 1) & mask;
  return std::uint32_t(slot);
}

// 0: there is none, as the root is nobody's child.
std::uint32_t RuleIndex::child(std::uint32_t parent, const RuleKey& key) const {
  if ((nodes_[parent].children & key.bit()) == 0) return 0;
  return slots_[slot_of(parent, key)];
}

void RuleIndex::rehash(std::size_t slots) {
  slots_.assign(slots, 0);
  for (std::size_t i = 1; i < nodes_.size(); ++i) {
    slots_[slot_of(nodes_[i].parent, key_of(nodes_[i]))] = std::uint32_t(i);
  }
}

std::uint32_t RuleIndex::add_child(std::uint32_t parent, const RuleKey& key) {
  if (4 * (nodes_.size() + 1) > 3 * slots_.size()) rehash(2 * slots_.size());
  const auto node = std::uint32_t(nodes_.size());
  nodes_.push_back({parent, std::uint32_t(texts_.size()), kNone, 0});
  nodes_[parent].children |= key.bit();
  texts_ += char(key.size() >> 8);
  texts_ += char(key.size() & 0xff);
  texts_ += char(std::size_t(key.kind) * kRuleForms + std::size_t(key.form));
  texts_.append(key.head).append(key.tail);
  slots_[slot_of(parent, key)] = node;
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

void RuleIndex::shrink() {
  nodes_.shrink_to_fit();
  texts_.shrink_to_fit();
}

std::size_t RuleIndex::memory() const {
  return nodes_.capacity() * sizeof(Node) + slots_.capacity() * sizeof(std::uint32_t);
}

// ---- Walk --------------------------------------------------------------------------------------

void RuleIndex::Walk::begin(const RuleIndex& index) {
  index_ = &index;
  reached_.assign(1, kRoot);
  rule_ = index.nodes_[kRoot].rule;
}

void RuleIndex::Walk::step(std::span<const RuleKey> keys) {
  const std::size_t before = reached_.size();
  for (const RuleKey& key : keys) {
    for (std::size_t i = 0; i < before; ++i) {
      const std::uint32_t node = index_->child(reached_[i], key);
      if (node == 0) continue;
      rule_ = std::min(rule_, index_->nodes_[node].rule);
      if (index_->nodes_[node].children != 0) reached_.push_back(node);
    }
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
