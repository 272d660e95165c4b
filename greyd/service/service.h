// What the server serves: decisions on batches of queries, and the upkeep of their state.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "greyd/base/counters.h"
#include "greyd/base/error.h"
#include "greyd/core/clock_guard.h"
#include "greyd/core/decider.h"
#include "greyd/core/greylist.h"
#include "greyd/lists/lists.h"
#include "greyd/service/entries_keeper.h"
#include "greyd/service/listed_networks.h"
#include "greyd/service/totals_keeper.h"
#include "greyd/state/state_files.h"
#include "greyd/wire/wire.h"

namespace grey {

struct ServiceSettings {
  Policy policy;
  std::size_t max_records = 2'000'000;
  std::string context_file;
  ListFiles lists;
  Sync sync = Sync::second;
  Seconds free_interval = 5 * 60;  // how often expire() is called
};

class Service : public Decider {
 public:
  // `background` and `counters` must outlive the service. `report`: see StateFiles; also told what
  // there is to say of the lists when they are loaded.
  Service(const ServiceSettings& settings, const HashKey& hash_key, Background& background,
          StateFiles::Report report, Counters& counters);

  // What the batch changes is in the journal before `done` is called, which is before it returns.
  void decide(std::span<const wire::Query> batch, Seconds now, Done done) override;
  // What is stored is in the journal when this returns.
  void sent(std::span<const wire::Sent> told, Seconds now) override;
  // One that was sent at that time, likewise. False where nothing is kept of it.
  bool sent(std::string_view ours, std::string_view theirs, Seconds at, Seconds now);
  // Decides those that need no triplet (Greylist::decide_known); the numbers of the others are put
  // into `open`.
  void decide_known(std::span<const wire::Query> batch, Seconds now, const Done& done,
                    std::vector<std::size_t>& open);
  void forget(std::span<const wire::Query>) noexcept override {}  // nothing is ever open
  // Greylist::learn(), and it is in the journal.
  template <typename Knowledge>
  void learn(const SavedRecord& of, const Knowledge& known, Seconds forgotten, Seconds now,
             const Ip& asker = Ip(), const Ip& client = Ip()) {
    greylist_.learn(of, known, forgotten, now, asker, client);
    commit();
    count_evictions();
  }
  // Greylist::wait_in_pool(), likewise.
  void wait_in_pool(const SavedRecord& waiting, const Client& pool, Seconds now, const Ip& asker) {
    greylist_.wait_in_pool(waiting, pool, now, asker);
    commit();
    count_evictions();
  }
  void use_pools(const PoolFinder* finder) { greylist_.use_pools(finder); }
  // What is learned and decided in `work` is in the journal when this returns, in one write: so
  // nobody outside is to be told of it earlier, though `done` is called as ever. Not within itself.
  template <typename Work>
  void together(Work work) {
    together_ = true;
    const auto end = [this] {
      together_ = false;
      commit();
    };
    try {
      work();
    } catch (...) {
      end();
      throw;
    }
    end();
  }
  void tell_changes_to(Changes* changes) { greylist_.tell_changes_to(changes); }
  void drain() override {}

  // The lists that were in force stay so after an error. How many entries and rules there are now.
  Result<std::size_t> reload_lists();
  // The same while queries are answered by the old lists; `done` is told the outcome.
  void start_reload(std::function<void(const Result<std::size_t>&)> done);

  // ---- for who looks into it, and changes it by command ----

  // What would be decided, with nothing changed or counted.
  Greylist::Peeked peek(const wire::Query& query, Seconds now) const {
    return greylist_.peek(query, *lists_, now);
  }
  // Told of each batch that has been decided, before its `done` is called. nullptr ends that.
  using OnDecided =
      std::function<void(std::span<const wire::Query>, std::span<const Decided>, Seconds now)>;
  void tell_decisions(OnDecided on_decided) { on_decided_ = std::move(on_decided); }

  // One that follows what changes: an administrator would rather see a record twice than miss it.
  Greylist::Walk walk(Table::Way way = Table::Way::following) {
    return Greylist::Walk(greylist_, way);
  }
  // One step of a walk that forgets: Greylist::forget(). What it forgets is in the journal then.
  template <typename Wanted>
  bool forget(Greylist::Walk& walk, std::size_t limit, Wanted wanted) {
    const bool more = greylist_.forget(walk, limit, std::move(wanted));
    files_.commit();
    return more;
  }

  // Greylist::import() of each, or would_import(). What is taken is in the journal then.
  struct Imported {
    std::size_t taken = 0, had = 0, over = 0;
  };
  Imported import(std::span<const SavedRecord> records, Seconds now);
  Imported would_import(std::span<const SavedRecord> records, Seconds now);

  const Lists& lists() const { return *lists_; }
  Seconds lists_since() const { return lists_since_; }  // when they were loaded
  EntriesKeeper& entries() { return entries_; }
  TotalsKeeper& totals() { return totals_; }
  // Of the domains that lists and rules name, and what has become of one that was asked about.
  ListedNetworks& networks() { return networks_; }
  void take_networks(const std::string& domain, const spf::Flattened& flattened, Seconds now);
  // What a reload would say, with nothing changed.
  void start_check(std::function<void(const Result<std::size_t>&)> done);
  Expiry expiry() const { return clock_guard_.expiry(); }
  // What of the state's files has failed, and no snapshot has made good since; empty: nothing.
  const std::string& last_error() const { return last_error_; }

  // Reads the state and starts journaling (StateFiles::load). What is over at `now` is forgotten,
  // unless that clock is doubtful.
  Result<LoadReport> load(Seconds now, Seconds monotonic);

  // To be called with the wall clock and one that is never set, before `now` is used and about once
  // a second: notices when the first leaps, and is careful with what it says is over.
  void look_at_clocks(Seconds now, Seconds monotonic);

  std::size_t expire(Seconds now, std::size_t limit) { return greylist_.expire(now, limit); }
  const Greylist& greylist() const { return greylist_; }
  StateFiles& files() { return files_; }
  // The whole state and the totals are on the disk then, or an error says what is not. How many
  // records.
  Result<std::size_t> save_all(Seconds now);

 private:
  void commit() {
    if (!together_) files_.commit();
  }
  void count_evictions();
  void report_state(StateFiles::Level level, const std::string& text);
  void report_lists() const;
  std::size_t take_lists(Lists&& lists);
  void follow_domains();
  void learn_networks(std::initializer_list<AddressList*> lists);
  void spread_networks();  // over all lists, and rules
  void spread_over_rules();
  void load_in_background(std::function<void(Result<Lists>&)> done);

  Greylist greylist_;
  ClockGuard clock_guard_;
  std::shared_ptr<Lists> lists_ = std::make_shared<Lists>();
  Seconds lists_since_ = 0;
  Seconds now_ = 0;  // of the last look at the clocks
  const ListFiles list_files_;
  const Seconds free_interval_;
  Background& background_;
  const StateFiles::Report report_;
  Counters& counters_;
  StateFiles files_;
  EntriesKeeper entries_;
  TotalsKeeper totals_;
  ListedNetworks networks_;
  Seconds networks_looked_at_ = 0;
  Seconds spread_at_ = 0;                        // because a domain's networks had become known
  bool spread_due_ = false;                      // others have since
  bool spreads_ = false, spread_again_ = false;  // over rules, in the background
  OnDecided on_decided_;
  bool together_ = false;  // what changes is committed later
  std::string last_error_;
  Count saved_at_error_ = 0;        // snapshots
  std::vector<Decided> decisions_;  // of the batch being decided
};

}  // namespace grey
