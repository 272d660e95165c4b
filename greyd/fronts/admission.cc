#include "greyd/fronts/admission.h"

#include <sodium.h>

namespace grey {
namespace {

wire::Mac mac_of(const wire::Secret& secret, std::string_view text) {
  static_assert(crypto_shorthash_siphashx24_BYTES == wire::kMacSize);
  static_assert(crypto_shorthash_siphashx24_KEYBYTES == wire::kSecretSize);
  wire::Mac mac;
  crypto_shorthash_siphashx24(mac.data(), reinterpret_cast<const unsigned char*>(text.data()),
                              text.size(), secret.data());
  return mac;
}

}  // namespace

wire::Fault Admission::key_fault(const Ip& source, std::string_view datagram, Seconds now,
                                 AnswerKey& key, Seconds& behind) const {
  wire::KeyField field;
  if (const auto fault = wire::find_key_field(datagram, field); fault != wire::Fault::none) {
    return fault;
  }
  if (field.id.empty()) {
    const bool wanted =
        settings_.require_key == RequireKey::always ||
        (settings_.require_key == RequireKey::remote && !settings_.own.contains(source));
    return wanted ? wire::Fault::key_missing : wire::Fault::none;
  }
  const wire::Key* const known = settings_.keys->find(field.id);
  if (known == nullptr) return wire::Fault::key_unknown;
  // Before the time: what it says is only of interest from who has the key.
  const wire::Mac mac = mac_of(known->secret, field.covered);
  if (::sodium_memcmp(mac.data(), field.mac.data(), mac.size()) != 0) {
    return wire::Fault::key_forged;
  }
  behind = wire::seconds_behind(field, now);
  const wire::Fault fault = wire::time_fault(field, now);
  if (fault == wire::Fault::none) key = {true, known->secret, mac};
  return fault;
}

Admitted Admission::look_at(const Ip& source, std::string_view datagram, Seconds now,
                            AnswerKey& key) const {
  Admitted admitted;
  key.is_used = false;
  admitted.is_foreign = !settings_.allow.contains(source);
  if (admitted.is_foreign || settings_.keys == nullptr) return admitted;
  admitted.fault = key_fault(source, datagram, now, key, admitted.behind);
  return admitted;
}

wire::Mac sign(const AnswerKey& key, std::string_view answer) {
  return mac_of(key.secret, wire::SignedAnswer(key.query, answer).view());
}

}  // namespace grey
