#include "greyd/net/udp_socket.h"

#include <linux/sock_diag.h>

#include <cerrno>
#include <cstring>

#include "greyd/net/socket_address.h"
#include "greyd/net/source_filter.h"

namespace grey {
namespace {

constexpr int kReceiveBuffer = 4 << 20;  // bytes; the default holds only some 256 small datagrams

bool prepare_socket(int fd, int family, bool wildcard) {
  if (!drop_forged_sources(fd)) return false;
  if (wildcard) {
    const bool told = family == AF_INET6 ? set_socket_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO)
                                         : set_socket_option(fd, IPPROTO_IP, IP_PKTINFO);
    if (!told) return false;
  }
  if (!set_socket_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, kReceiveBuffer)) {
    set_socket_option(fd, SOL_SOCKET, SO_RCVBUF, kReceiveBuffer);  // as much as rmem_max lets us
  }
  return true;
}

}  // namespace

Result<Fd> bind_udp(const Endpoint& endpoint) {
  return bind_socket(endpoint, SOCK_DGRAM, prepare_socket);
}

std::uint32_t dropped_datagrams(int fd) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t size = sizeof memory;
  if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory.data(), &size) != 0) return 0;
  return memory[SK_MEMINFO_DROPS];
}

DatagramBatch::DatagramBatch() : data_(std::make_unique_for_overwrite<char[]>(kSize * kRoom)) {}

std::size_t DatagramBatch::receive(int fd) {
  answered_ = 0;
  for (std::size_t i = 0; i < kSize; ++i) {
    rooms_[i] = {data_.get() + i * kRoom, kMaxReceived};
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

Datagram DatagramBatch::save(std::size_t index) const {
  const msghdr& header = received_[index].msg_hdr;
  const auto* control = reinterpret_cast<const char*>(&controls_[index]);
  return {std::string(datagram(index)), sources_[index], header.msg_namelen,
          std::string(control, header.msg_controllen)};
}

void DatagramBatch::load(const Datagram& datagram) {
  std::memcpy(data_.get(), datagram.bytes.data(), datagram.bytes.size());
  received_[0].msg_len = unsigned(datagram.bytes.size());
  sources_[0] = datagram.source;
  std::memcpy(static_cast<void*>(&controls_[0]), datagram.control.data(), datagram.control.size());
  received_[0].msg_hdr.msg_namelen = datagram.source_size;
  received_[0].msg_hdr.msg_controllen = datagram.control.size();
  count_ = 1;
  answered_ = 0;
}

Endpoint DatagramBatch::source(std::size_t index) const {
  return to_endpoint(reinterpret_cast<const sockaddr&>(sources_[index]));
}

void DatagramBatch::answer(std::size_t index, std::string_view answer) {
  const bool is_short = answer.size() <= kShortAnswer;
  char* const bytes = is_short ? answer_bytes_[answered_].data()
                               : data_.get() + index * kRoom + received_[index].msg_len;
  answer_parts_[answered_] = {bytes, answer.copy(bytes, kMaxAnswer)};
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
