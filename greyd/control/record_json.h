// Records, decisions and list entries as objects of JSON (greyctl(8), JSON).
#pragma once

#include <string>

#include "greyd/base/json_line.h"
#include "greyd/core/decision.h"
#include "greyd/core/entries.h"
#include "greyd/core/policy.h"
#include "greyd/core/record.h"
#include "greyd/core/rules.h"
#include "greyd/wire/wire.h"

namespace grey {

// "192.0.2.7", a network that clients are taken together by, or "=" and a name.
std::string client_text(const Client& client, const Policy& policy);

// {"state":"waiting","client":"192.0.2.7","sender":"a@x.org","recipient":"b@y.org","first_seen":N}
void append_record_json(std::string& out, const SavedRecord& record, const Policy& policy);

// What is stored, of which the rest is known: "state", times and "passes" or "traps".
void add_stored(JsonLine& line, const RecordState& record);

// "verdict", "reason", "wait", "age" and, where so, "again", "dry_run".
void add_decision(JsonLine& line, const Decided& decided);

// An entry of a list that decides, or would: "list" (whitelist, blacklist, allow, block), "file",
// "line" or "key", and of an entry made by command (else nullptr) what it is.
void add_matched(JsonLine& line, std::string_view list, const Matched& matched, const Entry* entry);
void add_entry(JsonLine& line, const Entry& entry);

// "rule", where there is one: "file", "line", and "says", as it could be written; "window" in
// seconds, if it says one.
void add_rule(JsonLine& line, const MatchedRule& rule);

// {"time":N,"verdict":...,"client":...,"sender":...,"recipients":[...]}
void append_decision_json(std::string& out, const wire::Query& query, const Decided& decided,
                          Seconds now);

}  // namespace grey
