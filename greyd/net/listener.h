// Where programs connect: a TCP port or a unix stream socket.
#pragma once

#include <sys/types.h>

#include <string>

#include "greyd/base/error.h"
#include "greyd/base/files.h"
#include "greyd/wire/endpoint.h"

namespace grey {

struct ListenAddress {
  std::string path;   // a unix socket's, absolute; empty: TCP
  Endpoint endpoint;  // for TCP
};

// A listening, non-blocking socket. A unix socket's file goes with it, where the directory lets us.
class Listener {
 public:
  // `mode`, of a unix socket's file, says who may connect: 0666 is any local user who gets to its
  // directory. A socket file that nobody listens to is replaced; anything else in its place is an
  // error. As root it takes a path only that nobody else can lead astray (open_trusted_directory).
  // Changes the process's working directory and umask and sets them back: call it before there are
  // threads.
  static Result<Listener> open(const ListenAddress& address, mode_t mode);

  // What would stop open() beside other processes, who may come and go: nothing is made. As open()
  // it is to be called by the user who opens.
  static Result<void> check_path(const std::string& path);
  ~Listener();
  Listener(Listener&&) = default;
  Listener& operator=(Listener&&) = delete;

  int fd() const { return fd_.get(); }
  bool is_local() const { return bool(directory_); }

 private:
  explicit Listener(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
  Fd directory_;      // of a unix socket: where its file is, wherever that has been moved to
  std::string name_;  // of the file
  dev_t device_ = 0;  // which file is ours: another daemon may have put its own in its place
  ino_t inode_ = 0;
};

}  // namespace grey
