// From who is asked about to the first rule that names it, at a cost that does not grow with the
// number of rules.
//
// A tree of entries: a rule is a path of the entries that it names somebody by, in the order of
// their kinds, and stands where its path ends. Who is asked about reaches those nodes all of whose
// entries name it. An edge is found by hashing, and networks by a tree of their own, so that only
// nodes are looked at that are reached.
// Memory: 16 octets and 8 to 16 of index for each node (of a network 20 to 40), and the text of its
// entry.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "greyd/lists/ip_number.h"
#include "greyd/lists/network_tree.h"
#include "greyd/lists/rule_keys.h"

namespace grey {

class RuleIndex {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;  // no rule; others are numbers in their order

  RuleIndex();

  // The rule of that path, while nodes() is less than kMaxNodes: a key of each kind at most, in the
  // order of the kinds. Of several of one path the first stands. An empty path is everybody.
  void add(std::span<const RuleKey> path, std::uint32_t rule);
  const RuleShapes& shapes() const { return shapes_; }
  // After the last, before what Walk::step_address() wants.
  void finish();
  std::size_t memory() const;  // octets, without texts
  static constexpr std::size_t kMaxNodes = 1 << 24;
  std::size_t nodes() const { return nodes_.size(); }

  // Where one who is asked about has got to: first everywhere that needs no entry, then on, kind by
  // kind in their order, by the keys that it has of that kind.
  class Walk {
   public:
    void begin(const RuleIndex& index);
    void step(std::span<const RuleKey> keys);
    // The same, as the first step, by the networks that hold the address.
    void step_address(const Ip& ip);
    // The first rule of all that were reached.
    std::uint32_t rule() const { return rule_; }
    // The same after one step more, which is not taken.
    std::uint32_t rule_after(std::span<const RuleKey> keys) const;

   private:
    void reach(std::uint32_t node);

    const RuleIndex* index_ = nullptr;
    std::vector<std::uint32_t> reached_;  // nodes that have children
    std::uint32_t rule_ = kNone;
  };

 private:
  struct Node {
    std::uint32_t parent;
    std::uint32_t entry;     // where in texts_ its key is: octets of its text, form, text
    std::uint32_t rule;      // the first that ends here
    std::uint32_t children;  // RuleKey::bit() of their entries
  };
  static constexpr std::uint32_t kRoot = 0;

  bool is(const Node& node, std::uint32_t parent, const RuleKey& key) const;
  std::string_view text_of(const Node& node) const;
  RuleKey key_of(const Node& node) const;
  void put(std::uint32_t node);
  struct Place {
    std::size_t slot;    // of the node of that key, or the free one where it belongs
    std::uint32_t node;  // 0: there is none, as the root is nobody's child
    std::uint32_t tag;   // of the key, as in slots_
  };
  Place find(std::uint32_t parent, const RuleKey& key) const;
  std::uint32_t child(std::uint32_t parent, const RuleKey& key) const;
  std::uint32_t add_child(std::uint32_t parent, const RuleKey& key);
  void rehash(std::size_t slots);
  void add_network(const Network& network, std::uint32_t node);

  std::vector<Node> nodes_;
  // A power of two, at most half of them taken; 0: free. In the low bits the node, above them bits
  // of its hash, so that hardly ever another node's text is looked at.
  std::vector<std::uint32_t> slots_;
  std::string texts_;
  RuleShapes shapes_;
  // The root's children by networks; made by finish().
  NetworkTree<std::uint32_t> v4_;
  NetworkTree<WideNumber> v6_;
};

}  // namespace grey
