// Makes a report of what a daemon tells, line by line: first the hours, then the records, in any
// order. Of 2 million records at worst it keeps about 150 octets each, and usually a few.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/hash_key.h"
#include "greyd/core/attempts.h"
#include "greyd/report/record_line.h"
#include "greyd/report/report.h"
#include "greyd/report/tally.h"
#include "greyd/state/totals_text.h"

namespace grey::report {

class ReportMaker {
 public:
  // What is asked about: from the beginning of the hour of `from` to `now`, which is the daemon's.
  struct Question {
    Seconds from = 0, now = 0;
    Policy policy;
    std::string version;
  };
  // `key`: of hashes over what strangers send.
  ReportMaker(Question question, const HashKey& key);

  // Of another time it is passed over.
  void add(const HourTotals& totals);
  void add(const RecordLine& record);
  // The first hour that the daemon has counted in.
  void kept_from(Seconds hour) { report_.kept_from = hour; }

  void has_no_totals() { report_.has_totals = false; }

  Report finish();

 private:
  static constexpr std::size_t kMostRows = 10;          // of each table
  static constexpr std::size_t kMostNetworks = 10'000;  // with several clients of one message
  static constexpr std::size_t kMostDays = 45;          // more are told by weeks
  // By day or week: longer than totals are kept.
  static constexpr Seconds kTold = 401 * 24 * kHourSeconds;

  struct Hour {
    Count accepted = 0, deferred = 0;
    Fates fates;  // held, open, left: not yet
    Delays delays;
  };
  struct Waiting {
    std::uint64_t client;
    Seconds seen;
  };

  void add_waiting(const RecordLine& record);
  void add_several(const RecordLine& record);
  void add_suspects(Seconds hour, const AttemptCounts& attempts);
  void keep_longest(const AttemptCounts::Longest& longest);
  void tell_fates();
  void tell_times();

  Report report_;
  const HashKey key_;
  std::map<Seconds, Hour> hours_;
  AttemptCounts sums_;
  std::vector<std::uint64_t> known_;  // clients
  std::vector<Waiting> waiting_;
  Tally networks_, domains_, recipients_;
  HashCounts messages_;                                  // by network, sender and recipient
  std::map<std::string, Several, std::less<>> several_;  // by network
};

}  // namespace grey::report
