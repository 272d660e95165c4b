// The options as CLI11 knows them: names, help, defaults.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "svctool/requests.h"

namespace grey::svctool {

// What CLI11 fills in.
struct Raw {
  ServiceRequest service;
  Manner manner;
  std::string greyip, smtp_service, rules, match, list, refresh, autorefresh, directory;
  bool no_greyip = false, edit_run = false, remove = false;
  bool restart = false, reload = false, start = false, stop = false, find_supervisor = false;
  std::vector<std::string> set, unset;
};

// `raw` must outlive `app`.
void define_options(CLI::App& app, Raw& raw);

// Whether an option is about the greylisting service that --greylist installs.
bool is_service_option(const CLI::Option& option);

}  // namespace grey::svctool
