// A report as a page that stands alone: one file, which asks for nothing from anywhere.
#pragma once

#include <optional>
#include <string>

#include "greyd/base/seconds.h"
#include "greyd/report/report.h"

namespace grey::report {

// `refresh`: for one that is served, after how long it asks for itself again.
std::string report_html(const Report& report, std::optional<Seconds> refresh = std::nullopt);

}  // namespace grey::report
