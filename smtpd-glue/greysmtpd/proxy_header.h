// The header that a proxy puts before a connection's bytes to say whose connection it is: versions
// 1 and 2 of https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt ("the specification").
//
// No IO and no clock: bytes go in. It never wants a byte that is not the header's, as those that
// follow belong to the session and may be another program's to read.
//
// Bounded: a line of version 1 has 107 octets at most; of version 2 the addresses are kept, and
// what follows them, 65,535 octets at most, is passed over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/wire/ip.h"

namespace grey::smtp {

// The client's connection to the proxy.
struct ProxiedConnection {
  struct End {
    Ip ip;
    std::uint16_t port = 0;
    bool operator==(const End&) const = default;
  };
  End client, local;  // local: where the client has connected to
  bool operator==(const ProxiedConnection&) const = default;
};

class ProxyHeader {
 public:
  static constexpr std::size_t kMaxLine = 107;  // of version 1, with its CR LF

  // Octets that are to be read next; 0 at the header's end, and when it is none.
  std::size_t wanted() const { return wanted_; }
  // At most wanted() octets.
  void take(std::string_view bytes);

  bool complete() const { return wanted_ == 0 && fault_ == nullptr; }
  // What is wrong with it, a constant text; null when nothing is.
  const char* fault() const { return fault_; }
  // Whether any octet was taken.
  bool begun() const { return begun_; }

  // The proxy says that it speaks for itself (a health check).
  bool is_local() const { return is_local_; }

  // Of a complete one. Nothing when it is local, or does not say for whom the proxy speaks: then
  // the peer's address is all that is known.
  const std::optional<ProxiedConnection>& connection() const { return connection_; }

 private:
  enum class Stage : std::uint8_t { beginning, line, fixed, addresses, rest };

  void refuse(const char* fault);
  void take_beginning();
  void take_line();
  void take_fixed();
  void take_addresses();

  static constexpr std::size_t kSignature = 12;  // of version 2

  Stage stage_ = Stage::beginning;
  std::string bytes_;  // of this stage and those before it, but for what is passed over
  std::size_t wanted_ = kSignature;
  std::size_t rest_ = 0;  // octets behind the addresses
  const char* fault_ = nullptr;
  bool begun_ = false;
  bool is_local_ = false;
  std::optional<ProxiedConnection> connection_;
};

}  // namespace grey::smtp
