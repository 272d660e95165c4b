// GREYIP of an SMTP server's service directory. Pure: what is there goes in, a plan comes out.
//
// GREYIP stands in variables/GREYIP, or in a line of `run` when that reads no variables/. A file
// variables/GREYIP that was there with an empty first line, which is how envdir(8) unsets, is kept
// below the value, for --no-greyip to put back: envdir reads the first line alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/error.h"
#include "svctool/plan/plan.h"

namespace grey::svctool {

// "ADDR@PORT[,ADDR@PORT...]"; misuse names the part that no client could use.
Result<void> check_greyip(std::string_view greyip);

// What IndiMail's own qmail-smtpd, which asks by itself, makes of this GREYIP that is not what our
// clients do: a line each, with the form that serves both. REQUIRES: check_greyip().
std::vector<std::string> indimail_differences(std::string_view greyip);

// The files of an SMTP service, as they are.
struct SmtpService {
  std::string directory;
  std::string run_path;  // links resolved, so that a link stays one
  std::string run;
  bool has_variables = false;             // the directory variables/
  std::optional<std::string> greyip;      // variables/GREYIP
  std::optional<std::string> key_file{};  // variables/GREYKEYFILE
};

enum class Force { no, yes };
enum class EditRun { no, yes };

// The GREYIP that the server has: empty when none. `where`: the file.
struct GreyipInForce {
  std::string value, where;
};
GreyipInForce greyip_in_force(const SmtpService& service);

// An error when it has another one and `force` is no, or when there is no place for one.
Result<Plan> plan_greyip(const SmtpService& service, const std::string& greyip, Force force,
                         EditRun edit_run);

// GREYKEYFILE beside it. An error when it is another one and `force` is no, or there is no place.
Result<Plan> plan_key_file(const SmtpService& service, const std::string& path, Force force);

// Takes GREYIP out, wherever plan_greyip() has put it, and GREYKEYFILE, which is of no use then.
Plan plan_no_greyip(const SmtpService& service);

}  // namespace grey::svctool
