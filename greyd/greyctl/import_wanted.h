// What `greyctl import` is told by the command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "greyd/imports/form.h"
#include "greyd/imports/reader.h"

namespace grey::greyctl {

struct ImportWanted {
  std::vector<std::string> sources;   // paths
  std::optional<imports::Form> form;  // absent: each is told by its content
  imports::Settings settings;
  bool dry_run = false;
};

}  // namespace grey::greyctl
