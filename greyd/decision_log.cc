#include "greyd/decision_log.h"

#include "greyd/append.h"
#include "greyd/text.h"

namespace grey {
namespace {

constexpr std::size_t kShownRecipients = 8;
constexpr std::size_t kShownBytes = 128;  // of one address: the line stays below PIPE_BUF

void append_address(std::string& out, std::string_view address) {
  append_word(out, address.substr(0, kShownBytes));
  if (address.size() > kShownBytes) out += "...";
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

void append_decision(std::string& out, const wire::Query& query, const Decision& decision,
                     const std::optional<Endpoint>& source, bool dry_run) {
  out += "verdict=";
  out += to_string(verdict_of(decision.reason));
  out += " reason=";
  out += to_string(decision.reason);
  out += " client=";
  if (query.client.has_address()) {
    append_ip(out, query.client.ip);
  } else {
    append_address(out, *query.client.name);
  }
  out += " sender=";
  append_address(out, query.sender);
  out += " recipients=";
  std::size_t shown = 0;
  for (const std::string_view recipient : query.recipients) {
    if (shown == kShownRecipients) {
      out += ",+";
      append_number(out, query.recipients.size() + query.unasked - shown);
      break;
    }
    if (shown++ > 0) out += ',';
    append_address(out, recipient);
  }
  out += " age=";
  append_number(out, decision.age);
  out += " source=";
  append_source(out, source);
  if (query.unasked > 0) {
    out += " unasked=";
    append_number(out, query.unasked);
  }
  if (query.probe) out += " probe=yes";
  if (dry_run) out += " dry-run=yes";
  out += '\n';
}

}  // namespace grey
