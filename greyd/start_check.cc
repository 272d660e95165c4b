#include "greyd/start_check.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/base/key_file.h"
#include "greyd/front_settings.h"
#include "greyd/lists/lists.h"
#include "greyd/lookup_spawner.h"
#include "greyd/net/listener.h"
#include "greyd/net/udp_socket.h"
#include "greyd/privileges.h"
#include "greyd/shared/ask_store.h"
#include "greyd/sharing.h"
#include "greyd/state/state_place.h"

namespace grey {
namespace {

// Whether this host has the address. Any port will do: a daemon that runs has its own.
Result<void> check_address(const Endpoint& endpoint) {
  const auto socket = bind_udp({endpoint.ip, 0});
  if (socket) return {};
  return tl::make_unexpected(
      system_error("listen on", to_string(endpoint.ip), socket.error().number));
}

// Whether the second cannot be had beside the first. The wildcard of IPv6 has the port of IPv4,
// too.
bool is_same_place(const ListenAddress& one, const ListenAddress& other) {
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
Result<void> check_apart(const std::vector<ListenAddress>& addresses) {
  const auto text_of = [](const ListenAddress& address) {
    if (!address.path.empty()) return address.path;
    return to_string(address.endpoint.ip) + "@" + std::to_string(address.endpoint.port);
  };
  for (auto one = addresses.begin(); one != addresses.end(); ++one) {
    for (auto other = one + 1; other != addresses.end(); ++other) {
      if (!is_same_place(*one, *other)) continue;
      return misuse("--policy, --submission: " + text_of(*one) + " and " + text_of(*other) +
                    " are one place: name it once");
    }
  }
  return {};
}

// Where it listens: addresses, and the directories of the unix sockets that --policy names.
Result<void> check_places(const Options& options) {
  if (auto own = check_address(options.listen); !own) return own;
  for (const ListenAddress& address : policy_places(options)) {
    if (address.path.empty()) {
      if (auto own = check_address(address.endpoint); !own) return own;
      continue;
    }
    const std::string directory = address.path.substr(0, address.path.rfind('/') + 1);
    if (::access(directory.c_str(), X_OK) != 0) {
      return tl::make_unexpected(system_error("make a socket in", directory, errno));
    }
    if (auto free = Listener::check_path(address.path); !free) return free;
  }
  return check_apart(policy_places(options));
}

}  // namespace

Result<void> check_start(const Options& options, spdlog::logger& logger) {
  if (auto places = check_places(options); !places) return places;
  if (auto group = find_group(options.control_group); !group) {
    return tl::make_unexpected(group.error());
  }
  // As a start does it, which opens the program while it may.
  const std::string no_look_ups = lack_of_look_ups(options);
  if (auto dropped = drop_privileges(options.user); !dropped) return dropped;
  const auto sharing = shared_settings(options);
  if (!sharing) return tl::make_unexpected(sharing.error());
  if (!options.key_file.empty()) {
    if (const auto keys = read_keys(options.key_file); !keys) {
      return tl::make_unexpected(keys.error());
    }
  }
  const auto lists = load_lists(list_files(options));
  if (!lists) return tl::make_unexpected(lists.error());
  for (const AddressList* list : {&lists->whitelist, &lists->blacklist}) {
    for (const std::string& text : list->warnings()) logger.warn("{}", text);
  }
  const auto unwritable = check_state_access(options.context_file);
  if (!unwritable) return tl::make_unexpected(unwritable.error());
  if (!unwritable->empty()) logger.warn("{}; it would answer from memory", *unwritable);
  if (!no_look_ups.empty()) logger.warn("no look-ups: {}", no_look_ups);
  if (*sharing) {
    for (const shared::StoreRemark& remark : shared::ask_store(**sharing, options.policy)) {
      logger.warn("{}", shared::to_line(remark));
    }
  }
  return {};
}

}  // namespace grey
