#include "greyd/greyctl/page.h"

#include "greyd/greyctl/gather_report.h"
#include "greyd/report/html_page.h"
#include "greyd/report/html_parts.h"
#include "greyd/report/report_html.h"

namespace grey::greyctl {
namespace {

constexpr Seconds kBack = 7 * 24 * 60 * 60;  // what is told of

}  // namespace

Result<Page> page_of(Channel& channel, Seconds refresh) {
  const auto report = gather_report(channel, kBack);
  if (!report) return tl::make_unexpected(report.error());
  return Page{report_html(*report, refresh), std::string(report::page_script())};
}

Page page_of_nobody(const std::string& why, Seconds refresh) {
  const std::string body =
      "<h1>Greylisting</h1>\n<p><strong>The daemon does not answer.</strong></p>\n<p>" +
      report::escaped(why) + "</p>\n<p>This page tries again by itself.</p>\n";
  return {report::page_html("Greylisting", refresh, body), std::string(report::page_script())};
}

}  // namespace grey::greyctl
