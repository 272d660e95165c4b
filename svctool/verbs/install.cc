// svctool --greylist: a greylisting service is installed, or compared with what would be.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "greyd/base/place.h"
#include "greyd/wire/endpoint.h"
#include "svctool/disk/lock.h"
#include "svctool/files/neighbours.h"
#include "svctool/files/service_files.h"
#include "svctool/files/standing.h"
#include "svctool/files/walks.h"
#include "svctool/plan/service_dir.h"
#include "svctool/plan/suite.h"
#include "svctool/util/output.h"
#include "svctool/util/shell_quote.h"
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
  const auto endpoint = parse_endpoint(listens_on(request), Wildcards::allowed);
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
  const std::string program = is_page(request) ? page_program(request) : daemon_program(request);
  if (!is_there(program)) {
    warn(program + " is not there yet; --prefix says where " +
         (is_page(request) ? "greyctl" : "the daemon") + " is");
  }
  if (!is_own_address(request)) {
    const std::string address = is_page(request) ? request.serve : request.localip;
    warn((is_page(request) ? "--serve" : "--localip") + std::string(": this host has no address ") +
         address + " now; " + (is_page(request) ? "greyctl serve" : "the daemon") +
         " will not start without it");
  }
  for (const std::string& service : with_same_address(request)) {
    warn(service + " listens on " + listens_on(request) + ", too; only one of the two " +
         (is_page(request) ? "" : "daemons ") + "can start");
  }
}

// What `request` asks for, with what stays of it as a hand has made it.
Plan plan_standing(ServiceRequest& request, const Manner& manner) {
  const std::string service = manner.destdir.at(service_path(request));
  const bool believed = is_believed(service, manner.destdir);
  if (believed && manner.force == Force::no) {
    find_what_stays(request, service, request.options);
  }
  if (manner.check) return {};  // which compares by itself
  Plan plan = plan_service(request);
  if (believed) {
    const bool anew = manner.force == Force::yes || request.run_file_only;
    keep_what_stays(plan, request, manner.destdir, !anew);
  }
  return plan;
}

Result<int> check_against(std::vector<ServiceRequest>& requests, const Manner& manner) {
  Result<Findings> all;
  for (ServiceRequest& request : requests) {
    request.shows_edits = true;
    auto checked = check_greylisting(request, Basis::options, service_path(request), manner);
    if (!checked) return tl::make_unexpected(checked.error());
    if (all->subject.empty()) {
      all = std::move(checked);
    } else {
      all->list.insert(all->list.end(), checked->list.begin(), checked->list.end());
    }
  }
  return print_check(all, manner);
}

// One that is not asked for any more is not taken away by that.
void warn_of_page(const ServiceRequest& request) {
  const std::string page = Destdir().at(page_beside(service_path(request)));
  if (is_page(request) || !request.serve.empty() || !is_there(page + "/.options")) return;
  warn(page +
       " stays, and serves; to take it away: svctool --remove --service=" + shell_quote(page));
}

// `told_before`: a scanner has been told to look there, and has seen this one as well.
Result<void> follow_up(const ServiceRequest& request, const Plan& plan, const Applied& applied,
                       const Manner& manner, bool told_before) {
  if (manner.destdir.is_this_machine()) warn_of_surroundings(request);
  if (manner.destdir.is_this_machine() && !applied.paths.empty() && !told_before) {
    if (auto told = announce(request, plan, applied); !told) return told;
  }
  advise_restart(applied, *request.suite, plan.service);
  return {};
}

}  // namespace

Result<int> run(ServiceRequest& request, const Manner& manner) {
  if (auto read = read_samples(request, manner.destdir); !read) {
    return tl::make_unexpected(read.error());
  }
  const std::string service = manner.destdir.at(service_path(request));
  Locks locks;
  if (auto taken = manner.check ? Result<void>() : locks.service_place(service); !taken) {
    return tl::make_unexpected(taken.error());
  }
  const bool both = !request.serve.empty() && !is_page(request);
  std::vector<ServiceRequest> requests = {request};
  if (both) requests.push_back(page_of(request));
  std::vector<Plan> plans;
  plans.reserve(requests.size());
  for (ServiceRequest& one : requests) plans.push_back(plan_standing(one, manner));
  if (manner.check) return check_against(requests, manner);
  for (const Plan& plan : plans) {
    if (!request.run_file_only || is_there(manner.destdir.at(plan.service))) continue;
    return failure(manner.destdir.at(plan.service) +
                   " does not exist, so --run-file-only has nowhere to write");
  }
  if (!request.run_file_only && manner.destdir.is_this_machine()) {
    warn_of_another_state(requests.front(), service);
    warn_of_page(request);
  }
  const bool stands = is_believed(service, manner.destdir) && is_there(service);
  StateImport import(requests.front(), stands ? service : "");
  if (auto good = import.rehearse(); !good) return tl::make_unexpected(good.error());
  const auto applied = apply_or_show(plans, manner, [&] { return import.perform(); });
  if (!applied) return tl::make_unexpected(applied.error());
  locks.release();
  import.report(manner.dry_run);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const bool told = i > 0 && applied->front().new_service && has_scanner(*request.suite);
    auto done = follow_up(requests[i], plans[i], (*applied)[i], manner, told);
    if (!done) return tl::make_unexpected(done.error());
  }
  return 0;
}

}  // namespace grey::svctool
