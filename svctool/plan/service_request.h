// What the operator asks for when a greylisting service is to be installed: plain values, checked
// before anything is planned.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/error.h"
#include "svctool/plan/settings.h"
#include "svctool/plan/suite.h"
#include "svctool/plan/target_path.h"

namespace grey::svctool {

struct ServiceRequest {
  int port = 0;
  std::string localip = "127.0.0.1";    // or "*"
  const Suite* suite = &daemontools();  // what supervises it; never null
  std::string servicedir;               // empty: the suite's
  std::string servicetag;               // names the service in the port's place; empty: the port
  std::string cntrldir = "/etc/indimail/control";
  std::string logdir = "/var/log/svc";
  std::string user = "indimail";     // the daemon's
  std::string loguser = "qmaill";    // multilog's
  std::string prefix;                // programs are in prefix/sbin
  std::string context_file;          // empty: the service's name and .context
  std::string log_size = "5000000";  // octets of each file that the log is kept in
  std::string log_count = "10";      // and how many of them
  std::string memory;  // bytes, for softlimit -m; empty: needed_memory(); "0": no limit
  bool use_greydaemon = false;
  bool no_whitelist = false;
  bool down = false;                 // svscan does not start it
  bool run_file_only = false;        // scripts, and nothing else
  Values values;                     // settings given on the command line
  Values samples;                    // by option: of kOperatorFiles, what those begin with
  std::vector<std::string> options;  // what .options keeps
  std::vector<std::string> imports;  // paths of what the state begins with, for greyctl(8)
  Values by_hand;                    // by variable: what a hand has set, which stays; see edits.h
  // For a check: variables have the value that the options give, whatever a hand has made of it;
  // all else follows what is in force.
  bool shows_edits = false;
};

// Misuse, naming the option, when a value is out of range or two contradict each other.
Result<void> check_request(const ServiceRequest& request);

// "greylist.1999": of the service directory, its log directory, and the default context file, so
// that two services never share one.
std::string service_name(const ServiceRequest& request);
std::string servicedir(const ServiceRequest& request);    // where its supervisor looks
TargetPath service_path(const ServiceRequest& request);   // of the directory that svscan starts
std::string context_file(const ServiceRequest& request);  // absolute, or below cntrldir

std::string daemon_program(const ServiceRequest& request);  // that the service runs

// What LISTEN says, as the daemon takes it: "127.0.0.1@1999".
std::string listen_address(const ServiceRequest& request);

// A setting's value as it was given, or what it is initially.
std::string value_of(const ServiceRequest& request, std::string_view option);

// The smallest memory limit that the daemon can hold `max_records` records under, in bytes of
// softlimit -m: all it maps, text and libraries included. Measured, see greyd/COST.md.
std::uint64_t needed_memory(std::uint64_t max_records);
std::uint64_t default_max_records();  // the daemon's own

// The value of SOFT_MEM; empty: no limit.
std::string memory_limit(const ServiceRequest& request);

}  // namespace grey::svctool
