// One who reads a file of some form as its bytes come, in pieces cut anywhere, and hands over what
// it finds. What it keeps does not grow with the file.
//
//   auto reader = reader_of(Form::spamdb, "spamdb.txt", {}, [&](const Item& item) { ... });
//   while (...) if (auto fed = reader->feed(bytes); !fed) return error;
//   if (auto end = reader->finish(); !end) return error;
//
// An error, "NAME:LINE: what is wrong", says that the file is bad, and then nothing of it is to be
// taken, not even what was handed over before: whoever takes things reads the file twice, once to
// know that it is good, or keeps them until finish().
//
// Readers know no `now` and no policy: what these make of an item is judge()'s to say.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/base/error.h"
#include "greyd/imports/civil_time.h"
#include "greyd/imports/directory.h"
#include "greyd/imports/form.h"
#include "greyd/imports/item.h"

namespace grey::imports {

// How the other program was set, where what it has kept does not say so.
struct Settings {
  Seconds good_life =
      Seconds{36} * 24 * 3600;  // of what has passed: relaydelay's, qmail-spp's, spamd's
  Seconds jgreylist_hold = 120;
  Seconds jgreylist_life = Seconds{30} * 24 * 3600;    // as jgreylist-clean has it
  Seconds jgreylist_unused_life = Seconds{24} * 3600;  // of who has never come back
  Seconds cqgreylist_hold = 60;
  Seconds postgrey_delay = 300;          // a retry this late is a good one
  unsigned postgrey_auto_whitelist = 5;  // good retries that make a client known
  unsigned postgrey_ipv4_prefix = 24;    // of its triplets, when they are by network
  unsigned postgrey_ipv6_prefix = 64;
  LocalTime local = host_time();  // of times that a database has by its own clock
  Seconds now = 0;                // before which times are that have no year
};

class Reader {
 public:
  Reader(std::string name, Visit visit) : name_(std::move(name)), visit_(std::move(visit)) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  virtual ~Reader() = default;

  Result<void> feed(std::string_view bytes);
  // The file ends here.
  Result<void> finish();
  // All of a file at once, instead: that takes no memory where the file is mapped.
  Result<void> read_whole(std::string_view text);

  const Sums& sums() const { return sums_; }
  // Lines that were passed over since they say nothing about greylisting, of a log.
  std::uint64_t other_lines() const { return other_lines_; }

 protected:
  virtual void on_bytes(std::string_view bytes) = 0;
  virtual void on_end() = 0;
  virtual void on_whole(std::string_view text);

  void give(std::uint64_t line, What what);
  // The first one stands. Nothing is given from then on.
  void fail(std::uint64_t line, std::string_view what);
  bool failed() const { return error_.has_value(); }
  void count(std::uint64_t blocked, std::uint64_t passed);
  void pass_over() { ++other_lines_; }

 private:
  Result<void> outcome() const;
  std::string_view without_mark(std::string_view bytes);

  std::string name_;
  Visit visit_;
  Sums sums_;
  std::uint64_t other_lines_ = 0;
  std::optional<std::string> error_;
  std::size_t mark_ = 0;  // octets of a byte order mark that the file has begun with so far
  bool begun_ = false;    // and what is behind it
};

// REQUIRES: the form is one of a file.
std::unique_ptr<Reader> reader_of(Form form, std::string name, const Settings& settings,
                                  Visit visit);

// Whether read_whole() is the better way, for a regular file.
bool wants_whole(Form form);

}  // namespace grey::imports
