#include "greyd/front_settings.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>


namespace grey {
namespace {

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
  settings.stream.max_connections =
      std::min(settings.stream.max_connections, descriptors_for_connections());
  return settings;
}

}  // namespace grey
