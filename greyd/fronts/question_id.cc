#include "greyd/fronts/question_id.h"

#include <array>
#include <cstring>

namespace grey {

std::uint64_t question_id(const HashKey& key, const Endpoint& peer, std::string_view text) {
  // The text's hash, then address and port.
  std::array<char, 8 + 16 + 2> whole;
  const std::uint64_t of_text = keyed_hash(key, text);
  std::memcpy(whole.data(), &of_text, 8);
  std::memcpy(whole.data() + 8, peer.ip.bytes().data(), 16);
  std::memcpy(whole.data() + 24, &peer.port, 2);
  const std::uint64_t id = keyed_hash(key, {whole.data(), whole.size()});
  return id != 0 ? id : 1;
}

}  // namespace grey
