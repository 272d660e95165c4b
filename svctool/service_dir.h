// What is installed: a request becomes a list of directories and files. Pure: nothing here looks at
// the machine. Installing, checking and showing are walks over that list (apply.h).
//
// A greylisting service listening on port 1999 is
//
//   SERVICEDIR/greylist.1999/            mode 1755: the sticky bit makes svscan start log/ as well
//     run                                reads nothing but variables/
//     variables/NAME                     one setting each, read by envdir; empty: not set
//     log/run, log/variables/NAME        the same for multilog
//     .options                           the command line, an argument a line
//   CNTRLDIR/                            the daemon's CONTROLDIR: context file, lists
//   LOGDIR/greylist.1999/                multilog's directory
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "greyd/error.h"
#include "svctool/settings.h"

namespace grey::svctool {

struct ServiceRequest {
  int port = 0;
  std::string localip = "127.0.0.1";  // or "*"
  std::string servicedir = "/service";
  std::string cntrldir = "/etc/indimail/control";
  std::string logdir = "/var/log/svc";
  std::string user = "indimail";   // the daemon's
  std::string loguser = "qmaill";  // multilog's
  std::string prefix;              // programs are in prefix/sbin
  std::string context_file;        // empty: greylist.PORT.context
  std::string memory;              // bytes, for softlimit -m; empty: no limit
  bool use_greydaemon = false;
  bool no_whitelist = false;
  bool down = false;                               // svscan does not start it
  Values values;                                   // settings given on the command line
  std::string sample_whitelist, sample_blacklist;  // contents of lists that have to be made
  std::vector<std::string> options;                // what .options keeps
};

struct Entry {
  enum class Type { directory, file };
  Type type = Type::file;
  std::string path;  // absolute, without --destdir
  mode_t mode = 0644;
  std::string owner;    // empty: whoever runs svctool
  std::string content;  // of a file
  bool keep = false;    // made when missing; an existing one is the operator's and is left alone
};

// What an account has to be able to do for the service to work.
struct Access {
  std::string user;
  std::string path;
  enum class Need { save_files_in, read } need = Need::save_files_in;
  std::string remedy;  // what the operator can do about it
};

struct Plan {
  std::string service;         // directory that svscan starts, installed as a whole when new
  std::vector<Entry> entries;  // parents before what they hold
  std::vector<Access> access;
};

// The context file's default, which differs by port so that two services never share one.
std::string default_context_file(int port);

// Misuse, naming the option, when a value is out of range or two contradict each other.
Result<void> check_request(const ServiceRequest& request);

// REQUIRES: check_request().
Plan plan_service(const ServiceRequest& request);

// `greyip` in the smtp service `service`, which exists.
Plan plan_greyip(const std::string& service, const std::string& greyip);

// "ADDR@PORT[,ADDR@PORT...]"; misuse names the part that no client could use.
Result<void> check_greyip(std::string_view greyip);

}  // namespace grey::svctool
