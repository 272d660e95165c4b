// Whom an administrator allows or blocks by a command, beside the lists that are files: entries as
// lists have them (address_list.h), each with who made it, when, and until when.
//
// Pure: `now` is an argument; state/entries_file.h has their form on disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/base/seconds.h"
#include "greyd/lists/address_list.h"

namespace grey {

struct Entry {
  enum class Kind : std::uint8_t { allow, block };

  Kind kind = Kind::allow;
  std::string text;              // as it was given: "192.0.2.0/24", "to:user@example.com"
  Seconds since = 0;             // when it was made, or made anew
  std::optional<Seconds> until;  // it is over from then on; absent: it stays
  std::string by;                // who made it, for people to read

  bool is_over(Seconds now) const { return until && *until <= now; }
};

class Entries {
 public:
  // What an entry costs does not depend on what is written, but on the separate ranges of addresses
  // that it stands for (NetworkSet::ranges_of): one of several counts as so many of kMax. A list's
  // file may have entries of more than kMaxRanges ("10.*.*.1").
  static constexpr std::size_t kMax = 10'000;
  static constexpr std::size_t kMaxRanges = 256;
  static constexpr std::size_t kMaxBy = 64;  // octets

  // Adds it, or puts it in the place of the one that names the same: nobody is allowed and blocked
  // by two entries of one text. An error says what is wrong with the entry, or that there are too
  // many; nothing has changed then.
  Result<void> put(Entry entry);

  // The same for one that comes from elsewhere, with less of a say than what is here. True: it was
  // taken. False: what names the same stands, which is
  // - made at that time or later, or the same but for when it was made;
  // - or by somebody else than `entry.by`, and of the other kind, or not over before it.
  Result<bool> merge(Entry entry);

  // Takes out the one that names the same as `text`. False when there is none. An error when it is
  // no entry of a list.
  Result<bool> remove(std::string_view text);

  // What an entry names: two texts of one meaning have the same, of an octet or some hundreds. An
  // error when it is none.
  static Result<std::string> key_of(std::string_view text);
  // The one that names the same as `text`; nullptr when there is none.
  const Entry* find(std::string_view text) const;

  // Takes out those that are over. How many.
  std::size_t expire(Seconds now);
  // When the next one will be over; absent: none will.
  std::optional<Seconds> next_end() const;

  // Calls visit(const Entry&) for each, in the order of what they name.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [key, entry] : entries_) visit(entry);
  }
  // The same for up to `most` behind the one that key_of() names `behind`, all of them behind "".
  // The name of the last of them; "": there was none.
  template <typename Visit>
  std::string for_some(const std::string& behind, std::size_t most, Visit visit) const {
    std::string last;
    for (auto at = entries_.upper_bound(behind); at != entries_.end() && most > 0; ++at, --most) {
      visit(at->second);
      last = at->first;
    }
    return last;
  }
  std::size_t size() const { return entries_.size(); }
  std::size_t counted() const { return counted_; }  // up to kMax: size(), and more for ranges

  // Those of one kind as a list under the name of `file`, and the entry behind a line of it. A list
  // is of the moment; is_over() has been looked at by expire().
  struct List {
    AddressList list;
    std::vector<Entry> lines;  // lines[n - 1] is that of line n
  };
  List list(Entry::Kind kind, const std::string& file) const;

 private:
  Result<void> put(std::string key, Entry entry);

  // By key_of().
  std::map<std::string, Entry, std::less<>> entries_;
  std::size_t counted_ = 0;
};

}  // namespace grey
