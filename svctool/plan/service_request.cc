#include "svctool/plan/service_request.h"

#include <algorithm>

#include "greyd/base/files.h"
#include "greyd/wire/endpoint.h"

namespace grey::svctool {
namespace {

constexpr std::string_view kPageEnding = ".serve";

std::string daemon_service_name(const ServiceRequest& request) {
  return "greylist." +
         (request.servicetag.empty() ? std::to_string(request.port) : request.servicetag);
}

Result<void> check_names(const ServiceRequest& request) {
  const std::string directory = servicedir(request);
  const struct {
    const char* option;
    const std::string& value;
    // A service is started in its own directory, so a relative path would name another place there.
    bool absolute;
  } rows[] = {{"servicedir", directory, true},  {"cntrldir", request.cntrldir, true},
              {"logdir", request.logdir, true}, {"prefix", request.prefix, true},
              {"user", request.user, false},    {"loguser", request.loguser, false}};
  if (!request.serve_user.empty()) {
    if (auto good = check_line("serve-user", request.serve_user); !good) return good;
  }
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

// Part of a file name.
Result<void> check_tag(const std::string& tag) {
  if (tag.empty()) return {};
  if (auto good = check_line("servicetag", tag); !good) return good;
  if (tag.find('/') != std::string::npos) {
    return misuse("--servicetag: '" + tag + "' has a slash");
  }
  if (!tag.ends_with(kPageEnding)) return {};
  return misuse("--servicetag: '" + tag + "' ends as the name of a page does, which --serve makes");
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

Result<void> check_memory(const ServiceRequest& request) {
  if (request.memory.empty() || request.memory == "0") return {};
  return check_value(memory_setting(), request.memory);
}

// What multilog, whose limits are the narrowest, takes.
Result<void> check_log(const ServiceRequest& request) {
  if (auto good = check_value(log_size_setting(), request.log_size); !good) return good;
  return check_value(log_count_setting(), request.log_count);
}

Result<void> check_page(const ServiceRequest& request) {
  if (request.serve.empty()) {
    if (request.serve_only) return misuse("--serve-only needs --serve=ADDR@PORT");
    if (!request.serve_user.empty()) return misuse("--serve-user needs --serve=ADDR@PORT");
    return {};
  }
  if (request.serve_only && !request.imports.empty()) {
    return misuse("--import is for the daemon's state, which --serve-only leaves alone");
  }
  // A port of its own in every case: the one that stands for a daemon's is none of a page's.
  if (const std::string fault = serve_fault(request.serve); !fault.empty()) {
    return misuse("--serve: " + fault);
  }
  if (value_of(request, "control") == kNoControl) {
    return misuse("--serve: with --control=none nobody can ask the daemon");
  }
  if (page_user(request) == "root") {
    return misuse("--serve: nothing is served as root; --" +
                  std::string(request.serve_user.empty() ? "user" : "serve-user") +
                  " has to be another");
  }
  const bool other = !request.serve_user.empty() && request.serve_user != request.user;
  if (!other || !value_of(request, "control-group").empty()) return {};
  return misuse("--serve-user: without --control-group only " + request.user +
                " may ask the daemon");
}

// No text is both.
Result<void> check_rules(const ServiceRequest& request) {
  const std::string rules = value_of(request, "rules");
  for (const OperatorFile& file : kOperatorFiles) {
    if (!rules.empty() && file.list && value_of(request, file.option) == rules) {
      return misuse("--rules: '" + rules + "' is the " + std::string(file.option));
    }
  }
  return {};
}

}  // namespace

std::string service_name(const ServiceRequest& request) {
  return daemon_service_name(request) + (is_page(request) ? std::string(kPageEnding) : "");
}

std::string servicedir(const ServiceRequest& request) {
  return request.servicedir.empty() ? std::string(request.suite->servicedir) : request.servicedir;
}

TargetPath service_path(const ServiceRequest& request) {
  return TargetPath(path_below(servicedir(request), service_name(request)));
}

std::string context_file(const ServiceRequest& request) {
  return request.context_file.empty() ? daemon_service_name(request) + ".context"
                                      : request.context_file;
}

std::string daemon_program(const ServiceRequest& request) {
  return request.prefix + (request.use_greydaemon ? "/sbin/greydaemon" : "/sbin/qmail-greyd");
}

ServiceRequest page_of(const ServiceRequest& request) {
  ServiceRequest page = request;
  page.serve_only = true;
  page.by_hand.clear();
  // As the command line has them in their order.
  const auto before = std::find_if(page.options.rbegin(), page.options.rend(), [](const auto& o) {
    return o.starts_with("--serve=") || o.starts_with("--serve-user=");
  });
  page.options.insert(before.base(), "--serve-only");
  return page;
}

TargetPath page_beside(const TargetPath& service) {
  return service + kPageEnding;
}

TargetPath daemon_path(const ServiceRequest& request) {
  return TargetPath(path_below(servicedir(request), daemon_service_name(request)));
}

std::string page_program(const ServiceRequest& request) {
  return request.prefix + "/bin/greyctl";
}

std::string page_user(const ServiceRequest& request) {
  if (!request.serve_user.empty()) return request.serve_user;
  const bool makes_one = sets_user(*request.suite) && !value_of(request, "control-group").empty();
  return makes_one ? std::string() : request.user;
}

std::string listen_address(const ServiceRequest& request) {
  std::string host = request.localip;
  if (host.find(':') != std::string::npos && !host.starts_with('[')) host = "[" + host + "]";
  return host + (request.use_greydaemon ? ":" : "@") + std::to_string(request.port);
}

std::string listens_on(const ServiceRequest& request) {
  return is_page(request) ? request.serve : listen_address(request);
}

std::string value_of(const ServiceRequest& request, std::string_view option) {
  if (option == "whitelist" && request.no_whitelist) return {};
  if (const auto given = request.values.find(option); given != request.values.end()) {
    return given->second;
  }
  const Setting* setting = find_setting(option);
  if (setting == nullptr || setting->initial.empty()) return {};
  // Who goes on with the Perl program's rules goes on with its terms.
  if (request.use_greydaemon && !setting->standard.empty()) {
    return std::string(setting->greydaemon_zero ? setting->standard : std::string_view());
  }
  return std::string(setting->initial);
}

std::uint64_t needed_memory(std::uint64_t max_records) {
  constexpr std::uint64_t kPerRecord = 160;
  return std::uint64_t(memory_setting().range.low) + max_records * kPerRecord;
}

std::uint64_t default_max_records() {
  return std::uint64_t(standard_number(setting_named("max-records")));
}

std::string memory_limit(const ServiceRequest& request) {
  if (request.memory == "0") return {};
  if (!request.memory.empty()) return request.memory;
  const std::string records = value_of(request, "max-records");
  return std::to_string(
      needed_memory(records.empty() ? default_max_records() : std::stoull(records)));
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
    if (!request.use_greydaemon) continue;
    if (auto good = check_greydaemon_value(*setting, value); !good) return good;
  }
  if (auto good = check_names(request); !good) return good;
  if (auto good = check_tag(request.servicetag); !good) return good;
  if (auto good = check_memory(request); !good) return good;
  if (auto good = check_log(request); !good) return good;
  if (auto good = check_rules(request); !good) return good;
  const auto option = [](const Setting& setting) { return "--" + std::string(setting.option); };
  const auto value = [&](const Setting& setting) { return value_of(request, setting.option); };
  if (auto good = check_sharing(value, option); !good) return good;
  if (auto good = check_page(request); !good) return good;
  return check_times(request);
}

}  // namespace grey::svctool
