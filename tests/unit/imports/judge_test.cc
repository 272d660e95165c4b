// What an item becomes under the policy.
#include "greyd/imports/judge.h"

#include <doctest/doctest.h>

#include <vector>

#include "greyd/core/greylist.h"
#include "greyd/imports/line_reader.h"
#include "greyd/state/record_text.h"
#include "tests/unit/imports/read_items.h"

using namespace grey;
using namespace grey::imports;

namespace {

constexpr Seconds kNow = 1'700'000'000;
constexpr Seconds kHour = 3600, kDay = 86400;

Record record(RecordClass record_class, std::string_view client, Seconds age) {
  Record result;
  result.record_class = record_class;
  result.client = *read_client(client);
  result.sender = "a@x.org";
  result.recipient = "b@y.net";
  result.seen = kNow - age;
  return result;
}
Record address(RecordClass record_class, std::string_view client, Seconds age) {
  Record result = record(record_class, client, age);
  result.address_only = true;
  return result;
}

// The record as a context file's line; "allow TEXT until N", or the reason.
std::string judged(const What& what, const Policy& policy = {}) {
  const Judged result = judge({{}, what}, policy, kNow);
  std::string text;
  if (const auto* saved = std::get_if<SavedRecord>(&result)) {
    append_record(text, *saved);
    text.pop_back();
  } else if (const auto* entry = std::get_if<Entry>(&result)) {
    text = entry->kind == Entry::Kind::allow ? "allow " : "block ";
    text += entry->text;
    if (entry->until) text += " until " + std::to_string(*entry->until - kNow);
    CHECK(entry->since <= kNow);
    CHECK(entry->by == "import");
  } else {
    text = imports::to_string(std::get<Skip>(result).reason);
  }
  return text;
}

Policy policy(unsigned ipv4, unsigned ipv6 = 64, unsigned passes = 1) {
  Policy policy;
  policy.ipv4_prefix = ipv4;
  policy.ipv6_prefix = ipv6;
  policy.client_passes = passes;
  return policy;
}

const std::string kOver = "its time is over";
const std::string kWide = "its network is wider than a client under the policy";

}  // namespace

TEST_CASE("a record is taken as it is, as long as its time is not over here") {
  const auto waiting = RecordClass::waiting, passed = RecordClass::passed,
             client = RecordClass::client, bounce = RecordClass::bounce;
  CHECK(judged(record(waiting, "192.0.2.1", 60)) == "W 1699999940 192.0.2.1 a@x.org b@y.net");
  CHECK(judged(record(passed, "192.0.2.1", kDay)) == "P 1699913600 192.0.2.1 a@x.org b@y.net");
  CHECK(judged(record(bounce, "192.0.2.1", 60)) == "B 1699999940 192.0.2.1 a@x.org b@y.net");
  CHECK(judged(record(client, "192.0.2.1", 60)) == "C 1699999940 1 192.0.2.1");
  CHECK(judged(record(waiting, "192.0.2.1", 7 * kDay)) == kOver);
  CHECK(judged(record(passed, "192.0.2.1", 7 * kDay)) == kOver);
  CHECK(judged(record(passed, "192.0.2.1", 7 * kDay - 1)) != kOver);
  CHECK(judged(record(bounce, "192.0.2.1", kBounceLife)) == kOver);
  CHECK(judged(record(client, "192.0.2.1", 7 * kDay)) == kOver);
  // A stamp in the future is now.
  CHECK(judged(record(client, "192.0.2.1", -60)) == "C 1700000000 1 192.0.2.1");
}

TEST_CASE("what is over for the source is over") {
  Record ended = record(RecordClass::passed, "192.0.2.1", 60);
  ended.ends = kNow;
  CHECK(judged(ended) == kOver);
  ended.ends = kNow + 1;
  CHECK(judged(ended) != kOver);
}

TEST_CASE("a known client gets as many good retries as the policy wants, or those that it has") {
  Record client = record(RecordClass::client, "192.0.2.1", 0);
  CHECK(judged(client, policy(32, 64, 5)) == "C 1700000000 5 192.0.2.1");
  CHECK(judged(client, policy(32, 64, 0)) == "no client is known under the policy");
  client.passes = 3;
  CHECK(judged(client, policy(32, 64, 5)) == "C 1700000000 3 192.0.2.1");
}

TEST_CASE("whom a source knows by the address alone is asked for with * and *") {
  CHECK(judged(address(RecordClass::waiting, "192.0.2.1", 60)) == "W 1699999940 192.0.2.1 * *");
  CHECK(judged(address(RecordClass::client, "192.0.2.1", 60)) == "C 1699999940 1 192.0.2.1");
  CHECK(judged(address(RecordClass::client, "192.0.2.1", 60), policy(32, 64, 0)) ==
        "P 1699999940 192.0.2.1 * *");
}

TEST_CASE("a client that is let in by its age alone is known from then on, last seen now") {
  Record client = address(RecordClass::waiting, "192.0.2.1", 61);
  client.known_from = kNow;
  CHECK(judged(client) == "C 1700000000 1 192.0.2.1");
  client.seen = kNow - 400 * kDay;
  CHECK(judged(client) == "C 1700000000 1 192.0.2.1");
  client.seen = kNow - 60;
  client.known_from = kNow + 1;
  CHECK(judged(client) == "W 1699999940 192.0.2.1 * *");
}

TEST_CASE("a network that is one client under the policy is that client") {
  const Record known = address(RecordClass::client, "192.0.2.0/24", 60);
  CHECK(judged(known, policy(24)) == "C 1699999940 1 192.0.2.0");
  CHECK(judged(known, policy(16)) == "C 1699999940 1 192.0.2.0");
  CHECK(judged(record(RecordClass::passed, "192.0.2.0/24", 60), policy(24)) ==
        "P 1699999940 192.0.2.0 a@x.org b@y.net");
  CHECK(judged(record(RecordClass::passed, "2001:db8::/64", 60)) ==
        "P 1699999940 2001:db8:: a@x.org b@y.net");
}

TEST_CASE("a wider one is allowed for the time that is left when known, and else not taken") {
  CHECK(judged(address(RecordClass::client, "192.0.2.0/24", kDay)) ==
        "allow 192.0.2.0/24 until " + std::to_string(6 * kDay));
  CHECK(judged(address(RecordClass::client, "192.0.2.0/24", kDay), policy(25)) ==
        "allow 192.0.2.0/24 until " + std::to_string(6 * kDay));
  CHECK(judged(address(RecordClass::client, "192.0.2.0/24", 7 * kDay)) == kOver);
  CHECK(judged(address(RecordClass::waiting, "192.0.2.0/24", 60)) == kWide);
  CHECK(judged(record(RecordClass::waiting, "192.0.2.0/24", 60)) == kWide);
  CHECK(judged(record(RecordClass::passed, "192.0.2.0/24", 60)) == kWide);
  CHECK(judged(record(RecordClass::client, "2001:db8::/48", 0)) ==
        "allow 2001:db8::/48 until " + std::to_string(7 * kDay));
  // All of a special prefix are not one client, whatever prefix the policy has.
  CHECK(judged(record(RecordClass::waiting, "fe80::/64", 60)) == kWide);
}

TEST_CASE("an entry is allowed or blocked, and ends when it did there") {
  const auto listed = [](Seconds blocked_until, Seconds ends) {
    return judged(Listed{"192.0.2.0/24", blocked_until, ends});
  };
  CHECK(listed(0, kNever) == "allow 192.0.2.0/24");
  CHECK(listed(kNow, kNow + 5) == "allow 192.0.2.0/24 until 5");
  CHECK(listed(kNow + 1, kNever) == "block 192.0.2.0/24 until 1");
  CHECK(listed(kNever, kNow + 5) == "block 192.0.2.0/24 until 5");
  CHECK(listed(kNow + 3, kNow + 5) == "block 192.0.2.0/24 until 3");
  CHECK(listed(kNever, kNever) == "block 192.0.2.0/24");
  CHECK(listed(0, kNow) == kOver);
  const auto since = [](Seconds made) {
    const Item item{{}, Listed{"192.0.2.0/24", 0, kNever, made}};
    return std::get<Entry>(judge(item, Policy{}, kNow)).since;
  };
  CHECK(since(kNow - 5) == kNow - 5);
  CHECK(since(kNow + 5) == kNow);
  CHECK(since(kNever) == kNow);
}

TEST_CASE("under greydaemon's rules a client is whole, and may be a name") {
  Policy greydaemon;
  greydaemon.personality = Personality::greydaemon;
  greydaemon.ipv6_prefix = 128;
  Record named = record(RecordClass::client, "0.0.0.0", 60);
  named.name = "unknown";
  CHECK(judged(named, greydaemon) == "C 1699999940 1 =unknown");
  CHECK(judged(named) == "its client is no address");
  CHECK(judged(record(RecordClass::waiting, "2001:db8::/64", 60), greydaemon) == kWide);
  CHECK(judged(record(RecordClass::waiting, "2001:db8::1", 60), greydaemon) ==
        "W 1699999940 2001:db8::1 a@x.org b@y.net");
}

TEST_CASE("a good retry or a known client of the source is accepted here at once") {
  Greylist greylist(policy(24), 1000, HashKey{});
  const auto take = [&](const What& what) {
    const Item item{{}, what};
    const Judged result = judge(item, greylist.policy(), kNow);
    CHECK(greylist.import(std::get<SavedRecord>(result), kNow) == Greylist::Import::taken);
    CHECK(greylist.import(std::get<SavedRecord>(result), kNow) == Greylist::Import::had);
  };
  take(record(RecordClass::passed, "192.0.2.0/24", kHour));
  take(address(RecordClass::client, "198.51.100.0/24", kHour));
  take(address(RecordClass::waiting, "203.0.113.0/24", kHour));
  const auto asked = [&](const char* client, std::string_view sender, std::string_view recipient) {
    wire::Query query;
    query.client = *Ip::parse(client);
    query.sender = sender;
    const std::string fields = "T" + std::string(recipient) + '\0';
    query.recipients = wire::Recipients(fields, 1);
    return to_string(greylist.decide(query, Lists{}, kNow).reason);
  };
  CHECK(asked("192.0.2.77", "A@x.org", "b@y.net") == "known");
  CHECK(asked("192.0.2.77", "other@x.org", "b@y.net") == "new");
  CHECK(asked("198.51.100.3", "any@x.org", "any@y.net") == "known");
  CHECK(asked("203.0.113.3", "*", "*") == "passed");
}
