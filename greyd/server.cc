#include "greyd/server.h"

#include <ev.h>
#include <unistd.h>

#include <csignal>
#include <exception>

#include "greyd/record_text.h"

namespace grey {
namespace {

constexpr std::size_t kExpirySlice = 2000;  // records freed at once: queries wait for no more
constexpr double kExpiryPause = 0.01;       // seconds between slices
constexpr std::size_t kSaveSlice = 1000;    // records written at once, likewise
constexpr double kSavePause = 0.001;        // seconds between slices
constexpr std::size_t kMaxPrintedRecords = 10'000;
constexpr Seconds kUnexpectedLogPeriod = 10;  // seconds

Seconds read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec;
}

}  // namespace

Seconds wall_clock() {
  return read_clock(CLOCK_REALTIME);
}
Seconds monotonic_clock() {
  return read_clock(CLOCK_MONOTONIC);
}

struct EventLoop::Impl {
  // Not epoll: that calls back for every datagram that comes in, also while nobody waits. With the
  // few descriptors of this loop poll() answers a tenth more queries (scripts/bench, COST.md). The
  // policy connections, of which there may be thousands, are one descriptor here, an epoll set:
  // with 5,000 of them idle poll() takes 0.2 us more, where scanning them all takes more than a
  // thousand.
  struct ev_loop* loop = ev_default_loop(EVBACKEND_POLL);
  ev_async background_done{};
};

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {
  ev_async_init(&impl_->background_done, [](struct ev_loop*, ev_async*, int) {});
  ev_async_start(impl_->loop, &impl_->background_done);
}
EventLoop::~EventLoop() {
  ev_async_stop(impl_->loop, &impl_->background_done);
}
void EventLoop::wake() {
  ev_async_send(impl_->loop, &impl_->background_done);
}

struct Server::Impl {
  Impl(struct ev_loop* the_loop, ev_async& background_done, const Options& the_options,
       UdpFront& the_udp, Service& the_service, BackgroundThread& the_background,
       PolicyServer* the_policy, LogPipe& the_pipe, spdlog::logger& the_logger)
      : options(the_options),
        udp(the_udp),
        service(the_service),
        background(the_background),
        policy(the_policy),
        pipe(the_pipe),
        logger(the_logger),
        loop(the_loop),
        woken(background_done) {}

  // An event callback that calls `Method`. Exceptions (out of memory, say) end here: libev is C.
  template <auto Method, typename Watcher>
  static void call(struct ev_loop*, Watcher* watcher, int) {
    Impl& self = *static_cast<Impl*>(watcher->data);
    try {
      (self.*Method)();
    } catch (const std::exception& error) {
      if (const auto count = self.unexpected_limit.due(wall_clock())) {
        self.logger.error("unexpected: {} count={}", error.what(), count);
      }
    }
  }

  // Now, of which the service has been told.
  Seconds look_at_clocks() {
    const Seconds now = wall_clock();
    service.look_at_clocks(now, monotonic_clock());
    return now;
  }

  // ---- queries ----
  void on_readable();

  // ---- upkeep ----
  void start_save();
  void save_slice();
  void on_tick();
  void on_background() { background.deliver(); }
  void on_policy() { policy->handle(look_at_clocks()); }
  void start_expiry();
  void expire_slice();
  void on_usr2();
  void on_hup();
  void on_term() { ev_break(loop, EVBREAK_ALL); }
  void print_records();
  int final_save();
  void start_watchers();

  const Options options;
  UdpFront& udp;
  Service& service;
  BackgroundThread& background;
  PolicyServer* const policy;
  LogPipe& pipe;
  spdlog::logger& logger;
  struct ev_loop* loop;

  RateLimit unexpected_limit{kUnexpectedLogPeriod};

  ev_io readable{}, policy_ready{};
  ev_idle udp_pending{};
  ev_async& woken;
  ev_timer save_timer{}, slice_timer{}, tick_timer{}, free_timer{}, expiry_timer{};
  ev_signal term{}, interrupt{}, hup{}, usr1{}, usr2{};
};

// ---- queries -----------------------------------------------------------------------------------

// What the front leaves for later is done when nothing else is to be done, or beside what is.
void Server::Impl::on_readable() {
  udp.handle(look_at_clocks());
  if (udp.pending()) {
    ev_idle_start(loop, &udp_pending);
  } else {
    ev_idle_stop(loop, &udp_pending);
  }
}

// ---- saving ------------------------------------------------------------------------------------

// A snapshot is written in slices, so that queries are answered between them.
void Server::Impl::start_save() {
  service.files().start_save();
  if (service.files().saving()) ev_timer_again(loop, &slice_timer);
}

void Server::Impl::save_slice() {
  service.files().save_slice(kSaveSlice);
  if (!service.files().saving()) ev_timer_stop(loop, &slice_timer);
}

void Server::Impl::on_tick() {
  const Seconds now = look_at_clocks();
  service.files().tick(monotonic_clock());
  if (service.files().saving()) ev_timer_again(loop, &slice_timer);
  udp.tick(now);
  if (udp.pending()) ev_idle_start(loop, &udp_pending);  // after an exception
  if (policy != nullptr) policy->tick(now);
}

int Server::Impl::final_save() {
  const auto saved = service.files().save_all();
  if (!saved) {
    logger.error("{}", saved.error().text);
    return saved.error().exit_code;
  }
  if (options.verbosity >= Verbosity::decisions) {
    logger.info("saved {} records in {}, exiting", *saved, options.context_file);
  }
  return 0;
}

// ---- other upkeep ------------------------------------------------------------------------------

void Server::Impl::start_expiry() {
  if (!ev_is_active(&expiry_timer)) expire_slice();
}

void Server::Impl::expire_slice() {
  ev_timer_stop(loop, &expiry_timer);
  if (service.expire(look_at_clocks(), kExpirySlice) < kExpirySlice) return;
  ev_timer_set(&expiry_timer, kExpiryPause, 0.);
  ev_timer_start(loop, &expiry_timer);
}

void Server::Impl::on_usr2() {
  start_expiry();
  if (options.verbosity >= Verbosity::records) print_records();
}

void Server::Impl::print_records() {
  const Table& table = service.greylist().table();
  logger.info("records waiting={} passed={} clients={} bounces={} bytes={}",
              table.count(RecordClass::waiting), table.count(RecordClass::passed),
              table.count(RecordClass::client), table.count(RecordClass::bounce), table.memory());
  std::size_t left = kMaxPrintedRecords;
  for (std::size_t c = 0; c < kRecordClasses; ++c) {
    for (auto ref = table.oldest(RecordClass(c)); ref != 0 && left > 0; --left) {
      if (const auto record = to_saved(table.view(ref)))
        append_record(pipe.line(Priority::info), *record);
      ref = table.next_younger(ref);
    }
  }
  pipe.flush();
  if (table.size() > kMaxPrintedRecords) {
    logger.info("{} more records not printed", table.size() - kMaxPrintedRecords);
  }
}

void Server::Impl::on_hup() {
  service.start_reload([this](const Result<std::size_t>& entries) {
    if (!entries) {
      logger.error("lists not reloaded, the old ones stay in force: {}", entries.error().text);
    } else if (options.verbosity >= Verbosity::decisions) {
      logger.info("lists reloaded, {} entries", *entries);
    }
  });
}

void Server::Impl::start_watchers() {
  const auto start_signal = [this](ev_signal& watcher, auto callback, int number) {
    ev_signal_init(&watcher, callback, number);
    watcher.data = this;
    ev_signal_start(loop, &watcher);
    // main() has held them since the start; libev leaves the mask as it is.
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, number);
    pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  };
  start_signal(term, (&call<&Impl::on_term, ev_signal>), SIGTERM);
  start_signal(interrupt, (&call<&Impl::on_term, ev_signal>), SIGINT);
  start_signal(hup, (&call<&Impl::on_hup, ev_signal>), SIGHUP);
  start_signal(usr1, (&call<&Impl::start_save, ev_signal>), SIGUSR1);
  start_signal(usr2, (&call<&Impl::on_usr2, ev_signal>), SIGUSR2);

  const auto start_timer = [this](ev_timer& watcher, auto callback, Seconds interval) {
    ev_timer_init(&watcher, callback, double(interval), double(interval));
    watcher.data = this;
    ev_timer_start(loop, &watcher);
  };
  start_timer(tick_timer, (&call<&Impl::on_tick, ev_timer>), 1);
  start_timer(save_timer, (&call<&Impl::start_save, ev_timer>), options.save_interval);
  start_timer(free_timer, (&call<&Impl::start_expiry, ev_timer>), options.free_interval);
  ev_timer_init(&slice_timer, (&call<&Impl::save_slice, ev_timer>), kSavePause, kSavePause);
  slice_timer.data = this;
  ev_timer_init(&expiry_timer, (&call<&Impl::expire_slice, ev_timer>), kExpiryPause, 0.);
  expiry_timer.data = this;

  ev_set_cb(&woken, (&call<&Impl::on_background, ev_async>));
  woken.data = this;

  const auto start_reading = [this](ev_io& watcher, auto callback, int fd) {
    ev_io_init(&watcher, callback, fd, EV_READ);
    watcher.data = this;
    ev_io_start(loop, &watcher);
  };
  start_reading(readable, (&call<&Impl::on_readable, ev_io>), udp.fd());
  ev_idle_init(&udp_pending, (&call<&Impl::on_readable, ev_idle>));
  udp_pending.data = this;
  if (policy != nullptr) {
    start_reading(policy_ready, (&call<&Impl::on_policy, ev_io>), policy->fd());
  }
}

// ---- Server ------------------------------------------------------------------------------------

Server::Server(EventLoop& loop, const Options& options, UdpFront& udp, Service& service,
               BackgroundThread& background, PolicyServer* policy, LogPipe& pipe,
               spdlog::logger& logger)
    : impl_(std::make_unique<Impl>(loop.impl_->loop, loop.impl_->background_done, options, udp,
                                   service, background, policy, pipe, logger)) {}

Server::~Server() = default;

int Server::run() {
  impl_->start_watchers();
  // Said only now: who reads it may send signals at once.
  if (impl_->options.verbosity >= Verbosity::decisions) {
    impl_->logger.info("listening on {}@{}{}", to_string(impl_->options.listen.ip),
                       impl_->options.listen.port,
                       impl_->options.policy.dry_run ? ", dry run: all is accepted" : "");
  }
  ev_run(impl_->loop, 0);
  return impl_->final_save();
}

}  // namespace grey
