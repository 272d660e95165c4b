#include "greyd/front_settings.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "greyd/control/control_server.h"
#include "greyd/net/stream_connections.h"

namespace grey {
namespace {

wire::Dialect dialect_of(const Policy& policy) {
  return policy.personality == Personality::greydaemon ? wire::Dialect::greydaemon
                                                       : wire::Dialect::qmail_greyd;
}

// Descriptors of the daemon itself, with one place or two for mail servers: 15 that stay, and those
// of a snapshot, of its directory, of lists that are read and of a connection that is looked at.
constexpr rlim_t kOwn = 24;

// What connections may have of a limit, so that whoever takes all of it takes none of the daemon's
// own: a save, above all, must not wait for somebody to go.
struct Descriptors {
  std::size_t policy, control;
};
constexpr Descriptors share_out(rlim_t limit) {
  constexpr rlim_t kControl = ControlServer::kMaxConnections +
                              StreamConnections::free_sources(ControlServer::kMaxConnections);
  const rlim_t rest = limit > kOwn ? limit - kOwn : 0;
  const rlim_t control = std::clamp<rlim_t>(rest / 4, 2, kControl);
  return {std::size_t(rest > control ? rest - control : 0), std::size_t(control)};
}

rlim_t descriptor_limit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : kOwn;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
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

}  // namespace

ListFiles list_files(const Options& options) {
  return {options.whitelist, options.blacklist, options.rules, rule_limits(options.policy)};
}

ServiceSettings service_settings(const Options& options) {
  ServiceSettings settings;
  settings.policy = options.policy;
  settings.max_records = options.max_records;
  settings.context_file = options.context_file;
  settings.lists = list_files(options);
  settings.sync = options.sync;
  settings.free_interval = options.free_interval;
  return settings;
}

UdpSettings udp_settings(const Options& options, const NetworkSet& local,
                         const wire::KeyRing* keys) {
  UdpSettings settings;
  settings.allow = options.allow ? *options.allow : local;
  settings.keys = keys;
  settings.require_key = options.require_key;
  settings.own = local;
  settings.log_decisions = options.verbosity >= Verbosity::decisions;
  settings.dialect = dialect_of(options.policy);
  return settings;
}

MtaSettings mta_settings(const Options& options, const NetworkSet& local) {
  MtaSettings settings;
  if (!options.mta_text.empty()) settings.words.deferral = options.mta_text;
  settings.words.server = server_name();
  settings.unreadable = undecided_under(options.policy);
  settings.allow = options.allow ? *options.allow : local;
  settings.log_decisions = options.verbosity >= Verbosity::decisions;
  raise_descriptor_limit();
  std::size_t descriptors = std::min<std::size_t>(share_out(descriptor_limit()).policy,
                                                  2 * settings.stream.max_connections);
  // Two servers share them.
  if (!options.mta_addresses.empty() && !options.submission_addresses.empty()) descriptors /= 2;
  settings.stream.max_connections =
      std::min(settings.stream.max_connections, StreamConnections::most_within(descriptors));
  return settings;
}

std::size_t control_connections() {
  return StreamConnections::most_within(share_out(descriptor_limit()).control);
}

}  // namespace grey
