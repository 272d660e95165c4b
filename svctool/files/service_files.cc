#include "svctool/files/service_files.h"

#include <algorithm>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "svctool/cli/options.h"
#include "svctool/files/compare.h"
#include "svctool/plan/edits.h"
#include "svctool/plan/unit_file.h"

namespace grey::svctool {

Result<std::optional<ServiceRequest>> read_options(const std::string& service) {
  const std::string path = service + "/.options";
  const auto content = read_followed(path);
  if (!content) return tl::make_unexpected(content.error());
  if (!*content) return std::optional<ServiceRequest>();
  auto request = parse_options_file(**content);
  if (!request) return failure(path + ": " + request.error().text);
  return std::optional<ServiceRequest>(std::move(*request));
}

std::vector<std::string> exposures_of(const std::string& service) {
  std::vector<std::string> paths = {service};
  for (const char* name : {"/.options", "/run", "/environment", "/variables", "/supervise", "/log",
                           "/log/run", "/log/variables", "/log/supervise"}) {
    paths.push_back(service + name);
  }
  std::vector<std::string> directories = {service + "/variables", service + "/log/variables"};
  for (const Suite& suite : suites()) {
    const std::string file = own_file_of(suite, service);
    if (file.empty()) continue;
    paths.push_back(file);
    directories.push_back(file + ".d");  // what is put over it
  }
  paths.insert(paths.end(), directories.begin() + 2, directories.end());
  for (const std::string& directory : directories) {
    const auto names = names_in(directory);
    if (!names) continue;  // that it cannot be looked into safely is said of the directory itself
    for (const std::string& name : *names) paths.push_back(path_below(directory, name));
  }
  std::vector<std::string> exposures;
  for (const std::string& path : paths) {
    std::string exposure = exposure_of(path);
    if (!exposure.empty() && std::ranges::find(exposures, exposure) == exposures.end()) {
      exposures.push_back(std::move(exposure));
    }
  }
  return exposures;
}

Result<ServiceRequest> read_trusted_options(const std::string& service) {
  if (const auto exposures = exposures_of(service); !exposures.empty()) {
    return failure(service + ": " + exposures.front() + ", so what it says is not believed");
  }
  return read_own_options(service);
}

Result<ServiceRequest> read_unexposed_options(const std::string& service) {
  if (const auto exposure = exposure_of(service + "/.options"); !exposure.empty()) {
    return failure(service + ": " + exposure + ", so what it says is not believed");
  }
  return read_own_options(service);
}

Result<ServiceRequest> read_own_options(const std::string& service) {
  auto request = read_options(service);
  if (!request) return tl::make_unexpected(request.error());
  if (!*request) {
    return failure(service + " was not made by svctool --greylist: it has no .options");
  }
  return std::move(**request);
}

bool is_greylisting_service(const std::string& service) {
  const auto content = read_followed(service + "/.options");
  return content && *content && ("\n" + **content).find("\n--greylist=") != std::string::npos;
}

bool lacks_options(const std::string& service) {
  const auto options = read_followed(service + "/.options");
  // What cannot be read is an error of its own.
  if (!options || (*options && !(*options)->empty())) return false;
  return is_there(service + "/run") && !read_variable(service, "CONTEXT_FILE").empty() &&
         !read_variable(service, "LISTEN").empty();
}

std::string read_variable(const std::string& service, const std::string& name) {
  if (const auto content = read_followed(service + "/variables/" + name); content && *content) {
    return envdir_value(**content);
  }
  const auto content = read_followed(service + "/environment");
  if (!content || !*content) return {};
  std::string value;
  for (const auto& [other, its] : parse_environment(**content)) {
    if (other == name) value = its;
  }
  return value;
}

std::string user_of_daemon(const std::string& service) {
  std::string user = read_variable(service, "SERVICE_USER");
  if (user.empty()) {
    if (const auto options = read_own_options(service)) user = options->user;
  }
  return user;
}

Result<wire::KeyRing> keys_in(const std::string& path) {
  const auto status = status_of(path);
  if (!status) return failure(path + ": " + status.error().reason);
  if ((status->st_mode & S_IRWXO) != 0) return failure(path + ": anybody may use it");
  if ((status->st_mode & S_IWGRP) != 0) return failure(path + ": its group may write to it");
  const auto text = read_followed(path);
  if (!text) return tl::make_unexpected(text.error());
  wire::KeyRing ring;
  const auto fault = wire::parse_keys(text->value_or(""), ring);
  if (!fault) return ring;
  const std::string line = fault->line > 0 ? ":" + std::to_string(fault->line) : "";
  return failure(path + line + ": " + fault->what);
}

std::string key_file_of_daemon(const std::string& service) {
  const std::string name = read_variable(service, "KEY_FILE");
  return name.empty() ? name : path_below(read_variable(service, "CONTROLDIR"), name);
}

std::string log_place(const Suite& suite, const std::string& service) {
  if (keeps_log(suite)) return command(suite, suite.show_log, service);
  return read_variable(service + "/log", "LOGDIR") + "/current";
}

Result<SmtpService> read_smtp_service(const std::string& directory) {
  SmtpService service;
  service.directory = directory;
  const std::string run = directory + "/run";
  auto content = read_followed(run);
  if (!content) return tl::make_unexpected(content.error());
  if (!*content) return failure(directory + " is no service directory: it has no run");
  service.run = std::move(**content);
  auto resolved = resolve(run);
  if (!resolved) return tl::make_unexpected(resolved.error());
  service.run_path = std::move(*resolved);
  service.has_variables = is_there(directory + "/variables");
  auto greyip = read_followed(directory + "/variables/GREYIP");
  if (!greyip) return tl::make_unexpected(greyip.error());
  service.greyip = std::move(*greyip);
  auto key_file = read_followed(directory + "/variables/GREYKEYFILE");
  if (!key_file) return tl::make_unexpected(key_file.error());
  service.key_file = std::move(*key_file);
  return service;
}

}  // namespace grey::svctool
