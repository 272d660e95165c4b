#include "greyd/shared/calls.h"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "greyd/shared/scripts.h"

namespace grey::shared {
namespace {

std::string number(Seconds value) {
  return std::to_string(value);
}

std::string digest(std::string_view sender, std::string_view recipient, const HashKey& hash_key) {
  std::string text;
  text.reserve(sender.size() + 1 + recipient.size());
  text.append(sender).append(1, '\0').append(recipient);
  static_assert(crypto_shorthash_siphashx24_KEYBYTES == sizeof(HashKey));
  std::string octets(crypto_shorthash_siphashx24_BYTES, '\0');
  crypto_shorthash_siphashx24(reinterpret_cast<unsigned char*>(octets.data()),
                              reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                              hash_key.data());
  return octets;
}

// For how long the store is to keep it.
Seconds life_of(RecordClass record_class, const Terms& terms) {
  switch (record_class) {
    case RecordClass::waiting:
      return terms.resend_window;
    case RecordClass::bounce:
      // Others may have what waited before it: until that is stale they must be told of its end.
      return std::max(kBounceLife, terms.resend_window);
    default:
      return terms.timeout;
  }
}

void add_times(std::vector<std::string>& arguments, const Forgotten& forgotten) {
  for (const Seconds at : forgotten) arguments.push_back(number(at));
}

}  // namespace

// ---- keys --------------------------------------------------------------------------------------

std::string Keys::client(const Client& client) const {
  return "c:{" + to_string(client) + "}";
}

std::string Keys::triplet(const Client& client, std::string_view sender,
                          std::string_view recipient) const {
  return "g:{" + to_string(client) + "}:" + digest(sender, recipient, hash_key_);
}

std::string Keys::of(const SavedRecord& record) const {
  if (record.record_class == RecordClass::client) return client(record.client);
  return triplet(record.client, record.sender, record.recipient);
}

// ---- calls -------------------------------------------------------------------------------------

Call ask(std::vector<std::string> keys, const Forgotten& forgotten, const Policy& policy,
         Seconds now) {
  Call call{kAsk,
            std::move(keys),
            {number(now), number(policy.resend_window), number(policy.timeout),
             number(policy.client_passes)}};
  add_times(call.arguments, forgotten);
  return call;
}

Call pass(std::vector<std::string> keys, const Forgotten& forgotten, const Policy& policy,
          Seconds now, bool earns) {
  Call call{kPass, std::move(keys), {number(now), number(policy.timeout), earns ? "1" : "0"}};
  add_times(call.arguments, forgotten);
  return call;
}

void Tell::add(std::string key, const RecordState& record, Seconds now) {
  const bool is_client = record.record_class == RecordClass::client;
  std::string known = is_client ? to_text(client_knowledge(record, policy_, now))
                                : to_text(triplet_knowledge(record, policy_, now));
  const Seconds left = record.seen + life_of(record.record_class, policy_) - now;
  if (known.empty() || left <= 0) return;
  call_.keys.push_back(std::move(key));
  call_.arguments.insert(call_.arguments.end(),
                         {is_client ? "c" : "t", std::move(known), number(left)});
}

Call Tell::take() {
  Call call = std::exchange(call_, {});
  call.script = kTell;
  return call;
}

}  // namespace grey::shared
