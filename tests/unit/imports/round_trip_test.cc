// What we write ourselves comes back as the same state.
#include <doctest/doctest.h>

#include <random>

#include "greyd/control/record_json.h"
#include "greyd/state/context_text.h"
#include "tests/unit/imports/random_state.h"

using namespace grey;
using namespace grey::imports;
using namespace grey::imports::testing;

TEST_CASE("greydaemon's save file comes back under its rules, clients without an address too") {
  Policy policy;
  policy.personality = Personality::greydaemon;
  policy.ipv6_prefix = 128;
  Greylist greylist(policy, 1000, HashKey{});
  std::mt19937 random(1);
  for (unsigned i = 0; i < 300; ++i) {
    SavedRecord record;
    const bool client = random() % 2 == 0;
    record.record_class = client ? RecordClass::client : RecordClass::waiting;
    record.passes = client ? 1 : 0;
    record.seen = kNow - Seconds(random() % 20000);
    record.client = Ip::from_v4(0xc0000200 + std::uint32_t(random() % 1000));
    if (random() % 5 == 0) record.client = Client::named("un known");
    if (!client) {
      record.sender = random() % 3 == 0 ? "" : "a<b>@x.org";
      record.recipient = random() % 2 == 0 ? "b@y.net" : "\xff,%41@y.net";
    }
    greylist.restore(record, kNow);
  }
  ContextComposer composer(ContextForm::greydaemon);
  composer.begin();
  greylist.for_each([&](const SavedRecord& record) { composer.add(record); });
  composer.finish();
  const std::string saved(composer.take_buffer());
  CHECK(form_of(saved) == Form::greydaemon);
  CHECK(taken_from(Form::greydaemon, saved, policy) == lines_of(greylist));
}

TEST_CASE("a context file, and an export of json, come back as the state that they are of") {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Policy policy;
    policy.ipv4_prefix = seed % 3 == 0 ? 32 : 8 + seed % 24;
    policy.ipv6_prefix = seed % 5 == 0 ? 128 : 48 + seed % 17;
    if (seed % 4 == 0) policy.recipient_key = RecipientKey::none;
    Greylist greylist(policy, 1000, HashKey{});
    fill(greylist, seed);
    const std::string state = lines_of(greylist);
    REQUIRE(greylist.table().size() > 5);

    ContextComposer composer(ContextForm::qmail_greyd);
    composer.begin();
    std::string json;
    greylist.for_each([&](const SavedRecord& record) {
      composer.add(record);
      append_record_json(json, record, policy);
    });
    composer.finish();
    const std::string context(composer.take_buffer());
    CHECK(form_of(context) == Form::context);
    CHECK(taken_from(Form::context, context, policy) == state);
    CHECK(form_of(json) == Form::json);
    CHECK(taken_from(Form::json, json, policy) == state);
  }
}
