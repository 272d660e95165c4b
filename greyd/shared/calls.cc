#include "greyd/shared/calls.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <utility>

#include "greyd/base/append.h"
#include "greyd/shared/scripts.h"

namespace grey::shared {
namespace {

// Sixteen octets.
void append_digest(std::string& out, std::string_view sender, std::string_view recipient,
                   const HashKey& hash_key) {
  static_assert(crypto_shorthash_siphashx24_KEYBYTES == sizeof(HashKey));
  const std::size_t begin = out.size();
  out.append(sender).append(1, '\0').append(recipient);
  std::array<unsigned char, crypto_shorthash_siphashx24_BYTES> octets{};
  crypto_shorthash_siphashx24(octets.data(),
                              reinterpret_cast<const unsigned char*>(out.data()) + begin,
                              out.size() - begin, hash_key.data());
  out.resize(begin);
  out.append(reinterpret_cast<const char*>(octets.data()), octets.size());
}

void append_name(std::string& out, const Client& client) {
  if (client.has_address()) {
    append_ip(out, client.ip);
  } else {
    if (client.pool) out.append(prefix_of(*client.pool));
    out.append(*client.name);
  }
}

// For how long the store is to keep it.
Seconds life_of(RecordClass record_class, const Terms& terms) {
  switch (record_class) {
    case RecordClass::waiting:
      return terms.resend_window;
    case RecordClass::bounce:
      // Others may have what waited before it: until that is stale they must be told of its end.
      return std::max(kBounceLife, terms.resend_window);
    case RecordClass::sent:
      return terms.replies;
    default:
      return terms.timeout;
  }
}

void add_number(Strings& to, Seconds value) {
  to.add_made([&](std::string& out) { append_number(out, value); });
}

void begin(Call& call, std::string_view script) {
  call.script = script;
  call.keys.clear();
  call.arguments.clear();
}

}  // namespace

// ---- keys --------------------------------------------------------------------------------------

void Keys::append_client(std::string& out, const Client& client) const {
  out += "c:{";
  append_name(out, client);
  out += '}';
}

void Keys::append_triplet(std::string& out, const Client& client, std::string_view sender,
                          std::string_view recipient) const {
  out += "g:{";
  append_name(out, client);
  out += "}:";
  append_digest(out, sender, recipient, hash_key_);
}

void Keys::append(std::string& out, const SavedRecord& record) const {
  if (is_of_client(record.record_class)) return append_client(out, record.client);
  append_triplet(out, record.client, record.sender, record.recipient);
}

std::string Keys::client(const Client& client) const {
  std::string key;
  append_client(key, client);
  return key;
}

std::string Keys::triplet(const Client& client, std::string_view sender,
                          std::string_view recipient) const {
  std::string key;
  append_triplet(key, client, sender, recipient);
  return key;
}

std::string Keys::of(const SavedRecord& record) const {
  std::string key;
  append(key, record);
  return key;
}

// ---- calls -------------------------------------------------------------------------------------

void begin_ask(Call& call, const Policy& policy, Seconds now) {
  begin(call, kAsk);
  add_number(call.arguments, now);
  add_number(call.arguments, policy.resend_window);
  add_number(call.arguments, policy.timeout);
  add_number(call.arguments, policy.client_passes);
}

void begin_read(Call& call) {
  begin(call, kRead);
}

void begin_pass(Call& call, const Policy& policy, Seconds now, bool earns) {
  begin(call, kPass);
  add_number(call.arguments, now);
  add_number(call.arguments, policy.timeout);
  call.arguments.add(earns ? "1" : "0");
}

void add(Call& call, std::string_view key, Seconds forgotten) {
  call.keys.add(key);
  add_number(call.arguments, forgotten);
}

void Tell::add(std::string_view key, const RecordState& of, Seconds now) {
  // A clock that was ahead has stamped it: with a wait that others would begin anew again and
  // again, or as what counts as just seen.
  if (of.record_class == RecordClass::waiting && of.seen > now + kMostAhead) return;
  RecordState record = of;
  if (record.record_class != RecordClass::waiting) record.seen = std::min(record.seen, now);
  const bool is_client = is_of_client(record.record_class);
  const std::string known = is_client ? to_text(client_knowledge(record, policy_, now))
                                      : to_text(triplet_knowledge(record, policy_, now));
  const Seconds left = record.seen + life_of(record.record_class, policy_) - now;
  if (known.empty() || left <= 0) return;
  call_.keys.add(key);
  call_.arguments.add(is_client ? "c" : "t");
  call_.arguments.add(known);
  add_number(call_.arguments, left);
}

Call Tell::take() {
  Call call = std::exchange(call_, {});
  call.script = kTell;
  return call;
}

}  // namespace grey::shared
