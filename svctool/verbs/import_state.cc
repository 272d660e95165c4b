#include "svctool/verbs/import_state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "greyd/base/files.h"
#include "svctool/files/compare.h"
#include "svctool/plan/service_dir.h"
#include "svctool/util/output.h"
#include "svctool/util/place.h"
#include "svctool/util/process.h"

namespace grey::svctool {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kSeconds = 3600;  // a million records are some seconds
constexpr unsigned kAskSeconds = 60;

// One for us alone, while this lives.
class ScratchDirectory {
 public:
  static Result<ScratchDirectory> make() {
    std::error_code error;
    std::string path = (fs::temp_directory_path(error) / "svctool.XXXXXX").string();
    if (error || ::mkdtemp(path.data()) == nullptr) {
      return tl::make_unexpected(system_error("make directory", path, errno));
    }
    return ScratchDirectory(std::move(path));
  }
  ScratchDirectory(ScratchDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;
  ~ScratchDirectory() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }
  const std::string& path() const { return path_; }

 private:
  explicit ScratchDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

bool is_operator_file(std::string_view variable) {
  return std::ranges::any_of(kOperatorFiles,
                             [&](const OperatorFile& file) { return file.variable == variable; });
}

// The service as greyctl --service reads it, before it is there: with its policy. Without lists and
// rules, which an import does not ask and which may not be there yet. `user`: empty: who we are.
Result<void> write_service(const ServiceRequest& request, const std::string& directory,
                           const std::string& user) {
  std::error_code error;
  fs::create_directory(directory + "/variables", error);
  if (error) return tl::make_unexpected(system_error("make directory", directory, error.value()));
  const auto write = [&](const std::string& name, const std::string& value) {
    return replace_file(directory + "/" + name, value + "\n");
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

// The files of a state that does not take what was begun of it. They lie where the daemon's user
// may write, too.
class BegunState {
 public:
  explicit BegunState(const std::string& context_file) {
    auto place = open_place(context_file);
    if (!place) return;
    place_.emplace(std::move(*place));
    for (const char* suffix : kSuffixes) {
      if (!has(place_->name + suffix)) missing_.push_back(place_->name + suffix);
    }
  }
  // Whether nothing was there, and now something was.
  bool remove() const {
    std::size_t removed = 0;
    for (const std::string& name : missing_) removed += ::unlinkat(fd(), name.c_str(), 0) == 0;
    return removed > 0 && missing_.size() == std::size(kSuffixes);
  }

 private:
  static constexpr const char* kSuffixes[] = {"",      ".journal", ".journal.old",
                                              ".lock", ".entries", ".new"};

  int fd() const { return place_->directory.fd.get(); }
  bool has(const std::string& name) const {
    struct stat status {};
    return ::fstatat(fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
  }

  std::optional<Place> place_;
  std::vector<std::string> missing_;  // names that nothing had
};

// "greyctl: a warning greyctl: X" -> "X"
std::string last_words(const std::string& said) {
  constexpr std::string_view kName = "greyctl: ";
  const std::size_t at = said.rfind(kName);
  return at == std::string::npos ? said : said.substr(at + kName.size());
}

std::string service_that_answers(const std::string& program, const std::string& service) {
  if (service.empty() || !exists(program)) return {};
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
  auto scratch = ScratchDirectory::make();
  if (!scratch) return tl::make_unexpected(scratch.error());
  // A rehearsal is ours.
  const std::string user = dry_run ? "" : service_user(request_);
  if (auto written = write_service(request_, scratch->path(), user); !written) {
    return tl::make_unexpected(written.error());
  }
  const std::string context = dry_run ? scratch->path() + "/context" : context_file;
  return greyctl({"--service", scratch->path(), "--context", context}, dry_run);
}

Result<void> StateImport::rehearse() {
  if (request_.imports.empty()) return {};
  if (!exists(program_)) {
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
  const BegunState before(context_file);
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
