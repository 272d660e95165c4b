#include "greyd/imports/judge.h"

#include <algorithm>

#include "greyd/core/rules.h"

namespace grey::imports {
namespace {

// Sender and recipient that a front asks with which decides by the client alone (DESIGN.md,
// section 6).
constexpr std::string_view kAnybody = "*";

// Its last address.
Ip last_of(const Network& network) {
  auto bytes = network.address.bytes();
  for (unsigned i = 0; i < bytes.size(); ++i) {
    const unsigned first_bit = 8 * i;
    const unsigned kept = network.prefix > first_bit ? std::min(network.prefix - first_bit, 8u) : 0;
    bytes[i] = std::uint8_t(bytes[i] | (0xffu >> kept));
  }
  return Ip(bytes);
}

// The record with its class as it is now, and without stamps in the future.
Record as_of(Record record, Seconds now) {
  if (record.record_class == RecordClass::waiting && record.known_from <= now) {
    record.record_class = RecordClass::client;
    record.seen = now;
  }
  record.seen = std::min(record.seen, now);
  return record;
}

Entry entry_of(Entry::Kind kind, std::string text, Seconds since, Seconds until) {
  Entry entry{kind, std::move(text), since, std::nullopt, "import"};
  if (until != kNever) entry.until = until;
  return entry;
}

Skip skip(Reason reason, std::string_view what = {}) {
  return {reason, what};
}

// Of a network that is several clients.
Judged judge_wide(const Record& record, const Policy& policy, Seconds now) {
  if (record.record_class != RecordClass::client) return skip(Reason::wide);
  const Seconds until = record.seen + policy.timeout;
  if (until <= now) return skip(Reason::expired);
  return entry_of(Entry::Kind::allow, to_string(record.client), record.seen, until);
}

unsigned passes_of(const Record& record, const Policy& policy) {
  return record.passes.value_or(std::max(policy.client_passes, 1u));
}

Judged judge_record(const Record& found, const Policy& policy, Seconds now) {
  if (found.ends <= now) return skip(Reason::expired);
  const bool by_greydaemon = policy.personality == Personality::greydaemon;
  if (found.name && found.pool.has_value() == by_greydaemon) return skip(Reason::no_address);
  const Record record = as_of(found, now);
  if (!record.name && !is_one_client(record.client, policy)) return judge_wide(record, policy, now);
  SavedRecord saved;
  saved.record_class = record.record_class;
  saved.seen = record.seen;
  saved.client = client_of(record);
  saved.sender = record.address_only ? kAnybody : record.sender;
  saved.recipient = record.address_only ? kAnybody : record.recipient;
  if (record.record_class == RecordClass::client) {
    if (policy.client_passes == 0 && !record.address_only) return skip(Reason::never_known);
    if (policy.client_passes == 0) {
      saved.record_class = RecordClass::passed;
    } else {
      saved.sender = saved.recipient = {};
      saved.passes = passes_of(record, policy);
    }
  } else if (record.record_class == RecordClass::trapped) {
    saved.sender = saved.recipient = {};
    saved.passes = record.passes.value_or(1);
  }
  const RecordState state{saved.record_class, saved.seen,
                          std::uint8_t(std::min(saved.passes, 255u))};
  if (!is_possible(saved)) return skip(Reason::no_reply);
  if (rules::is_over(state, policy, now)) return skip(Reason::expired);
  return saved;
}

Judged judge_listed(const Listed& listed, Seconds now) {
  if (listed.ends <= now) return skip(Reason::expired, listed.text);
  const bool blocked = listed.blocked_until > now;
  const Seconds until = blocked ? std::min(listed.blocked_until, listed.ends) : listed.ends;
  return entry_of(blocked ? Entry::Kind::block : Entry::Kind::allow, listed.text,
                  std::min(listed.made, now), until);
}

}  // namespace

bool is_one_client(const Network& network, const Policy& policy) {
  const auto client_of = [&](const Ip& ip) {
    return policy.clients_are_whole() ? ip
                                      : ip.client_network(policy.ipv4_prefix, policy.ipv6_prefix);
  };
  return network.prefix == 128 || client_of(network.address) == client_of(last_of(network));
}

Judged judge(const Item& item, const Policy& policy, Seconds now) {
  if (const auto* record = std::get_if<Record>(&item.what)) {
    return judge_record(*record, policy, now);
  }
  if (const auto* listed = std::get_if<Listed>(&item.what)) return judge_listed(*listed, now);
  return std::get<Skip>(item.what);
}

}  // namespace grey::imports
