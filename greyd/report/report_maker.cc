#include "greyd/report/report_maker.h"

#include <algorithm>
#include <utility>

#include "greyd/report/calendar.h"
#include "greyd/report/other_resend.h"
#include "greyd/wire/client.h"

namespace grey::report {
namespace {

constexpr unsigned kV4Network = 24, kV6Network = 48;

void add_counts(AgeCounts& sum, const AgeCounts& more) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
}

// "192.0.2.7" or "192.0.2.0/26" as "192.0.2.0/24"; a name as it is.
std::string network_of(std::string_view client) {
  const auto ip = Ip::parse(client.substr(0, client.find('/')));
  if (!ip) return std::string(client);
  const unsigned prefix = ip->is_v4() ? Ip::kV4Bits + kV4Network : kV6Network;
  return to_string(Network{ip->network(prefix), prefix});
}

// Of an address without a domain that itself: "<>", a name alone.
std::string_view domain_of(std::string_view sender) {
  const std::size_t at = sender.rfind('@');
  return at == std::string_view::npos || at + 1 == sender.size() ? sender : sender.substr(at + 1);
}

// Who asks before the envelope is known names these so; by some policies records have none.
bool says_something(std::string_view address) {
  return !address.empty() && address != "*";
}

Count sum_of(const ReasonCounts& udp, const ReasonCounts& mta, bool accepted) {
  Count sum = 0;
  for (std::size_t i = 0; i < udp.size(); ++i) {
    if (accepts(i) == accepted) sum += udp[i] + mta[i];
  }
  return sum;
}

}  // namespace

ReportMaker::ReportMaker(Question question, const HashKey& key)
    : key_(key), networks_(key), domains_(key), recipients_(key) {
  report_.from = hour_of(std::max<Seconds>(question.from, 0));
  report_.now = std::max(question.now, report_.from);
  report_.policy = question.policy;
  report_.version = std::move(question.version);
}

void ReportMaker::add(const HourTotals& totals) {
  if (totals.hour < report_.from || totals.hour > report_.now) return;
  const HourEvents& events = totals.events;
  for (std::size_t i = 0; i < wire::kReasons; ++i) {
    report_.udp[i] += events.udp[i];
    report_.mta[i] += events.policy[i];
  }
  for (const auto& [kind, count] : events.faults) report_.faults[kind] += count;
  report_.foreign += events.foreign;
  report_.lost += events.lost;
  report_.evicted += events.evicted;

  const AttemptCounts& attempts = totals.attempts;
  Hour& hour = hours_[hour_of(totals.hour)];
  hour.accepted += sum_of(events.udp, events.policy, true);
  hour.deferred += sum_of(events.udp, events.policy, false);
  hour.fates.first += attempts.first;
  for (const Count count : attempts.passed) hour.fates.passed += count;
  hour.fates.trusted += attempts.trusted;
  hour.fates.held += attempts.never;
  hour.delays += {attempts.passed, attempts.waited, attempts.longest.waited};
  add_counts(sums_.passed, attempts.passed);
  add_counts(sums_.early, attempts.early);
  add_counts(sums_.passed_early, attempts.passed_early);
  add_counts(sums_.passed_early_waited, attempts.passed_early_waited);
  keep_longest(attempts.longest);
  add_suspects(totals.hour, attempts);
}

void ReportMaker::add_suspects(Seconds hour, const AttemptCounts& attempts) {
  const bool is_over = hour + kHourSeconds + report_.policy.resend_window <= report_.now;
  const auto add = [is_over](SuspectFates& fates, const SuspectCounts& counts) {
    fates.first += counts.first;
    fates.passed += counts.passed;
    if (is_over) fates.never += counts.first - std::min(counts.passed, counts.first);
  };
  add(report_.suspect, attempts.suspect);
  add(report_.unsuspect, attempts.unsuspect);
}

// Each hour keeps one, so these are the longest of an hour each.
void ReportMaker::keep_longest(const AttemptCounts::Longest& longest) {
  if (longest.waited <= 0) return;
  std::vector<Longest>& rows = report_.longest;
  const auto is_longer = [](const Longest& one, const Longest& other) {
    return one.waited > other.waited;
  };
  Longest row{longest.waited, longest.client, longest.sender, longest.recipient};
  rows.insert(std::upper_bound(rows.begin(), rows.end(), row, is_longer), std::move(row));
  if (rows.size() > kMostRows) rows.pop_back();
}

void ReportMaker::add(const RecordLine& record) {
  ++report_.records;
  if (Client::parse_pool(record.client)) return;  // its members' attempts are counted
  if (record.state == "known") {
    // One that is idle for too long is known no more, and waits to be forgotten.
    const Policy& policy = report_.policy;
    const bool is_known = policy.client_passes > 0 && record.passes >= policy.client_passes &&
                          report_.now - record.seen < policy.timeout;
    if (is_known) known_.push_back(hash_of(record.client, key_));
    return;
  }
  if (record.seen < report_.from || record.seen > report_.now) return;
  if (record.state == "waiting") add_waiting(record);
  if (record.state == "waiting" || record.state == "passed") add_several(record);
}

void ReportMaker::add_waiting(const RecordLine& record) {
  waiting_.push_back({hash_of(record.client, key_), record.seen});
  if (says_something(record.client)) networks_.add(network_of(record.client));
  if (says_something(record.sender)) domains_.add(domain_of(record.sender));
  if (says_something(record.recipient)) recipients_.add(record.recipient);
}

// A record is one client's: so many records of one message are so many clients.
void ReportMaker::add_several(const RecordLine& record) {
  if (!report_.sees_several() || record.sender == "<>") return;
  if (!says_something(record.sender) || !says_something(record.recipient)) return;
  if (!Ip::parse(record.client.substr(0, record.client.find('/')))) return;
  const std::string network = network_of(record.client);
  const std::uint64_t message =
      hash_of(record.recipient, key_, hash_of(record.sender, key_, hash_of(network, key_)));
  const Count clients = messages_.add(message).count;
  if (clients < 2) return;
  auto found = several_.find(network);
  if (found == several_.end()) {
    if (several_.size() >= kMostNetworks) return;
    found = several_.try_emplace(network, Several{network, 0, 0, {}, {}}).first;
  }
  Several& several = found->second;
  if (clients == 2) ++several.messages;
  if (clients <= several.most) return;
  several.most = clients;
  several.sender = record.sender;
  several.recipient = record.recipient;
}

// What waits now is laid to its hour: too late to come back, or not yet, or its client is known.
// An hour may have more that wait than began in it, as records are taken from elsewhere, and under
// greydaemon's rules go on waiting when they have passed: it is given no more than it has.
void ReportMaker::tell_fates() {
  std::sort(known_.begin(), known_.end());
  std::map<Seconds, Fates> waiting;
  for (const Waiting& one : waiting_) {
    Fates& fates = waiting[hour_of(one.seen)];
    const bool is_late = report_.now - one.seen >= report_.policy.resend_window;
    if (std::binary_search(known_.begin(), known_.end(), one.client)) {
      ++fates.trusted;
    } else {
      ++(is_late ? fates.held : fates.open);
    }
  }
  for (auto& [begin, hour] : hours_) {
    Fates& fates = hour.fates;
    const Count told = fates.passed + fates.trusted + fates.held;
    Count rest = fates.first > told ? fates.first - told : 0;
    const auto take = [&rest](Count& fate, Count wanted) {
      const Count taken = std::min(wanted, rest);
      fate += taken;
      rest -= taken;
    };
    const Fates& now = waiting[begin];
    take(fates.held, now.held);
    take(fates.open, now.open);
    take(fates.trusted, now.trusted);
    fates.left = rest;
    report_.fates += fates;
  }
}

void ReportMaker::tell_times() {
  // What is not counted is not shown as none.
  const Seconds from = std::clamp(std::max(report_.now - kTold, report_.kept_from.value_or(0)),
                                  report_.from, report_.now);
  std::vector<Seconds> days = days_of(from, report_.now, false, kMostDays + 1);
  report_.by_week = days.size() > kMostDays;
  if (report_.by_week) days = days_of(from, report_.now, true);
  for (const Seconds day : days) report_.days.push_back({day, 0, 0, {}, {}});
  for (const auto& [begin, hour] : hours_) {
    const auto after = std::upper_bound(days.begin(), days.end(), begin);
    Slot* const slots[] = {
        after == days.begin() ? nullptr : &report_.days[std::size_t(after - days.begin() - 1)],
        &report_.hours[hour_of_day(begin)]};
    for (Slot* const slot : slots) {
      if (slot == nullptr) continue;
      slot->accepted += hour.accepted;
      slot->deferred += hour.deferred;
      slot->fates += hour.fates;
      slot->delays += hour.delays;
    }
    report_.delays += hour.delays;
  }
}

Report ReportMaker::finish() {
  tell_fates();
  tell_times();
  report_.resends = other_resends(sums_, report_.policy.min_resend);
  report_.networks = networks_.ranking(kMostRows);
  report_.domains = domains_.ranking(kMostRows);
  report_.recipients = recipients_.ranking(kMostRows);
  for (const auto& [network, several] : several_) report_.several.push_back(several);
  std::stable_sort(report_.several.begin(), report_.several.end(),
                   [](const Several& one, const Several& other) {
                     if (one.messages != other.messages) return one.messages > other.messages;
                     return one.most > other.most;
                   });
  if (report_.several.size() > kMostRows) report_.several.resize(kMostRows);
  return std::move(report_);
}

}  // namespace grey::report
