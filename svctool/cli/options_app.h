// The options as CLI11 knows them: names, help, defaults.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "svctool/plan/requests.h"

namespace grey::svctool {

// What CLI11 fills in. Flags that are verbs are asked for by name, and have no place here.
struct Raw {
  ServiceRequest service;
  Manner manner;
  std::string greyip, smtp_service, rules, match, list, refresh, autorefresh, directory, destdir;
  std::string key, key_owner, key_change;
  bool edit_run = false, restart = false;
  std::vector<std::string> set, unset;
};

// `raw` must outlive `app`.
void define_options(CLI::App& app, Raw& raw);

// Whether an option is about the greylisting service that --greylist installs.
bool is_service_option(const CLI::Option& option);

}  // namespace grey::svctool
