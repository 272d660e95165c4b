// The operator's lists (whitelist and blacklist): which clients, senders and recipients they name.
//
// One entry a line; '#' starts a comment, also after an entry; blank lines are skipped:
//
//   192.0.2.1  2001:db8::/32  192.168.2.*   clients, see network_set.h
//   host.example.com               the client's verified name
//   .example.com                   a client's verified name that ends so
//   user@example.com  @example.com  @.example.com  user@   senders, see mailbox.h
//   to:user@example.com  ...       recipients, the same forms
//   trap:user@example.com  ...     the same of recipients to whom nobody writes who means well: not
//                                  a part of what the list says else, and of a blacklist only
//   spf:example.com                a client in the networks that this domain publishes, as far as
//                                  somebody has found them out: learn()
//
// Names and addresses compare as domain_name.h and mailbox.h say. What is taken can match: an entry
// that nothing a front sends would match is a bad one. What is good, and yet hardly meant so, is
// warned of. Matching cost does not grow with the list, and what has matched can be named.
// Pure: reads no file; see lists.h for loading, and list_cdb.h for lists kept in a cdb.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/lists/network_set.h"
#include "greyd/wire/ip.h"

namespace grey {

// A second store of entries that an AddressList asks as well as its own: by their keys, which are
//   "192.0.2.0/24" "2001:db8::/32"    networks, with no bits after the prefix (a client: /32, /128)
//   "mx.example.com" ".example.com"   names, as they compare
//   "from:user@example.com" "to:@example.com" and the like: "from:", "to:" or "trap:" and a
//   mailbox.h key
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

// The entry of a list that has named who was asked about: by its line in a text, or by its key in a
// lookup. False where none has. It outlives the list.
struct Matched {
  struct Place {
    std::string file;  // its name
    std::string key;   // of a lookup's entry
  };

  explicit operator bool() const { return place != nullptr; }
  const std::string& file() const { return place->file; }
  const std::string& key() const { return place->key; }

  std::shared_ptr<const Place> place;
  std::uint32_t line = 0;  // from 1; 0: a lookup's
};

// A text of a list, and the name of its file.
struct ListText {
  std::string_view text;
  std::string name;
};

class AddressList {
 public:
  // Reads all of the texts or none: the first bad line is the error, "NAME:LINE: what is wrong".
  static Result<AddressList> parse(std::span<const ListText> texts);
  static Result<AddressList> parse(std::string_view text, std::string_view name);

  // Asked besides this list's own entries from now on.
  void add_lookup(std::shared_ptr<const EntryLookup> lookup, std::string_view name);

  // "NAME:LINE: what of it is hardly meant so", of the first few lines of that kind, and then how
  // many more there are.
  std::vector<std::string> warnings() const;

  // Calls visit(std::string_view key) with the EntryLookup key of each entry, ranges as networks.
  template <typename Visit>
  void for_each_key(Visit visit) const {
    clients_.for_each_network([&](const Network& network) { visit(to_string(network)); });
    for (const auto& [key, line] : names_) visit(key);
    for (const auto& [key, line] : senders_) visit("from:" + key);
    for (const auto& [key, line] : recipients_) visit("to:" + key);
    for (const auto& [key, line] : traps_) visit("trap:" + key);
  }

  // Of its `spf:` entries the domains, as the DNS has them, in order.
  template <typename Visit>
  void for_each_domain(Visit visit) const {
    for (const auto& [domain, line] : domains_) visit(domain);
  }
  std::size_t domains() const { return domains_.size(); }
  // Whose networks are these, from now on. Null: nothing is known of the domain, and it names
  // nobody.
  void learn(const DomainNetworks& networks_of);

  void for_each_network(const std::function<void(const Network&)>& visit) const {
    clients_.for_each_network(visit);
  }

  std::size_t domain_labels() const { return domain_labels_; }  // as of EntryLookup
  // The names of its texts, and then of its lookups.
  std::vector<std::string> files() const;
  const NetworkSet& clients() const { return clients_; }

  // The entry that names it: of a text's several the first (of networks the widest), else a
  // lookup's.
  // Also that for the IPv4 host that a translator has written into `ip`.
  Matched find_client(const Ip& ip) const;
  // None of the others names an empty text: no name, the null sender.
  Matched find_client_name(std::string_view name) const {
    return may_have(names_, name) ? find_name(name) : Matched();
  }
  Matched find_sender(std::string_view sender) const {
    return may_have(senders_, sender) ? find_mailbox(senders_, "from:", sender) : Matched();
  }
  Matched find_recipient(std::string_view recipient) const {
    return may_have(recipients_, recipient) ? find_mailbox(recipients_, "to:", recipient)
                                            : Matched();
  }
  Matched find_trap(std::string_view recipient) const {
    return may_have(traps_, recipient) ? find_mailbox(traps_, "trap:", recipient) : Matched();
  }

  bool has_client(const Ip& ip) const;
  bool has_client_name(std::string_view name) const { return bool(find_client_name(name)); }
  bool has_sender(std::string_view sender) const { return bool(find_sender(sender)); }
  bool has_recipient(std::string_view recipient) const { return bool(find_recipient(recipient)); }

  bool has_trap_entries() const { return !traps_.empty() || !lookups_.empty(); }
  // One of those of its texts.
  Matched a_trap() const { return traps_.empty() ? Matched() : at(traps_.begin()->second); }
  bool has_recipient_entries() const { return !recipients_.empty() || !lookups_.empty(); }
  std::size_t memory() const { return clients_.memory(); }  // bytes, of the clients' part
  std::size_t entries() const { return entries_; }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  // Key to line. Lines are counted on through all texts, from 1.
  using Entries = std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>>;
  struct Source {
    std::shared_ptr<const Matched::Place> place;
    std::uint32_t lines_before;  // of the texts before this one
  };
  struct Lookup {
    std::shared_ptr<const EntryLookup> keys;
    std::string name;
  };
  struct Warning {
    std::uint32_t line;
    std::string text;
  };

  Result<void> read(const ListText& text);
  // False when the entry is not a good one.
  bool add(std::string_view entry, std::uint32_t line);
  bool add_domain(std::string_view entry, std::uint32_t line);
  bool add_mailbox(Entries& entries, std::string_view entry, std::uint32_t line);
  void warn(std::uint32_t line, std::string text);
  void warn_of_host_bits(std::string_view entry, std::uint32_t line);
  void warn_of_ranges(std::string_view entry, std::uint32_t line);
  void warn_of_all();

  Matched at(std::uint32_t line) const;
  Matched look_up(std::string_view key) const;
  bool may_have(const Entries& entries, std::string_view text) const {
    return !text.empty() && (!entries.empty() || !lookups_.empty());
  }
  bool has_address(const Ip& ip) const;
  Matched look_up_address(const Ip& ip) const;
  Matched find_name(std::string_view name) const;
  Matched find_mailbox(const Entries& entries, std::string_view prefix,
                       std::string_view address) const;

  NetworkSet clients_;
  Entries names_;       // "host.example.com", ".example.com"
  Entries senders_;     // keys of mailbox.h
  Entries recipients_;  // the same, without "to:"
  Entries traps_;       // likewise
  // Of `spf:` entries the domains, with their lines, and what their networks are.
  std::map<std::string, std::uint32_t, std::less<>> domains_;
  NetworkSet learned_;
  std::size_t domain_labels_ = 0;
  std::vector<Source> sources_;
  std::vector<Lookup> lookups_;
  std::size_t entries_ = 0;
  std::uint32_t lines_ = 0;  // of all texts
  std::vector<Warning> warnings_;
  std::size_t more_warnings_ = 0;
};

}  // namespace grey
