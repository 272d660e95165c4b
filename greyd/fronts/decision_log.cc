#include "greyd/fronts/decision_log.h"

#include "greyd/base/append.h"
#include "greyd/base/text.h"

namespace grey {
namespace {

constexpr std::size_t kShownRecipients = 8;
// Of one value, before it is made a word of up to three times as many. The line stays below
// PIPE_BUF (4096), with kShownTogether bytes of recipients, and some 500 of numbers and names of
// fields.
constexpr std::size_t kShownBytes = 128;
constexpr std::size_t kShownOfList = 64;
constexpr std::size_t kShownTogether = 2000;

void append_cut(std::string& out, std::string_view value, std::size_t shown) {
  append_word(out, value.substr(0, shown));
  if (value.size() > shown) out += "...";
}

void append_recipients(std::string& out, const wire::Query& query) {
  const std::size_t begin = out.size();
  std::size_t shown = 0;
  for (const std::string_view recipient : query.recipients) {
    if (shown == kShownRecipients || out.size() - begin > kShownTogether) {
      out += ",+";
      append_number(out, query.recipients.size() + query.unasked - shown);
      break;
    }
    if (shown++ > 0) out += ',';
    append_cut(out, recipient, kShownBytes);
  }
}

void append_entry(std::string& out, const Matched& entry) {
  const std::string_view file = entry.file();
  append_cut(out, file.substr(file.rfind('/') + 1), kShownOfList);
  out += ':';
  if (entry.line > 0) {
    append_number(out, entry.line);
  } else {
    append_cut(out, entry.key(), kShownOfList);
  }
}

}  // namespace

void append_source(std::string& out, const std::optional<Endpoint>& source) {
  if (!source) {
    out += "local";
    return;
  }
  append_ip(out, source->ip);
  out += '@';
  append_number(out, source->port);
}

void append_decision(std::string& out, const wire::Query& query, const Decided& decision,
                     const std::optional<Endpoint>& source) {
  out += "verdict=";
  out += to_string(verdict_of(decision.reason));
  out += " reason=";
  out += to_string(decision.reason);
  out += " client=";
  if (query.client.has_address()) {
    append_ip(out, query.client.ip);
  } else {
    append_cut(out, *query.client.name, kShownBytes);
  }
  if (!query.client_name.empty()) {
    out += " name=";
    append_cut(out, query.client_name, kShownBytes);
  }
  out += " sender=";
  append_cut(out, query.sender, kShownBytes);
  out += " recipients=";
  append_recipients(out, query);
  out += " age=";
  append_number(out, decision.age);
  if (decision.wait) {
    out += " wait=";
    append_number(out, *decision.wait);
  }
  if (decision.matched) {
    out += " list=";
    append_entry(out, decision.matched);
  }
  out += " source=";
  append_source(out, source);
  if (query.unasked > 0) {
    out += " unasked=";
    append_number(out, query.unasked);
  }
  if (query.probe) out += " probe=yes";
  if (decision.dry_run) out += " dry-run=yes";
  out += '\n';
}

}  // namespace grey
