#include "greyd/service/totals_keeper.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "greyd/state/totals_file.h"

namespace grey {
namespace {

constexpr std::array kWaiting{order_of(RecordClass::waiting, false),
                              order_of(RecordClass::waiting, true)};

// What `now` has and `before` had not.
HourEvents since(const HourEvents& before, HourEvents now) {
  for (std::size_t i = 0; i < now.udp.size(); ++i) {
    now.udp[i] -= before.udp[i];
    now.policy[i] -= before.policy[i];
  }
  for (auto& [kind, count] : now.faults) {
    const auto found = before.faults.find(kind);
    if (found != before.faults.end()) count -= found->second;
  }
  std::erase_if(now.faults, [](const auto& fault) { return fault.second == 0; });
  now.foreign -= before.foreign;
  now.lost -= before.lost;
  now.evicted -= before.evicted;
  return now;
}

void add(HourEvents& to, const HourEvents& more) {
  for (std::size_t i = 0; i < to.udp.size(); ++i) {
    to.udp[i] += more.udp[i];
    to.policy[i] += more.policy[i];
  }
  for (const auto& [kind, count] : more.faults) to.faults[kind] += count;
  to.foreign += more.foreign;
  to.lost += more.lost;
  to.evicted += more.evicted;
}

}  // namespace

TotalsKeeper::TotalsKeeper(std::string path, Seconds waiting_life, Background& background,
                           AttemptTotals& since_start, Report report)
    : path_(std::move(path)),
      waiting_life_(waiting_life),
      background_(background),
      report_(std::move(report)),
      attempts_(since_start) {}

TotalsKeeper::~TotalsKeeper() {
  *self_ = nullptr;
}

void TotalsKeeper::load(Seconds now, Greylist& greylist, std::string& note) {
  auto loaded = load_totals(path_, now, note);
  writes_ = loaded.has_value();
  if (!writes_) {
    note = "totals: " + loaded.error().text + "; they are in memory alone until the next start";
  }
  older_ = std::make_shared<std::string>(loaded ? std::move(*loaded) : std::string());
  greylist_ = &greylist;
  open_from(first_open(now));
  greylist.count_attempts_in(&attempts_);
  // Those that are over have been told of, and may have been counted as ended before a death.
  std::map<Seconds, Count> waiting;
  const Table& table = greylist.table();
  for (const RecordOrder order : kWaiting) {
    for (auto ref = table.oldest(order); ref != 0; ref = table.next_younger(ref)) {
      const RecordView record = table.view(ref);
      const Seconds seen = record.seen;
      if (is_pool_key(record.key)) continue;  // no attempt of its own
      if (now - seen < waiting_life_) ++waiting[hour_of(seen)];
    }
  }
  for (const auto& [hour, count] : waiting) attempts_.have_waiting(hour, count);
  saved_at_ = accounted_at_ = now;
}

// ---- what happens ------------------------------------------------------------------------------

void TotalsKeeper::tick(Seconds now, bool in_doubt) {
  const bool is_minute = now >= saved_at_ + kSaveInterval || now < saved_at_;
  if (!is_minute && hour_of(now) == hour_of(accounted_at_)) return;
  account(now);
  if (!in_doubt) move_window(now);
  if (is_minute && !saving_) {
    saved_at_ = now;
    start_save();
  }
}

// What has happened since the last time goes to the hour of that: this one has just begun, or it is
// the same.
void TotalsKeeper::account(Seconds now) {
  HourEvents happened = happened_();
  const HourEvents news = since(accounted_, happened);
  if (!news.empty()) add(events_[std::max(hour_of(accounted_at_), open_from_)], news);
  accounted_ = std::move(happened);
  accounted_at_ = now;
}

// ---- hours that change, and those that do not --------------------------------------------------

// That of the oldest triplet that waits: where expiry is late, its end is to be counted still.
Seconds TotalsKeeper::first_open(Seconds now) const {
  Seconds first = now - waiting_life_ - kHourSeconds;
  const Table& table = greylist_->table();
  for (const RecordOrder order : kWaiting) {
    if (const auto oldest = table.oldest(order)) first = std::min(first, table.view(oldest).seen);
  }
  return hour_of(std::max<Seconds>({first, now - kMostOpen, 0}));
}

void TotalsKeeper::move_window(Seconds now) {
  const Seconds wanted = first_open(now);
  if (wanted > open_from_) close_before(wanted);
  if (wanted < open_from_) open_from(wanted);  // the clock was set back
  drop_one_before(hour_of(std::max<Seconds>(now - kKept, 0)));
}

void TotalsKeeper::close_before(Seconds hour) {
  std::map<Seconds, HourTotals> closed;
  for (auto& [at, attempts] : attempts_.take_before(hour))
    closed[at].attempts = std::move(attempts);
  while (!events_.empty() && events_.begin()->first < hour) {
    const auto first = events_.begin();
    closed[first->first].events = std::move(first->second);
    events_.erase(first);
  }
  open_from_ = hour;
  if (closed.empty()) return;
  std::string lines = *older_;
  for (auto& [at, totals] : closed) {
    totals.hour = at;
    append_totals(lines, totals);
  }
  older_ = std::make_shared<std::string>(std::move(lines));
}

// Lines of hours from that on become numbers again.
void TotalsKeeper::open_from(Seconds hour) {
  const std::size_t begin = first_line_from(hour);
  for (std::string_view left = std::string_view(*older_).substr(begin); !left.empty();) {
    const std::size_t end = left.find('\n');
    if (const auto totals = read_totals(left.substr(0, end))) put(*totals);
    left.remove_prefix(end + 1);
  }
  if (begin < older_->size()) older_ = std::make_shared<std::string>(older_->substr(0, begin));
  attempts_.count_from(hour);
  open_from_ = hour;
}

void TotalsKeeper::put(const HourTotals& totals) {
  if (!totals.events.empty()) add(events_[totals.hour], totals.events);
  if (totals.attempts != AttemptCounts()) attempts_.put(totals.hour, totals.attempts);
}

// One a minute is enough, and a clock that is years ahead for a while does not take all.
void TotalsKeeper::drop_one_before(Seconds hour) {
  const std::size_t end = older_->find('\n');
  if (end == std::string::npos || first_line_from(hour) == 0) return;
  older_ = std::make_shared<std::string>(older_->substr(end + 1));
}

// Where in `older_`; its end when there is none.
std::size_t TotalsKeeper::first_line_from(Seconds hour) const {
  const std::string_view text = *older_;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    const auto of = hour_of_line(text.substr(begin, end - begin));
    if (!of || *of >= hour) break;
    begin = end + 1;
  }
  return begin;
}

// ---- lines -------------------------------------------------------------------------------------

std::string TotalsKeeper::recent_lines(Seconds since) const {
  std::string lines;
  auto attempts = attempts_.hours().lower_bound(hour_of(since));
  auto events = events_.lower_bound(hour_of(since));
  while (attempts != attempts_.hours().end() || events != events_.end()) {
    HourTotals totals;
    const bool has_attempts = attempts != attempts_.hours().end() &&
                              (events == events_.end() || attempts->first <= events->first);
    const bool has_events = events != events_.end() && (attempts == attempts_.hours().end() ||
                                                        events->first <= attempts->first);
    totals.hour = has_attempts ? attempts->first : events->first;
    if (has_attempts) totals.attempts = (attempts++)->second;
    if (has_events) totals.events = (events++)->second;
    append_totals(lines, totals);
  }
  return lines;
}

// The first that is kept; 0: there is none.
Seconds TotalsKeeper::first_hour() const {
  const std::string_view older = *older_;
  if (const auto hour = hour_of_line(older.substr(0, older.find('\n')))) return *hour;
  const auto& attempts = attempts_.hours();
  if (attempts.empty() && events_.empty()) return 0;
  if (attempts.empty()) return events_.begin()->first;
  if (events_.empty()) return attempts.begin()->first;
  return std::min(attempts.begin()->first, events_.begin()->first);
}

TotalsKeeper::Lines TotalsKeeper::lines(Seconds since, Seconds now) {
  account(now);
  Lines lines{older_, first_line_from(hour_of(since)), recent_lines(since), 0};
  lines.from = first_hour();
  return lines;
}

// ---- the file ----------------------------------------------------------------------------------

void TotalsKeeper::start_save() {
  if (!writes_) return;
  saving_ = true;
  struct Next {
    std::shared_ptr<const std::string> older;
    std::string recent;
    Result<void> outcome;
  };
  const auto next = std::make_shared<Next>();
  next->older = older_;
  next->recent = recent_lines(0);
  background_.run(
      [next, path = path_] {
        next->outcome = save_totals(path, *next->older + next->recent);
        return 0;
      },
      [next, self = self_](int error) {
        if (*self == nullptr) return;
        if (error != 0) next->outcome = failure("there is no memory to write the totals");
        (*self)->saved(next->outcome);
      });
}

void TotalsKeeper::saved(const Result<void>& outcome) {
  saving_ = false;
  if (!outcome) report_("totals: " + outcome.error().text);
}

Result<void> TotalsKeeper::save(Seconds now) {
  background_.drain();
  account(now);
  if (!writes_) return {};
  return save_totals(path_, *older_ + recent_lines(0));
}

}  // namespace grey
