// greyctl's command line, checked. See greyctl(8).
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/greyctl/export.h"
#include "greyd/greyctl/import_wanted.h"
#include "greyd/greyctl/place.h"
#include "greyd/greyctl/serve_wanted.h"
#include "greyd/greyctl/top.h"

namespace CLI {
class App;
}

namespace grey::greyctl {

struct Invocation {
  Named named;
  std::string command;     // "query"
  nlohmann::json request;  // for the control socket
  bool json = false;       // print what it answers
  // Of `top`.
  Top::By top_by = Top::By::clients;
  std::size_t top_most = 20;
  std::optional<Seconds> since;  // how far back: of `top`, `totals`, `report`
  ImportWanted import;           // of that

  Export exporting;     // of `export`
  std::string html;     // of `report`: a file for the page
  ServeWanted serving;  // of `serve`

  std::string information;  // not empty: print this, and do nothing else
};

// `arguments` are argv.
Result<Invocation> parse_command_line(const std::vector<std::string>& arguments);

// Shows the table of commands and options, for what is written from it.
void look_at_options(const std::function<void(const CLI::App&)>& look);

}  // namespace grey::greyctl
