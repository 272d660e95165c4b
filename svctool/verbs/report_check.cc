#include "svctool/verbs/report_check.h"

#include <cstdio>

#include "svctool/files/service_files.h"
#include "svctool/files/standing.h"
#include "svctool/verbs/check.h"
#include "svctool/verbs/page.h"
#include "svctool/verbs/verbs.h"

namespace grey::svctool {
namespace {

Result<Findings> check_standing(ServiceRequest installed, const TargetPath& service,
                                const Manner& manner) {
  const std::string directory = manner.destdir.at(service);
  if (!manner.destdir.is_this_machine() || exposures_of(directory).empty()) {
    find_what_stays(installed, directory, {});
  }
  installed.shows_edits = true;
  return check_installed(installed, service, manner);
}

}  // namespace

Result<int> print_check(const Result<Findings>& findings, const Manner& manner) {
  if (!findings) return tl::make_unexpected(findings.error());
  std::fputs((manner.json ? to_json(*findings) : to_text(*findings)).c_str(), stdout);
  return findings->good() ? 0 : 1;
}

Result<int> run(const CheckService& request, const Manner& manner) {
  const std::string service = manner.destdir.at(request.service);
  if (lacks_options(service)) return print_check(check_unknown(service), manner);
  const auto options = read_options(service);
  if (!options) return tl::make_unexpected(options.error());
  if (!*options) return print_check(check_smtp_service(service, request.greyip, manner), manner);
  if (!request.greyip.empty()) {
    return misuse("--greyip: " + service + " is a greylisting service, not an SMTP server's");
  }
  auto findings = check_standing(**options, request.service, manner);
  const bool page = !(*options)->serve.empty() && !is_page(**options);
  if (!findings || !page || find_page_of(service).empty()) return print_check(findings, manner);
  const auto page_options = read_own_options(find_page_of(service));
  if (!page_options) return tl::make_unexpected(page_options.error());
  const auto more = check_standing(*page_options, page_beside(request.service), manner);
  if (!more) return tl::make_unexpected(more.error());
  findings->list.insert(findings->list.end(), more->list.begin(), more->list.end());
  return print_check(findings, manner);
}

Result<int> run(const CheckRules& request, const Manner& manner) {
  return print_check(check_rules_file(request.file, request.match, request.greyip, manner), manner);
}

Result<int> run(const CheckAll& request, const Manner& manner) {
  const AllFindings all = check_all(request.servicedir, manner);
  bool good = all.search.good();
  std::string text;
  for (const Findings& service : all.services) {
    good = good && service.good();
    text += to_text(service);
  }
  // Where all has been found there is no more to say of it.
  if (!all.search.list.empty()) text += to_text(all.search);
  std::fputs((manner.json ? to_json(all.search, all.services) : text).c_str(), stdout);
  return good ? 0 : 1;
}

}  // namespace grey::svctool
