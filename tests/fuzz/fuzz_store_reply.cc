// What comes from a store or a Sentinel: replies come to the same however the octets are cut,
// within their bounds, and a text of theirs is read or is none; what was read is read again, the
// same, from what is written of it.
//
// The first octet says how long the pieces are.
#include <algorithm>
#include <string>
#include <vector>

#include "greyd/base/store_url.h"
#include "greyd/core/knowledge.h"
#include "greyd/shared/order.h"
#include "greyd/store/redis_protocol.h"
#include "tests/fuzz/require.h"

using namespace grey;

namespace {

struct Read {
  std::vector<std::string> texts;  // of all replies
  bool failed = false;
  bool operator==(const Read&) const = default;
};

std::size_t take(const Reply& reply, std::vector<std::string>& texts) {
  texts.push_back(std::to_string(int(reply.kind)) + ' ' + std::to_string(reply.integer) + ' ' +
                  reply.text);
  std::size_t items = 1;
  for (const Reply& item : reply.items) items += take(item, texts);
  return items;
}

Read read(std::string_view text, std::size_t piece) {
  ReplyReader reader;
  Read read;
  while (!text.empty() && !read.failed) {
    REQUIRE(reader.feed(text.substr(0, piece)));
    text.remove_prefix(std::min(piece, text.size()));
    while (true) {
      const auto next = reader.next();
      if (!next) read.failed = true;
      if (!next || !*next) break;
      REQUIRE(take(**next, read.texts) <= ReplyReader::kMaxItems + 1);
    }
  }
  return read;
}

void read_text(std::string_view text) {
  if (const auto triplet = read_triplet_knowledge(text)) REQUIRE(to_text(*triplet) == text);
  if (const auto client = read_client_knowledge(text)) REQUIRE(to_text(*client) == text);
  if (const auto order = shared::read_order(text)) {
    const std::string written = shared::to_text(*order);
    const auto again = shared::read_order(written);
    REQUIRE(again && shared::to_text(*again) == written);
  }
  if (const auto url = parse_store_url(text)) {
    const auto again = parse_store_url(to_string(*url));
    REQUIRE(again && *again == *url);
  } else {
    REQUIRE(url.error().text.find('\n') == std::string::npos);
  }
  (void)is_store_host(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::vector<char> copy(data + 1, data + size);
  const std::string_view text(copy.data(), copy.size());
  REQUIRE(read(text, text.size()) == read(text, 1 + data[0] % 64));
  read_text(text);
  return 0;
}
