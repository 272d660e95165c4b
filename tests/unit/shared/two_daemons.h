// Two daemons without their fronts, and one store: a real Redis.
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "greyd/shared/member.h"
#include "greyd/shared/shared_decider.h"
#include "tests/temporary_directory.h"
#include "tests/unit/shared/plain_store.h"

namespace grey::testing {

struct NoMarks : shared::ForgetMarks {
  Seconds forgotten(const SavedRecord&) const override { return at; }
  Seconds at = 0;
};

// A daemon without its fronts.
struct Daemon {
  // It is started at `start`.
  explicit Daemon(const RedisServer& redis, const Policy& policy = {},
                  Seconds start = 1'700'000'000, const HashKey& key = HashKey{7},
                  const shared::LastMeeting& last = {})
      : store(redis), keys(key) {
    ServiceSettings settings;
    settings.policy = policy;
    settings.context_file = directory / "context";
    service.emplace(
        settings, HashKey{}, background, [](auto, const auto&) {}, counters);
    REQUIRE(service->load(start, 100));
    decider.emplace(*service, store, keys, marks, store_counters,
                    shared::SharedDecider::Loop{[] {}, [this] { decider->settle(); }});
    member.emplace(*service, store, key, "run-" + std::to_string(++daemons), last, member_counters,
                   [this](const std::string& text) { said += text + "\n"; });
  }
  // A second goes by.
  void tick(Seconds now) {
    member->tick(now);
    while (member->healing()) member->heal(now);
  }
  static inline int daemons = 0;

  wire::Reason ask(Seconds now, const std::string& client, const std::string& sender = "a@x",
                   const std::vector<std::string>& recipients = {"b@y"}) {
    std::string datagram = "I" + client + '\0' + "F" + sender + '\0';
    for (const std::string& recipient : recipients) datagram += "T" + recipient + '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    std::optional<wire::Reason> reason;
    decider->decide({&query, 1}, now,
                    [&](std::size_t, const Decided& decided) { reason = decided.reason; });
    REQUIRE(reason);
    return *reason;
  }

  testing::TemporaryDirectory directory;
  InlineBackground background;
  Counters counters;
  shared::DeciderCounters store_counters;
  PlainStore store;
  shared::Keys keys;
  NoMarks marks;
  std::optional<Service> service;
  std::optional<shared::SharedDecider> decider;
  shared::MemberCounters member_counters;
  std::optional<shared::Member> member;
  std::string said;
};

}  // namespace grey::testing
