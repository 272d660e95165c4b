#include "greyd/greyctl/serve.h"

#include <sodium.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <utility>

#include "greyd/base/counters.h"
#include "greyd/base/rate_limit.h"
#include "greyd/greyctl/channel.h"
#include "greyd/greyctl/lesser_user.h"
#include "greyd/greyctl/site.h"
#include "greyd/net/background_thread.h"
#include "greyd/net/clock.h"
#include "greyd/net/log.h"
#include "greyd/sandbox/sandbox.h"

namespace grey::greyctl {
namespace {

// For each line of an answer. Who scrapes gives up after ten, or before.
constexpr std::chrono::milliseconds kPatience{3000};
constexpr Seconds kUnexpectedLogPeriod = 10;

http::Milliseconds steady_now() {
  return std::chrono::duration_cast<http::Milliseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
}

// The signals wait for the event loop, which lets them through.
void hold_signals() {
  sigset_t held;
  sigemptyset(&held);
  for (const int number : {SIGTERM, SIGINT}) sigaddset(&held, number);
  sigprocmask(SIG_SETMASK, &held, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a log reader that goes away is no reason to stop
  std::signal(SIGHUP, SIG_IGN);  // svctool's suites send it to have lists read: there are none here
}

// What is left for connections where the system gives few descriptors: the daemon is to be asked,
// too.
std::size_t most_connections() {
  constexpr rlim_t kOthers = 48, kFewest = 8;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return http::Server::kMaxConnections;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, http::Server::kMaxConnections + kOthers);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur > kOthers + kFewest ? limit.rlim_cur - kOthers : kFewest;
}

std::string url_of(const Endpoint& where) {
  const std::string ip = to_string(where.ip);
  return "http://" + (where.ip.is_v4() ? ip : "[" + ip + "]") + ":" + std::to_string(where.port) +
         "/";
}

// A new connection each time: so it is found again after the daemon has been started anew, and the
// daemon has none while nobody asks.
template <typename Asked>
auto at_daemon(const std::string& control, Asked asked) {
  return [control, asked]() -> decltype(asked(std::declval<Channel&>())) {
    const auto channel = connect_to(control, kPatience);
    if (!channel) return tl::make_unexpected(channel.error());
    return asked(**channel);
  };
}

// It reads no file, writes none, and connects to the control socket alone. REQUIRES: no thread.
Result<void> confine(bool wanted, spdlog::logger& logger) {
  if (!wanted) {
    logger.warn("--sandbox=off: files and system calls that it does not need are not given up");
    return {};
  }
  sandbox::Needs needs;
  needs.connects_locally = true;
  const auto sandbox = sandbox::enter(needs);
  if (!sandbox) return tl::make_unexpected(sandbox.error());
  for (const std::string& lack : sandbox->lacks()) logger.warn("sandbox: {}", lack);
  return {};
}

Error run(Listener listener, const ServeWanted& wanted, const std::string& control) {
  LogPipe pipe(STDERR_FILENO, is_journal(STDERR_FILENO, std::getenv("JOURNAL_STREAM")));
  const auto logger = make_logger(pipe);
  const std::size_t connections = most_connections();
  if (auto confined = confine(wanted.sandbox, *logger); !confined) return confined.error();
  RateLimit unexpected(kUnexpectedLogPeriod);
  EventLoop loop([&](const std::exception& error) {
    if (const auto count = unexpected.due(monotonic_clock())) {
      logger->error("unexpected: {} count={}", error.what(), count);
    }
  });
  const auto end = [] { std::_Exit(EXIT_SUCCESS); };
  const auto on_term = loop.on_signal(SIGTERM, end), on_int = loop.on_signal(SIGINT, end);
  BackgroundThread figures_thread(loop), page_thread(loop);
  for (const int fault : {figures_thread.fault(), page_thread.fault()}) {
    if (fault != 0) logger->warn("{}", system_error("start", "a thread", fault).text);
  }
  std::unique_ptr<http::Server> server;
  const auto waker = loop.on_wake([&] { server->resume(); });
  Site site({.figures = at_daemon(control, ask_for_figures),
             .page = at_daemon(control,
                               [](Channel& channel) { return page_of(channel, Site::kRefresh); }),
             .figures_thread = figures_thread,
             .page_thread = page_thread},
            wanted.hosts, steady_now, [&] { waker.wake(); });
  StreamCounters counters;
  server = std::make_unique<http::Server>(std::move(listener), site, steady_now, *logger, counters,
                                          connections);
  server->attach(loop);
  logger->info("serving {} for {}", url_of(wanted.where), control);
  loop.run();
  return {"the event loop has ended"};
}

}  // namespace

Error serve(const ServeWanted& wanted, const std::string& control) {
  hold_signals();
  if (sodium_init() < 0) return {"cannot initialise libsodium"};
  auto listener = Listener::open({{}, wanted.where}, 0);
  if (!listener) return listener.error();
  if (auto given_up = give_up_privileges(wanted.user, control); !given_up) {
    return given_up.error();
  }
  return run(std::move(*listener), wanted, control);
}

}  // namespace grey::greyctl
