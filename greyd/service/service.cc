#include "greyd/service/service.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "greyd/base/files.h"
#include "greyd/lists/lists.h"
#include "greyd/state/entries_file.h"
#include "greyd/state/totals_file.h"

namespace grey {
namespace {

ContextForm context_form(const Policy& policy) {
  return policy.personality == Personality::greydaemon ? ContextForm::greydaemon
                                                       : ContextForm::qmail_greyd;
}

void count(Service::Imported& imported, Greylist::Import what) {
  using Import = Greylist::Import;
  ++(what == Import::taken ? imported.taken : what == Import::had ? imported.had : imported.over);
}

std::size_t entries_in(const Lists& lists) {
  return lists.whitelist.entries() + lists.blacklist.entries() + lists.rules.size();
}

}  // namespace

Service::Service(const ServiceSettings& settings, const HashKey& hash_key, Background& background,
                 StateFiles::Report report, Counters& counters)
    : greylist_(settings.policy, settings.max_records, hash_key),
      list_files_(settings.lists),
      free_interval_(settings.free_interval),
      background_(background),
      report_(std::move(report)),
      counters_(counters),
      files_(
          settings.context_file, context_form(settings.policy), settings.sync, greylist_,
          background,
          [this](StateFiles::Level level, const std::string& text) { report_state(level, text); },
          counters.state),
      entries_(entries_path(settings.context_file), background),
      totals_(totals_path(settings.context_file), settings.policy.waiting_life(), background,
              counters.attempts,
              [this](const std::string& text) { report_(StateFiles::Level::error, text); }),
      networks_(networks_path(settings.context_file), background,
                [this](const std::string& text) { report_(StateFiles::Level::warning, text); }) {
  entries_.on_change([this] {
    entries_.put_in(*lists_);
    follow_domains();
    // The files' lists have theirs.
    learn_networks({&lists_->allowed, &lists_->blocked});
  });
}

void Service::decide(std::span<const wire::Query> batch, Seconds now, Done done) {
  if (decisions_.size() < batch.size()) decisions_.resize(batch.size());
  greylist_.decide(batch, *lists_, now, decisions_);
  commit();
  count_evictions();
  if (on_decided_) on_decided_(batch, {decisions_.data(), batch.size()}, now);
  for (std::size_t i = 0; i < batch.size(); ++i) done(i, decisions_[i]);
}

void Service::sent(std::span<const wire::Sent> told, Seconds now) {
  ReplyCounters& counters = counters_.replies;
  for (const wire::Sent& of : told) {
    for (const std::string_view theirs : of.theirs) {
      const bool kept = greylist_.sent(of.ours, theirs, now, now, of.asker);
      ++(kept ? counters.told : counters.unfit);
    }
    counters.unfit += of.untold;
  }
  commit();
  count_evictions();
}

bool Service::sent(std::string_view ours, std::string_view theirs, Seconds at, Seconds now) {
  const bool kept = greylist_.sent(ours, theirs, at, now);
  commit();
  count_evictions();
  return kept;
}

void Service::decide_known(std::span<const wire::Query> batch, Seconds now, const Done& done,
                           std::vector<std::size_t>& open) {
  if (decisions_.size() < batch.size()) decisions_.resize(batch.size());
  const std::size_t first_open = open.size();
  greylist_.decide_known(batch, *lists_, now, decisions_, open);
  commit();
  std::size_t next_open = first_open;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (next_open < open.size() && open[next_open] == i) {
      ++next_open;
      continue;
    }
    if (on_decided_) on_decided_({&batch[i], 1}, {&decisions_[i], 1}, now);
    done(i, decisions_[i]);
  }
}

void Service::count_evictions() {
  counters_.evicted = greylist_.table().evictions();
  counters_.evicted_over_share = greylist_.table().evictions_over_share();
}

Service::Imported Service::import(std::span<const SavedRecord> records, Seconds now) {
  Imported imported;
  for (const SavedRecord& record : records) count(imported, greylist_.import(record, now));
  files_.commit();
  count_evictions();
  return imported;
}

Service::Imported Service::would_import(std::span<const SavedRecord> records, Seconds now) {
  Imported imported;
  for (const SavedRecord& record : records) count(imported, greylist_.would_import(record, now));
  return imported;
}

void Service::report_state(StateFiles::Level level, const std::string& text) {
  if (level == StateFiles::Level::error) {
    last_error_ = text;
    saved_at_error_ = counters_.state.saved;
  }
  report_(level, text);
}

Result<LoadReport> Service::load(Seconds now, Seconds monotonic) {
  greylist_.set_expiry(Expiry::suspended);
  now_ = lists_since_ = now;
  auto report = files_.load(now);
  if (!report) return report;
  std::string note;
  if (auto entries = entries_.load(now, note); !entries) {
    return tl::make_unexpected(entries.error());
  }
  if (!note.empty()) report->notes.push_back(std::move(note));
  note.clear();
  totals_.load(now, greylist_, note);
  if (!note.empty()) report->notes.push_back(std::move(note));
  note.clear();
  networks_.load(now, note);
  if (!note.empty()) report->notes.push_back(std::move(note));
  follow_domains();
  spread_networks();
  for (RecordOrder order = 0; order < kOrders; ++order) {
    if (greylist_.table().disorders(order) == 0) continue;
    greylist_.sort_by_age();
    break;
  }
  const Seconds latest = greylist_.latest_restored();
  const std::size_t records = greylist_.table().size();
  const StartFindings found{latest, records, greylist_.over_restored(),
                            greylist_.has_over(latest - ClockGuard::kCare - free_interval_)};
  clock_guard_.look(now, monotonic);
  if (looks_doubtful(now, found)) {
    clock_guard_.begin_doubtful(monotonic);
    report->notes.push_back("clock: the latest record was seen " + std::to_string(now - latest) +
                            " seconds before now, and of " + std::to_string(records) + " records " +
                            std::to_string(found.over) + " are over" +
                            (found.overdue ? ", some since long before that" : "") +
                            "; is it right? Nothing expires for an hour");
  }
  greylist_.set_expiry(clock_guard_.expiry());
  if (clock_guard_.expiry() == Expiry::usual) {
    greylist_.expire(now, SIZE_MAX);
    const std::size_t expired = records - greylist_.table().size();
    report->expired += expired;
    report->records -= std::min(report->records, expired);
  }
  return report;
}

void Service::look_at_clocks(Seconds now, Seconds monotonic) {
  if (const auto leap = clock_guard_.look(now, monotonic)) {
    report_(StateFiles::Level::error,
            "clock leapt by " + std::to_string(*leap) + " seconds; nothing expires for an hour");
  }
  greylist_.set_expiry(clock_guard_.expiry());
  now_ = now;
  totals_.tick(now, clock_guard_.expiry() != Expiry::usual);
  if (now != networks_looked_at_) {
    networks_.tick(networks_looked_at_ = now);
    if (spread_due_) spread_networks();
  }
  if (counters_.state.saved != saved_at_error_ && files_.journaling()) last_error_.clear();
  if (clock_guard_.expiry() == Expiry::usual) entries_.expire(now);
}

Result<std::size_t> Service::save_all(Seconds now) {
  networks_.save();
  auto saved = files_.save_all();
  if (auto totals = totals_.save(now); !totals && saved) {
    return tl::make_unexpected(totals.error());
  }
  return saved;
}

// What is in force besides the file that is named, and is easily forgotten: of a cdb also what was
// taken out of its text. And what is hardly meant as it is written.
void Service::report_lists() const {
  const auto report = [this](const AddressList& list) {
    const std::vector<std::string> files = list.files();
    for (std::size_t i = 1; i < files.size(); ++i) {
      report_(StateFiles::Level::notice, files[i] + " is in force beside " + files[0]);
    }
    for (const std::string& text : list.warnings()) report_(StateFiles::Level::warning, text);
  };
  report(lists_->whitelist);
  report(lists_->blacklist);
}

std::size_t Service::take_lists(Lists&& lists) {
  lists_ = std::make_shared<Lists>(std::move(lists));
  entries_.put_in(*lists_);
  follow_domains();
  spread_networks();
  lists_since_ = now_;
  report_lists();
  return entries_in(*lists_);
}

// ---- networks of domains -----------------------------------------------------------------------

// All that the lists in force name, as far as there is room: who comes later names nobody.
void Service::follow_domains() {
  std::set<std::string> domains;
  std::size_t over = 0;
  const auto add = [&](const std::string& domain) {
    if (domains.size() < kMaxListedDomains) {
      domains.insert(domain);
    } else if (!domains.contains(domain)) {
      ++over;
    }
  };
  for (const AddressList* list :
       {&lists_->whitelist, &lists_->blacklist, &lists_->allowed, &lists_->blocked}) {
    list->for_each_domain(add);
  }
  for (const std::string& domain : lists_->rules.domains()) add(domain);
  if (over > 0) {
    report_(StateFiles::Level::warning,
            "lists and rules have more than " + std::to_string(kMaxListedDomains) +
                " spf: entries: " + std::to_string(over) + " name nobody");
  }
  networks_.follow(domains, now_);
}

void Service::take_networks(const std::string& domain, const spf::Flattened& flattened,
                            Seconds now) {
  if (!networks_.take(domain, flattened, now)) return;
  // Each list is made anew for it, with all its domains: of several within a second the first is in
  // force at once, and the others together at the next.
  if (spread_at_ == now) {
    spread_due_ = true;
  } else {
    spread_networks();
    spread_at_ = now;
  }
}

void Service::learn_networks(std::initializer_list<AddressList*> lists) {
  const DomainNetworks of = [this](std::string_view domain) { return networks_.networks(domain); };
  for (AddressList* list : lists) {
    if (list->domains() > 0) list->learn(of);
  }
}

void Service::spread_networks() {
  spread_due_ = false;
  learn_networks({&lists_->whitelist, &lists_->blacklist, &lists_->allowed, &lists_->blocked});
  if (!lists_->rules.domains().empty()) spread_over_rules();
}

// Rules are read anew for it, which takes a while where they are many: in the background, from a
// copy of what is known, and once more if that has changed meanwhile.
void Service::spread_over_rules() {
  spread_again_ = spreads_;
  if (std::exchange(spreads_, true)) return;
  const auto known = std::make_shared<std::map<std::string, std::vector<Network>, std::less<>>>();
  for (const std::string& domain : lists_->rules.domains()) {
    if (const auto* const networks = networks_.networks(domain)) known->emplace(domain, *networks);
  }
  const auto read = std::make_shared<Result<RuleList>>();
  background_.run(
      [known, read, lists = lists_] {
        *read = lists->rules.with_networks([&](std::string_view domain) {
          const auto at = known->find(domain);
          return at == known->end() ? nullptr : &at->second;
        });
        return 0;
      },
      [this, read, lists = lists_](int error) {
        spreads_ = false;
        if (error != 0) *read = tl::make_unexpected(system_error("read", "the rules", error));
        if (!*read) report_(StateFiles::Level::warning, read->error().text);
        if (*read && lists == lists_) lists_->rules = std::move(**read);
        if (lists != lists_ || std::exchange(spread_again_, false)) spread_networks();
      });
}

Result<std::size_t> Service::reload_lists() {
  auto lists = load_lists(list_files_);
  if (!lists) return tl::make_unexpected(lists.error());
  return take_lists(std::move(*lists));
}

void Service::load_in_background(std::function<void(Result<Lists>&)> done) {
  const auto loaded = std::make_shared<Result<Lists>>();
  background_.run(
      [loaded, files = list_files_] {
        *loaded = load_lists(files);
        return 0;
      },
      [this, loaded, done = std::move(done)](int error) {
        if (error != 0) *loaded = tl::make_unexpected(system_error("load", "the lists", error));
        done(*loaded);
      });
}

void Service::start_reload(std::function<void(const Result<std::size_t>&)> done) {
  load_in_background([this, done = std::move(done)](Result<Lists>& loaded) {
    if (!loaded) return done(tl::make_unexpected(loaded.error()));
    // A long list takes a while to free: that is work for the background, too.
    auto old = lists_;
    const std::size_t entries = take_lists(std::move(*loaded));
    background_.run(
        [old = std::move(old)]() mutable {
          old.reset();
          return 0;
        },
        [](int) {});
    done(entries);
  });
}

void Service::start_check(std::function<void(const Result<std::size_t>&)> done) {
  load_in_background([done = std::move(done)](Result<Lists>& loaded) {
    if (!loaded) return done(tl::make_unexpected(loaded.error()));
    done(entries_in(*loaded));
  });
}

}  // namespace grey
