// A plan and what it would change, as text for the operator and as JSON for programs. Pure.
#pragma once

#include <string>
#include <vector>

#include "svctool/files/compare.h"

namespace grey::svctool {

// One line, such as "change /service/x/variables/Y: '5' -> '6'".
std::string describe(const Change& change);

// The same and, of a file, how its content changes: what diff -u prints, for patch(1) to take.
std::string describe_in_full(const Change& change);

std::string describe(const KeptEdit& kept, const Destdir& destdir);

std::string describe_new_user(const User& user);

// An object; svctool(8) says what is in it. What is not UTF-8 in a path or file becomes U+FFFD.
std::string to_json(const Plan& plan, const Comparison& comparison,
                    const std::vector<User>& new_users, const Destdir& destdir);

// The same of several services: the first one's object, which has those of the others as `beside`.
struct Shown {
  const Plan& plan;
  const Comparison& comparison;
  const std::vector<User>& new_users;
};
std::string to_json(const std::vector<Shown>& services, const Destdir& destdir);

}  // namespace grey::svctool
