// The decision: what to answer to a query, and what to remember of it (greyd/DESIGN.md, section 3).
//
// Pure: `now` is an argument, nothing is read, written or logged here.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/core/attempts.h"
#include "greyd/core/changes.h"
#include "greyd/core/decision.h"
#include "greyd/core/key.h"
#include "greyd/core/knowledge.h"
#include "greyd/core/named_set.h"
#include "greyd/core/policy.h"
#include "greyd/core/pools.h"
#include "greyd/core/recent.h"
#include "greyd/core/recipient_rules.h"
#include "greyd/core/record.h"
#include "greyd/core/rules.h"
#include "greyd/core/suspicion.h"
#include "greyd/core/table.h"
#include "greyd/lists/lists.h"
#include "greyd/wire/wire.h"

namespace grey {

class Greylist {
 public:
  Greylist(const Policy& policy, std::size_t max_records, const HashKey& hash_key);

  // Decides `batch` in its order; decisions[i] is that of batch[i]. Together they cost less than
  // one by one: the memory that all of them need is fetched at once.
  // REQUIRES: decisions.size() >= batch.size().
  void decide(std::span<const wire::Query> batch, const Lists& lists, Seconds now,
              std::span<Decided> decisions);
  Decided decide(const wire::Query& query, const Lists& lists, Seconds now) {
    Decided decision;
    decide({&query, 1}, lists, now, {&decision, 1});
    return decision;
  }

  // The same for those queries that lists, rules or what is remembered of the client decide. The
  // numbers of the others are put into `open`: of them nothing is decided, and nothing stored.
  void decide_known(std::span<const wire::Query> batch, const Lists& lists, Seconds now,
                    std::span<Decided> decisions, std::vector<std::size_t>& open);

  // What decide() would say of the query, and what is stored of it, with nothing changed, counted
  // or noted. The same, that is, but where the table is full and one triplet of the query makes
  // room for another of it.
  struct Peeked {
    Decided decision;
    rules::Stored client;
    std::vector<rules::Stored> triplets;  // in the order of the recipients
    std::vector<rules::Stored> sent;      // by them to the sender, likewise
    std::vector<MatchedRule> rules;       // likewise
    struct Pool {
      std::string name;                     // "spf:example.com"
      rules::Stored client;                 // likewise
      std::vector<rules::Stored> triplets;  // likewise
    };
    std::vector<Pool> pools;  // that the client belongs to, as far as is known
  };
  Peeked peek(const wire::Query& query, const Lists& lists, Seconds now) const;

  // From now on clients count as their pools, too, as `finder` finds them. nullptr ends that. Of
  // greydaemon's rules nothing.
  void use_pools(const PoolFinder* finder);
  const PoolFinder* pools() const { return finder_; }
  // A triplet that waits has turned out to be one of a pool's: it is noted there as well, with its
  // own first seen, as a change. `waiting`: client, sender and recipient, as a record or a query
  // has them. False where it does not wait (any more). `asker`: as of a query.
  bool wait_in_pool(const SavedRecord& waiting, const Client& pool, Seconds now,
                    const Ip& asker = Ip());

  // `ours` has written to `theirs` at that time, which is no later than now: what comes from there
  // to it is a reply for a while, a change. False where nothing is stored: the policy has no
  // replies, it is past already, or one of them is no address of a domain. `asker`: who tells it.
  bool sent(std::string_view ours, std::string_view theirs, Seconds at, Seconds now,
            const Ip& asker = Ip());

  // One step of a pass over the records that forgets those whose time is over at `now`: looks at up
  // to `limit` of them; how many. Fewer than `limit` means that the pass is done; the next call
  // begins another. Where the records are in the order of their stamps it looks at no more than are
  // over; records of a clock that was set back lie between others, and are found all the same.
  std::size_t expire(Seconds now, std::size_t limit);
  void set_expiry(Expiry expiry) { expiry_ = expiry; }
  // Of all that was restored: the latest stamp (0: nothing was), and how many were over.
  Seconds latest_restored() const { return latest_restored_; }
  std::size_t over_restored() const { return over_restored_; }
  // Whether any record was over at `then`. REQUIRES: sort_by_age(), or no disorder yet.
  bool has_over(Seconds then) const;

  // From now on `changes` is told of every change of a record, but for expiry and eviction, which
  // lose nothing that counts, and but for repeats within a thousandth of the timeout, which would
  // flood it. nullptr ends that.
  void note_changes_in(Changes* changes) { changes_ = changes; }
  // The same for another who wants to know.
  void tell_changes_to(Changes* changes) { told_ = changes; }
  // From now on what becomes of first attempts is counted there. nullptr ends that.
  void count_attempts_in(Attempts* attempts) { attempts_ = attempts; }

  // Puts a saved record back. Keys are made anew by the present policy, so that records saved under
  // another one go on counting where they can. Of two that become one, in whatever order, the one
  // stands that would if the later had come upon the earlier: what has passed before what waits,
  // the first attempt before another within the window, and else the later.
  // False when its time is over at `now` (and set_expiry() asks for no care). A stamp after `now`
  // stays as it is: the clock may be wrong.
  bool restore(const SavedRecord& record, Seconds now);
  // The same for a record that comes from elsewhere while the daemon runs: it is a change, and is
  // noted as one. Twice is once.
  enum class Import : std::uint8_t {
    taken,  // it is stored now, or stands instead of what was
    had,    // what is stored stands
    over,   // see restore()
  };
  Import import(const SavedRecord& record, Seconds now);
  // What import() would say, with nothing changed.
  Import would_import(const SavedRecord& record, Seconds now);
  // What others know of the record that `of` names is joined with what is stored (knowledge.h), as
  // a change, if it is one. `forgotten`: when it was last forgotten by command; 0: never.
  // `asker`, `client`: as of a query that this is learned for; a new record comes to its share, and
  // a pool's to that of the client's network.
  void learn(const SavedRecord& of, const TripletKnowledge& known, Seconds forgotten, Seconds now,
             const Ip& asker = Ip(), const Ip& client = Ip());
  void learn(const SavedRecord& of, const ClientKnowledge& known, Seconds forgotten, Seconds now,
             const Ip& asker = Ip(), const Ip& client = Ip());
  // restore() for many: what a record needs of the table is fetched while the next ones are read,
  // so each is put back some calls later, in order, and the last ones by restore_pending(). Until
  // that nothing else is to be called.
  bool restore_later(const SavedRecord& record, Seconds now);
  void restore_pending();
  // After records were restored in no order: expiry and eviction need the oldest first. Who walks
  // meanwhile misses none, and may visit some twice.
  void sort_by_age();
  // Does what a noted change says: the record is as it says from then on, or is forgotten.
  void replay(const SavedRecord& change, Seconds now);

  // Calls visit(const SavedRecord&) for each record, oldest first within each of the table's lists.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (RecordOrder order = 0; order < kOrders; ++order) {
      for (Table::Ref ref = table_.oldest(order); ref != 0; ref = table_.next_younger(ref)) {
        if (const auto record = to_saved(table_.view(ref))) visit(*record);
      }
    }
  }

  // The same in slices, while decisions go on. Each who walks has a walk of its own, as many as
  // there are at a time, and none disturbs another. Records that change in the meantime may be left
  // out, or be visited as they were: with the changes noted since start() the state is whole. The
  // greylist must outlive its walks.
  class Walk {
   public:
    // At the end. See Table::Cursor.
    explicit Walk(Greylist& greylist, Table::Way way = Table::Way::from_old)
        : cursor_(greylist.table_, way) {}

    void start() { cursor_.start(); }
    // Calls visit(const SavedRecord&) for up to `limit` records. False after the last.
    template <typename Visit>
    bool visit(std::size_t limit, Visit visit) {
      return cursor_.walk(limit, [&](const RecordView& view) {
        if (const auto record = to_saved(view)) visit(*record);
      });
    }
    void skip_list() { cursor_.skip_list(); }

   private:
    friend class Greylist;
    Table::Cursor cursor_;
  };

  // One step of a walk that forgets records, which is a change of each: looks at up to `limit` of
  // them, and forgets those of which wanted(const SavedRecord&) is true. False after the last.
  template <typename Wanted>
  bool forget(Walk& walk, std::size_t limit, Wanted wanted) {
    for (; limit > 0; --limit) {
      const Table::Ref ref = walk.cursor_.next();
      if (ref == 0) return false;
      walk.cursor_.step();
      const auto record = to_saved(table_.view(ref));
      if (record && wanted(*record)) forget(ref, *record);
    }
    return true;
  }

  const Table& table() const { return table_; }
  void give_up_spare() noexcept { table_.give_up_spare(); }  // see Table
  const Policy& policy() const { return policy_; }
  // Copies of one question within this time are one attempt.
  static constexpr Seconds kOneAttempt = 60;
  // Good retries by one client and sender within this time of the first are about one message,
  // where the front does not say which message it is: several recipients, one after another.
  static constexpr Seconds kOneMessage = rules::kOneMessage;
  // How long a message is remembered of which the front says which it is.
  static constexpr Seconds kMessageLife = 3600;

 private:
  struct HashedKey {
    std::string_view key;
    std::uint64_t wide_hash;
    Ip asker = {};   // whose share a record comes to that is stored under it
    Ip client = {};  // to whose network's, where it is a pool's
    Table::Hash hash() const { return Table::Hash(wide_hash); }
  };

  // What is made of a query before it is decided: its keys and their hashes, and those of its pools
  // where its client is not known.
  struct Prepared {
    explicit Prepared(const Policy& policy) : keys(policy) {}
    void hash_triplet(std::string_view of, const Table& table);
    void hash_in_pool(PoolKind kind, const Table& table);
    void find_pools(const PoolFinder& finder, const wire::Query& query, Seconds now,
                    const Table& table);

    KeyBuilder keys;
    std::uint64_t client_hash = 0;
    std::string_view recipient;      // the one whose triplet
    std::uint64_t triplet_hash = 0;  // is the last that `keys` has built; its hash
    bool has_client = false;         // there is a record of that hash
    bool listed = false;             // decided by a list
    bool has_pools = false;          // what follows is this query's, and counts
    PoolsOfQuery pools;
    struct Key {
      std::string text;
      std::uint64_t hash = 0;
      const char* of = nullptr;  // where the recipient begins whose triplet it is
    };
    Key pool_client;                       // of the one by SPF
    std::array<Key, kPoolKinds> in_pools;  // of triplets
  };

  // A query being decided.
  struct Question {
    const wire::Query& query;
    const Lists& lists;
    Seconds now;
    Prepared& prepared;
  };

  struct Message {
    bool earned;  // a pass for its client
  };

  struct Found {
    Table::Ref ref = 0;
    rules::Stored stored;
  };

  // A record on its way back.
  struct Pending {
    std::string key;
    Table::Hash hash = 0;
    RecordView view;  // of this key
  };
  static constexpr std::size_t kPending = 32;

  // Where expire() is. Of each list the pass looks at all, or stops at the first that is not over.
  struct ExpiryPass {
    bool running = false;
    std::size_t order = kOrders;
    std::uint64_t disorders = 0;  // of the list when it came to it
    bool in_order = true;         // so far, of a list that is looked at whole
    Seconds last = 0;
  };

  // greylist.cc
  template <class Judge>
  void decide_each(std::span<const wire::Query> batch, const Lists& lists, Seconds now,
                   std::span<Decided> decisions, const Judge& judge);
  void prepare(std::span<const wire::Query> batch, const Lists& lists);
  void prepare_pools(std::span<const wire::Query> batch, Seconds now);
  HashedKey triplet_key(const Question& question, std::string_view recipient) const;
  static HashedKey client_key(const Question& question);
  // A decision, and the number of the recipient whose it is.
  using Judged = rules::Summary::Of;
  bool by_lists(const Question& question, Decided& decided) const;
  bool by_rules(const Question& question, Decided& decided);
  Judged by_records(const Question& question);
  std::optional<Judged> without_triplets(const Question& question);
  void take(const Question& question, const Judged& judged, Decided& decided) const;
  std::optional<Judged> by_client(const Question& question);
  std::optional<Judged> known_as(const Question& question, const HashedKey& key,
                                 rules::Stored& stored, std::optional<PoolKind> pool);
  rules::ClientJudgement judge_client(const rules::Stored& client, const Question& question,
                                      std::size_t number) const;
  bool add_if_known(const Question& question, std::size_t number, rules::Summary& summary) const;
  Judged by_triplets(const Question& question);
  Judged by_triplets_greydaemon(const Question& question);
  Judged of_message(const Question& question, const rules::Summary& summary);
  bool counts_for_itself(const Question& question, std::string_view recipient,
                         std::size_t number) const;
  // Whether a copy of a datagram, which the network made or an asker that got no answer in time,
  // could be taken for a retry.
  std::optional<Judged> by_suspicion(const Question& question);
  bool tells_questions_apart(const Question& question) const;
  void keep_bounces(const Question& question);
  bool has_passed(const Question& question) const;
  std::uint64_t id_of_message(const Question& question) const;
  std::optional<Message> message_of(const Question& question) const;
  void remember(const Question& question, Message message);
  bool is_new_message(const Question& question);
  void earn_pass(const Question& question, const Terms& terms);
  bool is_for_traps(const Question& question) const;
  bool springs_trap(const Question& question);
  void look_at_traps(const Question& question);
  std::uint64_t sender_id(const KeyBuilder& keys) const {
    return table_.wide_hash(keys.sender_prefix());
  }

  // greylist_pools.cc
  // A triplet of the client's, and one of a pool's.
  struct Own {
    const HashedKey& key;
    const Found& found;
    const rules::Judgement& judged;
    bool judged_before;  // the same key, for another recipient of the query
  };
  struct InPool {
    PoolKind kind;
    HashedKey key;
    Found found;
    rules::Judgement judged;
    bool waits() const {
      return found.stored && found.stored->record_class == RecordClass::waiting;
    }
  };
  using InPools = std::array<std::optional<InPool>, kPoolKinds>;
  using JudgeTriplet = rules::Judgement (*)(const rules::Stored&, const Terms&, Seconds, Expiry);
  Ip network_of(const Ip& client) const;
  HashedKey pool_triplet_key(const Question& question, PoolKind kind) const;
  Judged judge_with_pools(const Question& question, const Terms& terms, JudgeTriplet judge,
                          const Own& own);
  void apply_own(const Own& own, const InPools& pools, const Judged& decided, Seconds now);
  void apply_in_pool(const InPool& pool, const Own& own, const Judged& decided, Seconds now);
  HashedKey pool_client_key(const Question& question) const;
  void count_with_pools(const Own& own, const InPools& pools, const Judged& decided, Seconds now);
  void earn_pass_of_pool(const Question& question, const Terms& terms);

  // greylist_replies.cc
  std::optional<Decision> reply_to(const Question& question, std::string_view recipient);
  HashedKey sent_key(std::string_view theirs, std::string_view ours, const Ip& asker = Ip());

  // greylist_peek.cc
  rules::Stored copy_record(std::string_view key, Greylist& copy) const;
  void take_pools(const wire::Query& query, Seconds now, Greylist& copy,
                  std::vector<Peeked::Pool>& pools) const;

  // greylist_records.cc
  Found find(const HashedKey& key) const;
  void apply(const rules::Effect& effect, Table::Ref ref, const HashedKey& key);
  void touch(Table::Ref ref, const HashedKey& key, const RecordState& record);
  void store(Table::Ref ref, const HashedKey& key, const RecordState& record);
  void note(Table::Ref ref);
  void tell(const SavedRecord& change);
  void count_attempt(const Found& triplet, const Decision& decision, Seconds now);
  // Of the query being decided; greydaemon's rules know none.
  const Suspicions* known_suspicions() const {
    return policy_.personality == Personality::greydaemon ? nullptr : &suspicions_;
  }
  void count_end(Table::Ref waiting, Seconds now);
  bool is_known_client(const Client& client, Seconds now);
  void forget(Table::Ref ref, SavedRecord record);
  bool is_over(const RecordView& record, Seconds now) const {
    return rules::is_over(record.state(), policy_, now);
  }
  void begin_list(RecordOrder order);
  void end_list();
  bool is_ruled(const RecordView& record) const;
  bool comes_back(const RecordView& record, Seconds now);
  std::string_view key_of(const SavedRecord& record);
  template <class Knowledge, class Here>
  void learn(const SavedRecord& of, const Knowledge& known, const Here& here, Seconds forgotten,
             Seconds now, const Ip& asker, const Ip& client);
  void become(const rules::Stored& now_is, const Found& before, const HashedKey& key);
  RecordView view_of(const SavedRecord& record);
  RecordView foreign_view_of(const SavedRecord& record);
  Import judge_import(const RecordView& view, const HashedKey& key, Seconds now) const;
  Table::Ref put_back(const RecordView& view, Table::Hash key_hash);

  Policy policy_;
  Table table_;
  const PoolFinder* finder_ = nullptr;
  std::string sent_key_;          // a key
  KeyBuilder restored_keys_;      // of records that come from a file
  std::vector<Pending> pending_;  // a ring, the oldest at pending_begin_
  std::size_t pending_begin_ = 0, pending_count_ = 0;
  std::vector<Prepared> prepared_;  // of the batch being decided
  Changes* changes_ = nullptr;
  Changes* told_ = nullptr;
  Attempts* attempts_ = nullptr;
  Expiry expiry_ = Expiry::usual;
  Seconds latest_restored_ = 0;
  std::size_t over_restored_ = 0;
  Table::Cursor expiry_cursor_{table_};
  ExpiryPass expiry_pass_;
  std::array<std::uint64_t, kOrders> settled_{};  // disorders that are put in order again

  // Of the query being decided.
  RecipientRules rules_;
  Suspicions suspicions_;                              // of its client, once it is no known one
  bool spares_ = false;                                // it is not suspect, and need not wait
  rules::Stored client_;                               // what is stored of its client
  unsigned traps_ = 0;                                 // to which that has written
  rules::Stored pool_client_;                          // what is stored of its pool by SPF
  std::array<rules::Stored, kPoolKinds> pool_before_;  // see by_triplets()
  std::optional<Terms> earning_;  // on which a good retry was one, if the client earns by it
  NamedSet named_;
  std::vector<std::string_view> good_retries_;  // recipients of a bounce
  std::optional<bool> may_send_;  // the client for the sender's domain, once asked for

  static constexpr std::size_t kMostRecent = 16384;
  Recent<Message> messages_{kMostRecent};  // that have passed
  Recent<Judged> questions_{kMostRecent};  // that were deferred
};

}  // namespace grey
