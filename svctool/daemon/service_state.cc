#include "svctool/daemon/service_state.h"

#include <cerrno>
#include <chrono>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "svctool/daemon/processes.h"
#include "svctool/daemon/supervision.h"
#include "svctool/util/process.h"
#include "svctool/util/wait.h"

namespace grey::svctool {
namespace {

constexpr unsigned kSeconds = 10;  // for a program that answers at once
constexpr std::chrono::seconds kHeard{10};

Result<ServiceState> read_status_file(const Suite& suite, const std::string& service) {
  const std::string path = path_below(service, suite.state_file);
  auto content = read_followed(path);
  // A supervisor takes orders a moment before it writes what it knows.
  look_until(kHeard, [&] {
    if (!content || *content || !is_supervised(service)) return true;
    content = read_followed(path);
    return !content || content->has_value();
  });
  if (!content) return tl::make_unexpected(content.error());
  if (!*content) return tl::make_unexpected(system_error("open", path, ENOENT));
  const auto state = suite.parse_state(**content);
  return state ? Result<ServiceState>(*state) : failure(path + ": not the status of a service");
}

Result<ServiceState> ask_program(const Suite& suite, const std::string& service) {
  auto arguments = arguments_of(suite.state_words, suite.known_as(service));
  const std::string name = arguments.front();
  const auto text = read_program({std::move(arguments), "", kSeconds});
  if (!text) return tl::make_unexpected(text.error());
  const auto state = suite.parse_state(*text);
  return state ? Result<ServiceState>(*state) : failure(name + " does not tell the state");
}

}  // namespace

Result<ServiceState> service_state(const Suite& suite, const std::string& service) {
  auto state =
      suite.state_file.empty() ? ask_program(suite, service) : read_status_file(suite, service);
  // By a signal, of which the supervisor does not know.
  if (state && state->up && is_stopped(state->pid)) state->paused = true;
  return state;
}

void wait_until_wanted(const Suite& suite, const std::string& service) {
  look_until(kHeard, [&] {
    const auto state = service_state(suite, service);
    return !state || state->up || state->wanted;
  });
}

}  // namespace grey::svctool
