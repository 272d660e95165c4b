// The UDP side of the server: one bound socket, and batches of datagrams.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "greyd/base/error.h"
#include "greyd/base/files.h"
#include "greyd/wire/endpoint.h"

namespace grey {

// Bound and non-blocking, with a large receive buffer. For a wildcard (ip is ::) it takes IPv4 and
// IPv6, or IPv4 alone where the system has no IPv6. What comes from outside with an address of this
// host as its source never arrives: the system itself drops that for IPv4, but not for IPv6.
Result<Fd> bind_udp(const Endpoint& endpoint);

// How many datagrams the system has dropped for this socket, as its queue was full or as they came
// so from outside (sk_drops, which SO_RXQ_OVFL would tell with each datagram). It wraps.
std::uint32_t dropped_datagrams(int fd);

// A datagram that waits outside its batch.
struct Datagram {
  std::string bytes;
  sockaddr_in6 source{};
  socklen_t source_size = 0;
  std::string control;
};

// Up to kSize datagrams that came together, and the answers to them. Reused for each batch.
class DatagramBatch {
 public:
  static constexpr std::size_t kSize = 64;

  DatagramBatch();
  DatagramBatch(const DatagramBatch&) = delete;
  DatagramBatch& operator=(const DatagramBatch&) = delete;

  // Takes what is there without waiting. How many datagrams there are now; 0: none waits.
  std::size_t receive(int fd);

  std::size_t size() const { return count_; }
  std::string_view datagram(std::size_t index) const;
  Endpoint source(std::size_t index) const;

  Datagram save(std::size_t index) const;
  void load(const Datagram& datagram);  // it is the only one then, as if it had just come

  // The answer to be sent by the next send_answers. Unanswered datagrams get none.
  // REQUIRES: at most kMaxAnswer bytes, and one answer to each. Most are short; a longer one is
  // kept in the room behind its datagram, which stays as it is.
  static constexpr std::size_t kMaxAnswer = 440;
  void answer(std::size_t index, std::string_view answer);
  // From the address that the query was sent to. How many could not be sent; they are not tried
  // again, as the asker asks again.
  std::size_t send_answers(int fd);

 private:
  static constexpr std::size_t kShortAnswer = 64;
  // A datagram's room, and behind it that of an answer. The odd bytes (an odd number of cache
  // lines) keep the slots from all starting on the same cache lines.
  static constexpr std::size_t kRoom = 65536 + 7 * 64;
  static constexpr std::size_t kMaxReceived = kRoom - kMaxAnswer;  // more than UDP can carry
  static_assert(kMaxReceived > 65535);
  // For IP_PKTINFO or IPV6_PKTINFO: which of this host's addresses was asked.
  struct alignas(cmsghdr) Control {
    std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo))> bytes;
  };

  std::unique_ptr<char[]> data_;
  std::array<mmsghdr, kSize> received_{};
  std::array<iovec, kSize> rooms_{};
  std::array<sockaddr_in6, kSize> sources_{};
  std::array<Control, kSize> controls_{};
  std::array<mmsghdr, kSize> answers_{};
  std::array<iovec, kSize> answer_parts_{};
  std::array<std::array<char, kShortAnswer>, kSize> answer_bytes_{};
  std::size_t count_ = 0;
  std::size_t answered_ = 0;
};

}  // namespace grey
