// What svctool can be asked to do: one request of these, and how.
#pragma once

#include <string>
#include <variant>

#include "svctool/plan/greyip.h"
#include "svctool/plan/key_text.h"
#include "svctool/plan/service_request.h"
#include "svctool/plan/target_path.h"

namespace grey::svctool {

// How, whatever is asked for.
struct Manner {
  Destdir destdir;
  bool check = false;         // say what differs from the request, and change nothing
  bool dry_run = false;       // say what would change, and change nothing
  bool json = false;          // the same, or what a check finds, for programs
  bool nooverwrite = false;   // an existing service directory is an error
  bool create_users = false;  // make the users that are missing
  Force force = Force::no;    // replace a different GREYIP; refresh also what is to be left alone
};

// GREYIP of an SMTP service.
struct ServiceGreyip {
  TargetPath service;
  std::string greyip;  // empty: none any more
  EditRun edit_run = EditRun::no;
};

// GREYIP in a rule of a tcprules file.
struct RuleGreyip {
  TargetPath file;
  std::string match;                // address of the rule; empty: the one for everyone else
  std::string greyip;               // empty: none any more
  std::string variable = "GREYIP";  // or GREYKEYFILE, which goes with it
};

// The file of keys, and who uses it: a greylisting service, an SMTP server's, a tcprules file, or
// nobody yet.
struct KeyRequest {
  TargetPath file;
  std::string owner;  // "USER:GROUP"; empty: as it is, or the daemon's group
  KeyStep step = KeyStep::none;
  TargetPath service, rules;  // empty: none
  std::string match;          // of `rules`
};

// A greylisting service, as its .options say, or an SMTP service.
struct CheckService {
  TargetPath service;
  std::string greyip;  // of an SMTP service: the one it should have; empty: any
};

// Every service that is found.
struct CheckAll {
  std::string servicedir;  // below this one; empty: wherever there may be some
};

struct CheckRules {
  TargetPath file;
  std::string match;
  std::string greyip;  // as above
};

// `run` of a greylisting service, anew from its .options.
struct RefreshService {
  TargetPath service;
};

// Whether RefreshService changes it.
struct Autorefresh {
  TargetPath service;
  bool on = true;
};

struct RemoveService {
  TargetPath service;
};

// Restarts its daemon.
struct RestartService {
  std::string service;
};

// Lets it read its lists again.
struct ReloadService {
  std::string service;
};

// Starts a daemon that is down.
struct StartService {
  std::string service;
};

// Ends it; see steer.h for how long.
struct StopService {
  std::string service;
};

// Sets variables of a service.
struct SetVariables {
  TargetPath service;
  // By name; "": none any more. What was asked for, in no order: a name is there once.
  Values values;
  bool restart = false;  // afterwards
};

// Says what supervises the machine.
struct FindSupervisor {};

// FILE.cdb from the list FILE.
struct ListCdb {
  std::string file;
};

// --help or --version.
struct PrintText {
  std::string text;
};

struct CommandLine {
  std::variant<PrintText, ServiceRequest, ServiceGreyip, RuleGreyip, KeyRequest, CheckService,
               CheckRules, CheckAll, RefreshService, Autorefresh, RemoveService, RestartService,
               ReloadService, StartService, StopService, SetVariables, FindSupervisor, ListCdb>
      request;
  Manner manner;
};

}  // namespace grey::svctool
