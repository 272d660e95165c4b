// The hourly totals (state/totals_text.h) of this daemon: what happens, as it happens, the hours of
// before, and their file.
//
// Hours of which triplets may wait still are kept as numbers; older ones do not change, and are
// kept as lines, for 400 days. The file is replaced each minute by the background, and at the end:
// a daemon that is killed loses a minute of its totals, and nothing else.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "greyd/base/background.h"
#include "greyd/base/counters.h"
#include "greyd/base/error.h"
#include "greyd/core/attempts.h"
#include "greyd/core/greylist.h"
#include "greyd/state/totals_text.h"

namespace grey {

class TotalsKeeper {
 public:
  static constexpr Seconds kKept = 400 * 24 * kHourSeconds;
  static constexpr Seconds kSaveInterval = 60;
  // Hours that may change are written anew each minute: what waits for longer, under a timeout of
  // years, has its end counted no more.
  static constexpr Seconds kMostOpen = 100 * 24 * kHourSeconds;

  // What has happened since the start. Asked for when it is taken into account.
  using Happened = std::function<HourEvents()>;
  // Told why the file could not be written.
  using Report = std::function<void(const std::string& text)>;

  // `waiting_life`: of a triplet. `background` and `since_start` must outlive it.
  TotalsKeeper(std::string path, Seconds waiting_life, Background& background,
               AttemptTotals& since_start, Report report);
  ~TotalsKeeper();
  TotalsKeeper(const TotalsKeeper&) = delete;
  TotalsKeeper& operator=(const TotalsKeeper&) = delete;

  // As load_totals() has it; one that cannot be read is left alone, totals are in memory alone
  // then, and `note` says so. What waits in the greylist, and is not told of, has begun. From now
  // on its attempts are counted here. To be called before anything expires. `greylist` must outlive
  // it.
  void load(Seconds now, Greylist& greylist, std::string& note);
  // Where nobody asks it nothing has happened but attempts.
  void happened_is(Happened happened) { happened_ = std::move(happened); }

  // To be called about once a second: takes what has happened into account at each hour's end, and
  // once a minute, and then starts to write the file. By a clock that is in doubt nothing is closed
  // or dropped.
  void tick(Seconds now, bool in_doubt);
  // Writes it at once.
  Result<void> save(Seconds now);

  // The lines of the hours from that of `since` on; `older` are those that do not change.
  struct Lines {
    std::shared_ptr<const std::string> older;
    std::size_t older_from = 0;  // an octet of it
    std::string recent;
    Seconds from = 0;  // the first hour that is kept; 0: there is none
  };
  Lines lines(Seconds since, Seconds now);

 private:
  Seconds first_open(Seconds now) const;
  void account(Seconds now);
  void move_window(Seconds now);
  void close_before(Seconds hour);
  void open_from(Seconds hour);
  void drop_one_before(Seconds hour);
  std::size_t first_line_from(Seconds hour) const;
  std::string recent_lines(Seconds since) const;
  Seconds first_hour() const;
  void put(const HourTotals& totals);
  void start_save();
  void saved(const Result<void>& outcome);

  const std::string path_;
  const Seconds waiting_life_;
  Background& background_;
  Report report_;
  Happened happened_ = [] { return HourEvents(); };

  const Greylist* greylist_ = nullptr;
  Attempts attempts_;
  std::map<Seconds, HourEvents> events_;  // of the hours from open_from_ on
  Seconds open_from_ = 0;
  std::shared_ptr<const std::string> older_ = std::make_shared<std::string>();
  HourEvents accounted_;      // of what has happened since the start
  Seconds accounted_at_ = 0;  // 0: never
  Seconds saved_at_ = 0;
  bool saving_ = false;
  bool writes_ = true;
  // Who is called back by the background may find us gone.
  std::shared_ptr<TotalsKeeper*> self_ = std::make_shared<TotalsKeeper*>(this);
};

}  // namespace grey
