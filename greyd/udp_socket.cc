#include "greyd/udp_socket.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace grey {
namespace {

constexpr int kReceiveBuffer = 4 << 20;  // bytes; the default holds only some 256 small datagrams

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress to_socket_address(const Endpoint& endpoint, int family) {
  SocketAddress address;
  if (family == AF_INET) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    if (!endpoint.ip.is_any()) std::memcpy(&v4.sin_addr, endpoint.ip.bytes().data() + 12, 4);
    std::memcpy(&address.storage, &v4, address.size = sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&v6.sin6_addr, endpoint.ip.bytes().data(), 16);
    std::memcpy(&address.storage, &v6, address.size = sizeof v6);
  }
  return address;
}

bool turn_on(int fd, int level, int option, int value = 1) {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

// 0, or the errno of what failed.
int bind_family(const Endpoint& endpoint, int family, Fd& result) {
  Fd fd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  const bool wildcard = endpoint.ip.is_any();
  if (family == AF_INET6) {
    if (!turn_on(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, wildcard ? 0 : 1)) return errno;
    if (wildcard && !turn_on(fd.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO)) return errno;
  } else if (wildcard && !turn_on(fd.get(), IPPROTO_IP, IP_PKTINFO)) {
    return errno;
  }
  if (!turn_on(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, kReceiveBuffer)) {
    turn_on(fd.get(), SOL_SOCKET, SO_RCVBUF, kReceiveBuffer);  // as much as rmem_max lets us
  }
  const SocketAddress address = to_socket_address(endpoint, family);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
    return errno;
  }
  result = std::move(fd);
  return 0;
}

}  // namespace

Result<Fd> bind_udp(const Endpoint& endpoint) {
  Fd fd;
  const bool v4_only = endpoint.ip.is_v4() && !endpoint.ip.is_any();
  int error = bind_family(endpoint, v4_only ? AF_INET : AF_INET6, fd);
  const bool no_ipv6 = error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
  if (no_ipv6 && endpoint.ip.is_any()) error = bind_family(endpoint, AF_INET, fd);
  if (error == 0) return fd;
  const std::string where = to_string(endpoint.ip) + "@" + std::to_string(endpoint.port);
  return tl::make_unexpected(system_error("listen on", where, error));
}

std::optional<Ip> from_socket_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    return Ip::from_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return std::nullopt;
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, 16);
  return Ip(bytes);
}

DatagramBatch::DatagramBatch() : data_(std::make_unique_for_overwrite<char[]>(kSize * kRoom)) {}

std::size_t DatagramBatch::receive(int fd) {
  answered_ = 0;
  for (std::size_t i = 0; i < kSize; ++i) {
    rooms_[i] = {data_.get() + i * kRoom, kRoom};
    msghdr& header = received_[i].msg_hdr;
    header = {};
    header.msg_name = &sources_[i];
    header.msg_namelen = sizeof sources_[i];
    header.msg_iov = &rooms_[i];
    header.msg_iovlen = 1;
    header.msg_control = &controls_[i];
    header.msg_controllen = sizeof controls_[i];
  }
  const int count = ::recvmmsg(fd, received_.data(), kSize, MSG_DONTWAIT, nullptr);
  count_ = count > 0 ? std::size_t(count) : 0;
  return count_;
}

std::string_view DatagramBatch::datagram(std::size_t index) const {
  return {data_.get() + index * kRoom, received_[index].msg_len};
}

Endpoint DatagramBatch::source(std::size_t index) const {
  const sockaddr_in6& address = sources_[index];
  // sin_port and sin6_port lie in the same place.
  return {from_socket_address(reinterpret_cast<const sockaddr&>(address)).value_or(Ip()),
          ntohs(address.sin6_port)};
}

void DatagramBatch::answer(std::size_t index, wire::Answer answer) {
  answer_bytes_[answered_] = answer;
  answer_parts_[answered_] = {answer_bytes_[answered_].bytes, sizeof answer.bytes};
  msghdr& header = answers_[answered_].msg_hdr;
  header = {};
  header.msg_name = &sources_[index];
  header.msg_namelen = received_[index].msg_hdr.msg_namelen;
  header.msg_iov = &answer_parts_[answered_];
  header.msg_iovlen = 1;
  // The received control data names the address that was asked; given back, it is the one that
  // answers. (A connected asker takes an answer from no other.)
  header.msg_control = received_[index].msg_hdr.msg_controllen > 0 ? &controls_[index] : nullptr;
  header.msg_controllen = received_[index].msg_hdr.msg_controllen;
  ++answered_;
}

std::size_t DatagramBatch::send_answers(int fd) {
  std::size_t sent = 0, failed = 0;
  while (sent + failed < answered_) {
    const int count = ::sendmmsg(fd, answers_.data() + sent + failed,
                                 unsigned(answered_ - sent - failed), MSG_DONTWAIT);
    if (count > 0) {
      sent += std::size_t(count);
    } else if (errno != EINTR) {
      ++failed;  // this one cannot go out; the others may
    }
  }
  answered_ = 0;
  return failed;
}

}  // namespace grey
