#include "greyd/shared/member.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "greyd/shared/scripts.h"

namespace grey::shared {
namespace {

constexpr std::size_t kLongestRun = 1000;  // octets; ours are shorter

Seconds number_of(std::string_view text) {
  std::uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The parts of "NAME:SINCE:BEFORE"; see kMeet.
struct Run {
  explicit Run(std::string_view text) {
    const std::size_t first = std::min(text.find(':'), text.size());
    const std::size_t second = std::min(text.find(':', first + 1), text.size());
    name = text.substr(0, first);
    if (first < text.size()) since = number_of(text.substr(first + 1, second - first - 1));
    if (second < text.size()) before = text.substr(second + 1);
  }
  std::string_view name, before;
  Seconds since = 0;
};

}  // namespace

Member::Member(Service& service, ScriptStore& link, const HashKey& key, std::string name,
               LastMeeting last, MemberCounters& counters, Report report)
    : service_(service),
      link_(link),
      keys_(key),
      name_(std::move(name)),
      fingerprint_(fingerprint(service.greylist().policy(), key)),
      last_(std::move(last)),
      counters_(counters),
      report_(std::move(report)) {}

Member::~Member() {
  *self_ = nullptr;
}

// ---- meeting -----------------------------------------------------------------------------------

void Member::tick(Seconds now) {
  last_.good = std::min(last_.good, now);  // the clock was set back: what comes has older stamps
  if (healing_) healing_->repeats = true;
  if (!link_.up()) return lost();
  if (meeting_) return;
  meeting_ = true;
  link_.call({kMeet,
              {kPolicyKey, kRunKey, kBeatKey},
              {fingerprint_, name_ + "." + std::to_string(++meetings_), std::to_string(last_.beat)},
              true},
             [self = self_, now](const auto* answer) {
               if (*self != nullptr) (*self)->meet(now, answer);
             });
}

std::string Member::others_policy() const {
  return others_policy_.empty() ? std::string() : difference(others_policy_, fingerprint_);
}

void Member::tell_all() {
  all_ = true;
  if (!healing_) last_.good = 0;  // if this is the last that it does
}

Seconds Member::most_clock_difference(const Policy& policy) {
  return std::clamp<Seconds>(policy.min_resend / 10, 2, 30);
}

void Member::lost() {
  state_ = State::away;
  missed();
}

void Member::meet(Seconds now, const std::vector<std::string>* answer) {
  meeting_ = false;
  if (answer == nullptr || answer->size() != 4 || (*answer)[1].size() > kLongestRun) {
    return missed();
  }
  const std::string &policy = (*answer)[0], &run = (*answer)[1];
  if (!has_our_policy(policy) || !has_our_clock(number_of((*answer)[3]), now)) return missed();
  const bool another = run != last_.run;
  if (another) {
    if (!last_.run.empty()) {
      ++counters_.lost;
      if (lost_limit_.due(now) > 0) {
        report_("store: it has lost what it was told; it is told again");
      }
    }
    begin_healing(lost_since(run), now);
    last_.run = run;
  } else if ((missed_ || all_) && !healing_) {
    begin_healing(all_ ? 0 : last_.good, now);
  }
  last_.beat = number_of((*answer)[2]);
  const bool joined = std::exchange(state_, State::member) != State::member;
  if (!healing_) last_.good = now;
  if (joined) on_joined_();
}

bool Member::has_our_policy(const std::string& policy) {
  if (policy == fingerprint_) {
    others_policy_.clear();
    return true;
  }
  if (std::exchange(state_, State::other_policy) != State::other_policy) ++counters_.other_policy;
  others_policy_ = policy;
  return false;
}

// A stamp of one clock must not make a wait of another's too short.
bool Member::has_our_clock(Seconds store, Seconds now) {
  clock_ahead_ = now - store;
  const Seconds most = most_clock_difference(service_.greylist().policy());
  if (std::abs(clock_ahead_) <= most) return true;
  if (std::exchange(state_, State::other_clock) != State::other_clock) ++counters_.other_clock;
  return false;
}

// Since when it may not know what it was told.
Seconds Member::lost_since(const std::string& run) const {
  const Run now(run), before(last_.run);
  if (last_.run.empty() || now.before != before.name) return 0;
  return std::min(now.since, last_.good);
}

// ---- healing -----------------------------------------------------------------------------------

void Member::begin_healing(Seconds since, Seconds now) {
  ++counters_.healings;
  missed_ = false;
  if (since == 0) all_ = false;
  const Seconds from = std::max<Seconds>(since - kMayBeLost, 0);
  last_.good = std::min(last_.good, since);  // if this is the last that it does
  healing_.reset(new Healing{service_.walk(Table::Way::from_young), from, now});
  healing_->walk.start();
}

void Member::heal(Seconds now) {
  if (!healing() || healing_->calls >= kMostCalls) return;
  Healing& of = *healing_;
  if (!of.failed.empty() && of.repeats) {
    Call again = std::move(of.failed.back());
    of.failed.pop_back();
    send(again);
  } else if (!of.walked && of.failed.size() < kMostFailed) {
    Call call = next_to_tell(now);
    if (!call.keys.empty()) send(call);
  }
  if (!of.walked || of.calls > 0 || !of.failed.empty()) return;
  last_.good = all_ ? 0 : of.begun;
  healing_.reset();
}

// Of the next slice; it may be empty.
Call Member::next_to_tell(Seconds now) {
  Tell tell(service_.greylist().policy());
  Healing& of = *healing_;
  const auto look_at = [&](const SavedRecord& record) {
    if (std::exchange(of.record_class, record.record_class) != record.record_class) of.old = 0;
    if (record.seen < of.since) {
      ++of.old;
      return;
    }
    of.old = 0;
    tell.add(keys_.of(record),
             {record.record_class, record.seen, std::uint8_t(std::min(record.passes, 255u))}, now);
  };
  bool more = true;
  for (std::size_t looked = 0; more && looked < kSlice && tell.size() < slice_;) {
    const std::size_t some = std::min(slice_ - tell.size(), kSlice - looked);
    more = of.walk.visit(some, look_at);
    looked += some;
  }
  of.walked = !more;
  if (more && of.old >= kOldEnough) {
    of.walk.skip_list();
    of.old = 0;
  }
  Call call = tell.take();
  call.unhurried = true;
  return call;
}

void Member::send(const Call& call) {
  ++healing_->calls;
  link_.call(call, [self = self_, number = counters_.healings, kept = call](const auto* answer) {
    if (*self == nullptr) return;
    Member& of = **self;
    if (!of.healing_ || number != of.counters_.healings) return;
    --of.healing_->calls;
    if (answer != nullptr) {
      of.counters_.healed += kept.keys.size();
      of.slice_ = std::min(of.slice_ + 1, kSlice);
      return;
    }
    of.healing_->failed.push_back(kept);
    of.healing_->repeats = false;
  });
}

}  // namespace grey::shared
