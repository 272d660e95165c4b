#include "svctool/service_dir.h"

#include <algorithm>

#include "greyd/endpoint.h"
#include "greyd/files.h"
#include "svctool/run_script.h"

namespace grey::svctool {
namespace {

std::string value_of(const ServiceRequest& request, std::string_view option) {
  if (option == "whitelist" && request.no_whitelist) return {};
  if (const auto given = request.values.find(option); given != request.values.end()) {
    return given->second;
  }
  const Setting* setting = find_setting(option);
  return setting ? std::string(setting->initial) : std::string();
}

std::string context_file(const ServiceRequest& request) {
  return request.context_file.empty() ? default_context_file(request.port) : request.context_file;
}

// The Perl program knew no control directory, so under its name files are always absolute.
std::string file_variable(const ServiceRequest& request, std::string_view name) {
  if (name.empty() || !request.use_greydaemon) return std::string(name);
  return path_below(request.cntrldir, name);
}

std::string listen_address(const ServiceRequest& request) {
  std::string host = request.localip;
  if (host.find(':') != std::string::npos && !host.starts_with('[')) host = "[" + host + "]";
  return host + (request.use_greydaemon ? ":" : "@") + std::to_string(request.port);
}

// REQUIRES: an absolute path.
std::string parent_of(const std::string& path) {
  return path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
}

class Builder {
 public:
  explicit Builder(Plan& plan) : plan_(plan) {}
  bool has(std::string_view path) const {
    return std::ranges::any_of(plan_.entries, [&](const Entry& e) { return e.path == path; });
  }
  void directory(std::string path, mode_t mode) { add(Entry::Type::directory, path, mode, ""); }
  void file(std::string path, mode_t mode, std::string content) {
    add(Entry::Type::file, path, mode, std::move(content));
  }
  // Exists with no line at all when empty, which is how envdir unsets: so every setting can be
  // found by listing the directory.
  void variable(const std::string& directory, std::string_view name, const std::string& value) {
    file(path_below(directory, name), 0644, value.empty() ? "" : value + "\n");
  }
  Builder& owned_by(const std::string& user) {
    plan_.entries.back().owner = user;
    return *this;
  }
  Builder& kept() {
    plan_.entries.back().keep = true;
    return *this;
  }

 private:
  void add(Entry::Type type, std::string path, mode_t mode, std::string content) {
    plan_.entries.push_back({type, std::move(path), mode, "", std::move(content), false});
  }
  Plan& plan_;
};

// The daemon saves by temporary file and rename, so its user must be able to make files in the
// directory of the context file. A directory that is missing is made for that user. One that is
// there belongs to the mail system, whose other programs may mind a new owner or mode: it is left
// as it is, and when the user cannot write there installation stops and says so, as the service
// would lose its state at every restart.
void add_state(const ServiceRequest& request, Plan& plan, Builder& build) {
  build.directory(request.cntrldir, 0755);
  build.owned_by(request.user).kept();
  const std::string directory = parent_of(path_below(request.cntrldir, context_file(request)));
  if (directory != request.cntrldir) {
    build.directory(directory, 0755);
    build.owned_by(request.user).kept();
  }
  plan.access.push_back({request.user, directory, Access::Need::save_files_in,
                         "make it writable for that user, or name a --context-file elsewhere"});
  const struct {
    std::string_view option;
    const std::string& sample;
  } lists[] = {{"whitelist", request.sample_whitelist}, {"blacklist", request.sample_blacklist}};
  for (const auto& list : lists) {
    const std::string name = value_of(request, list.option);
    if (name.empty()) continue;
    const std::string path = path_below(request.cntrldir, name);
    // Below the control directory; elsewhere a directory that is missing is more likely a typing
    // error than a wish.
    if (!name.starts_with('/') && !build.has(parent_of(path))) {
      build.directory(parent_of(path), 0755);
      build.kept();
    }
    build.file(path, 0644, list.sample);
    build.kept();
    plan.access.push_back({request.user, path, Access::Need::read, "make it readable"});
  }
}

void add_log(const ServiceRequest& request, const std::string& name, Plan& plan, Builder& build) {
  build.directory(request.logdir, 0755);
  build.kept();
  const std::string directory = path_below(request.logdir, name);
  build.directory(directory, 0755);
  build.owned_by(request.loguser);
  plan.access.push_back({request.loguser, directory, Access::Need::save_files_in,
                         "let that user through its parent directories"});
}

Result<void> check_names(const ServiceRequest& request) {
  const struct {
    const char* option;
    const std::string& value;
    // A service is started in its own directory, so a relative path would name another place there.
    bool absolute;
  } rows[] = {{"servicedir", request.servicedir, true},
              {"cntrldir", request.cntrldir, true},
              {"logdir", request.logdir, true},
              {"prefix", request.prefix, true},
              {"user", request.user, false},
              {"loguser", request.loguser, false}};
  for (const auto& row : rows) {
    if (auto good = check_line(row.option, row.value); !good) return good;
    if (row.absolute && !row.value.starts_with('/')) {
      return misuse("--" + std::string(row.option) + ": '" + row.value +
                    "' does not start with a slash");
    }
  }
  if (request.context_file.empty()) return {};  // the default
  if (auto good = check_line("context-file", request.context_file); !good) return good;
  if (request.context_file.starts_with('-') || request.context_file.ends_with('/')) {
    return misuse("--context-file: '" + request.context_file + "' is not a file name");
  }
  return {};
}

// REQUIRES: both values were found to be numbers in their ranges, which keep the product small.
Result<void> check_times(const ServiceRequest& request) {
  const long min_resend = std::stol(value_of(request, "min-resend-min"));
  const long window = std::stol(value_of(request, "resend-win-hr"));
  if (min_resend < window * 60) return {};
  return misuse("--min-resend-min: " + std::to_string(min_resend) +
                " minutes are not shorter than the resend window of " + std::to_string(window) +
                " hours (--resend-win-hr)");
}

}  // namespace

std::string default_context_file(int port) {
  return "greylist." + std::to_string(port) + ".context";
}

Result<void> check_greyip(std::string_view greyip) {
  for (std::string_view rest = greyip;;) {
    const std::size_t comma = rest.find(',');
    if (!parse_endpoint(rest.substr(0, comma), Wildcards::refused)) {
      return misuse("--greyip: '" + std::string(rest.substr(0, comma)) +
                    "' is not an address and port such as 127.0.0.1@1999");
    }
    if (comma == std::string_view::npos) return {};
    rest.remove_prefix(comma + 1);
  }
}

Result<void> check_request(const ServiceRequest& request) {
  if (request.port < 1 || request.port > 65535) {
    return misuse("--greylist: " + std::to_string(request.port) + " is not a port from 1 to 65535");
  }
  if (!parse_endpoint(listen_address(request), Wildcards::allowed)) {
    return misuse("--localip: '" + request.localip + "' is not an IP address");
  }
  for (const auto& [option, value] : request.values) {
    const Setting* setting = find_setting(option);
    if (!setting) return misuse("--" + option + " is no setting");
    if (auto good = check_value(*setting, value); !good) return good;
    if (request.use_greydaemon && setting->greydaemon_flag.empty()) {
      return misuse("--" + option + ": greydaemon has no such setting");
    }
  }
  if (auto good = check_names(request); !good) return good;
  return check_times(request);
}

Plan plan_service(const ServiceRequest& request) {
  const std::string name = "greylist." + std::to_string(request.port);
  Plan plan;
  plan.service = path_below(request.servicedir, name);
  Builder build(plan);
  add_state(request, plan, build);
  add_log(request, name, plan, build);

  build.directory(request.servicedir, 0755);
  build.kept();
  build.directory(plan.service, 01755);
  const std::string variables = plan.service + "/variables";
  build.directory(variables, 0755);
  build.variable(variables, "CONTROLDIR", request.cntrldir);
  build.variable(variables, "LISTEN", listen_address(request));
  build.variable(variables, "CONTEXT_FILE", file_variable(request, context_file(request)));
  build.variable(variables, "SERVICE_USER", request.user);
  build.variable(variables, "SOFT_MEM", request.memory);
  for (const Setting& setting : settings()) {
    if (request.use_greydaemon && setting.greydaemon_flag.empty()) continue;
    const std::string value = value_of(request, setting.option);
    build.variable(variables, setting.variable,
                   setting.kind == Kind::file ? file_variable(request, value) : value);
  }
  // Not a setting of the command line, where --dry-run is svctool's own.
  if (!request.use_greydaemon) build.variable(variables, "DRY_RUN", "");
  const std::string log = plan.service + "/log";
  const std::string log_variables = log + "/variables";
  build.directory(log, 0755);
  build.directory(log_variables, 0755);
  build.variable(log_variables, "LOGDIR", path_below(request.logdir, name));
  build.variable(log_variables, "LOGUSER", request.loguser);
  build.variable(log_variables, "LOGSIZE", "");
  build.variable(log_variables, "LOGCOUNT", "");
  build.file(log + "/run", 0755, log_run_script(request.prefix));
  std::string options;
  for (const std::string& option : request.options) options += option + "\n";
  build.file(plan.service + "/.options", 0644, options);
  if (request.down) build.file(plan.service + "/down", 0644, "");
  build.file(plan.service + "/run", 0755, run_script(request.prefix, request.use_greydaemon));
  return plan;
}

Plan plan_greyip(const std::string& service, const std::string& greyip) {
  Plan plan;
  plan.service = service;
  Builder build(plan);
  build.directory(service + "/variables", 0755);
  build.kept();
  build.variable(service + "/variables", "GREYIP", greyip);
  return plan;
}

}  // namespace grey::svctool
