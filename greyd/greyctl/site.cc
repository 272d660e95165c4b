#include "greyd/greyctl/site.h"

#include <algorithm>
#include <exception>

#include "greyd/base/text.h"
#include "greyd/metrics/daemon_families.h"
#include "greyd/report/html_parts.h"
#include "greyd/wire/ip.h"

namespace grey::greyctl {
namespace {

constexpr const char* kPlain = "text/plain; charset=utf-8";

// For every answer: it is of now, is what it says it is, and is nobody else's to show.
void add_common_headers(http::Answer& answer) {
  for (const auto& [name, value] :
       {std::pair{"Cache-Control", "no-store"}, std::pair{"X-Content-Type-Options", "nosniff"},
        std::pair{"Referrer-Policy", "no-referrer"},
        std::pair{"Cross-Origin-Resource-Policy", "same-origin"}}) {
    answer.headers.emplace_back(name, value);
  }
}

// "localhost:9119", "[::1]:9119", "192.0.2.1": what stands before the port.
std::string_view without_port(std::string_view host) {
  const std::size_t digits = host.find_last_not_of("0123456789");
  return digits != host.npos && host[digits] == ':' ? host.substr(0, digits) : host;
}

bool is_address(std::string_view name) {
  if (name.starts_with('[') && name.ends_with(']')) {
    const std::string_view inner = name.substr(1, name.size() - 2);
    return inner.find(':') != inner.npos && Ip::parse(inner);
  }
  return name.find(':') == name.npos && Ip::parse(name);
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return to_lower(x) == to_lower(y); });
}

// What a page may do: be styled, and run its own script. What is shown in it comes from strangers.
std::string policy_of(const Page& page) {
  std::string policy =
      "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
      "form-action 'none'; frame-ancestors 'none'";
  if (!page.script.empty()) policy += "; script-src " + report::source_hash(page.script);
  return policy;
}

// As a line of printable ASCII, whatever a daemon says.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (c < ' ' || c > '~') c = ' ';
  }
  return text + "\n";
}

}  // namespace

Site::Site(Sources sources, std::vector<std::string> hosts, http::Clock clock,
           std::function<void()> changed)
    : sources_(std::move(sources)),
      hosts_(std::move(hosts)),
      clock_(std::move(clock)),
      changed_(std::move(changed)) {}

// `host`: of a request, such as "[::1]:9119".
bool Site::is_asked_by(std::string_view host) const {
  const std::string_view name = without_port(host);
  if (is_address(name)) return true;
  const auto is_name = [name](std::string_view one) { return same_name(name, one); };
  return is_name("localhost") || std::ranges::any_of(hosts_, is_name);
}

// Whether there is one that is not too old; else it is being made. What has come since it was asked
// for is taken, however long it took.
template <typename T>
bool Site::have(Kept<T>& kept, const std::function<Result<T>()>& make, Background& thread,
                Milliseconds lasts, Milliseconds asked) {
  const auto good = [&] {
    if (kept.being_made || !kept.value) return false;
    return kept.made >= asked || clock_() - kept.made < (*kept.value ? lasts : kFiguresLast);
  };
  if (good() || kept.being_made) return good();
  const auto made = std::make_shared<std::optional<Result<T>>>();
  const auto work = [made, make] {
    try {
      made->emplace(make());
    } catch (const std::exception& error) {
      made->emplace(failure(error.what()));
    }
    return 0;
  };
  const auto done = [this, &kept, made](int) {
    kept.being_made = false;
    kept.value = made->has_value() ? std::move(*made) : Result<T>(failure("no memory"));
    kept.made = clock_();
    changed_();
  };
  kept.being_made = true;
  try {
    thread.run(work, done);
  } catch (...) {
    kept.being_made = false;
    throw;
  }
  return good();
}

std::optional<http::Answer> Site::answer(const http::Request& request, Milliseconds asked) {
  http::Answer answer;
  const bool is_page = request.path == "/";
  if (!is_page && request.path != "/metrics" && request.path != "/healthz") {
    answer = {404, kPlain, "not found; there are /, /metrics and /healthz\n"};
  } else if (is_page && !is_asked_by(request.host)) {
    answer = {421, kPlain, "not asked for by an address, localhost or a --host of greyctl serve\n"};
  } else if (request.method != "GET" && request.method != "HEAD") {
    answer = {405, kPlain, "only GET and HEAD\n", {{"Allow", "GET, HEAD"}}};
  } else if (request.body) {
    answer = {413, kPlain, "no request here has a body\n"};
  } else {
    if (!have(figures_, sources_.figures, sources_.figures_thread, kFiguresLast, asked)) return {};
    if (!is_page) {
      answer = request.path == "/metrics" ? metrics(request.accept) : health();
    } else if (!*figures_.value) {
      answer = page(page_of_nobody(figures_.value->error().text, kRefreshOfNobody), 503);
    } else {
      if (!have(page_, sources_.page, sources_.page_thread, kReportLasts, asked)) return {};
      const Result<Page>& made = *page_.value;
      answer =
          made ? page(*made, 200) : page(page_of_nobody(made.error().text, kRefreshOfNobody), 503);
    }
  }
  add_common_headers(answer);
  return answer;
}

// Whoever scrapes takes an error for a failure of this process: that the daemon does not answer is
// a figure.
http::Answer Site::metrics(const std::string& accept) const {
  const metrics::Format format = metrics::format_for(accept);
  const auto families =
      *figures_.value ? metrics::families_of((*figures_.value)->stats, (*figures_.value)->status)
                      : metrics::families_of_nobody();
  return {200,
          std::string(metrics::media_type(format)),
          metrics::to_text(families, format),
          {{"Vary", "Accept"}}};
}

http::Answer Site::health() const {
  if (!*figures_.value) return {503, kPlain, one_line(figures_.value->error().text)};
  const auto problems = (*figures_.value)->status.value("problems", nlohmann::json::array());
  for (const nlohmann::json& problem : problems) {
    if (problem.is_string()) return {503, kPlain, one_line(problem.get<std::string>())};
  }
  return {200, kPlain, "ok\n"};
}

http::Answer Site::page(const Page& page, int status) {
  return {status,
          "text/html; charset=utf-8",
          page.html,
          {{"Content-Security-Policy", policy_of(page)}}};
}

}  // namespace grey::greyctl
