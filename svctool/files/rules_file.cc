#include "svctool/files/rules_file.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "svctool/disk/scratch.h"
#include "svctool/disk/transaction.h"
#include "svctool/files/compare.h"
#include "svctool/util/process.h"

namespace grey::svctool {
namespace {

// tcprules needs a second for a million lines, and waits for nothing but its disk. One that runs or
// sleeps for longer is caught in one of its endless loops, or is another program.
constexpr unsigned kTcprulesSeconds = 1;
constexpr std::size_t kLinesPerSecond = 200'000;  // of a slow machine

// tcprules knows no other name of where it works than ".".
Result<void> run_tcprules(const ScratchDirectory& scratch, const std::string& path,
                          std::size_t lines) {
  const auto more = unsigned(lines / kLinesPerSecond);
  Program program{{"tcprules", "cdb", "tmp"}, "text"};
  program.directory = scratch.fd();
  program.processor_seconds = program.idle_seconds = kTcprulesSeconds + more;
  const auto ran = run_program(program);
  if (!ran) return failure(path + ": " + ran.error().text);
  return {};
}

struct Cdb {
  std::string built;
  bool same = false;  // as the one that is there
};

Result<Cdb> build_cdb(const RulesFile& file, std::string_view text) {
  const auto scratch = ScratchDirectory::beside(file.path);
  if (!scratch) return tl::make_unexpected(scratch.error());
  if (auto written = (*scratch)->write("text", text); !written) {
    return tl::make_unexpected(system_error("rebuild", file.path + ".cdb", written.error().number));
  }
  const auto lines = std::size_t(std::ranges::count(text, '\n'));
  if (auto ran = run_tcprules(**scratch, file.path, lines); !ran) {
    return tl::make_unexpected(ran.error());
  }
  auto built = (*scratch)->read("cdb");
  if (!built) return tl::make_unexpected(built.error());
  if (!*built) return failure(file.path + ": tcprules made no cdb");
  // None, or a link that leads nowhere or is not to be followed: it will be replaced.
  const auto present = resolve(file.path + ".cdb");
  if (!present) return Cdb{std::move(**built), false};
  const auto old = read_regular(*present);
  if (!old) return tl::make_unexpected(old.error());
  const bool same = *old == *built;
  return Cdb{std::move(**built), same};
}

}  // namespace

Result<RulesFile> read_rules(const std::string& path) {
  auto resolved = resolve(path);
  if (!resolved) return tl::make_unexpected(resolved.error());
  RulesFile file{std::move(*resolved), ""};
  auto text = read_regular(file.path);
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
  // tcprules may have taken a while.
  const auto now = read_regular(file.path);
  if (!now) return tl::make_unexpected(now.error());
  if (*now != file.text) {
    return failure(file.path + ": was changed by another program just now, and is left so");
  }
  if (done && text != file.text) done = transaction.stage_file(file.path, text, mode);
  if (done) done = transaction.commit();
  if (!done) return tl::make_unexpected(done.error());
  return cdb->same ? CdbState::same : CdbState::rebuilt;
}

}  // namespace grey::svctool
