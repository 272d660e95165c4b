#include "greyd/fronts/decision_log.h"

#include "greyd/base/append.h"
#include "greyd/base/log_fields.h"

namespace grey {
namespace {

constexpr std::size_t kShownRecipients = 8;
// Of one value, before it is made a word of up to three times as many. The line stays below
// PIPE_BUF (4096), with kShownTogether bytes of recipients and those of one more, and some 500 of
// numbers and names of fields.
constexpr std::size_t kShownBytes = 128;
constexpr std::size_t kShownOfList = 48;
constexpr std::size_t kShownTogether = 1400;

// In the order of a line. What comes first is always there: verdict, reason and client have their
// place.
constexpr FieldName kVerdict{"verdict=", R"("verdict":)"};
constexpr FieldName kReason{" reason=", R"(,"reason":)"};
constexpr FieldName kClient{" client=", R"(,"client":)"};
constexpr FieldName kName{" name=", R"(,"name":)"};
constexpr FieldName kSender{" sender=", R"(,"sender":)"};
constexpr FieldName kRecipients{" recipients=", R"(,"recipients":)"};
constexpr FieldName kOthers{",+", R"(,"others":)"};
constexpr FieldName kAge{" age=", R"(,"age":)"};
constexpr FieldName kWait{" wait=", R"(,"wait":)"};
constexpr FieldName kList{" list=", R"(,"list":)"};
constexpr FieldName kRule{" rule=", R"(,"rule":)"};
constexpr FieldName kPool{" pool=", R"(,"pool":)"};
constexpr FieldName kTraps{" traps=", R"(,"traps":)"};
constexpr FieldName kSource{" source=", R"(,"source":)"};
constexpr FieldName kUnasked{" unasked=", R"(,"unasked":)"};
constexpr FieldName kSuspect{" suspect=", R"(,"suspect":)"};
constexpr FieldName kHelo{" helo=", R"(,"helo":)"};
constexpr FieldName kProbe{" probe=", R"(,"probe":)"};
constexpr FieldName kDryRun{" dry-run=", R"(,"dry_run":)"};

// How many are named, each by add(recipient, whether it is the first).
template <typename Add>
std::size_t name_recipients(const std::string& out, const wire::Query& query, Add add) {
  const std::size_t begin = out.size();
  std::size_t shown = 0;
  for (const std::string_view recipient : query.recipients) {
    if (shown == kShownRecipients || out.size() - begin > kShownTogether) break;
    add(recipient, shown++ == 0);
  }
  return shown;
}

template <LogFormat format>
void add_recipients(LogFields<format>& line, std::string& out, const wire::Query& query) {
  const std::size_t all = query.recipients.size();
  line.string(kRecipients, [&] {
    const std::size_t shown =
        name_recipients(out, query, [&](std::string_view recipient, bool first) {
          if (!first) out += ',';
          line.word(recipient, kShownBytes);
        });
    // Those that are not asked about are told where others are left out.
    if (shown < all) line.number(kOthers, all + query.unasked - shown);
  });
}

// A list there, in which no text needs a sign that it is none.
void add_recipients(LogFields<LogFormat::json>& line, std::string& out, const wire::Query& query) {
  const std::size_t all = query.recipients.size();
  line.name(kRecipients);
  out += '[';
  const std::size_t shown =
      name_recipients(out, query, [&](std::string_view recipient, bool first) {
        out += first ? "\"" : ",\"";
        line.word(recipient, kShownBytes);
        out += '"';
      });
  out += ']';
  if (shown < all) line.number(kOthers, all + query.unasked - shown);
}

template <LogFormat format>
void add_file(LogFields<format>& line, std::string& out, std::string_view file) {
  line.word(file.substr(file.rfind('/') + 1), kShownOfList);
  out += ':';
}

template <LogFormat format>
void add_rule(LogFields<format>& line, std::string& out, const MatchedRule& rule) {
  line.string(kRule, [&] {
    add_file(line, out, rule.file());
    append_number(out, rule.line);
  });
}

template <LogFormat format>
void add_entry(LogFields<format>& line, std::string& out, const Matched& entry) {
  line.string(kList, [&] {
    add_file(line, out, entry.file());
    if (entry.line > 0) {
      append_number(out, entry.line);
    } else {
      line.word(entry.key(), kShownOfList);
    }
  });
}

template <LogFormat format>
void add_client(LogFields<format>& line, std::string& out, const wire::Query& query) {
  line.string(kClient, [&] {
    if (query.client.has_address()) {
      append_ip(out, query.client.ip);
    } else {
      line.word(*query.client.name, kShownBytes);
    }
  });
  if (query.client_name.empty()) return;
  line.string(kName, [&] { line.word(query.client_name, kShownBytes); });
}

// By what it is suspect, with the HELO where that is why.
template <LogFormat format>
void add_suspicions(LogFields<format>& line, std::string& out, const wire::Query& query,
                    const Suspicions& suspicions) {
  if (suspicions.none()) return;
  line.string(kSuspect, [&] {
    bool first = true;
    suspicions.for_each([&](Suspicion one) {
      if (!first) out += ',';
      first = false;
      out += to_string(one);
    });
  });
  if (!suspicions.has(Suspicion::helo)) return;
  line.string(kHelo, [&] { line.word(query.helo.value_or(""), kShownOfList); });
}

template <LogFormat format>
void add_source(LogFields<format>& line, std::string& out, const std::optional<Endpoint>& source) {
  line.string(kSource, [&] {
    if (!source) {
      out += "local";
      return;
    }
    append_ip(out, source->ip);
    out += '@';
    append_number(out, source->port);
  });
}

// Not inlined: the switch below would pay the frame of the largest of them for each.
template <LogFormat format>
[[gnu::noinline]] void append_in(std::string& out, const wire::Query& query,
                                 const Decided& decision, const std::optional<Endpoint>& source) {
  LogFields<format> line(out);
  line.own(kVerdict, to_string(verdict_of(decision.reason)));
  line.own(kReason, to_string(decision.reason));
  add_client(line, out, query);
  line.string(kSender, [&] { line.word(query.sender, kShownBytes); });
  add_recipients(line, out, query);
  line.number(kAge, decision.age);
  if (decision.wait) line.number(kWait, *decision.wait);
  if (decision.matched) add_entry(line, out, decision.matched);
  if (decision.rule) add_rule(line, out, decision.rule);
  if (!decision.pool.empty()) {
    line.string(kPool, [&] { line.word(decision.pool, kShownBytes); });
  }
  if (decision.traps > 0) line.number(kTraps, decision.traps);
  add_source(line, out, source);
  if (query.unasked > 0) line.number(kUnasked, query.unasked);
  add_suspicions(line, out, query, decision.suspicions);
  if (query.probe) line.yes(kProbe);
  if (decision.dry_run) line.yes(kDryRun);
  line.end();
}

}  // namespace

void append_decision(std::string& out, LogFormat format, const wire::Query& query,
                     const Decided& decision, const std::optional<Endpoint>& source) {
  switch (format) {
    case LogFormat::plain:
      return append_in<LogFormat::plain>(out, query, decision, source);
    case LogFormat::logfmt:
      return append_in<LogFormat::logfmt>(out, query, decision, source);
    case LogFormat::json:
      return append_in<LogFormat::json>(out, query, decision, source);
  }
}

}  // namespace grey
