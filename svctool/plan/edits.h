// What a hand has changed in a service since svctool installed it. Pure.
//
// For each variable there are three values: the one that it was installed with, which the service's
// .options tell, the one that it has now, and the one that an installation is about to give it. One
// that differs from what was installed was set by a hand, an editor's or --set's, and stays; unless
// an option of this very call names it. A variable that was taken away counts as empty.
//
// A script has its digest in its last line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "svctool/plan/service_dir.h"
#include "svctool/plan/settings.h"
#include "svctool/plan/unit_file.h"

namespace grey::svctool {

// The value of a file below variables/, as envdir(8) reads it.
std::string envdir_value(std::string_view content);

// The content of such a file with another value. Who has written more below the first line keeps
// that; but no value is an empty file, as envdir unsets a variable by that alone.
std::string with_envdir_value(const std::string& content, const std::string& value);

// The values that were set by hand and stay, by variable; "": not set.
// `present`: those that are there at all, empty ones too. `installed`: what .options say; null: not
// known, and every value there may be a hand's. `named`: the options of this call, as .options has
// them.
Values find_edits(const Values& present, const ServiceRequest* installed,
                  const ServiceRequest& planned, const std::vector<std::string>& named);

// The lines of `present` with the values of `planned`: where those differ the line that counts is
// replaced, those that are missing are added, and every other byte stays.
std::string merge_environment(std::string_view present, const Variables& planned);

// A script or unit as it is installed: with a last line, a comment, that tells its digest.
std::string signed_script(std::string text);

// Who wrote a script as it stands there.
enum class Author {
  svctool,
  edited,   // svctool, but somebody has edited it
  unknown,  // perhaps a svctool that wrote no digest; it may have been edited since
};
Author author_of(std::string_view script);

// Whether two scripts are the same but for the line of the digest, which one of them may lack.
bool same_script(std::string_view one, std::string_view other);

}  // namespace grey::svctool
