// Which records, or queries, an administrator asks about: those that fit all that is said.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/base/error.h"
#include "greyd/base/glob.h"
#include "greyd/core/policy.h"
#include "greyd/core/record.h"
#include "greyd/lists/network_set.h"
#include "greyd/wire/wire.h"

namespace grey {

// What a record is called where people read it: "waiting", "bounce", "trapped", "passed", "known",
// "sent".
std::string_view state_name(RecordClass record_class);
std::optional<RecordClass> class_named(std::string_view state);

class RecordFilter {
 public:
  // As an administrator says it; what is absent is not asked for.
  struct Wanted {
    std::optional<std::string> client{};     // an address, a network, a pool, or else a name
    std::optional<std::string> sender{};     // a pattern of glob.h; "": the null sender
    std::optional<std::string> recipient{};  // likewise
    std::optional<std::string> state{};      // see state_name()
    std::optional<Seconds> since{};          // seen at that time or later
  };

  RecordFilter() = default;  // all of them
  enum class Of : std::uint8_t { records, queries };
  // An error, with exit code 100, names what is none. Records are stored as the policy says: of
  // those that have no senders, say, none is asked for by its sender.
  static Result<RecordFilter> of(const Wanted& wanted, const Policy& policy, Of what = Of::records);

  // A record is meant by an address of its network, and by a sender or recipient, written out, that
  // is stored as the record's. A client's record has neither: no pattern fits it.
  bool matches(const SavedRecord& record) const;
  // False: no triplet's record of that sender fits. Of a message's many records it is asked once.
  bool fits_sender(std::string_view sender) const {
    return !sender_ || sender_->fits_stored(sender);
  }
  // What a sender that is written out is stored as. Nothing: it has wildcards, or is not asked for.
  std::optional<std::string> stored_sender() const {
    return sender_ ? sender_->stored_as : std::nullopt;
  }
  // State and time have no meaning here.
  bool matches(const wire::Query& query) const { return matches(query, {}); }
  // `pool`: as which one it was judged ("spf:example.com"); empty: none.
  bool matches(const wire::Query& query, std::string_view pool) const;

 private:
  // One address's part.
  struct Pattern {
    Glob glob;
    std::optional<std::string> stored_as;  // of one without wildcards: by the policy

    bool fits(std::string_view text) const { return glob.matches(text); }
    bool fits_stored(std::string_view text) const { return stored_as == text || fits(text); }
  };
  // Patterns are some kilobytes each: who keeps many filters pays for those that have one.
  using PatternPtr = std::shared_ptr<Pattern>;
  static Result<PatternPtr> pattern_of(const std::optional<std::string>& text,
                                       std::string_view what);
  Result<void> take_client(std::string_view text);
  Client named() const {
    Client client = Client::named(*name_);
    client.pool = pool_;
    return client;
  }
  void take_keys(const Wanted& wanted, const Policy& policy);

  std::optional<Network> network_;
  Ip stored_network_;                // what a client of it is stored as
  std::optional<std::string> name_;  // of a client without an address
  std::optional<PoolKind> pool_;     // whose domain that is
  PatternPtr sender_, recipient_;
  std::optional<RecordClass> record_class_;
  std::optional<Seconds> since_;
};

}  // namespace grey
