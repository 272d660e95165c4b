// The SMTP session of a client that must wait, held without a server: every recipient is answered
// with the one reply. No IO and no clock: bytes go in, bytes come out.
//
// The extensions that a client may need for its message (RFC 6152, 6531, 3030, 1870) are offered: a
// client that misses one of them may return the message to its sender instead of keeping it.
//
// Bounded: the first octets of a line are kept, a chunk is counted, and after kMaxCommands
// commands, or as many recipients as are given, the session ends with 421.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace grey::smtp {

class RefusalSession {
 public:
  static constexpr std::size_t kMaxCommands = 1000;
  static constexpr std::size_t kMaxRead = 4096;  // from_client()'s bytes, for to_client's bound

  // `host` names us in the greeting; `reply` is one line without CRLF: "450 4.7.1 ...". The
  // `max_recipients`th RCPT ends the session; 0: none does.
  RefusalSession(std::string_view host, std::string_view reply, std::size_t max_recipients = 0);

  // Takes everything, kMaxRead octets at most in a call.
  void from_client(std::string_view bytes);
  void time_is_up();

  // Nothing more is said: the connection ends when to_client is written.
  bool closed() const { return closed_; }

  // Output, appended to, at first the greeting. The caller removes what it has written, and offers
  // nothing before all of it is.
  std::string to_client;

 private:
  void take_line();
  void answer_ehlo();
  void answer_recipient();
  void announce_chunk();
  void say(std::string_view line);

  std::string host_;
  std::string reply_;
  std::string line_;              // the first octets of the command line being read
  std::uint64_t chunk_left_ = 0;  // octets of a chunk that are still to come
  std::size_t commands_ = 0;
  std::size_t recipients_ = 0;
  std::size_t max_recipients_;
  bool closed_ = false;
};

}  // namespace grey::smtp
