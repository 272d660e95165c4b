#include "greyd/greyctl/page.h"

#include <string_view>

#include "greyd/greyctl/figures.h"
#include "greyd/greyctl/words.h"

namespace grey::greyctl {
namespace {

std::string escaped(std::string_view text) {
  std::string html;
  for (const char c : text) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

std::string page_with(const std::string& body, Seconds refresh) {
  return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta http-equiv=\"refresh\" content=\"" +
         std::to_string(refresh) +
         "\">\n<title>Greylisting</title>\n"
         "<style>:root{color-scheme:light dark}body{font:1rem/1.5 sans-serif;margin:1rem auto;"
         "max-width:60rem;padding:0 1rem}pre{overflow-x:auto}</style></head><body>\n"
         "<h1>Greylisting</h1>\n" +
         body + "</body></html>\n";
}

}  // namespace

Result<Page> page_of(Channel& channel, Seconds refresh) {
  const auto figures = ask_for_figures(channel);
  if (!figures) return tl::make_unexpected(figures.error());
  const std::string body = "<pre>" + escaped(status_text(figures->status, Paint(false))) +
                           "</pre>\n<pre>" + escaped(stats_text(figures->stats)) + "</pre>\n";
  return Page{page_with(body, refresh)};
}

Page page_of_nobody(const std::string& why, Seconds refresh) {
  return {page_with("<p><strong>The daemon does not answer.</strong></p>\n<p>" + escaped(why) +
                        "</p>\n<p>This page tries again by itself.</p>\n",
                    refresh)};
}

}  // namespace grey::greyctl
