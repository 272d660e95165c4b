#include "svctool/verbs/find_services.h"

#include <algorithm>
#include <cerrno>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "svctool/daemon/find_supervisor.h"
#include "svctool/files/compare.h"
#include "svctool/files/service_files.h"
#include "svctool/plan/suite.h"
#include "svctool/verbs/check_smtp.h"

namespace grey::svctool {
namespace {

void add_once(std::vector<std::string>& names, const std::string& name) {
  const bool known = std::ranges::any_of(names, [&](const std::string& other) {
    const auto id = followed_id(name);
    return other == name || (id && followed_id(other) == id);
  });
  if (!known) names.push_back(name);
}

// Its entries in their order, without those that scanners pass over.
std::vector<std::string> entries_of(const std::string& directory, FoundServices& found) {
  std::vector<std::string> entries;
  const auto names = names_in(directory);
  if (!names) {
    if (names.error().number == EACCES) add_once(found.hidden, directory);
    return entries;
  }
  for (const std::string& name : *names) {
    if (!name.starts_with('.')) entries.push_back(path_below(directory, name));
  }
  return entries;
}

// That who we are may not look into it.
bool is_hidden(const std::string& directory) {
  const auto status = status_of(path_below(directory, "x"));
  return !status && status.error().number == EACCES;
}

void look_at_service(const std::string& service, FoundServices& found) {
  if (is_greylisting_service(service)) {
    add_once(found.greylisting, service);
  } else if (lacks_options(service)) {
    add_once(found.unknown, service);
  } else if (is_there(service + "/run") && is_smtp_service(service)) {
    add_once(found.smtp, service);
  } else if (is_hidden(service)) {
    add_once(found.hidden, service);
  }
}

std::vector<std::string> usual_places() {
  std::vector<std::string> places;
  for (const Suite& suite : suites()) add_once(places, std::string(suite.servicedir));
  for (const Supervisor& scanner : find_scanners()) add_once(places, scanner.servicedir);
  return places;
}

// What a suite has of its own, such as systemd's units.
void look_at_own_files(const Suite& suite, FoundServices& found) {
  if (suite.own_file == nullptr) return;
  const std::string example = suite.own_file("x");
  const std::string_view ending = std::string_view(example).substr(example.rfind('.'));
  for (const std::string& file : entries_of(directory_of(example), found)) {
    if (!file.ends_with(ending)) continue;
    const auto text = read_regular(file);
    if (!text || !*text) continue;
    const std::string service = suite.service_of(**text);
    if (service.empty()) continue;
    if (is_greylisting_service(service)) add_once(found.greylisting, service);
    if (lacks_options(service)) add_once(found.unknown, service);
  }
}

}  // namespace

FoundServices find_services(const std::string& directory) {
  FoundServices found;
  found.places = directory.empty() ? usual_places() : std::vector<std::string>{directory};
  for (const std::string& place : found.places) {
    for (const std::string& service : entries_of(place, found)) look_at_service(service, found);
  }
  if (directory.empty()) {
    for (const Suite& suite : suites()) look_at_own_files(suite, found);
  }
  return found;
}

}  // namespace grey::svctool
