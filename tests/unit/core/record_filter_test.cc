#include "greyd/core/record_filter.h"

#include <doctest/doctest.h>

#include <string>

#include "greyd/core/key.h"

using namespace grey;

namespace {

using Wanted = RecordFilter::Wanted;

SavedRecord triplet(const char* client, const char* sender, const char* recipient,
                    RecordClass record_class = RecordClass::waiting) {
  SavedRecord record;
  record.record_class = record_class;
  record.seen = 1000;
  record.client = Client::parse(client);
  record.sender = sender;
  record.recipient = recipient;
  return record;
}
SavedRecord known(const char* client) {
  SavedRecord record;
  record.record_class = RecordClass::client;
  record.seen = 1000;
  record.client = Client::parse(client);
  return record;
}
bool matches(const Wanted& wanted, const SavedRecord& record, const Policy& policy = {}) {
  const auto filter = RecordFilter::of(wanted, policy);
  REQUIRE(filter);
  return filter->matches(record);
}
std::string error_of(const Wanted& wanted) {
  const auto filter = RecordFilter::of(wanted, Policy());
  REQUIRE_FALSE(filter);
  CHECK(filter.error().exit_code == kExitMisuse);
  return filter.error().text;
}

}  // namespace

TEST_CASE("a client is meant by its address, and by each network that it is in") {
  const SavedRecord record = triplet("192.0.2.7", "a@x", "b@y");
  for (const char* client : {"192.0.2.7", "192.0.2.0/24", "192.0.2.6/31", "0.0.0.0/0", "192/8"}) {
    CAPTURE(client);
    CHECK(matches({.client = client}, record));
  }
  for (const char* client : {"192.0.2.8", "192.0.3.0/24", "::/0", "2001:db8::/32"}) {
    CAPTURE(client);
    CHECK_FALSE(matches({.client = client}, record));
  }
  CHECK(matches({.client = "2001:db8::/32"}, triplet("2001:db8::1", "a@x", "b@y")));
}

TEST_CASE("a network that is stored as one is meant by each of its addresses") {
  Policy policy;
  policy.ipv4_prefix = 24;
  CHECK(matches({.client = "192.0.2.77"}, triplet("192.0.2.0", "a@x", "b@y"), policy));
  CHECK(matches({.client = "192.0.2.64/26"}, triplet("192.0.2.0", "a@x", "b@y"), policy));
  CHECK(matches({.client = "192.0.0.0/16"}, known("192.0.2.0"), policy));
  CHECK_FALSE(matches({.client = "192.0.3.77"}, triplet("192.0.2.0", "a@x", "b@y"), policy));
  CHECK(matches({.client = "2001:db8::5"}, known("2001:db8::"), policy));  // by its /64
}

TEST_CASE("senders and recipients are patterns, and the null sender is the empty one") {
  const SavedRecord record = triplet("192.0.2.7", "joe@example.com", "me@example.net");
  CHECK(matches({.sender = "joe@example.com"}, record));
  CHECK(matches({.sender = "JOE@*"}, record));
  CHECK(matches({.sender = "*@example.com", .recipient = "?e@example.net"}, record));
  CHECK_FALSE(matches({.sender = "*@example.com", .recipient = "you@*"}, record));
  CHECK_FALSE(matches({.sender = ""}, record));
  CHECK(matches({.sender = ""}, triplet("192.0.2.7", "", "me@example.net")));
  CHECK(matches({.sender = "*"}, triplet("192.0.2.7", "", "me@example.net")));
}

TEST_CASE("an address that is written out means what it is stored as") {
  Policy policy;
  policy.sender_key = SenderKey::domain;
  CHECK(matches({.sender = "joe@example.com"}, triplet("192.0.2.7", "example.com", "b@y"), policy));
  policy.sender_key = SenderKey::none;
  policy.recipient_key = RecipientKey::none;
  // All have the same there: nobody is meant by it.
  for (const char* any : {"joe@example.com", "*", ""}) {
    CHECK_FALSE(RecordFilter::of({.sender = any}, policy));
    CHECK_FALSE(RecordFilter::of({.recipient = any}, policy));
    CHECK(RecordFilter::of({.sender = any}, policy, RecordFilter::Of::queries));
  }
  const std::string longest(500, 'x');
  KeyBuilder keys{Policy()};
  keys.envelope(Ip(), "");
  const auto parts = split_key(keys.triplet(longest));
  REQUIRE(parts);
  const std::string stored(parts->recipient);
  Wanted wanted;
  wanted.recipient = longest;
  CHECK(error_of(wanted).starts_with("recipient: a pattern has at most"));
}

TEST_CASE("a client's own record has no sender, and no pattern fits it") {
  CHECK(matches({.client = "192.0.2.7"}, known("192.0.2.7")));
  CHECK_FALSE(matches({.sender = "*"}, known("192.0.2.7")));
  CHECK(matches({.state = "known"}, known("192.0.2.7")));
  CHECK_FALSE(matches({.state = "waiting"}, known("192.0.2.7")));
}

TEST_CASE("since is a time at which it has been seen, or later") {
  CHECK(matches({.since = 1000}, known("192.0.2.7")));
  CHECK_FALSE(matches({.since = 1001}, known("192.0.2.7")));
}

TEST_CASE("a query is meant by what was asked, whatever it is stored as") {
  const std::string datagram("I192.0.2.7\0Fjoe@example.com\0Ta@x\0Tb@y\0", 39);
  wire::Query query;
  REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
  Policy policy;
  policy.ipv4_prefix = 24;
  const auto fits = [&](const Wanted& wanted) {
    return RecordFilter::of(wanted, policy).value().matches(query);
  };
  CHECK(fits({}));
  CHECK(fits({.client = "192.0.2.7", .sender = "joe@*", .recipient = "b@y"}));
  CHECK_FALSE(fits({.client = "192.0.2.8"}));
  CHECK_FALSE(fits({.recipient = "c@*"}));
}

TEST_CASE("what is no filter is said") {
  CHECK(error_of({.client = "192.0.2.0/99"}) ==
        "client: not an address or a network: 192.0.2.0/99");
  CHECK(error_of({.client = ""}) == "client: not an address or a network: <>");
  CHECK(error_of({.state = "gone"}) ==
        "state: one of waiting, bounce, trapped, passed, known, sent, not gone");
}
