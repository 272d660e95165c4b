#include "svctool/verbs/import_state.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "svctool/disk/scratch.h"
#include "svctool/files/compare.h"
#include "svctool/plan/service_dir.h"
#include "svctool/util/output.h"
#include "svctool/util/process.h"

namespace grey::svctool {
namespace {

constexpr unsigned kSeconds = 3600;  // a million records are some seconds
constexpr unsigned kAskSeconds = 60;

bool is_operator_file(std::string_view variable) {
  return std::ranges::any_of(kOperatorFiles,
                             [&](const OperatorFile& file) { return file.variable == variable; });
}

// The service as greyctl --service reads it, before it is there: with its policy. Without lists and
// rules, which an import does not ask and which may not be there yet. `user`: empty: who we are.
Result<void> write_service(const ServiceRequest& request, const ScratchDirectory& directory,
                           const std::string& user) {
  if (auto made = directory.make_directory("variables"); !made) return made;
  const auto write = [&](const std::string& name, const std::string& value) {
    return directory.write(name, value + "\n");
  };
  for (const Variable& variable : variables_of(request)) {
    if (variable.of_log || variable.name == "SERVICE_USER" || is_operator_file(variable.name)) {
      continue;
    }
    if (auto written = write("variables/" + variable.name, value_in_force(request, variable.name));
        !written) {
      return written;
    }
  }
  if (auto written = write("variables/SERVICE_USER", user); !written) return written;
  return request.use_greydaemon ? write(".options", "--use-greydaemon") : Result<void>();
}

// A state that does not take what was begun of it.
constexpr std::array<std::string_view, 6> kStateSuffixes = {"",      ".journal", ".journal.old",
                                                            ".lock", ".entries", ".new"};

// "greyctl: a warning greyctl: X" -> "X"
std::string last_words(const std::string& said) {
  constexpr std::string_view kName = "greyctl: ";
  const std::size_t at = said.rfind(kName);
  return at == std::string::npos ? said : said.substr(at + kName.size());
}

std::string service_that_answers(const std::string& program, const std::string& service) {
  if (service.empty() || !is_there(program)) return {};
  const Program ask{.arguments = {program, "--service", service, "status"}, .seconds = kAskSeconds};
  return run_program(ask) ? service : std::string();
}

}  // namespace

StateImport::StateImport(const ServiceRequest& request, const std::string& service)
    : request_(request),
      program_(request.prefix + "/bin/greyctl"),
      running_(request.imports.empty() ? "" : service_that_answers(program_, service)) {}

Result<std::string> StateImport::greyctl(std::vector<std::string> words, bool dry_run) const {
  Program program;
  program.seconds = kSeconds;
  program.arguments = {program_};
  auto& arguments = program.arguments;
  arguments.insert(arguments.end(), words.begin(), words.end());
  arguments.emplace_back("import");
  if (dry_run) arguments.emplace_back("--dry-run");
  for (const std::string& source : request_.imports) {
    arguments.push_back(source.starts_with('-') ? "./" + source : source);
  }
  auto said = read_program(program);
  if (!said) return failure("--import: " + last_words(said.error().text));
  return said;
}

Result<std::string> StateImport::import_offline(const std::string& context_file,
                                                bool dry_run) const {
  auto scratch = ScratchDirectory::in_temporary_files();
  if (!scratch) return tl::make_unexpected(scratch.error());
  // A rehearsal is ours.
  const std::string user = dry_run ? "" : service_user(request_);
  if (auto written = write_service(request_, **scratch, user); !written) {
    return tl::make_unexpected(written.error());
  }
  const std::string context = dry_run ? (*scratch)->path() + "/context" : context_file;
  return greyctl({"--service", (*scratch)->path(), "--context", context}, dry_run);
}

Result<void> StateImport::rehearse() {
  if (request_.imports.empty()) return {};
  if (!is_there(program_)) {
    return failure("--import: " + program_ +
                   " is not there, which would read it; --prefix says where the programs are");
  }
  if (const std::string exposure = exposure_of(program_); !exposure.empty()) {
    return failure("--import: " + exposure + ", so it is not run");
  }
  auto said = running_.empty() ? import_offline({}, true) : greyctl({"--service", running_}, true);
  if (!said) return tl::make_unexpected(said.error());
  said_ = said->substr(std::min(said->find('\n'), said->size() - 1) + 1);  // "nothing is changed"
  return {};
}

Result<void> StateImport::perform() {
  if (request_.imports.empty()) return {};
  const std::string context_file = context_path(request_);
  const BegunFiles before(context_file,
                          std::vector<std::string>(kStateSuffixes.begin(), kStateSuffixes.end()));
  auto said = running_.empty() ? import_offline(context_file, false)
                               : greyctl({"--service", running_}, false);
  if (!said) {
    Error error = said.error();
    if (before.remove()) error.text += "; the state that was begun so is removed";
    return tl::make_unexpected(std::move(error));
  }
  said_ = std::move(*said);
  return {};
}

void StateImport::report(bool rehearsed) const {
  std::istringstream lines(said_);
  for (std::string line; std::getline(lines, line);) {
    say((rehearsed ? "would import: " : "import: ") + line);
  }
}

}  // namespace grey::svctool
