// A datagram from anywhere: it is a query or it is not; a query is decided twice alike, changes no
// more records than it has keys, and is the same query when it is written anew. Under greydaemon's
// rules it is more often one, and what it changes comes back from a save file.
#include <string>
#include <vector>

#include "greyd/core/greylist.h"
#include "greyd/state/context_text.h"
#include "greyd/state/record_text.h"
#include "greyd/wire/wire.h"
#include "tests/fuzz/require.h"

using namespace grey;

namespace {

constexpr Seconds kNow = 1'700'000'000;

// Making a table costs more than all the rest: one is used again, empty. What it counts of shares
// comes back to nothing by that, or the next ones would be over theirs.
Greylist& emptied(Greylist& greylist) {
  if (greylist.table().size() == 0) return greylist;  // a walk goes through all its places
  Greylist::Walk walk(greylist);
  walk.start();
  while (greylist.forget(walk, 1000, [](const SavedRecord&) { return true; })) {
  }
  REQUIRE(greylist.table().size() == 0);
  return greylist;
}

// Most datagrams have few names, and a walk through a table of few places takes little.
class Tables {
 public:
  Tables(const Policy& policy, std::size_t most)
      : few_(policy, kFew, HashKey{}), many_(policy, most, HashKey{}) {}
  // An empty one with room for so many records.
  Greylist& with_room(std::size_t records) { return emptied(2 * records <= kFew ? few_ : many_); }

 private:
  static constexpr std::size_t kFew = 32;
  Greylist few_, many_;
};

void written_anew_it_is_the_same(const wire::Query& query) {
  static std::string buffer;
  buffer.resize(70'000);
  wire::QueryWriter writer(buffer.data(), buffer.size());
  REQUIRE(writer.field('I', to_string(query.client)));
  REQUIRE(writer.field('F', query.sender));
  for (const std::string_view recipient : query.recipients) REQUIRE(writer.field('T', recipient));
  buffer.resize(writer.finish());
  wire::Query again;
  REQUIRE(wire::parse(buffer, again) == wire::Fault::none);
  REQUIRE(again.client == query.client && again.sender == query.sender);
  REQUIRE(again.recipients.size() == query.recipients.size());
  auto at = again.recipients.begin();
  for (const std::string_view recipient : query.recipients) {
    REQUIRE(*at == recipient);
    ++at;
  }
}

void it_is_decided(const wire::Query& query) {
  static Tables tables({}, 100);
  Greylist& greylist = tables.with_room(query.recipients.size());
  const Decision first = greylist.decide(query, Lists{}, kNow);
  REQUIRE(first.reason == wire::Reason::new_triplet);
  REQUIRE(greylist.table().size() <= (query.probe ? 0 : query.recipients.size()));
  if (query.probe) return;
  REQUIRE(greylist.decide(query, Lists{}, kNow + 1).reason == wire::Reason::early);
  const wire::Reason retry = greylist.decide(query, Lists{}, kNow + 301).reason;
  REQUIRE(retry == (query.sender.empty() ? wire::Reason::bounce : wire::Reason::passed) ||
          query.recipients.size() > 100);  // more than the table holds: some are new again
}

void it_is_decided_by_greydaemon(const wire::Query& query) {
  static const Policy policy = [] {
    Policy of;
    of.personality = Personality::greydaemon;
    of.recipients = RecipientRule::all;
    of.ipv6_prefix = 128;
    return of;
  }();
  static Tables tables(policy, 2000), others(policy, 2000);
  const std::size_t records = query.recipients.size() + 1;
  Greylist &greylist = tables.with_room(records), &again = others.with_room(records);
  greylist.decide(query, Lists{}, kNow);
  REQUIRE(greylist.table().size() <= query.recipients.size());
  greylist.decide(query, Lists{}, kNow + 301);
  REQUIRE(greylist.table().size() <= query.recipients.size() + 1);
  ContextComposer composer(ContextForm::greydaemon);
  greylist.for_each([&](const SavedRecord& record) { composer.add(record); });
  const auto content = read_context(composer.take_buffer(), [&](const SavedRecord& record) {
    again.restore(record, kNow + 301);
  });
  REQUIRE(content.bad == 0);
  REQUIRE(content.records == greylist.table().size());
}

// Nothing is kept that does not come back from its line.
void it_is_told(const wire::Sent& sent) {
  static const Policy policy = [] {
    Policy of;
    of.replies = 30 * 86400;
    return of;
  }();
  static Tables tables(policy, 10'000);
  Greylist& greylist = tables.with_room(sent.theirs.size());
  std::size_t kept = 0;
  for (const std::string_view theirs : sent.theirs) {
    kept += greylist.sent(sent.ours, theirs, kNow, kNow) ? 1 : 0;
  }
  REQUIRE(greylist.table().size() <= kept);
  std::size_t listed = 0;
  greylist.for_each([&](const SavedRecord& record) {
    ++listed;
    std::string line;
    append_record(line, record);
    line.pop_back();
    RecordReader reader;
    const SavedRecord* const again = reader.read(line);
    REQUIRE(again != nullptr);
    REQUIRE(again->record_class == RecordClass::sent && again->client == record.client);
    REQUIRE(again->sender == record.sender && again->recipient == record.recipient);
    REQUIRE(greylist.would_import(*again, kNow) == Greylist::Import::had);
  });
  REQUIRE(listed == greylist.table().size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> datagram(data, data + size);  // exactly so long, for the sanitizer
  wire::Sent sent;
  if (wire::tells_sent({datagram.data(), size})) {
    if (wire::parse_sent({datagram.data(), size}, sent) == wire::Fault::none) it_is_told(sent);
    return 0;
  }
  wire::Query query;
  if (wire::parse({datagram.data(), size}, query, wire::Dialect::greydaemon) == wire::Fault::none) {
    it_is_decided_by_greydaemon(query);
  }
  if (wire::parse({datagram.data(), size}, query) != wire::Fault::none) return 0;
  REQUIRE(query.tag.size() <= wire::kMaxTag);
  written_anew_it_is_the_same(query);
  it_is_decided(query);
  return 0;
}
