#include "svctool/rules_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "greyd/files.h"
#include "svctool/compare.h"
#include "svctool/process.h"
#include "svctool/transaction.h"

namespace grey::svctool {
namespace {

// A rule base of a million lines takes a second; a tcprules that runs for a minute is caught in one
// of its endless loops.
constexpr unsigned kTcprulesSeconds = 60;

// A directory for tcprules to work in, gone with its contents at the end of the scope.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(std::string pattern) : path_(std::move(pattern)) {
    if (::mkdtemp(path_.data()) == nullptr) {
      error_ = errno;
      path_.clear();
    }
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  int error() const { return error_; }

 private:
  std::string path_;
  int error_ = 0;
};

Result<void> run_tcprules(const std::string& directory, const std::string& path) {
  auto ran = run_program({{"tcprules", directory + "/cdb", directory + "/tmp"},
                          directory + "/text",
                          kTcprulesSeconds});
  if (!ran) return failure(path + ": " + ran.error().text);
  return {};
}

struct Cdb {
  std::string built;
  bool same = false;  // as the one that is there
};

// Built beside the file, where there is as much room as for the one that replaces it.
Result<Cdb> build_cdb(const RulesFile& file, std::string_view text) {
  const ScratchDirectory scratch(file.path.substr(0, file.path.rfind('/') + 1) + ".svctool.XXXXXX");
  if (scratch.path().empty()) {
    return tl::make_unexpected(
        system_error("make a temporary directory beside", file.path, scratch.error()));
  }
  if (auto written = replace_file(scratch.path() + "/text", text); !written) {
    const std::string& why = written.error().text;  // the system's reason stands last
    return failure("cannot rebuild " + file.path + ".cdb" + why.substr(why.rfind(": ")));
  }
  if (auto ran = run_tcprules(scratch.path(), file.path); !ran) {
    return tl::make_unexpected(ran.error());
  }
  auto built = read_file(scratch.path() + "/cdb");
  if (!built) return tl::make_unexpected(built.error());
  if (!*built) return failure(file.path + ": tcprules made no cdb");
  const auto old = read_file(file.path + ".cdb");
  if (!old) return tl::make_unexpected(old.error());
  const bool same = *old == *built;
  return Cdb{std::move(**built), same};
}

}  // namespace

Result<RulesFile> read_rules(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return tl::make_unexpected(system_error("open", path, errno));
  RulesFile file{resolved, ""};
  std::free(resolved);
  auto text = read_file(file.path);
  if (!text) return tl::make_unexpected(text.error());
  if (!*text) return tl::make_unexpected(system_error("open", path, ENOENT));
  file.text = std::move(**text);
  return file;
}

Result<CdbState> compare_cdb(const RulesFile& file) {
  const auto cdb = build_cdb(file, file.text);
  if (!cdb) return tl::make_unexpected(cdb.error());
  return cdb->same ? CdbState::same : CdbState::rebuilt;
}

Result<CdbState> write_rules(const RulesFile& file, std::string_view text) {
  const auto cdb = build_cdb(file, text);
  if (!cdb) return tl::make_unexpected(cdb.error());
  const std::string cdb_path = file.path + ".cdb";
  const FileMode mode = mode_of_file(file.path, {});
  Transaction transaction;
  Result<void> done;
  if (!cdb->same) {
    done = transaction.stage_file(cdb_path, cdb->built, mode_of_file(cdb_path, mode));
  }
  if (done && text != file.text) done = transaction.stage_file(file.path, text, mode);
  if (done) done = transaction.commit();
  if (!done) return tl::make_unexpected(done.error());
  return cdb->same ? CdbState::same : CdbState::rebuilt;
}

}  // namespace grey::svctool
