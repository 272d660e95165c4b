// svctool --greylist: a greylisting service is installed, or compared with what would be.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "greyd/wire/endpoint.h"
#include "svctool/files/lock.h"
#include "svctool/files/neighbours.h"
#include "svctool/files/service_files.h"
#include "svctool/files/standing.h"
#include "svctool/files/walks.h"
#include "svctool/plan/service_dir.h"
#include "svctool/util/output.h"
#include "svctool/util/place.h"
#include "svctool/verbs/after_change.h"
#include "svctool/verbs/check.h"
#include "svctool/verbs/import_state.h"
#include "svctool/verbs/report_check.h"
#include "svctool/verbs/verbs.h"

namespace grey::svctool {
namespace {

// Where none is installed. They change nothing.
constexpr std::pair<std::string_view, const char*> kBuiltIn[] = {
    {"whitelist",
     "# Who is never greylisted, one a line: 192.0.2.1, 192.0.2.0/24, 2001:db8::/32, 192.0.2.*,\n"
     "# 192.0.2.[3-7], 192.0.2. The daemon reads this file again on SIGHUP.\n"},
    {"blacklist",
     "# Who is always deferred, written as in the whitelist. The daemon reads this file again on\n"
     "# SIGHUP.\n"},
    {"rules",
     "# For whom greylisting is off, on, or on other terms: WHO... ACTION... in a line, and the "
     "first\n"
     "# line that names who is asked about decides; see greylist.rules(5). Take out a '#':\n"
     "#to:postmaster@ off\n"
     "#192.0.2.0/24 min-resend 1m window 24h\n"
     "# The daemon reads this file again on SIGHUP.\n"}};

Result<void> read_samples(ServiceRequest& request, const Destdir& destdir) {
  const TargetPath share(request.prefix + "/share/qmail-greyd/greylist.");
  for (const auto& [option, built_in] : kBuiltIn) {
    auto installed = read_followed(destdir.at(share + std::string(option)));
    if (!installed) return tl::make_unexpected(installed.error());
    request.samples[std::string(option)] = *installed ? std::move(**installed) : built_in;
  }
  return {};
}

// Whether this host has the address now. It may get it later, so this is no error.
bool is_own_address(const ServiceRequest& request) {
  const auto endpoint = parse_endpoint(listen_address(request), Wildcards::allowed);
  if (!endpoint || endpoint->ip.is_any()) return true;
  const auto& bytes = endpoint->ip.bytes();
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  std::copy(bytes.begin(), bytes.end(), v6.sin6_addr.s6_addr);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  std::copy(bytes.begin() + 12, bytes.end(), reinterpret_cast<unsigned char*>(&v4.sin_addr));
  const bool is_v4 = endpoint->ip.is_v4();
  const Fd fd(::socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno != EAFNOSUPPORT;
  const auto* address =
      is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  return ::bind(fd.get(), address, is_v4 ? sizeof v4 : sizeof v6) == 0 || errno != EADDRNOTAVAIL;
}

void warn_of_surroundings(const ServiceRequest& request) {
  const std::string program = daemon_program(request);
  if (!exists(program)) {
    warn(program + " is not there yet; --prefix says where the daemon is");
  }
  if (!is_own_address(request)) {
    warn("--localip: this host has no address " + request.localip +
         " now; the daemon will not start without it");
  }
  for (const std::string& service : with_same_address(request)) {
    warn(service + " listens on " + listen_address(request) +
         ", too; only one of the two daemons can start");
  }
}

// What has been changed comes into force here.
Result<void> follow_up(const ServiceRequest& request, const Plan& plan, const Applied& applied) {
  warn_of_surroundings(request);
  return applied.paths.empty() ? Result<void>() : announce(request, plan, applied);
}

}  // namespace

Result<int> run(ServiceRequest& request, const Manner& manner) {
  if (auto read = read_samples(request, manner.destdir); !read) {
    return tl::make_unexpected(read.error());
  }
  const std::string service = manner.destdir.at(service_path(request));
  // Another one may be setting a variable.
  const auto lock = manner.check ? Result<Fd>(Fd()) : lock_directory_of(service + "/.options");
  if (!lock) return tl::make_unexpected(lock.error());
  const bool believed = is_believed(service, manner.destdir);
  if (believed && manner.force == Force::no) {
    find_what_stays(request, service, request.options);
  }
  if (manner.check) {
    request.shows_edits = true;
    return print_check(check_greylisting(request, Basis::options, service_path(request), manner),
                       manner);
  }
  Plan plan = plan_service(request);
  if (believed) {
    const bool anew = manner.force == Force::yes || request.run_file_only;
    keep_what_stays(plan, request, manner.destdir, !anew);
  }
  if (request.run_file_only && !exists(manner.destdir.at(plan.service))) {
    return failure(manner.destdir.at(plan.service) +
                   " does not exist, so --run-file-only has nowhere to write");
  }
  if (!request.run_file_only && manner.destdir.is_this_machine())
    warn_of_another_state(request, service);
  StateImport import(request, believed && exists(service) ? service : "");
  if (auto good = import.rehearse(); !good) return tl::make_unexpected(good.error());
  const auto applied = apply_or_show(plan, manner, [&] { return import.perform(); });
  if (!applied) return tl::make_unexpected(applied.error());
  import.report(manner.dry_run);
  if (manner.destdir.is_this_machine()) {
    if (auto followed = follow_up(request, plan, *applied); !followed) {
      return tl::make_unexpected(followed.error());
    }
  }
  advise_restart(*applied, *request.suite, plan.service);
  return 0;
}

}  // namespace grey::svctool
