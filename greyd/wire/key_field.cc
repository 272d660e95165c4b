#include "greyd/wire/key_field.h"

#include <string.h>

namespace grey::wire {
namespace {

constexpr bool are_digits(std::string_view text) {
  for (const char c : text) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

// Reads `value`, the field without its letter, which ends the covered text at its last dot.
bool read_value(std::string_view value, const char* datagram, KeyField& field) {
  const std::size_t id_size = value.find('.');
  if (id_size == std::string_view::npos) return false;
  const std::string_view id(value.data(), id_size);
  if (!is_key_id(id) || value.size() != key_field_size(id)) return false;
  const char* const time = value.data() + id_size + 1;
  const char* const nonce = time + kTimeDigits + 1;
  const char* const mac = nonce + kNonceDigits + 1;
  if (nonce[-1] != '.' || mac[-1] != '.') return false;
  if (!are_digits({time, kTimeDigits}) || !are_digits({nonce, kNonceDigits}) ||
      !are_digits({mac, kMacDigits})) {
    return false;
  }
  std::uint8_t seconds[kTimeDigits / 2];
  (void)read_digits({time, kTimeDigits}, seconds);
  (void)read_digits({mac, kMacDigits}, field.mac.data());
  field.id = id;
  field.time = 0;
  for (const std::uint8_t octet : seconds) field.time = field.time << 8 | octet;
  field.covered = {datagram, std::size_t(mac - datagram)};
  return true;
}

}  // namespace

Fault find_key_field(std::string_view datagram, KeyField& field) {
  field = {};
  const char* const end = datagram.data() + datagram.size();
  const char* value = nullptr;      // of the first K
  const char* value_end = nullptr;  // its NUL, or the end
  bool twice = false, followed = false;
  const char* at = datagram.data();
  // I and F are no letters of other fields, so that these need not be told apart.
  for (std::size_t number = 0; at != end; ++number) {
    const void* const nul = memchr(at, '\0', std::size_t(end - at));
    const char* const stop = nul != nullptr ? static_cast<const char*>(nul) : end;
    if (stop == at) break;  // the empty field that ends the query
    if (value != nullptr) followed = true;
    if (*at == 'K' && number >= 2) {
      twice = value != nullptr;
      if (value == nullptr) value = at + 1, value_end = stop;
    }
    at = stop == end ? end : stop + 1;
  }
  if (value == nullptr) return Fault::none;
  if (twice) return Fault::key_twice;
  if (followed) return Fault::key_not_last;
  if (value_end == end) return Fault::key_cut;  // its NUL is missing
  if (end - value_end > 2) return Fault::key_not_last;
  const std::string_view text(value, std::size_t(value_end - value));
  return read_value(text, datagram.data(), field) ? Fault::none : Fault::key_cut;
}

Mac write_key_field(const Key& key, std::uint32_t time, const Nonce& nonce, char* datagram,
                    std::size_t before) {
  char* at = datagram + before;
  memcpy(at, key.name.data(), key.name_size);
  at += key.name_size;
  *at++ = '.';
  const std::uint8_t seconds[kTimeDigits / 2] = {std::uint8_t(time >> 24), std::uint8_t(time >> 16),
                                                 std::uint8_t(time >> 8), std::uint8_t(time)};
  write_digits(seconds, sizeof seconds, at);
  at += kTimeDigits;
  *at++ = '.';
  write_digits(nonce.data(), nonce.size(), at);
  at += kNonceDigits;
  *at++ = '.';
  const Mac mac = mac_of(key.secret, {datagram, std::size_t(at - datagram)});
  write_digits(mac.data(), mac.size(), at);
  return mac;
}

SignedAnswer::SignedAnswer(const Mac& query, std::string_view octets)
    : size_(1 + kMacSize + octets.size()) {
  text_[0] = 'A';
  memcpy(text_ + 1, query.data(), kMacSize);
  if (!octets.empty()) memcpy(text_ + 1 + kMacSize, octets.data(), octets.size());
}

}  // namespace grey::wire
