// A datagram from anywhere, and the same made into a query under a key: the first is admitted only
// when somebody has the key, which is nobody; of the second no octet can be changed; and its answer
// is believed with its own MAC alone.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "greyd/fronts/admission.h"
#include "greyd/wire/key_field.h"
#include "tests/fuzz/require.h"

using namespace grey;

namespace {

constexpr Seconds kNow = 1'700'000'000;

const wire::KeyRing& ring() {
  static const wire::KeyRing keys = [] {
    wire::KeyRing read;
    REQUIRE(
        !wire::parse_keys("a 000102030405060708090a0b0c0d0e0f\n"
                          "0123456789abcdef 0f0e0d0c0b0a09080706050403020100",
                          read));
    return read;
  }();
  return keys;
}

const Admission& admission() {
  static const Admission room = [] {
    AdmissionSettings settings;
    (void)settings.allow.add("0.0.0.0/0");
    settings.allow.build();
    settings.keys = &ring();
    settings.require_key = RequireKey::always;
    return Admission(std::move(settings));
  }();
  return room;
}

Admitted admit(std::string_view datagram, AnswerKey& key) {
  const std::vector<char> exactly(datagram.begin(), datagram.end());  // for the sanitizer
  return admission().look_at(Ip::from_v4(0x0a000001), {exactly.data(), exactly.size()}, kNow, key);
}

void only_its_own_answer_is_believed(const AnswerKey& key, std::string_view octets) {
  octets = octets.substr(0, wire::SignedAnswer::kMostOctets);
  const wire::Mac mac = sign(key, octets);
  REQUIRE(mac == wire::mac_of(key.secret, wire::SignedAnswer(key.query, octets).view()));
  if (octets.empty()) return;
  REQUIRE(!wire::is_same(mac, sign(key, octets.substr(1))));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  AnswerKey key;
  const Admitted admitted = admit(input, key);
  REQUIRE(!admitted.is_foreign);
  REQUIRE(admitted.fault != wire::Fault::none && !key.is_used);

  wire::KeyField field;
  if (wire::find_key_field(input, field) == wire::Fault::none && !field.id.empty()) {
    REQUIRE(wire::is_key_id(field.id));
    REQUIRE(field.covered.size() + wire::kMacDigits + 1 <= size);
    REQUIRE(field.covered.ends_with('.'));
  }
  // The fields of a query that has no K, and does not end before it.
  if (size < 4 || input.find('\0') == 0 || input.find(std::string_view("\0\0", 2)) != input.npos) {
    return 0;
  }
  std::string signed_query(input);
  if (!signed_query.ends_with('\0')) signed_query += '\0';
  wire::KeyField none;
  if (wire::find_key_field(signed_query, none) != wire::Fault::none || !none.id.empty()) return 0;
  if (std::count(signed_query.begin(), signed_query.end(), '\0') < 2) return 0;
  const wire::Key& with = ring().keys[data[0] % 2];
  const auto time = std::uint32_t(kNow + data[1] % 61 - 30);
  const std::size_t before = signed_query.size() + 1;
  signed_query += 'K';
  signed_query.resize(before + wire::key_field_size(with.id()) + 1 + data[2] % 2);
  wire::Nonce nonce;
  nonce.fill(data[3]);
  const wire::Mac mac = wire::write_key_field(with, time, nonce, signed_query.data(), before);
  REQUIRE(admit(signed_query, key).fault == wire::Fault::none);
  REQUIRE(key.is_used && key.query == mac && key.secret == with.secret);
  only_its_own_answer_is_believed(key, input);
  const std::size_t changed = (std::size_t(data[2]) << 8 | data[3]) % (signed_query.size() - 2);
  signed_query[changed] = char(signed_query[changed] ^ (1 + data[0] % 255));
  REQUIRE(admit(signed_query, key).fault != wire::Fault::none);
  return 0;
}
