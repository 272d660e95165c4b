#include "greyd/wire/key_field.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/unit/wire/signed_query.h"

using namespace grey::wire;
using grey::testing::key_of;
using grey::testing::kNonce;
using namespace std::string_literals;

namespace {

constexpr std::uint32_t kTime = 0x68000000;
const std::string kEnvelope = "I192.0.2.1\0Fa@example.org\0Tb@example.net\0"s;

std::string signed_query(const std::string& before = kEnvelope, std::string_view id = "mx1") {
  return grey::testing::signed_query(before, key_of(id), kTime);
}

Fault fault_of(const std::string& datagram) {
  const std::vector<char> exactly(datagram.begin(), datagram.end());
  KeyField field;
  return find_key_field({exactly.data(), exactly.size()}, field);
}

std::string digits_of(const Mac& mac) {
  std::string digits(2 * mac.size(), '\0');
  write_digits(mac.data(), mac.size(), digits.data());
  return digits;
}

}  // namespace

// Reckoned besides with crypto_shorthash_siphashx24 (mac_test): the octets that others must send.
TEST_CASE("a query and its answer under a fixed key, nonce and time have these octets") {
  std::string query = kEnvelope + "Q0123456789abcdef\0K"s;
  const std::size_t before = query.size();
  query.resize(before + key_field_size("mx1"));
  const Mac mac = write_key_field(key_of("mx1"), kTime, kNonce, query.data(), before);
  CHECK(query.substr(before) == "mx1.68000000.0123456789abcdef.0fa803b7b0e72aca2c700ce113691c60");
  const SignedAnswer answer(mac,
                            "\0\1"
                            "0123456789abcdef"s);
  CHECK(answer.view() == "A" + std::string(reinterpret_cast<const char*>(mac.data()), mac.size()) +
                             "\0\1"
                             "0123456789abcdef"s);
  CHECK(digits_of(mac_of(key_of("mx1").secret, answer.view())) ==
        "0c5a52f36cb45fc689b0ea4926c74d91");
}

TEST_CASE("the field is found where it is whole") {
  for (const std::string id : {"a", "mx1", "0123456789abcdef"}) {
    std::string datagram = signed_query(kEnvelope, id);
    for (int nuls = 2; nuls > 0; --nuls) {
      KeyField field;
      REQUIRE(find_key_field(datagram, field) == Fault::none);
      CHECK(field.id == id);
      CHECK(field.time == kTime);
      CHECK(field.covered == datagram.substr(0, datagram.find_last_of('.') + 1));
      CHECK(is_same(field.mac, mac_of(key_of(id).secret, field.covered)));
      datagram.pop_back();
    }
  }
}

TEST_CASE("no octet can be changed without the MAC") {
  const std::string good = signed_query();
  for (std::size_t i = 0; i < good.size() - 2; ++i) {
    std::string bad = good;
    bad[i] = char(bad[i] ^ 1);
    KeyField field;
    if (find_key_field(bad, field) != Fault::none || field.id != "mx1") continue;
    CHECK_FALSE(is_same(field.mac, mac_of(key_of("mx1").secret, field.covered)));
  }
}

TEST_CASE("a query without the field has none") {
  for (const std::string& text :
       {""s, "I::1"s, "I::1\0F\0Tx@y\0\0"s, "K\0K\0"s, "I::1\0F\0Tx@y\0\0Kmx1"s}) {
    KeyField field;
    CHECK(find_key_field(text, field) == Fault::none);
    CHECK(field.id == "");
  }
}

TEST_CASE("a field that was cut, stands twice or is not last is refused") {
  const std::string whole = signed_query();
  const std::size_t begin = kEnvelope.size();
  for (std::size_t size = begin + 1; size < whole.size() - 1; ++size) {
    CAPTURE(size);
    CHECK(fault_of(whole.substr(0, size)) == Fault::key_cut);
    CHECK(fault_of(whole.substr(0, size) + "\0"s) ==
          (size < whole.size() - 2 ? Fault::key_cut : Fault::none));
  }
  const std::string one = whole.substr(0, whole.size() - 1);
  const std::pair<std::string, Fault> rows[] = {
      {signed_query(one), Fault::key_twice},
      {one + whole.substr(begin), Fault::key_twice},
      {one + "K\0"s, Fault::key_twice},
      {signed_query(kEnvelope + "K\0"s), Fault::key_twice},
      {one + "Tx@y\0"s, Fault::key_not_last},
      {one + "X\0\0"s, Fault::key_not_last},
      {whole + "\0"s, Fault::key_not_last},
      {whole + "x", Fault::key_not_last},
      {kEnvelope + "K\0"s, Fault::key_cut},
      {kEnvelope + "Kmx1.68000000.0123456789abcdef.\0"s, Fault::key_cut},
      {kEnvelope + "K" + std::string(76, '0') + "\0"s, Fault::key_cut},
  };
  for (const auto& [datagram, fault] : rows) CHECK(fault_of(datagram) == fault);
}

TEST_CASE("the field has one writing") {
  const std::string whole = signed_query();
  const std::size_t begin = kEnvelope.size() + 1;
  for (const std::size_t at : {std::size_t(3), std::size_t(4), std::size_t(12), std::size_t(13),
                               std::size_t(29), std::size_t(30), std::size_t(61)}) {
    for (const char c : {'G', 'A', ' ', '.', '\x80'}) {
      std::string other = whole;
      if (other[begin + at] == c) continue;
      other[begin + at] = c;
      CHECK(fault_of(other) == Fault::key_cut);
    }
  }
}

TEST_CASE("a time is good for 30 seconds either way, also where the count begins anew") {
  for (const std::int64_t now : {std::int64_t(kTime), std::int64_t(0xfffffff0),
                                 std::int64_t(1) << 32, (std::int64_t(1) << 32) + 20}) {
    CAPTURE(now);
    const auto at = [&](std::int64_t behind) {
      KeyField field;
      field.time = std::uint32_t(now - behind);
      CHECK(seconds_behind(field, now) == behind);
      return time_fault(field, now);
    };
    CHECK(at(0) == Fault::none);
    CHECK(at(30) == Fault::none);
    CHECK(at(-30) == Fault::none);
    CHECK(at(31) == Fault::key_late);
    CHECK(at(-31) == Fault::key_early);
    CHECK(at(1 << 30) == Fault::key_late);
    CHECK(at(-(1 << 30)) == Fault::key_early);
  }
}
