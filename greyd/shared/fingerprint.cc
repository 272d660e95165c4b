#include "greyd/shared/fingerprint.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>

#include "greyd/base/seconds.h"
#include "greyd/base/text.h"

namespace grey::shared {
namespace {

constexpr std::string_view kKey = "key";
constexpr std::array<std::string_view, 4> kSenderKeys = {"full", "normalized", "domain", "none"};
constexpr std::array<std::string_view, 4> kPoolUses = {"on", "name", "spf", "off"};
constexpr std::size_t kMaxShown = 40;     // octets of a name or a value
constexpr std::size_t kMaxPolicy = 1000;  // octets of a fingerprint

using Policies = std::map<std::string, std::string, std::less<>>;  // value by name

// "min-resend=300 resend-window=43200"
Policies read_fingerprint(std::string_view text) {
  Policies values;
  text = text.substr(0, kMaxPolicy);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = std::min(part.find('='), part.size());
    values[std::string(part.substr(0, equals))] = part.substr(std::min(equals + 1, part.size()));
  }
  return values;
}

std::string key_print(const HashKey& key) {
  constexpr std::string_view kText = "qmail-greyd: the key of a shared state";
  std::array<unsigned char, crypto_shorthash_BYTES> hash;
  crypto_shorthash(hash.data(), reinterpret_cast<const unsigned char*>(kText.data()), kText.size(),
                   key.data());
  std::array<char, 2 * hash.size() + 1> digits;
  ::sodium_bin2hex(digits.data(), digits.size(), hash.data(), hash.size());
  return digits.data();
}

}  // namespace

std::string fingerprint(const Policy& policy, const HashKey& key) {
  std::string text;
  const auto add_word = [&](const char* name, std::string_view value) {
    text.append(name).append("=").append(value).append(" ");
  };
  const auto add = [&](const char* name, Seconds value) { add_word(name, std::to_string(value)); };
  add("min-resend", policy.min_resend);
  add("resend-window", policy.resend_window);
  add("timeout", policy.timeout);
  add("client-passes", policy.client_passes);
  add_word("recipients", policy.recipients == RecipientRule::any ? "any" : "all");
  add("ipv4-prefix", policy.ipv4_prefix);
  add("ipv6-prefix", policy.ipv6_prefix);
  add_word("sender-key", kSenderKeys[std::size_t(policy.sender_key)]);
  add_word("recipient-key", policy.recipient_key == RecipientKey::full ? "full" : "none");
  // Without pools it is what it was before there were any.
  if (policy.pools != PoolUse::off) add_word("pools", kPoolUses[std::size_t(policy.pools)]);
  return text + "key=" + key_print(key);
}

std::string difference(std::string_view there, std::string_view here) {
  Policies theirs = read_fingerprint(there), ours = read_fingerprint(here);
  Policies names = theirs;
  names.insert(ours.begin(), ours.end());
  std::string text;
  // Anybody who may write there may have written anything.
  const auto shown = [](std::string_view value) {
    return value.empty() ? std::string("not said") : to_word(value.substr(0, kMaxShown));
  };
  for (const auto& [name, value] : names) {
    if (theirs[name] == ours[name]) continue;
    if (name == kKey) {
      text.append(text.empty() ? "" : ", ") += "the key is another";
      continue;
    }
    text.append(text.empty() ? "" : ", ").append(shown(name)).append(" is ");
    text.append(shown(theirs[name])).append(" there and ").append(shown(ours[name])) += " here";
  }
  return text;
}

bool has_other_key(std::string_view there, std::string_view here) {
  return read_fingerprint(there)[std::string(kKey)] != read_fingerprint(here)[std::string(kKey)];
}

}  // namespace grey::shared
