// Queries with a key's field, for tests.
#pragma once

#include <string>
#include <string_view>

#include "greyd/wire/key_field.h"

namespace grey::testing {

// Its secret's octets are `first` and those that follow it.
inline wire::Key key_of(std::string_view id, std::uint8_t first = 0) {
  wire::Key key;
  key.name_size = id.copy(key.name.data(), key.name.size());
  for (std::size_t i = 0; i < wire::kSecretSize; ++i) key.secret[i] = std::uint8_t(first + i);
  return key;
}

constexpr wire::Nonce kNonce{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

// `before`: the fields before it, each with its NUL.
inline std::string signed_query(const std::string& before, const wire::Key& key, std::uint32_t time,
                                const wire::Nonce& nonce = kNonce) {
  std::string text = before + "K";
  const std::size_t size = text.size();
  text.resize(size + wire::key_field_size(key.id()) + 2);
  wire::write_key_field(key, time, nonce, text.data(), size);
  return text;
}

// What the answer to `query` has before its MAC; empty: it has none, or a wrong one.
inline std::string believed(const std::string& answer, const std::string& query,
                            const wire::Key& key) {
  wire::KeyField field;
  if (wire::find_key_field(query, field) != wire::Fault::none) return "";
  if (answer.size() < wire::kMacSize) return "";
  const std::string_view octets(answer.data(), answer.size() - wire::kMacSize);
  const wire::Mac mac = wire::mac_of(key.secret, wire::SignedAnswer(field.mac, octets).view());
  const std::string_view expected(reinterpret_cast<const char*>(mac.data()), mac.size());
  return std::string_view(answer).substr(octets.size()) == expected ? std::string(octets) : "";
}

}  // namespace grey::testing
