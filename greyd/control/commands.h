// What the control socket's requests do (greyctl(8), COMMANDS and JSON). Knows no socket: greyctl
// itself runs them, too, on the files of a daemon that does not run.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/counters.h"
#include "greyd/base/error.h"
#include "greyd/control/request.h"
#include "greyd/control/sharing.h"
#include "greyd/control/status.h"
#include "greyd/core/record_filter.h"
#include "greyd/lookups/lookups.h"
#include "greyd/service/service.h"

namespace grey {

// What the daemon does besides at its times. Each calls back once, now or later: how many records
// were saved, have expired, or entries been loaded.
struct Upkeeping {
  using Done = std::function<void(const Result<std::size_t>&)>;
  std::function<void(Done)> save, expire, reload;
};

class Commands {
 public:
  // Lines of an answer, the last of which has "done" or "error". At most one of these.
  struct Answer {
    std::string lines{};                       // at once
    std::function<bool(std::string&)> more{};  // and then piece by piece, while it is true
    bool later = false;                        // and then what Later is told
    std::optional<RecordFilter> watch{};       // and then decisions, without an end
  };
  // The end of an answer, in the call that asks or later.
  using Later = std::function<void(std::string lines)>;

  // So many records are looked at for a piece: queries wait for no more.
  static constexpr std::size_t kPiece = 100;
  // An import takes so many at most with one request.
  static constexpr std::size_t kMaxImported = 200;

  // All by reference must outlive it.
  Commands(DaemonFacts facts, Service& service, const Counters& counters, Upkeeping upkeeping,
           Sharing* sharing = nullptr, Lookups* lookups = nullptr);

  // `by`: who asks, for people to read. `now` by the wall clock.
  Answer begin(std::string_view line, const std::string& by, Seconds now, Later later);

 private:
  struct Call;
  using Command = Answer (Commands::*)(Call&);
  static Command command_named(std::string_view name);

  Answer status(Call& call);
  Answer stats(Call& call);
  Answer totals(Call& call);
  Answer query(Call& call);
  Answer list(Call& call);
  Answer show(Call& call);
  Answer entries(Call& call);
  Answer networks(Call& call);
  Answer listed_networks();
  Answer forget(Call& call);
  Answer allow(Call& call);
  Answer block(Call& call);
  Answer unlist(Call& call);
  Answer import(Call& call);
  Answer watch(Call& call);
  Answer save(Call& call);
  Answer expire(Call& call);
  Answer reload(Call& call);
  Answer check(Call& call);

  Answer put(Call& call, Entry::Kind kind);
  Answer import_records(std::vector<Request> objects, Seconds now, bool dry_run);
  Answer import_lines(std::string_view text, Seconds now, bool dry_run);
  Answer import_saved(std::span<const SavedRecord> records, std::size_t over, Seconds now,
                      bool dry_run);
  Answer import_entries(std::vector<Request> objects, Call& call);
  Answer upkeep(Call& call, const std::function<void(Upkeeping::Done)>& what,
                std::string_view counted);
  Answer listing(RecordFilter filter, std::string begin, std::size_t most);
  void add_blocked(JsonLine& line, std::string_view entry) const;
  void add_listed(JsonLine& line, const Matched& matched, std::string_view list) const;

  const DaemonFacts facts_;
  Service& service_;
  const Counters& counters_;
  const Upkeeping upkeeping_;
  Sharing* const sharing_;  // nullptr: nobody shares this state
  Lookups* const lookups_;  // nullptr: there are none
};

}  // namespace grey
