// The operator's lists (whitelist and blacklist): which clients, senders and recipients they name.
//
// One entry a line; '#' starts a comment, also after an entry; blank lines are skipped:
//
//   192.0.2.1  2001:db8::/32  192.168.2.*   clients, see network_set.h
//   host.example.com               the client's verified name
//   .example.com                   a client's verified name that ends so
//   user@example.com  @example.com a sender, or all of a domain
//   to:user@example.com  to:@example.com   a recipient, or all of a domain
//
// Names and addresses compare without case. Matching cost does not grow with the list.
// Pure: reads no file; see lists.h for loading.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

#include "greyd/error.h"
#include "greyd/ip.h"
#include "greyd/network_set.h"

namespace grey {

class AddressList {
 public:
  // `name` is the file's, for messages: "NAME:LINE: what is wrong". All of the text is read or
  // none: the first bad line is the error.
  static Result<AddressList> parse(std::string_view text, std::string_view name);

  bool has_client(const Ip& ip) const { return clients_.contains(ip); }
  bool has_client_name(std::string_view name) const;  // false for an empty name
  bool has_sender(std::string_view sender) const;     // false for the null sender
  bool has_recipient(std::string_view recipient) const;

  bool has_recipient_entries() const { return !recipients_.empty(); }
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
  static bool add_mailbox(TextSet& set, std::string_view entry);
  static bool has_mailbox(const TextSet& set, std::string_view address);

  NetworkSet clients_;
  TextSet names_;       // "host.example.com", ".example.com"
  TextSet senders_;     // "user@example.com", "@example.com"
  TextSet recipients_;  // the same, without "to:"
  std::size_t entries_ = 0;
};

}  // namespace grey
