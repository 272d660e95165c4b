#include "greyd/net/source_filter.h"

#include <linux/filter.h>
#include <sys/socket.h>

#include <cstdint>
#include <vector>

#include "greyd/net/socket_address.h"

namespace grey {
namespace {

// Classic BPF (filter.txt of the kernel's documentation): loads beyond SKF_NET_OFF are relative to
// the network header, those beyond SKF_AD_OFF tell of the packet.
constexpr std::uint32_t kFromNetworkHeader = std::uint32_t(SKF_NET_OFF);
constexpr std::uint32_t kInterface = std::uint32_t(SKF_AD_OFF + SKF_AD_IFINDEX);
constexpr std::uint32_t kLoopbackInterface = 1;  // in every network namespace
constexpr std::uint32_t kAll = 0xffffffff, kNone = 0;
constexpr std::uint32_t kV4Source = 12, kV6Source = 8;  // octets into the header

class Program {
 public:
  void load_word(std::uint32_t at) { add(BPF_LD | BPF_W | BPF_ABS, at); }
  void load_octet(std::uint32_t at) { add(BPF_LD | BPF_B | BPF_ABS, at); }
  void shift_right(std::uint32_t bits) { add(BPF_ALU | BPF_RSH | BPF_K, bits); }
  // Skips so many of the instructions that follow when it is (not) equal.
  void skip_if_equal(std::uint32_t value, std::uint8_t count) { jump(value, count, 0); }
  void skip_unless_equal(std::uint32_t value, std::uint8_t count) { jump(value, 0, count); }
  void skip(std::uint32_t count) { add(BPF_JMP | BPF_JA, count); }
  void take(std::uint32_t octets) { add(BPF_RET | BPF_K, octets); }
  std::uint32_t size() const { return std::uint32_t(code_.size()); }
  void append(const Program& other) {
    code_.insert(code_.end(), other.code_.begin(), other.code_.end());
  }
  bool attach(int fd) {
    const sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
    return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
  }

 private:
  void add(int code, std::uint32_t k) { code_.push_back({std::uint16_t(code), 0, 0, k}); }
  void jump(std::uint32_t value, std::uint8_t if_true, std::uint8_t if_false) {
    code_.push_back({BPF_JMP | BPF_JEQ | BPF_K, if_true, if_false, value});
  }
  std::vector<sock_filter> code_;
};

std::uint32_t word(const Ip& ip, std::size_t at) {
  const auto& bytes = ip.bytes();
  return std::uint32_t(bytes[at]) << 24 | std::uint32_t(bytes[at + 1]) << 16 |
         std::uint32_t(bytes[at + 2]) << 8 | bytes[at + 3];
}

void drop_v4(Program& program, const Ip& ip) {
  program.skip_unless_equal(word(ip, 12), 1);  // the source is loaded
  program.take(kNone);
}

void drop_v6(Program& program, const Ip& ip) {
  for (std::uint8_t i = 0; i < 4; ++i) {
    program.load_word(kFromNetworkHeader + kV6Source + 4u * i);
    program.skip_unless_equal(word(ip, 4u * i), std::uint8_t(7 - 2 * i));  // to the next address
  }
  program.take(kNone);
}

}  // namespace

bool drop_forged_sources(int fd) {
  Program v4, v6;
  v4.load_word(kFromNetworkHeader + kV4Source);
  v4.shift_right(24);
  v4.skip_unless_equal(127, 1);  // all of the loopback network is here
  v4.take(kNone);
  v4.load_word(kFromNetworkHeader + kV4Source);
  for (const Ip& ip : own_addresses()) {
    if (ip.is_v4()) {
      drop_v4(v4, ip);
    } else {
      drop_v6(v6, ip);
    }
  }
  v4.take(kAll);
  v6.take(kAll);
  Program whole;
  whole.load_word(kInterface);
  whole.skip_unless_equal(kLoopbackInterface, 1);
  whole.take(kAll);
  whole.load_octet(kFromNetworkHeader);
  whole.shift_right(4);  // the version
  whole.skip_if_equal(4, 1);
  whole.skip(v4.size());
  whole.append(v4);
  whole.append(v6);
  return whole.attach(fd);
}

}  // namespace grey
