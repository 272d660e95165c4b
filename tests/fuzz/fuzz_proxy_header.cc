// Whatever comes in place of a PROXY header, and however it is cut: what is wanted is within
// bounds, the same is read, and nothing behind the header is.
//
// The input: how many octets arrive at once, then these.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "smtpd-glue/greysmtpd/proxy_header.h"
#include "tests/fuzz/require.h"

using namespace grey::smtp;

namespace {

struct Read {
  ProxyHeader header;
  std::size_t taken = 0;
};

Read read(std::string_view bytes, std::size_t at_once) {
  Read read;
  while (read.header.wanted() > 0 && read.taken < bytes.size()) {
    REQUIRE(read.header.wanted() <= 65535);
    const std::size_t most = std::min(read.header.wanted(), at_once);
    const std::string_view piece = bytes.substr(read.taken, most);
    read.header.take(piece);
    read.taken += piece.size();
  }
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Read whole = read(bytes, SIZE_MAX), cut = read(bytes, 1u + data[0] % 40);
  REQUIRE(whole.header.complete() == cut.header.complete());
  REQUIRE((whole.header.fault() == nullptr) == (cut.header.fault() == nullptr));
  REQUIRE(whole.header.connection() == cut.header.connection());
  REQUIRE(whole.header.complete() || !whole.header.connection() || whole.header.fault() == nullptr);
  if (!whole.header.complete()) return 0;
  REQUIRE(whole.taken == cut.taken);
  REQUIRE(bytes.starts_with("PROXY ") ? whole.taken <= ProxyHeader::kMaxLine
                                      : whole.taken <= 16 + 65535);
  if (bytes.starts_with("PROXY ")) REQUIRE(bytes.substr(0, whole.taken).ends_with("\r\n"));
  const Read alone = read(bytes.substr(0, whole.taken), SIZE_MAX);
  REQUIRE(alone.header.complete());
  REQUIRE(alone.header.connection() == whole.header.connection());
  return 0;
}
