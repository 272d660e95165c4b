// `greyctl export`: the records of a daemon, or of its files, in a form for elsewhere.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "greyd/greyctl/channel.h"
#include "greyd/imports/writer.h"

namespace grey::greyctl {

struct Export {
  imports::ExportForm form = imports::ExportForm::json;
  std::string output;  // a file that is replaced when all is written; empty: standard output
};

// The exit code. An export that is cut is an error, and the file is as it was then. Where nobody
// reads standard output any more there is nobody to tell: that ends with its code alone.
//
// Memory does not grow with the records: they are written as they come.
Result<int> export_records(const Export& what, Channel& channel);

}  // namespace grey::greyctl
