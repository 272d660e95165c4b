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

  // A socket file that nobody listens to is replaced; anything else in its place is an error.
  static Result<PolicyListener> open(const PolicyAddress& address);
  ~PolicyListener();
  PolicyListener(PolicyListener&&) = default;
  PolicyListener& operator=(PolicyListener&&) = delete;

  int fd() const { return fd_.get(); }
  bool is_local() const { return !path_.empty(); }

 private:
  PolicyListener(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Fd fd_;
  std::string path_;  // empty: TCP
  dev_t device_ = 0;  // which file is ours: another daemon may have put its own in its place
  ino_t inode_ = 0;
};

}  // namespace grey
