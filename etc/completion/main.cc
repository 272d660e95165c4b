// write_completion: writes the completion of each program for bash and zsh below a directory, from
// the tables of options that the programs are built with.

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <utility>

#include "etc/completion/shells.h"
#include "etc/completion/table.h"
#include "greyd/base/settings_table.h"
#include "greyd/core/record_filter.h"
#include "greyd/core/record_state.h"
#include "greyd/greyctl/command_line.h"
#include "greyd/greyctl/top.h"
#include "greyd/imports/form.h"
#include "greyd/options.h"
#include "svctool/cli/options_app.h"
#include "svctool/plan/service_dir.h"
#include "svctool/plan/suite.h"

namespace grey::completion {
namespace {

namespace fs = std::filesystem;

Command qmail_greyd() {
  Command command;
  look_at_options([&](const CLI::App& app) { command = table_of(app, {}); });
  return command;
}

Command greyctl() {
  Words words;
  for (std::size_t i = 0; i < kRecordClasses; ++i) {
    words["STATE"].emplace_back(state_name(RecordClass(i)));
  }
  for (const std::string_view name : greyctl::Top::names()) words["BY"].emplace_back(name);
  for (std::size_t i = 0; i < imports::kForms; ++i) {
    words["FORM"].emplace_back(to_string(imports::Form(i)));
  }
  for (const Setting& setting : all_settings()) {
    if (setting.kind != Kind::choice) continue;
    words["--" + std::string(setting.name)] = split(setting.choices, '|');
  }
  Command command;
  greyctl::look_at_options([&](const CLI::App& app) { command = table_of(app, words); });
  return command;
}

Command svctool() {
  Words words;
  for (const svctool::Suite& suite : svctool::suites()) {
    words["SUITE"].emplace_back(suite.name);
  }
  std::set<std::string> names;  // a daemon's, and a page's
  for (const auto& request : {svctool::ServiceRequest{}, svctool::page_of({})}) {
    for (const svctool::Variable& variable : svctool::variables_of(request)) {
      if (!names.insert(variable.name).second) continue;
      words["NAME"].push_back(variable.name);
      words["NAME=VALUE"].push_back(variable.name + "=");
    }
  }
  CLI::App app("", "svctool");
  svctool::Raw raw;
  svctool::define_options(app, raw);
  return table_of(app, words);
}

bool write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) std::fprintf(stderr, "write_completion: cannot write %s\n", path.c_str());
  return bool(file);
}

int main(const fs::path& directory) {
  const std::pair<Command, std::vector<std::string>> programs[] = {
      {qmail_greyd(), {"qmail-greyd", "greydaemon"}},
      {greyctl(), {"greyctl"}},
      {svctool(), {"svctool"}}};
  for (const auto& [program, names] : programs) {
    if (!write(directory / "bash" / program.name, bash_completion(program, names)) ||
        !write(directory / "zsh" / ("_" + program.name), zsh_completion(program, names))) {
      return kExitSystemFailure;
    }
  }
  return 0;
}

}  // namespace
}  // namespace grey::completion

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_completion DIRECTORY\n");
    return grey::kExitMisuse;
  }
  try {
    return grey::completion::main(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "write_completion: %s\n", error.what());
    return grey::kExitSystemFailure;
  }
}
