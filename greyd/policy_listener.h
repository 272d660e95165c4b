// Where mail servers connect for policy requests: a TCP port or a unix stream socket.
#pragma once

#include <sys/types.h>

#include <string>

#include "greyd/error.h"
#include "greyd/files.h"
#include "greyd/options.h"

namespace grey {

// A listening, non-blocking socket. A unix socket's file goes with it, where the directory lets us.
class PolicyListener {
 public:
  // Of a unix socket's file: any local user may connect. Its directory says who gets there.
  static constexpr mode_t kMode = 0666;

  // A socket file that nobody listens to is replaced; anything else in its place is an error. As
  // root it takes a path only that nobody else can lead astray (open_trusted_directory).
  // Changes the process's working directory and umask and sets them back: call it before there are
  // threads.
  static Result<PolicyListener> open(const PolicyAddress& address);

  // What would stop open() beside other processes, who may come and go: nothing is made. As open()
  // it is to be called by the user who opens.
  static Result<void> check_path(const std::string& path);
  ~PolicyListener();
  PolicyListener(PolicyListener&&) = default;
  PolicyListener& operator=(PolicyListener&&) = delete;

  int fd() const { return fd_.get(); }
  bool is_local() const { return bool(directory_); }

 private:
  explicit PolicyListener(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
  Fd directory_;      // of a unix socket: where its file is, wherever that has been moved to
  std::string name_;  // of the file
  dev_t device_ = 0;  // which file is ours: another daemon may have put its own in its place
  ino_t inode_ = 0;
};

}  // namespace grey
