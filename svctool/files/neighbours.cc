#include "svctool/files/neighbours.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "greyd/wire/endpoint.h"
#include "svctool/files/compare.h"
#include "svctool/files/service_files.h"

namespace grey::svctool {
namespace {

namespace fs = std::filesystem;

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
  std::error_code error;
  for (fs::directory_iterator at(servicedir(request), error), end; !error && at != end;
       at.increment(error)) {
    const std::string service = at->path();
    std::error_code missing;  // it is yet to be made
    if (service == own_service || !exists(service + "/.options") ||
        fs::equivalent(service, own_service, missing)) {
      continue;
    }
    const auto theirs = parse_endpoint(read_variable(service, variable), Wildcards::allowed);
    if (theirs && overlap(*own, *theirs)) found.push_back(service);
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace grey::svctool
