#include "greyd/server.h"

#include <ev.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <exception>
#include <vector>

#include "greyd/decision_log.h"
#include "greyd/question_id.h"
#include "greyd/record_text.h"
#include "greyd/udp_socket.h"

namespace grey {
namespace {

constexpr std::size_t kMaxRecipientsPerWakeup = 20'000;
constexpr int kMaxBatchesPerWakeup = 16;    // then signals and timers have their turn
constexpr std::size_t kExpirySlice = 2000;  // records freed at once: queries wait for no more
constexpr double kExpiryPause = 0.01;       // seconds between slices
constexpr std::size_t kSaveSlice = 1000;    // records written at once, likewise
constexpr double kSavePause = 0.001;        // seconds between slices
constexpr std::size_t kMaxPrintedRecords = 10'000;
constexpr Seconds kBadDatagramLogPeriod = 10;  // seconds

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

// Queries received together, until all of them are decided.
struct Batch {
  DatagramBatch datagrams;
  std::array<wire::Query, DatagramBatch::kSize> queries;
  std::array<std::size_t, DatagramBatch::kSize> datagram_of{};  // number of each query's datagram
  std::size_t undecided = 0;
};

struct Server::Impl {
  Impl(struct ev_loop* the_loop, ev_async& background_done, const Options& the_options,
       NetworkSet the_allow, Fd the_socket, Service& the_service, BackgroundThread& the_background,
       PolicyServer* the_policy, LogPipe& the_pipe, spdlog::logger& the_logger)
      : options(the_options),
        allow(std::move(the_allow)),
        socket(std::move(the_socket)),
        service(the_service),
        background(the_background),
        policy(the_policy),
        pipe(the_pipe),
        logger(the_logger),
        loop(the_loop),
        woken(background_done) {
    // The first batch is there from the start: when memory is short, queries are still taken.
    idle_batches.push_back(std::make_unique<Batch>());
    bad_datagram_limits.assign(wire::kFaults, RateLimit(kBadDatagramLogPeriod));
  }

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
  void decide(std::unique_ptr<Batch> batch, Seconds now);
  std::size_t parse(Batch& batch, Seconds now);
  void on_decision(Batch& batch, std::size_t index, const Decision& decision);
  void answer(Batch& batch, std::size_t index, const Decision& decision);
  void on_bad_datagram(wire::Fault fault, const Endpoint& source, Seconds now);

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
  NetworkSet allow;
  Fd socket;
  Service& service;
  BackgroundThread& background;
  PolicyServer* const policy;
  LogPipe& pipe;
  spdlog::logger& logger;
  struct ev_loop* loop;

  std::vector<std::unique_ptr<Batch>> idle_batches;
  const HashKey question_key = new_hash_key();
  std::vector<RateLimit> bad_datagram_limits;
  RateLimit foreign_limit{kBadDatagramLogPeriod};
  RateLimit unexpected_limit{kBadDatagramLogPeriod};

  ev_io readable{}, policy_ready{};
  ev_async& woken;
  ev_timer save_timer{}, slice_timer{}, tick_timer{}, free_timer{}, expiry_timer{};
  ev_signal term{}, interrupt{}, hup{}, usr1{}, usr2{};
};

// ---- queries -----------------------------------------------------------------------------------

void Server::Impl::on_readable() {
  std::size_t recipients = 0;
  for (int n = 0; n < kMaxBatchesPerWakeup; ++n) {
    if (idle_batches.empty()) idle_batches.push_back(std::make_unique<Batch>());
    std::unique_ptr<Batch> batch = std::move(idle_batches.back());
    idle_batches.pop_back();
    const std::size_t received = batch->datagrams.receive(socket.get());
    const Seconds now = look_at_clocks();
    batch->undecided = received == 0 ? 0 : parse(*batch, now);
    for (std::size_t i = 0; i < batch->undecided; ++i)
      recipients += batch->queries[i].recipients.size();
    if (batch->undecided == 0) {
      idle_batches.push_back(std::move(batch));
    } else {
      decide(std::move(batch), now);
    }
    if (received < DatagramBatch::kSize) return;
    // A datagram may name thousands of recipients: others have their turn, too.
    if (recipients > kMaxRecipientsPerWakeup) return;
  }
}

// The batch is its own from here on: on_decision takes it back with the last decision.
void Server::Impl::decide(std::unique_ptr<Batch> batch, Seconds now) {
  idle_batches.reserve(idle_batches.size() + 1);  // so that taking it back cannot fail
  Batch* const pending = batch.release();
  try {
    service.decide({pending->queries.data(), pending->undecided}, now,
                   [this, pending](std::size_t index, const Decision& decision) {
                     on_decision(*pending, index, decision);
                   });
  } catch (...) {
    // Not even memory for the decisions: these askers get no answer, and ask again.
    if (pending->undecided > 0) idle_batches.emplace_back(pending);
    throw;
  }
}

// Fills the batch's queries from its datagrams. How many there are.
std::size_t Server::Impl::parse(Batch& batch, Seconds now) {
  std::size_t queries = 0;
  for (std::size_t i = 0; i < batch.datagrams.size(); ++i) {
    const Endpoint source = batch.datagrams.source(i);
    if (!allow.contains(source.ip)) {
      if (const auto count = foreign_limit.due(now)) {
        logger.warn("query refused source={}@{} count={}: not in --allow", to_string(source.ip),
                    source.port, count);
      }
      continue;
    }
    const wire::Fault fault = wire::parse(batch.datagrams.datagram(i), batch.queries[queries]);
    if (fault != wire::Fault::none) {
      on_bad_datagram(fault, source, now);
      continue;
    }
    wire::Query& query = batch.queries[queries];
    if (service.greylist().tells_questions_apart()) {
      query.question = question_id(question_key, source, batch.datagrams.datagram(i));
    }
    batch.datagram_of[queries++] = i;
  }
  return queries;
}

void Server::Impl::on_bad_datagram(wire::Fault fault, const Endpoint& source, Seconds now) {
  if (const auto count = bad_datagram_limits[std::size_t(fault)].due(now)) {
    logger.warn("bad datagram fault={} source={}@{} count={}", to_string(fault),
                to_string(source.ip), source.port, count);
  }
}

void Server::Impl::on_decision(Batch& batch, std::size_t index, const Decision& decision) {
  answer(batch, index, decision);
  if (options.verbosity >= Verbosity::decisions) {
    append_decision(pipe.buffer(), batch.queries[index], decision,
                    batch.datagrams.source(batch.datagram_of[index]), options.policy.dry_run);
  }
  if (--batch.undecided > 0) return;
  batch.datagrams.send_answers(socket.get());
  pipe.flush();
  idle_batches.emplace_back(&batch);
}

void Server::Impl::answer(Batch& batch, std::size_t index, const Decision& decision) {
  const wire::Query& query = batch.queries[index];
  wire::Answer answer = to_answer(decision.reason);
  if (verdict_of(decision.reason) == wire::Verdict::defer) {
    const Seconds wait = wait_of(decision, options.policy.min_resend).value_or(0);
    if (options.policy.dry_run) {
      // The asker accepts, whatever the decision; "known" is the least it can be told.
      answer = to_answer(wire::Reason::known);
    } else if (query.wants_wait && wait > 0) {
      answer = to_answer_with_wait(decision.reason, std::uint32_t(wait));
    }
  }
  answer.append(query.tag);
  batch.datagrams.answer(batch.datagram_of[index], answer);
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
      if (const auto record = to_saved(table.view(ref))) append_record(pipe.buffer(), *record);
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
  start_reading(readable, (&call<&Impl::on_readable, ev_io>), socket.get());
  if (policy != nullptr) {
    start_reading(policy_ready, (&call<&Impl::on_policy, ev_io>), policy->fd());
  }
}

// ---- Server ------------------------------------------------------------------------------------

Server::Server(EventLoop& loop, const Options& options, NetworkSet allow, Fd socket,
               Service& service, BackgroundThread& background, PolicyServer* policy, LogPipe& pipe,
               spdlog::logger& logger)
    : impl_(std::make_unique<Impl>(loop.impl_->loop, loop.impl_->background_done, options,
                                   std::move(allow), std::move(socket), service, background, policy,
                                   pipe, logger)) {}

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
