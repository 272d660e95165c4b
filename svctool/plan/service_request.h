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
  std::string memory;      // bytes, for softlimit -m; empty: needed_memory(); "0": no limit
  std::string serve;       // where greyctl serves report and figures; empty: nowhere
  std::string serve_user;  // who does; empty: see page_user()
  bool use_greydaemon = false;
  bool no_whitelist = false;
  bool down = false;                 // svscan does not start it
  bool run_file_only = false;        // scripts, and nothing else
  bool serve_only = false;           // this is the page's service, not the daemon's: page_of()
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

// What `greyctl serve` shows is a page, and a service of its own beside the daemon's: the daemon
// has no web server in it, and goes on when that one is in trouble. Of `request`, which is the
// daemon's and has a `serve`, this is the other's: "greylist.1999.serve".
ServiceRequest page_of(const ServiceRequest& request);
inline bool is_page(const ServiceRequest& request) {
  return request.serve_only;
}
// Where the page of the daemon's service directory is: beside it.
TargetPath page_beside(const TargetPath& service);
// "/service/greylist.1999", of either.
TargetPath daemon_path(const ServiceRequest& request);
std::string page_program(const ServiceRequest& request);  // greyctl

// Who runs it: the least of those who may ask the daemon. Without a control group that is the
// daemon's user alone. With one it is whom --serve-user names, who is in that group and nothing
// else; and where the suite makes users of its own, one of these when none is named: empty.
std::string page_user(const ServiceRequest& request);

// What LISTEN says, as the daemon takes it: "127.0.0.1@1999".
std::string listen_address(const ServiceRequest& request);

// Where the service listens, by UDP or, of a page, TCP.
std::string listens_on(const ServiceRequest& request);

// A setting's value as it was given, or what it is initially.
std::string value_of(const ServiceRequest& request, std::string_view option);

// The smallest memory limit that the daemon can hold `max_records` records under, in bytes of
// softlimit -m: all it maps, text and libraries included. Measured, see greyd/COST.md.
std::uint64_t needed_memory(std::uint64_t max_records);
std::uint64_t default_max_records();  // the daemon's own

// The value of SOFT_MEM; empty: no limit.
std::string memory_limit(const ServiceRequest& request);

}  // namespace grey::svctool
