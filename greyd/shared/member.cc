#include "greyd/shared/member.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "greyd/shared/scripts.h"

namespace grey::shared {

std::string fingerprint(const Policy& policy) {
  std::string text;
  const auto add = [&](const char* name, Seconds value) {
    if (!text.empty()) text += ' ';
    text.append(name).append("=").append(std::to_string(value));
  };
  add("min-resend", policy.min_resend);
  add("resend-window", policy.resend_window);
  add("timeout", policy.timeout);
  add("client-passes", policy.client_passes);
  add("recipients", Seconds(policy.recipients));
  add("ipv4-prefix", policy.ipv4_prefix);
  add("ipv6-prefix", policy.ipv6_prefix);
  add("sender-key", Seconds(policy.sender_key));
  add("recipient-key", Seconds(policy.recipient_key));
  return text;
}

Member::Member(Service& service, ScriptStore& link, const Keys& keys, std::string name,
               LastMeeting last, MemberCounters& counters, Report report)
    : service_(service),
      link_(link),
      keys_(keys),
      name_(std::move(name)),
      fingerprint_(fingerprint(service.greylist().policy())),
      last_(std::move(last)),
      counters_(counters),
      report_(std::move(report)) {}

// ---- meeting -----------------------------------------------------------------------------------

void Member::tick(Seconds now) {
  if (!link_.up()) return lost();
  if (meeting_) return;
  meeting_ = true;
  link_.call(
      {kMeet, {kPolicyKey, kRunKey}, {fingerprint_, name_ + "." + std::to_string(++meetings_)}},
      [self = self_, now](const auto* answer) {
        if (*self != nullptr) (*self)->met(now, answer);
      });
}

void Member::lost() {
  state_ = State::away;
  healing_.reset();
}

void Member::met(Seconds now, const std::vector<std::string>* answer) {
  meeting_ = false;
  if (answer == nullptr || answer->size() != 3) return lost();
  const std::string &policy = (*answer)[0], &run = (*answer)[1];
  if (policy != fingerprint_) {
    if (std::exchange(policy_told_, policy) != policy) {
      ++counters_.other_policy;
      report_("store: others share it under another policy (" + policy + "; here " + fingerprint_ +
              "); this daemon decides alone");
    }
    healing_.reset();
    state_ = State::other_policy;
    return;
  }
  policy_told_.clear();
  Seconds time = 0;
  std::from_chars((*answer)[2].data(), (*answer)[2].data() + (*answer)[2].size(), time);
  const Seconds difference = now - time;
  const bool differs = std::abs(difference) > kMostClockDifference;
  if (differs && !clock_told_) {
    report_("store: its clock and this one's differ by " + std::to_string(difference) + " seconds");
  }
  clock_told_ = differs;
  const bool wiped = run != last_.run;
  if (wiped || state_ != State::member) {
    if (wiped && !last_.run.empty()) {
      ++counters_.wiped;
      report_(
          "store: it is another than before, or was wiped; all that is known here is told again");
    }
    begin_healing(wiped ? 0 : std::max<Seconds>(last_.good - kMayBeLost, 0), now);
    last_.run = run;
  }
  state_ = State::member;
  if (!healing_) last_.good = now;
}

// ---- healing -----------------------------------------------------------------------------------

void Member::begin_healing(Seconds since, Seconds now) {
  ++counters_.healings;
  healing_.reset(new Healing{service_.walk(), since, now});
  healing_->walk.start();
}

void Member::heal(Seconds now) {
  if (!healing_ || healing_->walked || healing_->calls >= kMostCalls) return;
  Tell tell(service_.greylist().policy());
  const Seconds since = healing_->since;
  const bool more = healing_->walk.visit(kSlice, [&](const SavedRecord& record) {
    if (record.seen < since) return;
    tell.add(keys_.of(record),
             {record.record_class, record.seen, std::uint8_t(std::min(record.passes, 255u))}, now);
  });
  if (!more) healing_->walked = true;
  if (tell.empty()) {
    if (healing_->walked && healing_->calls == 0) healing_.reset();
    return;
  }
  ++healing_->calls;
  const std::size_t records = tell.size();
  link_.call(tell.take(), [self = self_, records](const auto* answer) {
    if (*self != nullptr) (*self)->told(answer, records);
  });
}

void Member::told(const std::vector<std::string>* answer, std::size_t records) {
  if (!healing_) return;
  if (answer == nullptr) return lost();
  counters_.healed += records;
  --healing_->calls;
  if (healing_->walked && healing_->calls == 0) {
    last_.good = healing_->begun;
    healing_.reset();
  }
}

}  // namespace grey::shared
