// qmail-greyd: the greylisting daemon. Under the name greydaemon it follows that program's rules.

#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <sodium.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "greyd/background_thread.h"
#include "greyd/files.h"
#include "greyd/lists.h"
#include "greyd/log.h"
#include "greyd/options.h"
#include "greyd/policy_listener.h"
#include "greyd/policy_server.h"
#include "greyd/server.h"
#include "greyd/service.h"
#include "greyd/socket_address.h"
#include "greyd/standard_descriptors.h"
#include "greyd/state_place.h"
#include "greyd/udp_front.h"
#include "greyd/udp_socket.h"

namespace grey {
namespace {

// Not root, so there is nothing to give up: fine if this is `user` already, and only that.
Result<void> stay(const std::string& user, const passwd& entry) {
  uid_t real, effective, saved;
  gid_t real_group, effective_group, saved_group;
  gid_t groups[2];
  const bool same = ::getresuid(&real, &effective, &saved) == 0 && real == entry.pw_uid &&
                    effective == entry.pw_uid && saved == entry.pw_uid &&
                    ::getresgid(&real_group, &effective_group, &saved_group) == 0 &&
                    real_group == entry.pw_gid && effective_group == entry.pw_gid &&
                    saved_group == entry.pw_gid;
  if (!same) return failure("cannot become user " + user + ": not started as root or as that user");
  const int others = ::getgroups(2, groups);
  if (others == 0 || (others == 1 && groups[0] == entry.pw_gid)) return {};
  return failure("cannot become user " + user + ": other groups can only be given up by root");
}

// Becomes `user` for good: its group, no others, and no way back. Stays who it is when empty.
Result<void> drop_privileges(const std::string& user) {
  if (user.empty()) return {};
  errno = 0;
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) {
    return errno != 0 ? tl::make_unexpected(system_error("look up user", user, errno))
                      : failure("unknown user: " + user);
  }
  if (::geteuid() != 0) return stay(user, *entry);
  if (::setgroups(0, nullptr) != 0 ||
      ::setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) != 0 ||
      ::setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) != 0) {
    return tl::make_unexpected(system_error("become user", user, errno));
  }
  if (entry->pw_uid != 0 && ::setuid(0) == 0)
    return failure("cannot give up root for user " + user);
  return {};
}

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

ServiceSettings service_settings(const Options& options) {
  return {options.policy,    options.max_records, options.context_file, options.whitelist,
          options.blacklist, options.sync,        options.free_interval};
}

Result<std::vector<PolicyListener>> listen_policy(const Options& options) {
  std::vector<PolicyListener> listeners;
  for (const PolicyAddress& address : options.policy_addresses) {
    auto listener = PolicyListener::open(address);
    if (!listener) return tl::make_unexpected(listener.error());
    listeners.push_back(std::move(*listener));
  }
  return listeners;
}

wire::Dialect dialect_of(const Policy& policy) {
  return policy.personality == Personality::greydaemon ? wire::Dialect::greydaemon
                                                       : wire::Dialect::qmail_greyd;
}

// As many policy connections as descriptors allow, with some left for the state's files.
std::size_t descriptors_for_connections() {
  constexpr rlim_t kOthers = 64;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kOthers;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::getrlimit(RLIMIT_NOFILE, &limit);
  // Of a small number too, those that the daemon itself needs come first.
  constexpr rlim_t kOwn = 24;
  const rlim_t others = std::min(kOthers, std::max(kOwn, limit.rlim_cur / 2));
  return limit.rlim_cur > others ? limit.rlim_cur - others : 1;
}

std::string server_name() {
  std::string name = "qmail-greyd";
  char host[256] = "";
  if (::gethostname(host, sizeof host - 1) != 0) return name;
  const std::string_view text = host;
  const auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
  };
  if (text.empty() || !std::all_of(text.begin(), text.end(), fits)) return name;
  return name + " at " + host;
}

PolicySettings policy_settings(const Options& options, const NetworkSet& allow) {
  PolicySettings settings;
  if (!options.policy_text.empty()) settings.words.deferral = options.policy_text;
  settings.words.server = server_name();
  settings.words.min_resend = options.policy.min_resend;
  settings.words.dry_run = options.policy.dry_run;
  settings.allow = allow;
  settings.log_decisions = options.verbosity >= Verbosity::decisions;
  settings.max_connections = std::min(settings.max_connections, descriptors_for_connections());
  return settings;
}

Result<int> serve(const Options& options, LogPipe& pipe, spdlog::logger& logger) {
  auto socket = bind_udp(options.listen);
  if (!socket) return tl::make_unexpected(socket.error());
  auto listeners = listen_policy(options);
  if (!listeners) return tl::make_unexpected(listeners.error());
  if (const auto dropped = drop_privileges(options.user); !dropped) {
    return tl::make_unexpected(dropped.error());
  }
  EventLoop loop;
  BackgroundThread background([&loop] { loop.wake(); });
  if (const int fault = background.fault()) {
    logger.warn("{}; queries wait for the disk", system_error("start", "a thread", fault).text);
  }
  const auto report = [&](StateFiles::Level level, const std::string& text) {
    using Level = StateFiles::Level;
    const Verbosity least = level == Level::notice ? Verbosity::decisions : Verbosity::state;
    if (level == Level::error) {
      logger.error("{}", text);
    } else if (level == Level::warning) {
      logger.warn("{}", text);
    } else if (options.verbosity >= least) {
      logger.info("{}", text);
    }
  };
  Service service(service_settings(options), new_hash_key(), background, report);
  // Lists and state are read as the user who will read and write them later.
  if (const auto lists = service.reload_lists(); !lists) return tl::make_unexpected(lists.error());
  if (const auto loaded = load_state(service, options, logger); !loaded) {
    return tl::make_unexpected(loaded.error());
  }
  const NetworkSet allow = options.allow ? *options.allow : local_networks();
  std::optional<PolicyServer> policy;
  if (!listeners->empty()) {
    policy.emplace(
        policy_settings(options, allow), std::move(*listeners),
        [&service](std::span<const wire::Query> batch, Seconds now, const Service::Done& done) {
          service.decide(batch, now, done);
        },
        pipe, logger);
  }
  UdpFront udp({allow, options.verbosity >= Verbosity::decisions, options.policy.dry_run,
                options.policy.min_resend, dialect_of(options.policy)},
               std::move(*socket), service, pipe, logger);
  Server server(loop, options, udp, service, background, policy ? &*policy : nullptr, pipe, logger);
  return server.run();
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

// Whether this host has the address. Any port will do: a daemon that runs has its own.
Result<void> check_address(const Endpoint& endpoint) {
  const auto socket = bind_udp({endpoint.ip, 0});
  if (socket) return {};
  return tl::make_unexpected(
      system_error("listen on", to_string(endpoint.ip), socket.error().number));
}

// Whether the second cannot be had beside the first. The wildcard of IPv6 has the port of IPv4,
// too.
bool is_same_place(const PolicyAddress& one, const PolicyAddress& other) {
  if (one.path.empty() != other.path.empty()) return false;
  if (!one.path.empty()) {
    std::error_code error;  // a directory that is not there has been told of
    const std::filesystem::path path(one.path), second(other.path);
    return path.filename() == second.filename() &&
           std::filesystem::equivalent(path.parent_path(), second.parent_path(), error);
  }
  const Endpoint &here = one.endpoint, &there = other.endpoint;
  if (here.port != there.port) return false;
  const auto covers = [](const Ip& wildcard, const Ip& ip) {
    return wildcard.is_any() && (!wildcard.is_v4() || ip.is_v4());
  };
  return here.ip == there.ip || covers(here.ip, there.ip) || covers(there.ip, here.ip);
}

// A place that is named twice would be refused to the second.
Result<void> check_apart(const std::vector<PolicyAddress>& addresses) {
  const auto text_of = [](const PolicyAddress& address) {
    if (!address.path.empty()) return address.path;
    return to_string(address.endpoint.ip) + "@" + std::to_string(address.endpoint.port);
  };
  for (auto one = addresses.begin(); one != addresses.end(); ++one) {
    for (auto other = one + 1; other != addresses.end(); ++other) {
      if (!is_same_place(*one, *other)) continue;
      return misuse("--policy: " + text_of(*one) + " and " + text_of(*other) +
                    " are one place: name it once");
    }
  }
  return {};
}

// Where it listens: addresses, and the directories of the unix sockets that --policy names.
Result<void> check_places(const Options& options) {
  if (auto own = check_address(options.listen); !own) return own;
  for (const PolicyAddress& address : options.policy_addresses) {
    if (address.path.empty()) {
      if (auto own = check_address(address.endpoint); !own) return own;
      continue;
    }
    const std::string directory = address.path.substr(0, address.path.rfind('/') + 1);
    if (::access(directory.c_str(), X_OK) != 0) {
      return tl::make_unexpected(system_error("make a socket in", directory, errno));
    }
    if (auto free = PolicyListener::check_path(address.path); !free) return free;
  }
  return check_apart(options.policy_addresses);
}

// All that serve() needs before it answers, but for the ports: a daemon that runs has them. Changes
// nothing.
Result<int> check_start(const Options& options, spdlog::logger& logger) {
  if (auto places = check_places(options); !places) {
    return tl::make_unexpected(places.error());
  }
  if (auto dropped = drop_privileges(options.user); !dropped) {
    return tl::make_unexpected(dropped.error());
  }
  const auto lists = load_lists(options.whitelist, options.blacklist);
  if (!lists) return tl::make_unexpected(lists.error());
  for (const AddressList* list : {&lists->whitelist, &lists->blacklist}) {
    for (const std::string& text : list->warnings()) logger.warn("{}", text);
  }
  const auto unwritable = check_state_access(options.context_file);
  if (!unwritable) return tl::make_unexpected(unwritable.error());
  if (!unwritable->empty()) logger.warn("{}; it would answer from memory", *unwritable);
  return 0;
}

int run(const std::vector<std::string>& arguments) {
  LogPipe pipe(STDERR_FILENO, is_journal(STDERR_FILENO, std::getenv("JOURNAL_STREAM")));
  const auto logger = make_logger(pipe);
  // With the program's name, as the other programs of a service say it: a terminal or a log of
  // several services may show it.
  const auto end = [&](const Error& error) {
    const std::string& path = arguments.front();
    pipe.add(Priority::critical, path.substr(path.rfind('/') + 1) + ": fatal: " + error.text);
    pipe.flush();
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
  const auto code = options.check ? check_start(options, *logger) : serve(options, pipe, *logger);
  return code ? *code : end(code.error());
}

}  // namespace
}  // namespace grey

int main(int argc, char** argv) {
  if (!grey::open_standard_descriptors()) return grey::kExitSystemFailure;
  try {
    if (argc == 0) return grey::kExitMisuse;
    return grey::run(std::vector<std::string>(argv, argv + argc));
  } catch (const std::exception& error) {
    const bool journal = grey::is_journal(STDERR_FILENO, std::getenv("JOURNAL_STREAM"));
    std::fprintf(stderr, "%sqmail-greyd: fatal: %s\n", journal ? "<2>" : "", error.what());
    return grey::kExitSystemFailure;
  }
}
