#include "greyd/server.h"

#include <ev.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <vector>

#include "greyd/decision_log.h"
#include "greyd/record_text.h"
#include "greyd/udp_socket.h"

namespace grey {
namespace {

constexpr int kMaxBatchesPerWakeup = 16;    // then signals and timers have their turn
constexpr std::size_t kExpirySlice = 2000;  // records freed at once: well under a millisecond
constexpr double kExpiryPause = 0.01;       // seconds between slices
constexpr std::size_t kMaxPrintedRecords = 10'000;
constexpr Seconds kBadDatagramLogPeriod = 10;  // seconds
constexpr Seconds kSaveFailureLogPeriod = 60;  // seconds

Seconds wall_clock() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec;
}

}  // namespace

// Queries received together, until all of them are decided.
struct Batch {
  DatagramBatch datagrams;
  std::array<wire::Query, DatagramBatch::kSize> queries;
  std::array<std::size_t, DatagramBatch::kSize> datagram_of{};  // number of each query's datagram
  std::size_t undecided = 0;
};

struct Server::Impl {
  Impl(const Options& the_options, NetworkSet the_allow, Fd the_socket, Service& the_service,
       LogPipe& the_pipe, spdlog::logger& the_logger)
      : options(the_options),
        allow(std::move(the_allow)),
        socket(std::move(the_socket)),
        service(the_service),
        pipe(the_pipe),
        logger(the_logger),
        loop(ev_default_loop(EVFLAG_AUTO)) {
    bad_datagram_limits.assign(wire::kFaults, RateLimit(kBadDatagramLogPeriod));
  }

  // An event callback that calls `Method`. Exceptions (out of memory, say) end here: libev is C.
  template <auto Method, typename Watcher>
  static void call(struct ev_loop*, Watcher* watcher, int) {
    Impl& self = *static_cast<Impl*>(watcher->data);
    try {
      (self.*Method)();
    } catch (const std::exception& error) {
      self.logger.error("unexpected: {}", error.what());
    }
  }

  // ---- queries ----
  void on_readable();
  std::size_t parse(Batch& batch, Seconds now);
  void on_decision(Batch& batch, std::size_t index, const Decision& decision);
  void on_bad_datagram(wire::Fault fault, const Endpoint& source, Seconds now);

  // ---- upkeep ----
  void start_save();
  void on_save_done();
  void start_expiry();
  void expire_slice();
  void on_usr2();
  void on_hup();
  void on_term() { ev_break(loop, EVBREAK_ALL); }
  void print_records();
  void wait_for_save();
  int final_save();
  void start_watchers();

  const Options options;
  NetworkSet allow;
  Fd socket;
  Service& service;
  LogPipe& pipe;
  spdlog::logger& logger;
  struct ev_loop* loop;

  std::vector<std::unique_ptr<Batch>> idle_batches;
  std::uint64_t foreign_queries = 0;
  std::array<std::uint64_t, wire::kFaults> bad_datagrams{};
  std::vector<RateLimit> bad_datagram_limits;
  RateLimit foreign_limit{kBadDatagramLogPeriod};
  RateLimit save_failure_limit{kSaveFailureLogPeriod};

  ev_io readable{};
  ev_timer save_timer{}, free_timer{}, expiry_timer{};
  ev_signal term{}, interrupt{}, hup{}, usr1{}, usr2{};
  ev_child saver{};
  bool saving = false;
};

// ---- queries -----------------------------------------------------------------------------------

void Server::Impl::on_readable() {
  for (int n = 0; n < kMaxBatchesPerWakeup; ++n) {
    if (idle_batches.empty()) idle_batches.push_back(std::make_unique<Batch>());
    std::unique_ptr<Batch> batch = std::move(idle_batches.back());
    idle_batches.pop_back();
    const std::size_t received = batch->datagrams.receive(socket.get());
    const Seconds now = wall_clock();
    batch->undecided = received == 0 ? 0 : parse(*batch, now);
    if (batch->undecided == 0) {
      idle_batches.push_back(std::move(batch));
    } else {
      // The batch is its own from here on: on_decision takes it back with the last decision.
      Batch* const pending = batch.release();
      service.decide({pending->queries.data(), pending->undecided}, now,
                     [this, pending](std::size_t index, const Decision& decision) {
                       on_decision(*pending, index, decision);
                     });
    }
    if (received < DatagramBatch::kSize) return;
  }
}

// Fills the batch's queries from its datagrams. How many there are.
std::size_t Server::Impl::parse(Batch& batch, Seconds now) {
  std::size_t queries = 0;
  for (std::size_t i = 0; i < batch.datagrams.size(); ++i) {
    const Endpoint source = batch.datagrams.source(i);
    if (!allow.contains(source.ip)) {
      ++foreign_queries;
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
    batch.datagram_of[queries++] = i;
  }
  return queries;
}

void Server::Impl::on_bad_datagram(wire::Fault fault, const Endpoint& source, Seconds now) {
  ++bad_datagrams[std::size_t(fault)];
  if (const auto count = bad_datagram_limits[std::size_t(fault)].due(now)) {
    logger.warn("bad datagram fault={} source={}@{} count={}", to_string(fault),
                to_string(source.ip), source.port, count);
  }
}

void Server::Impl::on_decision(Batch& batch, std::size_t index, const Decision& decision) {
  const std::size_t datagram = batch.datagram_of[index];
  const bool dry_run = options.policy.dry_run;
  const bool deferred = verdict_of(decision.reason) == wire::Verdict::defer;
  // Dry run: the asker accepts, whatever the decision; "known" is the least it can be told.
  batch.datagrams.answer(datagram,
                         to_answer(dry_run && deferred ? wire::Reason::known : decision.reason));
  if (options.verbosity >= Verbosity::decisions) {
    append_decision(pipe.buffer(), batch.queries[index], decision, batch.datagrams.source(datagram),
                    dry_run);
  }
  if (--batch.undecided > 0) return;
  batch.datagrams.send_answers(socket.get());
  pipe.flush();
  idle_batches.emplace_back(&batch);
}

// ---- saving ------------------------------------------------------------------------------------

// A forked child writes the state as it is now, while this process goes on answering.
void Server::Impl::start_save() {
  if (saving) return;
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto saved = service.save_context();
    if (!saved) logger.error("{}", saved.error().text);
    ::_exit(saved ? 0 : saved.error().exit_code);
  }
  if (pid < 0) {
    if (save_failure_limit.due(wall_clock()) > 0) {
      logger.error("cannot save context file, fork: {}", std::strerror(errno));
    }
    return;
  }
  saving = true;
  ev_child_init(&saver, (&call<&Impl::on_save_done, ev_child>), pid, 0);
  saver.data = this;
  ev_child_start(loop, &saver);
}

void Server::Impl::on_save_done() {
  ev_child_stop(loop, &saver);
  saving = false;
  if (WIFEXITED(saver.rstatus) && WEXITSTATUS(saver.rstatus) == 0) {
    if (options.verbosity >= Verbosity::state) {
      logger.info("saved {}", options.context_file);
    }
  } else if (WIFSIGNALED(saver.rstatus)) {
    logger.error("context file not saved: the saving process was killed by signal {}",
                 WTERMSIG(saver.rstatus));
  }
}

void Server::Impl::wait_for_save() {
  if (!saving) return;
  ev_child_stop(loop, &saver);
  while (::waitpid(saver.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  saving = false;
}

int Server::Impl::final_save() {
  wait_for_save();
  const auto saved = service.save_context();
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
  if (service.expire(wall_clock(), kExpirySlice) < kExpirySlice) return;
  ev_timer_set(&expiry_timer, kExpiryPause, 0.);
  ev_timer_start(loop, &expiry_timer);
}

void Server::Impl::on_usr2() {
  start_expiry();
  if (options.verbosity >= Verbosity::records) print_records();
}

void Server::Impl::print_records() {
  const Table& table = service.greylist().table();
  logger.info("records waiting={} passed={} clients={} bytes={}", table.count(RecordClass::waiting),
              table.count(RecordClass::passed), table.count(RecordClass::client), table.memory());
  std::size_t printed = 0;
  service.greylist().for_each([&](const SavedRecord& record) {
    if (printed++ < kMaxPrintedRecords) append_record(pipe.buffer(), record);
  });
  pipe.flush();
  if (printed > kMaxPrintedRecords) {
    logger.info("{} more records not printed", printed - kMaxPrintedRecords);
  }
}

void Server::Impl::on_hup() {
  const auto entries = service.reload_lists();
  if (!entries) {
    logger.error("lists not reloaded, the old ones stay in force: {}", entries.error().text);
  } else if (options.verbosity >= Verbosity::decisions) {
    logger.info("lists reloaded, {} entries", *entries);
  }
}

void Server::Impl::start_watchers() {
  const auto start_signal = [this](ev_signal& watcher, auto callback, int number) {
    ev_signal_init(&watcher, callback, number);
    watcher.data = this;
    ev_signal_start(loop, &watcher);
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
  start_timer(save_timer, (&call<&Impl::start_save, ev_timer>), options.save_interval);
  start_timer(free_timer, (&call<&Impl::start_expiry, ev_timer>), options.free_interval);
  ev_timer_init(&expiry_timer, (&call<&Impl::expire_slice, ev_timer>), kExpiryPause, 0.);
  expiry_timer.data = this;

  ev_io_init(&readable, (&call<&Impl::on_readable, ev_io>), socket.get(), EV_READ);
  readable.data = this;
  ev_io_start(loop, &readable);
}

// ---- Server ------------------------------------------------------------------------------------

Server::Server(const Options& options, NetworkSet allow, Fd socket, Service& service, LogPipe& pipe,
               spdlog::logger& logger)
    : impl_(std::make_unique<Impl>(options, std::move(allow), std::move(socket), service, pipe,
                                   logger)) {}

Server::~Server() = default;

int Server::run() {
  std::signal(SIGPIPE, SIG_IGN);  // a log reader that goes away is no reason to stop
  impl_->start_watchers();
  // Said only now: who reads it may send signals at once.
  if (impl_->options.verbosity >= Verbosity::decisions) {
    impl_->logger.info("listening on {}@{}", to_string(impl_->options.listen.ip),
                       impl_->options.listen.port);
  }
  ev_run(impl_->loop, 0);
  return impl_->final_save();
}

NetworkSet local_networks() {
  NetworkSet networks;
  (void)networks.add("127.0.0.0/8");
  networks.add(*Ip::parse("::1"));
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) == 0) {
    for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
      if (at->ifa_addr == nullptr) continue;
      if (const auto ip = from_socket_address(*at->ifa_addr)) networks.add(*ip);
    }
    ::freeifaddrs(list);
  }
  networks.build();
  return networks;
}

}  // namespace grey
