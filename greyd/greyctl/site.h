// What `greyctl serve` answers: /, /metrics and /healthz. It knows of no socket, and of no clock
// but the one that it is given.
//
// The daemon is asked in other threads, as it may be slow or gone; who asks meanwhile waits for the
// same answer. What it says is good for a second, and a report, for which all records are read, for
// half a minute, however many ask. That it does not answer is looked at each second, and shows in
// all of them at once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "greyd/base/background.h"
#include "greyd/base/error.h"
#include "greyd/greyctl/figures.h"
#include "greyd/greyctl/page.h"
#include "greyd/http/http_server.h"

namespace grey::greyctl {

class Site : public http::Site {
 public:
  using Milliseconds = http::Milliseconds;
  static constexpr Milliseconds kFiguresLast{1000};
  static constexpr Milliseconds kReportLasts{30'000};
  static constexpr Seconds kRefresh = 30, kRefreshOfNobody = 5;  // of the page

  struct Sources {
    std::function<Result<Figures>()> figures;
    std::function<Result<Page>()> page;
    // Where each is asked; they must outlive the site.
    Background& figures_thread;
    Background& page_thread;
  };

  // `hosts`: names by which the page may be asked for, beside addresses and localhost. Under any
  // other a stranger's page in somebody's browser could read it, once that name leads here.
  // `clock`: the server's. `changed` is called when what somebody waits for is there.
  Site(Sources sources, std::vector<std::string> hosts, http::Clock clock,
       std::function<void()> changed);

  std::optional<http::Answer> answer(const http::Request& request, Milliseconds asked) override;

 private:
  // What is asked for now and then.
  template <typename T>
  struct Kept {
    std::optional<Result<T>> value;
    Milliseconds made{};
    bool being_made = false;
  };
  template <typename T>
  bool have(Kept<T>& kept, const std::function<Result<T>()>& make, Background& thread,
            Milliseconds lasts, Milliseconds asked);

  bool is_asked_by(std::string_view host) const;
  http::Answer metrics(const std::string& accept) const;
  http::Answer health() const;
  static http::Answer page(const Page& page, int status);

  const Sources sources_;
  const std::vector<std::string> hosts_;
  const http::Clock clock_;
  const std::function<void()> changed_;
  Kept<Figures> figures_;
  Kept<Page> page_;
};

}  // namespace grey::greyctl
