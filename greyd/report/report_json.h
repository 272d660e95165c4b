// A report as one object of JSON (greyctl(8), REPORT), on a line.
#pragma once

#include <string>

#include "greyd/report/report.h"

namespace grey::report {

std::string report_json(const Report& report);

}  // namespace grey::report
