// A plan: what has to be on the machine, as a list of directories and files. Pure: making one looks
// at nothing. Three walks go over it: install() makes it so, a dry run shows what that would
// change, a check says what differs (compare.h, apply.h, show.h, check.h).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "svctool/plan/target_path.h"

namespace grey::svctool {

// A user that the service runs as, with a group of the same name; or a group alone.
struct User {
  std::string name;
  std::string option;  // that names another one, without the dashes
  enum class Kind { user, group } kind = Kind::user;
};

// "user qmaill", "group greylist"
std::string to_string(const User& user);

struct Entry {
  enum class Type { directory, file, absent };  // absent: no file may be there
  // Who decides what is in it once it is installed.
  enum class Role {
    fixed,     // svctool: as the request says
    script,    // svctool, from a template: --refreshsvc and --run-file-only write these alone
    setting,   // the operator: a check lists another content, and does not mind
    required,  // likewise, but the service does not start when it is missing or empty
    settings,  // the operator: several settings, a line NAME=VALUE each (unit_file.h)
  };
  Type type = Type::file;
  TargetPath path;
  mode_t mode = 0644;
  std::string owner;    // empty: whoever runs svctool
  std::string content;  // of a file
  bool keep = false;    // made when missing; an existing one is the operator's and is left alone
  bool present_attributes = false;  // mode and owner of an existing one stay
  bool with_files = false;  // of a directory: who gets it gets the files in it of who had it
  Role role = Role::fixed;
  std::string setting =
      {};  // the option whose value a Role::setting holds, when it is in the table
};

// What an account has to be able to do for the service to work.
struct Access {
  std::string user;
  std::string path;
  enum class Need {
    save_files_in,
    read,
    write,
    read_secret,  // the file is there, and not everybody may read it
  } need = Need::save_files_in;
  std::string remedy;  // what the operator can do about it
};

// What a hand has changed and the plan leaves as it is, for the operator.
struct KeptEdit {
  TargetPath path;
  std::string text;  // what it is, and how it could be changed all the same
};

struct Plan {
  TargetPath service;          // directory that svscan starts, installed as a whole when new
  std::vector<User> users;     // who must exist
  std::vector<Entry> entries;  // parents before what they hold
  std::vector<Access> access;
  std::vector<KeptEdit> kept;
};

// The scripts of `plan` and nothing else.
Plan only_scripts(Plan plan);

// The plan of a service that has been moved to `service` since it was installed.
Plan moved_to(Plan plan, const TargetPath& service);

// Puts entries together, by their paths as TargetPath::said() has them. owned_by() and the like are
// about the entry added last.
class PlanBuilder {
 public:
  explicit PlanBuilder(Plan& plan) : plan_(plan) {}

  bool has(std::string_view path) const;
  PlanBuilder& directory(std::string path, mode_t mode);
  PlanBuilder& file(std::string path, mode_t mode, std::string content);
  PlanBuilder& absent(std::string path);
  PlanBuilder& script(std::string path, std::string content, mode_t mode = 0755);
  // Exists with no line at all when empty, which is how envdir unsets: so every setting can be
  // found by listing the directory.
  PlanBuilder& variable(const std::string& directory, std::string_view name,
                        const std::string& value, Entry::Role role = Entry::Role::setting);

  PlanBuilder& owned_by(const std::string& user);
  PlanBuilder& kept();
  PlanBuilder& with_present_attributes();
  PlanBuilder& with_files();
  PlanBuilder& of_setting(std::string_view option);
  PlanBuilder& of_settings();

 private:
  PlanBuilder& add(Entry::Type type, std::string path, mode_t mode, std::string content);
  Plan& plan_;
};

}  // namespace grey::svctool
