// `greyctl report`: what greylisting has done in some time, and what it has cost.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "greyd/base/seconds.h"
#include "greyd/greyctl/channel.h"
#include "greyd/greyctl/print.h"
#include "greyd/report/report_text.h"

namespace grey::greyctl {

struct Reporting {
  Seconds back = Seconds{7} * 24 * 3600;
  bool json = false;
  std::string html{};  // a file that is replaced by the page; empty: none
};

// The exit code. With a page nothing is printed, unless JSON is asked for.
Result<int> report(const Reporting& wanted, Channel& channel, const report::Look& look,
                   const Print& print);

}  // namespace grey::greyctl
