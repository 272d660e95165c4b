// A process that needs little keeps little: once its sockets are open and its user is another, it
// gives up for good what it does not need. Whoever makes it run code of his finds no file but its
// own, no program to run, nobody to connect to. Linux alone; of what the kernel does not have the
// rest is done without.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/base/files.h"

namespace grey::sandbox {

// What a process does after the start. Directories stand for all below them; one that is not there
// is left out, and stays out of reach if it is made later. What is in none of them can neither be
// read nor changed.
struct Needs {
  std::vector<std::string> reads;    // directories in which files are read
  std::vector<std::string> keeps;    // in which files are read, written, made, renamed and removed
  std::vector<std::string> removes;  // in which files (of sockets) are removed

  bool connects_locally = false;  // makes unix sockets
  bool connects_out = false;      // makes TCP connections, and asks name servers
  bool asks_dns = false;          // makes sockets for DNS, by UDP and TCP, and loads nothing for it
  // A library for names may be loaded: memory is made executable for it, and no limit of ports
  // holds, as it is anybody's.
  bool loads_resolvers = false;
  std::vector<std::uint16_t> ports;  // the TCP ports it connects to; empty: any
};

class Sandbox {
 public:
  Sandbox() = default;  // nothing is given up

  // One line each: what this kernel does not have.
  const std::vector<std::string>& lacks() const { return lacks_; }
  // The first directory of those that were given that is another by now: removed, renamed or made
  // anew. What is in the new one is out of reach until a restart. Empty: there is none.
  std::string replaced() const;

 private:
  friend Result<Sandbox> enter(const Needs& needs);
  struct Known {
    std::string path;
    FileId id;
  };
  std::vector<Known> known_;  // empty where files are not guarded
  std::vector<std::string> lacks_;
};

// Gives up all that is not in `needs`: capabilities, system calls (which fail by EPERM), files.
// For good, for this thread and those it starts later: REQUIRES that it is the only one. That the
// kernel does not have a thing is no error, any other failure is.
Result<Sandbox> enter(const Needs& needs);

}  // namespace grey::sandbox
