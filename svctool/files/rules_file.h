// A tcprules file on disk together with the cdb that tcpserver reads.
#pragma once

#include <string>
#include <string_view>

#include "greyd/base/error.h"
#include "svctool/plan/tcprules.h"

namespace grey::svctool {

struct RulesFile {
  std::string path;  // of the text; symbolic links resolved, so that a link stays one
  std::string text;
};

// An error when it does not exist: a mistyped name must not make an empty rule base.
Result<RulesFile> read_rules(const std::string& path);

enum class CdbState { same, rebuilt };

// Whether FILE.cdb is what tcprules(1) makes of the text; CdbState::rebuilt: it would be another.
Result<CdbState> compare_cdb(const RulesFile& file);

// Has tcprules(1) build FILE.cdb of `text`, then puts both in place. The cdb is built under another
// name first: when tcprules refuses or a write fails, text and cdb are what they were. Owner and
// mode of both stay. So they do when the text has become another one since it was read: an
// editor's. REQUIRES: lock_directory_of() since before it was read.
Result<CdbState> write_rules(const RulesFile& file, std::string_view text);

}  // namespace grey::svctool
