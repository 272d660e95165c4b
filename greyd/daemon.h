// The daemon's parts, put together in three: what it stands on, who decides, who asks. Each uses
// what was made before it, and must not outlive that.
#pragma once

#include <spdlog/logger.h>

#include <exception>
#include <optional>
#include <string>

#include "greyd/base/counters.h"
#include "greyd/base/error.h"
#include "greyd/base/rate_limit.h"
#include "greyd/control/commands.h"
#include "greyd/control/control_server.h"
#include "greyd/fronts/key_keeper.h"
#include "greyd/fronts/mta_server.h"
#include "greyd/fronts/udp_front.h"
#include "greyd/lookups/lookups.h"
#include "greyd/net/background_thread.h"
#include "greyd/net/event_loop.h"
#include "greyd/net/log.h"
#include "greyd/net/supervisor_notice.h"
#include "greyd/options.h"
#include "greyd/pools/pool_keeper.h"
#include "greyd/service/service.h"
#include "greyd/shared/shared_state.h"
#include "greyd/startup.h"
#include "greyd/store_report.h"
#include "greyd/supervisor_report.h"
#include "greyd/upkeep.h"

namespace grey {

// What all parts speak with.
struct Surroundings {
  const Options& options;
  SupervisorNotice& notice;
  LogPipe& pipe;
  spdlog::logger& logger;
  Counters& counters;
};

// Loop, thread, and the service with its lists, keys and state.
class Ground {
 public:
  Ground(const Surroundings& around, const sandbox::Sandbox& sandbox);
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;

  // Lists, keys, state; as the user who will read and write them later. An error ends the start.
  Result<void> load();

  // What is said behind a failure that comes of the sandbox.
  std::string hint() const;
  KeyKeeper* keys() { return keys_ ? &*keys_ : nullptr; }  // nullptr: no --key-file
  EventLoop& loop() { return loop_; }
  Background& background() { return background_; }
  Service& service() { return service_; }
  SupervisorReport& supervisor() { return supervisor_; }

 private:
  void on_unexpected(const std::exception& error);
  void report(StateFiles::Level level, const std::string& text);
  Result<void> load_state();

  Surroundings around_;
  const sandbox::Sandbox& sandbox_;
  RateLimit unexpected_;
  EventLoop loop_;
  BackgroundThread background_;
  Service service_;
  SupervisorReport supervisor_;
  std::optional<KeyKeeper> keys_;
};

// The service, with the networks of domains, with what others know who share its state, and with
// pools, as the options have it. REQUIRES: `ground` has loaded.
class Deciders {
 public:
  Deciders(const Surroundings& around, Ground& ground, Opened& opened);
  Deciders(const Deciders&) = delete;
  Deciders& operator=(const Deciders&) = delete;

  Decider& decider() { return has_pools_ ? static_cast<Decider&>(pooled_) : inner_; }
  Lookups* lookups() { return lookups_ ? &*lookups_ : nullptr; }  // nullptr: nobody asks the DNS
  StoreReport* store() { return store_ ? &*store_ : nullptr; }    // nullptr: nothing is shared
  void visit_counters(const VisitCounter& visit) const;

  // Whatever has been asked is answered, and what is shared is known at the next start.
  void drain();

 private:
  Decider& make_inner(const Surroundings& around, Ground& ground, Opened& opened);

  LookupCounters lookup_counters_;
  std::optional<Lookups> lookups_;
  shared::SharedCounters shared_counters_;
  std::optional<shared::SharedState> shared_;
  std::optional<StoreReport> store_;
  Decider& inner_;
  PoolKeeper pools_;
  PooledDecider pooled_;
  bool has_pools_;
};

// Mail servers and administrators, and the times at which something is due.
class Askers {
 public:
  // Whoever asks is answered as soon as the loop runs. Takes what is opened for them.
  Askers(const Surroundings& around, Ground& ground, Deciders& deciders, Opened& opened);
  Askers(const Askers&) = delete;
  Askers& operator=(const Askers&) = delete;

  Upkeep& upkeep() { return upkeep_; }

 private:
  std::optional<MtaServer> mta_, submission_;
  UdpFront udp_;
  Upkeep upkeep_;
  Commands commands_;
  std::optional<ControlServer> control_;
};

// Starts, answers until a signal ends it, and saves. The exit code; an error is why there was no
// start.
Result<int> serve(const Surroundings& around);

}  // namespace grey
