// The operator's lists (whitelist and blacklist): which clients, senders and recipients they name.
//
// One entry a line; '#' starts a comment, also after an entry; blank lines are skipped:
//
//   192.0.2.1  2001:db8::/32  192.168.2.*   clients, see network_set.h
//   host.example.com               the client's verified name
//   .example.com                   a client's verified name that ends so
//   user@example.com  @example.com  @.example.com  user@   senders, see mailbox.h
//   to:user@example.com  ...       recipients, the same forms
//
// Names and addresses compare as domain_name.h and mailbox.h say. What is taken can match: an entry
// that nothing a front sends would match is a bad one. Matching cost does not grow with the list.
// Pure: reads no file; see lists.h for loading, and list_cdb.h for lists kept in a cdb.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "greyd/error.h"
#include "greyd/ip.h"
#include "greyd/network_set.h"

namespace grey {

// A second store of entries that an AddressList asks as well as its own: by their keys, which are
//   "192.0.2.0/24" "2001:db8::/32"    networks, with no bits after the prefix (a client: /32, /128)
//   "mx.example.com" ".example.com"   names, as they compare
//   "from:user@example.com" "to:@example.com" and the like: "from:" or "to:" and a mailbox.h key
class EntryLookup {
 public:
  virtual ~EntryLookup() = default;
  virtual bool contains(std::string_view key) const = 0;
  // The prefix lengths that its networks have, of the 128-bit form of ip.h.
  virtual const std::vector<unsigned>& prefixes() const = 0;
  // The most labels that an entry for the domains below one ("@.example.com") has: that far the
  // domains above an address's are looked up.
  virtual std::size_t domain_labels() const = 0;
};

class AddressList {
 public:
  // `name` is the file's, for messages: "NAME:LINE: what is wrong". All of the text is read or
  // none: the first bad line is the error.
  static Result<AddressList> parse(std::string_view text, std::string_view name);

  // Asked besides this list's own entries from now on.
  void add_lookup(std::shared_ptr<const EntryLookup> lookup);

  // Calls visit(std::string_view key) with the EntryLookup key of each entry, ranges as networks.
  template <typename Visit>
  void for_each_key(Visit visit) const {
    clients_.for_each_network([&](const Network& network) { visit(to_string(network)); });
    for (const std::string& key : names_) visit(key);
    for (const std::string& key : senders_) visit("from:" + key);
    for (const std::string& key : recipients_) visit("to:" + key);
  }

  void for_each_network(const std::function<void(const Network&)>& visit) const {
    clients_.for_each_network(visit);
  }

  std::size_t domain_labels() const { return domain_labels_; }  // as of EntryLookup
  bool has_lookup() const { return lookup_ != nullptr; }
  const NetworkSet& clients() const { return clients_; }
  // Also true when the list has the IPv4 host that a translator has written into `ip`.
  bool has_client(const Ip& ip) const;
  bool has_client_name(std::string_view name) const;  // false for an empty name
  bool has_sender(std::string_view sender) const;     // false for the null sender
  bool has_recipient(std::string_view recipient) const;

  bool has_recipient_entries() const { return !recipients_.empty() || lookup_ != nullptr; }
  std::size_t memory() const { return clients_.memory(); }  // bytes, of the clients' part
  std::size_t entries() const { return entries_; }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  using TextSet = std::unordered_set<std::string, TextHash, std::equal_to<>>;

  // False when the entry is not a good one.
  bool add(std::string_view entry);
  bool add_mailbox(TextSet& set, std::string_view entry);
  bool has_address(const Ip& ip) const;
  bool has_mailbox(const TextSet& set, std::string_view prefix, std::string_view address) const;

  NetworkSet clients_;
  TextSet names_;       // "host.example.com", ".example.com"
  TextSet senders_;     // keys of mailbox.h
  TextSet recipients_;  // the same, without "to:"
  std::size_t domain_labels_ = 0;
  std::shared_ptr<const EntryLookup> lookup_;
  std::size_t entries_ = 0;
};

}  // namespace grey
