// By which domain a client's verified name makes it one of a pool: the name without its first
// label. And for which domains it may send.
//
// The list of public suffixes (libpsl) is read once, when this is made; then all is pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/hash_key.h"
#include "greyd/wire/ip.h"

struct psl_ctx_st;

namespace grey {

// The domain that mail from that sender is of, in lower case: what is behind the last '@', where
// that is a name of two labels or more, of letters, digits, '-' and '_'. Empty: it has none.
void take_domain(std::string_view sender, std::string& domain);

class NameParents {
 public:
  // With the newest list that there is on this host, or that libpsl has within it. Without any
  // (told by has_list()) no name has a parent.
  NameParents();
  NameParents(NameParents&&) = default;
  bool has_list() const { return suffixes_ != nullptr; }

  // The parent of `name`, in lower case; empty where there is none: the name is none, is made of
  // the address, has fewer than three labels, or is right below a public suffix. No allocation
  // where `parent` has room.
  // Whether it is made of the address (core/address_name.h); nothing: that was not looked at.
  std::optional<bool> take_parent(std::string_view name, const Ip& client,
                                  std::string& parent) const;

  // Whether a host of that name may send for `domain` (in lower case, of take_domain()): it is
  // that, or below it, or both are of one registrable domain; but no name that holds the address,
  // and nothing by a public suffix, below which anybody is.
  bool is_host_of(std::string_view name, const Ip& client, const std::string& domain) const;

 private:
  // A domain by its hash, which nobody can aim at: all of them stay in the processor's cache.
  struct Judged {
    std::uint64_t hash = 0;
    bool is_suffix = false;
  };
  bool is_public_suffix(const std::string& domain) const;

  HashKey hash_key_ = new_hash_key();
  mutable std::vector<Judged> judged_{2048};  // lately
  std::unique_ptr<psl_ctx_st, void (*)(psl_ctx_st*)> suffixes_;
};

}  // namespace grey
