#include "greyd/control/record_json.h"

#include "greyd/core/record_filter.h"
#include "greyd/lists/rule_list.h"
#include "greyd/state/record_text.h"

namespace grey {
namespace {

constexpr std::size_t kShownRecipients = 20;  // of a decision; the others are counted

void add_seen(JsonLine& line, RecordClass record_class, Seconds seen) {
  line.number(record_class == RecordClass::waiting ? "first_seen" : "last_seen", seen);
}

void add_passes(JsonLine& line, RecordClass record_class, unsigned passes) {
  if (record_class == RecordClass::client) line.number("passes", passes);
  if (record_class == RecordClass::trapped) line.number("traps", passes);
}

std::string client_word(const Client& client) {
  std::string text;
  append_client(text, client);
  return text;
}

}  // namespace

std::string client_text(const Client& client, const Policy& policy) {
  std::string text = client_word(client);
  if (!client.has_address() || policy.clients_are_whole()) return text;
  const bool v4 = client.ip.is_v4();
  const unsigned prefix = v4 ? Ip::kV4Bits + policy.ipv4_prefix : policy.ipv6_prefix;
  // A host of a special prefix is kept whole (Ip::client_network).
  if (prefix == 128 || client.ip.network(prefix) != client.ip) return text;
  return to_string(Network{client.ip, prefix});
}

void append_record_json(std::string& out, const SavedRecord& record, const Policy& policy) {
  JsonLine line(out);
  line.text("state", state_name(record.record_class));
  line.text("client", client_text(record.client, policy));
  const bool is_client = is_of_client(record.record_class);
  if (!is_client) line.word("sender", record.sender).word("recipient", record.recipient);
  add_seen(line, record.record_class, record.seen);
  add_passes(line, record.record_class, record.passes);
  line.end();
}

void add_stored(JsonLine& line, const RecordState& record) {
  line.text("state", state_name(record.record_class));
  add_seen(line, record.record_class, record.seen);
  add_passes(line, record.record_class, record.passes);
}

void add_decision(JsonLine& line, const Decided& decided) {
  line.text("verdict", to_string(decided.verdict)).text("reason", to_string(decided.reason));
  if (decided.wait) line.number("wait", *decided.wait);
  line.number("age", decided.age);
  if (!decided.pool.empty()) line.text("pool", decided.pool);
  if (decided.traps > 0) line.number("traps", decided.traps);
  if (!decided.suspicions.none()) {
    line.begin_list("suspect");
    decided.suspicions.for_each([&](Suspicion one) { line.text({}, to_string(one)); });
    line.end_list();
  }
  if (decided.again) line.flag("again", true);
  if (decided.dry_run) line.flag("dry_run", true);
}

void add_entry(JsonLine& line, const Entry& entry) {
  line.word("entry", entry.text).number("since", entry.since);
  if (entry.until) line.number("until", *entry.until);
  line.text("by", entry.by);
}

void add_matched(JsonLine& line, std::string_view list, const Matched& matched,
                 const Entry* entry) {
  line.text("list", list).text("file", matched.file());
  if (matched.line != 0) {
    line.number("line", matched.line);
  } else {
    line.text("key", matched.key());
  }
  if (entry != nullptr) add_entry(line, *entry);
}

void add_rule(JsonLine& line, const MatchedRule& rule) {
  if (!rule) return;
  line.begin_object("rule").text("file", rule.file()).number("line", rule.line);
  line.text("says", to_string(*rule.action));
  if (rule.action->window) line.number("window", *rule.action->window);
  line.end_object();
}

void append_decision_json(std::string& out, const wire::Query& query, const Decided& decided,
                          Seconds now) {
  JsonLine line(out);
  line.number("time", now);
  add_decision(line, decided);
  line.text("client", client_word(query.client));
  if (!query.client_name.empty()) line.word("name", query.client_name);
  line.word("sender", query.sender).begin_list("recipients");
  std::size_t shown = 0;
  for (const std::string_view recipient : query.recipients) {
    if (shown++ == kShownRecipients) break;
    line.word({}, recipient);
  }
  line.end_list();
  if (query.recipients.size() > kShownRecipients) {
    line.number("more_recipients", query.recipients.size() - kShownRecipients);
  }
  if (decided.matched) {
    line.text("file", decided.matched.file());
    if (decided.matched.line != 0) line.number("line", decided.matched.line);
  }
  add_rule(line, decided.rule);
  line.end();
}

}  // namespace grey
