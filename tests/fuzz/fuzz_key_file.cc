// A file of keys from anywhere: it is read or a fault is told, by a line that is there and without
// anything of it; and what was read is the same when it is written anew.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "greyd/wire/keys.h"
#include "tests/fuzz/require.h"

using namespace grey;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> text(data, data + size);  // exactly so long, for the sanitizer
  wire::KeyRing ring;
  if (const auto fault = wire::parse_keys({text.data(), size}, ring)) {
    REQUIRE(fault->what[0] != '\0' && fault->error_number == 0);
    REQUIRE(fault->line <= unsigned(std::count(text.begin(), text.end(), '\n')) + 1);
    return 0;
  }
  REQUIRE(ring.count >= 1 && ring.count <= wire::kMaxKeys);
  std::string anew;
  for (const wire::Key& key : ring) {
    REQUIRE(wire::is_key_id(key.id()));
    REQUIRE(ring.find(key.id()) == &key);
    std::string digits(2 * wire::kSecretSize, '\0');
    wire::write_digits(key.secret.data(), key.secret.size(), digits.data());
    anew.append(key.id()).append("\t").append(digits).append(" # again\r\n");
  }
  wire::KeyRing again;
  REQUIRE(!wire::parse_keys(anew, again));
  REQUIRE(again.count == ring.count);
  for (std::size_t i = 0; i < ring.count; ++i) {
    REQUIRE(again.keys[i].id() == ring.keys[i].id());
    REQUIRE(again.keys[i].secret == ring.keys[i].secret);
  }
  return 0;
}
