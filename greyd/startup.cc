#include "greyd/startup.h"

#include <utility>

#include "greyd/confine.h"
#include "greyd/fronts/local_networks.h"
#include "greyd/fronts/mta_server.h"
#include "greyd/net/udp_socket.h"
#include "greyd/pools/pool_keeper.h"
#include "greyd/privileges.h"
#include "greyd/sharing.h"

namespace grey {
namespace {

Result<std::vector<Listener>> listen_mta(const std::vector<ListenAddress>& addresses) {
  std::vector<Listener> listeners;
  for (const ListenAddress& address : addresses) {
    auto listener = Listener::open(address, MtaServer::kSocketMode);
    if (!listener) return tl::make_unexpected(listener.error());
    listeners.push_back(std::move(*listener));
  }
  return listeners;
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

}  // namespace

Result<Opened> start_up(const Options& options, spdlog::logger& logger) {
  // As whoever has started it.
  auto udp = bind_udp(options.listen);
  if (!udp) return tl::make_unexpected(udp.error());
  auto mta = listen_mta(options.mta_addresses);
  if (!mta) return tl::make_unexpected(mta.error());
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

  // As the daemon's user.
  auto sharing = shared_settings(options);
  if (!sharing) return tl::make_unexpected(sharing.error());
  auto control = open_control_socket(options, *group);
  if (!control) return tl::make_unexpected(control.error());
  NetworkSet local = local_networks();
  auto parents = name_parents(options, logger);
  // Before the first thread and before what others have written is read.
  auto sandbox = confine(options, logger);
  if (!sandbox) return tl::make_unexpected(sandbox.error());
  return Opened{.udp = std::move(*udp),
                .mta = std::move(*mta),
                .submission = std::move(*submission),
                .control = std::move(*control),
                .lookup_helper = std::move(spawner.socket),
                .sharing = std::move(*sharing),
                .local = std::move(local),
                .parents = std::move(parents),
                .sandbox = std::move(*sandbox)};
}

}  // namespace grey
