#include "greyd/service/listed_networks.h"

#include <utility>

namespace grey {
namespace {

constexpr Seconds kWritePause = 10;

bool is_better(const spf::Flattened& flattened) {
  return flattened.ended == spf::Ended::whole || !flattened.networks.empty();
}

}  // namespace

ListedNetworks::ListedNetworks(std::string path, Background& background, Report report)
    : path_(std::move(path)), background_(background), report_(std::move(report)) {}

ListedNetworks::~ListedNetworks() {
  *self_ = nullptr;
}

void ListedNetworks::load(Seconds now, std::string& note) {
  auto read = load_networks(path_, now, note);
  if (read) {
    known_ = std::move(*read);
  } else {
    note = read.error().text +
           "; the networks of listed domains are not known until they are asked for";
    writes_ = false;  // what could not be read is not written over
  }
}

void ListedNetworks::follow(const std::set<std::string>& domains, Seconds now) {
  std::erase_if(followed_, [&](const auto& one) { return !domains.contains(one.first); });
  for (const std::string& domain : domains) followed_.try_emplace(domain, Followed{.since = now});
}

const std::vector<Network>* ListedNetworks::networks(std::string_view domain) const {
  const auto at = known_.find(domain);
  return at == known_.end() ? nullptr : &at->second.flattened.networks;
}

bool ListedNetworks::take(const std::string& domain, const spf::Flattened& flattened, Seconds now) {
  const auto at = followed_.find(domain);
  if (at == followed_.end()) return false;
  at->second.last = flattened.ended;
  if (flattened.ended == spf::Ended::temporary) return false;
  const auto known = known_.find(domain);
  const bool was_good = known != known_.end() && !known->second.flattened.networks.empty();
  if (was_good && !is_better(flattened) && now - known->second.since < kKept) return false;
  at->second.told = at->second.told && !is_better(flattened);
  const bool same = known != known_.end() && known->second.flattened.networks == flattened.networks;
  known_[domain] = {flattened, now};
  changed_ = true;
  return !same;
}

// ---- at its times ------------------------------------------------------------------------------

bool ListedNetworks::is_due(const std::string& domain, const Followed& followed,
                            Seconds now) const {
  if (followed.asked_at != 0 && now >= followed.asked_at && now < followed.asked_at + kPause) {
    return false;
  }
  const auto known = known_.find(domain);
  if (known == known_.end()) return true;
  const auto& [flattened, since] = known->second;
  const bool failed = followed.asked_at != 0 && followed.last == spf::Ended::temporary;
  return now >= since + flattened.ttl || now < since || failed;
}

std::string ListedNetworks::problem_of(const std::string& domain, const Followed& followed,
                                       Seconds now) const {
  const auto known = known_.find(domain);
  if (known != known_.end() && !known->second.flattened.networks.empty()) return {};
  const auto ended = known == known_.end() ? spf::Ended::temporary : known->second.flattened.ended;
  const std::string names_nobody = "spf:" + domain + ": names nobody: ";
  if (ended == spf::Ended::whole) return names_nobody + "no networks are in its SPF record";
  if (ended != spf::Ended::temporary) return names_nobody + std::string(meaning_of(ended));
  if (now - followed.since < kPatience) return {};
  if (!want_) return names_nobody + "there are no look-ups";
  return names_nobody + std::string(meaning_of(ended));
}

void ListedNetworks::tick(Seconds now) {
  for (auto& [domain, followed] : followed_) {
    if (followed.since == 0) followed.since = now;  // before there was a clock
    if (!followed.told) {
      const std::string problem = problem_of(domain, followed, now);
      followed.told = !problem.empty();
      if (followed.told) report_(problem);
    }
    if (!want_ || !is_due(domain, followed, now)) continue;
    followed.asked_at = now;
    want_(domain, now);
  }
  if (changed_ && !writing_ && (now >= written_at_ + kWritePause || now < written_at_)) {
    written_at_ = now;
    write();
  }
}

// ---- the disk ----------------------------------------------------------------------------------

void ListedNetworks::write() {
  std::erase_if(known_, [&](const auto& one) { return !followed_.contains(one.first); });
  changed_ = false;
  if (!writes_) return;
  writing_ = true;
  const auto outcome = std::make_shared<Result<void>>();
  background_.run(
      [outcome, path = path_, text = to_text(known_)] {
        *outcome = save_networks(path, text);
        return 0;
      },
      [outcome, self = self_](int error) {
        if (*self == nullptr) return;
        ListedNetworks& keeper = **self;
        keeper.writing_ = false;
        if (error != 0) *outcome = failure("there is no memory to write " + keeper.path_);
        keeper.changed_ = keeper.changed_ || !*outcome;
        if (!*outcome && !keeper.failing_) keeper.report_(outcome->error().text);
        keeper.failing_ = !*outcome;
      });
}

void ListedNetworks::save() {
  background_.drain();
  if (!changed_) return;
  write();
  background_.drain();
}

// ---- who looks into it -------------------------------------------------------------------------

std::vector<ListedNetworks::Standing> ListedNetworks::standing(std::string_view behind,
                                                               std::size_t most) const {
  std::vector<Standing> some;
  for (auto at = followed_.upper_bound(behind); at != followed_.end() && some.size() < most; ++at) {
    const auto known = known_.find(at->first);
    some.push_back({at->first, known == known_.end() ? nullptr : &known->second, at->second.last});
  }
  return some;
}

std::vector<std::string> ListedNetworks::problems(Seconds now) const {
  std::vector<std::string> all;
  for (const auto& [domain, followed] : followed_) {
    if (auto problem = problem_of(domain, followed, now); !problem.empty()) {
      all.push_back(std::move(problem));
    }
  }
  return all;
}

}  // namespace grey
