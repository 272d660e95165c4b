// qmail-greyd: the greylisting daemon. Under the name greydaemon it follows that program's rules.

#include <malloc.h>
#include <sodium.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "greyd/base/counters.h"
#include "greyd/base/files.h"
#include "greyd/base/standard_descriptors.h"
#include "greyd/confine.h"
#include "greyd/control/commands.h"
#include "greyd/control/control_server.h"
#include "greyd/control/hour_events.h"
#include "greyd/control_socket.h"
#include "greyd/front_settings.h"
#include "greyd/fronts/key_keeper.h"
#include "greyd/fronts/local_networks.h"
#include "greyd/fronts/mta_server.h"
#include "greyd/fronts/udp_front.h"
#include "greyd/lookup_spawner.h"
#include "greyd/lookups/lookups.h"
#include "greyd/net/background_thread.h"
#include "greyd/net/clock.h"
#include "greyd/net/event_loop.h"
#include "greyd/net/listener.h"
#include "greyd/net/log.h"
#include "greyd/net/supervisor_notice.h"
#include "greyd/net/udp_socket.h"
#include "greyd/options.h"
#include "greyd/pools/pool_keeper.h"
#include "greyd/privileges.h"
#include "greyd/service/service.h"
#include "greyd/shared/shared_state.h"
#include "greyd/sharing.h"
#include "greyd/start_check.h"
#include "greyd/state/state_place.h"
#include "greyd/store_report.h"
#include "greyd/supervisor_report.h"
#include "greyd/upkeep.h"

namespace grey {
namespace {

constexpr Seconds kUnexpectedLogPeriod = 10;  // seconds

Result<void> load_state(Service& service, const Options& options, spdlog::logger& logger) {
  if (auto place = check_state_place(options.context_file); !place) return place;
  const auto report = service.load(wall_clock(), monotonic_clock());
  if (!report) return tl::make_unexpected(report.error());
  for (const std::string& note : report->notes) logger.warn("{}", note);
  if (options.verbosity >= Verbosity::decisions) {
    logger.info("loaded {} records from {}, {} expired, {} changes from the journal",
                report->records, options.context_file, report->expired, report->changes);
  }
  return {};
}

Result<std::vector<Listener>> listen_mta(const std::vector<ListenAddress>& addresses) {
  std::vector<Listener> listeners;
  for (const ListenAddress& address : addresses) {
    auto listener = Listener::open(address, MtaServer::kSocketMode);
    if (!listener) return tl::make_unexpected(listener.error());
    listeners.push_back(std::move(*listener));
  }
  return listeners;
}

std::string_view to_string(RequireKey require) {
  constexpr std::string_view kWords[] = {"never", "remote", "always"};
  return kWords[std::size_t(require)];
}

DaemonFacts facts_of(const Options& options, KeyKeeper* keys) {
  DaemonFacts facts;
  facts.keys = keys;
  facts.require_key = to_string(options.require_key);
  facts.listen.push_back(to_string(options.listen.ip) + "@" + std::to_string(options.listen.port));
  for (const ListenAddress& address : policy_places(options)) {
    facts.listen.push_back(address.path.empty() ? to_text(address.endpoint) : address.path);
  }
  std::error_code error;
  facts.context_file = std::filesystem::absolute(options.context_file, error);
  facts.max_records = options.max_records;
  facts.since = wall_clock();
  return facts;
}

Upkeeping upkeeping_of(Upkeep& upkeep) {
  return {.save = [&](Upkeeping::Done done) { upkeep.save(std::move(done)); },
          .expire = [&](Upkeeping::Done done) { upkeep.expire(std::move(done)); },
          .reload = [&](Upkeeping::Done done) { upkeep.reload(std::move(done)); }};
}

// Those of the domains that lists and rules name.
void learn_listed_networks(Lookups& lookups, Service& service) {
  lookups.tell_ended([&](const std::string& domain, const spf::Flattened& flattened, Seconds now) {
    service.take_networks(domain, flattened, now);
  });
  service.networks().ask_by(
      [&](const std::string& domain, Seconds) { lookups.want_first(domain); });
}

// A supervisor that cannot be told how the daemon stands is no reason to stop.
SupervisorNotice find_supervisor(const Options& options, spdlog::logger& logger) {
  SupervisorNotice notice;
  const auto warn = [&](const char* whom, const Result<void>& found) {
    if (!found) logger.warn("{} is not told how this daemon stands: {}", whom, found.error().text);
  };
  if (options.notification_fd) warn("s6", notice.tell_s6(*options.notification_fd));
  warn("systemd", notice.tell_systemd(SupervisorNotice::take_environment()));
  return notice;
}

// Read while the file can be.
std::optional<NameParents> name_parents(const Options& options, spdlog::logger& logger) {
  std::optional<NameParents> parents;
  if (!use_pools_by_name(options.policy) && options.policy.replies == 0) return parents;
  parents.emplace();
  if (!parents->has_list()) {
    logger.warn("no list of public suffixes: there are no pools by name, and no replies by it");
  }
  return parents;
}

Result<int> serve(const Options& options, SupervisorNotice& notice, LogPipe& pipe,
                  spdlog::logger& logger, Counters& counters) {
  auto socket = bind_udp(options.listen);
  if (!socket) return tl::make_unexpected(socket.error());
  auto listeners = listen_mta(options.mta_addresses);
  if (!listeners) return tl::make_unexpected(listeners.error());
  auto submission = listen_mta(options.submission_addresses);
  if (!submission) return tl::make_unexpected(submission.error());
  const auto group = find_group(options.control_group);
  if (!group) return tl::make_unexpected(group.error());
  // While a program can still be started, which is not for long.
  LookupSpawner spawner = start_lookup_spawner(options);
  if (!spawner.lack.empty()) logger.warn("no look-ups: {}", spawner.lack);
  if (const auto dropped = drop_privileges(options.user, *group); !dropped) {
    return tl::make_unexpected(dropped.error());
  }
  // Before the state is touched: a start that is refused changes nothing.
  const auto sharing = shared_settings(options);
  if (!sharing) return tl::make_unexpected(sharing.error());
  auto control_socket = open_control_socket(options, *group);
  if (!control_socket) return tl::make_unexpected(control_socket.error());
  const NetworkSet local = local_networks();
  auto parents = name_parents(options, logger);
  // Before the first thread and before what others have written is read.
  const auto sandbox = confine(options, logger);
  if (!sandbox) return tl::make_unexpected(sandbox.error());
  const auto hint = [&] { return restart_hint(*sandbox); };
  RateLimit unexpected(kUnexpectedLogPeriod);
  EventLoop loop([&](const std::exception& error) {
    ++counters.unexpected;
    if (const auto count = unexpected.due(wall_clock())) {
      logger.error("unexpected: {} count={}", error.what(), count);
    }
  });
  BackgroundThread background(loop);
  if (const int fault = background.fault()) {
    logger.warn("{}; queries wait for the disk", system_error("start", "a thread", fault).text);
  }
  const auto report = [&](StateFiles::Level level, const std::string& text) {
    using Level = StateFiles::Level;
    const Verbosity least = level == Level::notice ? Verbosity::decisions : Verbosity::state;
    if (level == Level::error) {
      logger.error("{}{}", text, hint());
    } else if (level == Level::warning) {
      logger.warn("{}", text);
    } else if (options.verbosity >= least) {
      logger.info("{}", text);
    }
  };
  Service service(service_settings(options), new_hash_key(), background, report, counters);
  SupervisorReport supervisor(notice, service.greylist().table(), counters);
  service.files().tell_progress([&] { supervisor.at_work(monotonic_microseconds()); });
  // Lists and state are read as the user who will read and write them later.
  const auto lists = service.reload_lists();
  if (!lists) return tl::make_unexpected(lists.error());
  std::optional<KeyKeeper> keys;
  if (!options.key_file.empty()) {
    keys.emplace(options.key_file, background);
    if (const auto loaded = keys->load(); !loaded) return tl::make_unexpected(loaded.error());
  }
  supervisor.lists_read(lists);
  if (const auto loaded = load_state(service, options, logger); !loaded) {
    return tl::make_unexpected(loaded.error());
  }
  LookupCounters lookup_counters;
  std::optional<Lookups> lookups;
  if (spawner.socket) {
    lookups.emplace(
        loop, std::move(spawner.socket), Lookups::Clocks{wall_clock, monotonic_clock},
        [&](const std::string& text) { logger.warn("{}", text); }, lookup_counters);
    learn_listed_networks(*lookups, service);
  }
  shared::SharedCounters shared_counters;
  std::optional<shared::SharedState> shared;
  if (*sharing) {
    shared.emplace(loop, background, **sharing, service, shared_counters, wall_clock,
                   [&](const std::string& text) { logger.warn("{}", text); });
  }
  Decider& inner = shared ? shared->decider() : static_cast<Decider&>(service);
  PoolKeeper pools(options.policy, std::move(parents), lookups ? &*lookups : nullptr,
                   counters.pools,
                   [&](const SavedRecord& waiting, const Client& pool, Seconds now, const Ip& by) {
                     if (shared) return shared->wait_in_pool(waiting, pool, now, by);
                     service.wait_in_pool(waiting, pool, now, by);
                   });
  PooledDecider pooled(inner, pools);
  const bool has_pools = options.policy.pools != PoolUse::off || options.policy.replies > 0;
  if (has_pools) service.use_pools(&pools);
  Decider& decider = has_pools ? static_cast<Decider&>(pooled) : inner;
  std::optional<MtaServer> mta, submissions;
  if (!listeners->empty()) {
    mta.emplace(mta_settings(options, local), std::move(*listeners), decider, pipe, logger,
                counters.policy);
  }
  if (!submission->empty()) {
    MtaSettings settings = mta_settings(options, local);
    settings.submission = true;
    submissions.emplace(std::move(settings), std::move(*submission), decider, pipe, logger,
                        counters.policy);
  }
  UdpFront udp(udp_settings(options, local, keys ? &keys->keys() : nullptr), std::move(*socket),
               decider, pipe, logger, counters.udp);
  service.totals().happened_is([&] { return hour_events(counters); });
  Upkeep upkeep(loop, options, service, pipe, logger, counters, supervisor);
  if (keys) upkeep.reload_also(*keys);
  upkeep.explain_failures(hint);
  std::optional<StoreReport> store_report;
  if (shared) {
    store_report.emplace(loop, *shared, shared_counters, to_string((*sharing)->url), logger,
                         options.verbosity >= Verbosity::decisions);
  }
  upkeep.print_also([&](const VisitCounter& visit) {
    if (store_report) store_report->visit_counters(visit);
    if (lookups) visit_counters(lookup_counters, visit);
  });
  Commands commands(facts_of(options, keys ? &*keys : nullptr), service, counters,
                    upkeeping_of(upkeep), store_report ? &*store_report : nullptr,
                    lookups ? &*lookups : nullptr);
  std::optional<ControlServer> control;
  if (control_socket->listener) {
    control.emplace(std::move(*control_socket->listener), commands, service, logger,
                    counters.control, control_connections());
  }
  const auto clock = [&] { return upkeep.look_at_clocks(); };
  udp.attach(loop, clock);
  if (mta) mta->attach(loop, clock);
  if (submissions) submissions->attach(loop, clock);
  if (control) control->attach(loop, clock);
  if (!control_socket->warning.empty()) logger.warn("{}", control_socket->warning);
  // Said only now: who reads it may send signals at once.
  if (options.verbosity >= Verbosity::decisions) {
    logger.info("listening on {}@{}{}", to_string(options.listen.ip), options.listen.port,
                options.policy.dry_run ? ", dry run: all is accepted" : "");
  }
  supervisor.ready(loop);
  loop.run();
  supervisor.stopping();
  decider.drain();  // whatever is decided is answered, and saved
  if (shared) shared->save();
  const auto saved = upkeep.save_all();
  if (saved) return 0;
  logger.error("{}", saved.error().text);
  return saved.error().exit_code;
}

// Until the event loop takes them, signals wait: one that came while the state is being loaded
// would otherwise kill the daemon. The server lets each through as it starts to watch it.
// What whoever started us has blocked besides is let through.
void hold_signals() {
  sigset_t held;
  sigemptyset(&held);
  for (const int number : {SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGINT}) sigaddset(&held, number);
  sigprocmask(SIG_SETMASK, &held, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a log reader that goes away is no reason to stop
  std::signal(SIGXFSZ, SIG_IGN);  // nor a file at its limit: the write's error says it
}

// The last words, in the log's format.
void tell_end(LogPipe& pipe, std::string_view path, std::string_view text) {
  pipe.add_note({Priority::critical, text, path.substr(path.rfind('/') + 1)});
  pipe.flush();
}

int run(const std::vector<std::string>& arguments, LogPipe& pipe, Counters& counters) {
  pipe.set_format(log_format_in(arguments));
  const auto logger = make_logger(pipe);
  const auto end = [&](const Error& error) {
    tell_end(pipe, arguments.front(), error.text);
    return error.exit_code;
  };
  hold_signals();
  // One heap for both threads: a second one would reserve 64 MiB of address space, which a
  // softlimit -m counts.
  mallopt(M_ARENA_MAX, 1);
  if (sodium_init() < 0) return end({"cannot initialise libsodium", kExitSystemFailure});
  const char* control_directory = std::getenv("CONTROLDIR");
  const auto command_line =
      parse_command_line(arguments, control_directory != nullptr ? control_directory : "");
  if (!command_line) return end(command_line.error());
  if (command_line->information) {
    std::fputs(command_line->information->text.c_str(), stdout);
    return 0;
  }
  const Options& options = command_line->options;
  pipe.set_format(options.log_format);
  if (options.check) {
    const auto fit = check_start(options, *logger);
    return fit ? 0 : end(fit.error());
  }
  SupervisorNotice notice = find_supervisor(options, *logger);
  const auto code = serve(options, notice, pipe, *logger, counters);
  if (code) return *code;
  notice.status(code.error().text);
  return end(code.error());
}

}  // namespace
}  // namespace grey

int main(int argc, char** argv) {
  if (!grey::open_standard_descriptors()) return grey::kExitSystemFailure;
  if (argc == 0) return grey::kExitMisuse;
  grey::Counters counters;
  grey::LogPipe pipe(STDERR_FILENO, grey::is_journal(STDERR_FILENO, std::getenv("JOURNAL_STREAM")));
  pipe.count_in(counters.log_lines);
  try {
    return grey::run(std::vector<std::string>(argv, argv + argc), pipe, counters);
  } catch (const std::exception& error) {
    grey::tell_end(pipe, argv[0], error.what());
    return grey::kExitSystemFailure;
  }
}
