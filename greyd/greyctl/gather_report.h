// A report of what a daemon has done, asked of it.
#pragma once

#include "greyd/base/error.h"
#include "greyd/base/seconds.h"
#include "greyd/greyctl/channel.h"
#include "greyd/report/report.h"

namespace grey::greyctl {

// Of the last `back` seconds by the daemon's clock, from the beginning of an hour. Memory: see
// report_maker.h.
Result<report::Report> gather_report(Channel& channel, Seconds back);

}  // namespace grey::greyctl
