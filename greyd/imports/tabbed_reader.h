// A table of row.h as "mysql --batch" prints it: lines of values with tabs between, the first line
// the columns' names. NUL, tab, newline and backslash are "\0" "\t" "\n" "\\" in it, and NULL is
// NULL, or "\N". Several may follow each other, each with its names.
#pragma once

#include <memory>
#include <string>

#include "greyd/imports/reader.h"

namespace grey::imports {

std::unique_ptr<Reader> tabbed_reader(std::string name, const Settings& settings, Visit visit);

// Whether a line is the first of such a text.
bool is_tabbed_header(std::string_view line);

}  // namespace grey::imports
