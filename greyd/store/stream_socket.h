// The bytes of a connection: what is to be sent is kept until the peer takes it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "greyd/base/files.h"

namespace grey {

class StreamSocket {
 public:
  StreamSocket() = default;
  // Non-blocking; its connection may still be under way.
  explicit StreamSocket(Fd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  // What has become of connect(2), when the socket can be written to: an errno, or 0.
  int connect_error() const;

  // What is appended here is sent.
  std::string& unsent() { return unsent_; }
  std::size_t unsent_size() const { return unsent_.size() - sent_; }
  // 0: all has been sent. EAGAIN: the peer takes no more now. EPIPE: it takes no more at all, and
  // may have said why: that is to be read.
  int send();
  // How much has come; 0 at its end; -1 and errno.
  ssize_t receive(std::span<char> buffer) const;

 private:
  Fd fd_;
  std::string unsent_;
  std::size_t sent_ = 0;  // of unsent_
};

}  // namespace grey
