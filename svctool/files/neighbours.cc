#include "svctool/files/neighbours.h"

#include <optional>

#include "greyd/base/place.h"
#include "greyd/wire/endpoint.h"
#include "svctool/files/compare.h"
#include "svctool/files/service_files.h"

namespace grey::svctool {
namespace {

bool overlap(const Endpoint& one, const Endpoint& other) {
  return one.port == other.port && (one.ip.is_any() || other.ip.is_any() || one.ip == other.ip);
}

}  // namespace

std::vector<std::string> with_same_address(const ServiceRequest& request) {
  std::vector<std::string> found;
  const auto own = parse_endpoint(listens_on(request), Wildcards::allowed);
  if (!own) return found;
  const std::string variable = is_page(request) ? "SERVE" : "LISTEN";
  const std::string own_service = Destdir().at(service_path(request));
  const std::string directory = servicedir(request);
  const auto names = names_in(directory);
  if (!names) return found;
  const auto own_id = followed_id(own_service);  // none when it is yet to be made
  for (const std::string& name : *names) {
    const std::string service = path_below(directory, name);
    // With a dot: what another svctool is making, or has moved aside.
    if (name.starts_with('.') || service == own_service || !is_there(service + "/.options") ||
        (own_id && followed_id(service) == own_id)) {
      continue;
    }
    const auto theirs = parse_endpoint(read_variable(service, variable), Wildcards::allowed);
    if (theirs && overlap(*own, *theirs)) found.push_back(service);
  }
  return found;
}

}  // namespace grey::svctool
