// A report for a terminal.
#pragma once

#include <cstddef>
#include <string>

#include "greyd/report/report.h"

namespace grey::report {

struct Look {
  bool colour = false;
  bool blocks = false;     // the terminal shows U+2588 and its like; else bars are of '#'
  std::size_t width = 80;  // columns; less than 64 count as these
};

std::string report_text(const Report& report, const Look& look);

}  // namespace grey::report
