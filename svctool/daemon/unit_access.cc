#include "svctool/daemon/unit_access.h"

#include "svctool/daemon/supervision.h"
#include "svctool/plan/service_dir.h"
#include "svctool/util/process.h"
#include "svctool/util/shell_quote.h"

namespace grey::svctool {

Result<void> check_unit_access(const ServiceRequest& request, const std::string& service) {
  const Suite& suite = *request.suite;
  if (suite.access_words.empty() || !runs_here(suite)) return {};
  // It does not always know by itself that something was put over the unit.
  if (auto told = reread_own_files(suite); !told) return told;
  Program show;
  show.arguments = arguments_of(suite.access_words, suite.known_as(service));
  const auto shown = read_program(show);
  if (!shown) return tl::make_unexpected(shown.error());
  const WriteAccess access = suite.parse_access(*shown);
  const std::string todo =
      "; svctool --refreshsvc=" + shell_quote(service) + " writes the unit anew";
  if (const std::string directory = first_read_only(access, writable_directories(request));
      !directory.empty()) {
    return failure("its unit does not let it write to " + directory + todo);
  }
  const std::string group = value_in_force(request, "CONTROL_GROUP");
  const bool wanted = !group.empty() && value_in_force(request, "CONTROL") != "none";
  if (!wanted || access.group == group) return {};
  return failure("its unit does not run it in group " + group + ", which CONTROL_GROUP names" +
                 todo);
}

}  // namespace grey::svctool
