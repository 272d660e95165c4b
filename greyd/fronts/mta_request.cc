#include "greyd/fronts/mta_request.h"

#include <algorithm>
#include <optional>

#include "greyd/base/append.h"
#include "greyd/base/text.h"
#include "greyd/wire/wait_text.h"

namespace grey {
namespace {

using wire::Reason;
using wire::Verdict;

constexpr std::array<std::string_view, kAttributes> kNames = {
    "request", "protocol_state", "client_address", "client_name",   "helo_name",
    "sender",  "recipient",      "instance",       "sasl_username", "policy_context"};
constexpr std::string_view kCheck = "check ";
constexpr std::string_view kNoRecipient = "T";  // of a message to several: as a field, and empty
constexpr std::size_t kKeptMemory = 1024;  // bytes; what a long request took beyond is given back

// (An assignment would keep the memory.)
void give_back(std::string& text) {
  std::string().swap(text);
}

// Of the name of an attribute.
bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '=';
}

std::optional<Attribute> find_attribute(std::string_view name) {
  const auto at = std::find(kNames.begin(), kNames.end(), name);
  if (at == kNames.end()) return std::nullopt;
  return Attribute(at - kNames.begin());
}

// The form of a request by its first line, or what there is of it; `else_` when it is like neither.
std::optional<MtaForm> form_of(std::string_view line, std::optional<MtaForm> else_) {
  const std::string_view check = kCheck.substr(0, kCheck.size() - 1);
  const bool begins = to_lower(line.substr(0, check.size())) == check;
  // In capitals, say, or without a word behind it, it is wrong, but told from the other form.
  if (begins && (line.size() == check.size() || !is_name(line[check.size()]))) {
    return MtaForm::line;
  }
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos || equals == 0) return else_;
  const std::string_view name = line.substr(0, equals);
  return std::all_of(name.begin(), name.end(), is_name) ? MtaForm::postfix : else_;
}

// Takes a quoted word (at its first quote) off the front; false when its end is missing.
bool take_quoted(std::string_view& text, std::string& word) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
    if (c == '\\') {
      if (++i == text.size()) return false;
      c = text[i] == 'n' ? '\n' : text[i] == 'r' ? '\r' : text[i];
    }
    word += c;
  }
  return false;
}

// Takes a word and the space after it off the front; `last` when the end comes instead. False when
// it is neither plain nor quoted as a whole.
bool take_word(std::string_view& text, std::string& word, bool& last) {
  word.clear();
  if (text.starts_with('"')) {
    if (!take_quoted(text, word)) return false;
  } else {
    word = text.substr(0, text.find(' '));
    if (word.find('"') != std::string::npos) return false;
    text.remove_prefix(word.size());
  }
  last = text.empty();
  if (last) return true;
  if (text[0] != ' ') return false;
  text.remove_prefix(1);
  return true;
}

// Exim's $recipients, where it asks at DATA: several with ", " between them (outside of quotes)
// become fields of a query, one behind the other. The first has its letter from MtaRequest.
void split_recipients(std::string& word) {
  bool quoted = false;
  for (std::size_t i = 0; i + 1 < word.size(); ++i) {
    if (word[i] == '\\') {
      ++i;
    } else if (word[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && word[i] == ',' && word[i + 1] == ' ') {
      word[i] = '\0';
      word[i + 1] = 'T';
    }
  }
}

void append_seconds(std::string& out, std::string_view name, Seconds seconds) {
  out += name;
  append_number(out, seconds);
}

void append_deferral(std::string& out, const Decided& decision, const MtaWords& words) {
  struct {
    std::string& text;
    void add(std::string_view part) { text += part; }
    void add(std::size_t number) { append_number(text, number); }
  } adding{out};
  const std::string_view own = decision.text();
  add_deferral(adding, own.empty() ? words.deferral : own, std::size_t(decision.wait.value_or(0)));
}

void append_header(std::string& out, Seconds delay, const MtaWords& words) {
  append_seconds(out, "X-Greylist: delayed ", delay);
  out += " seconds by ";
  out += words.server;
}

// Puts what was appended since `begin` into quotes.
void quote_from(std::string& out, std::size_t begin) {
  for (std::size_t i = begin; i < out.size(); ++i) {
    if (out[i] == '"' || out[i] == '\\') out.insert(out.begin() + std::ptrdiff_t(i++), '\\');
  }
  out.insert(out.begin() + std::ptrdiff_t(begin), '"');
  out += '"';
}

void append_line_answer(std::string& out, const Decided& decision, const MtaWords& words,
                        bool header) {
  out += "verdict=";
  out += to_string(decision.verdict);
  out += " reason=";
  out += to_string(decision.reason);
  if (decision.verdict == Verdict::defer) {
    if (decision.wait) append_seconds(out, " wait=", *decision.wait);
    out += " text=";
    const std::size_t text = out.size();
    append_deferral(out, decision, words);
    quote_from(out, text);
  } else if (header) {
    append_seconds(out, " delay=", decision.age);
    out += " header=";
    const std::size_t text = out.size();
    append_header(out, decision.age, words);
    quote_from(out, text);
  }
  out += '\n';
}

void append_postfix_answer(std::string& out, const Decided& decision, const MtaWords& words,
                           bool header) {
  out += "action=";
  if (decision.verdict == Verdict::defer) {
    out += "DEFER_IF_PERMIT ";
    append_deferral(out, decision, words);
  } else if (header) {
    out += "PREPEND ";
    append_header(out, decision.age, words);
  } else {
    out += "DUNNO";
  }
  out += "\n\n";
}

}  // namespace

std::string_view to_string(MtaFault fault) {
  static constexpr std::string_view kFaults[kMtaFaults] = {"none",     "empty",    "bad-line",
                                                           "bad-byte", "too-long", "bad-request"};
  return kFaults[std::size_t(fault)];
}

// ---- MtaRequest -----------------------------------------------------------------------------

std::string_view MtaRequest::get(Attribute name) const {
  const Place place = places_[std::size_t(name)];
  return std::string_view(values_).substr(place.begin, place.end - place.begin);
}

std::string_view MtaRequest::recipient_field() const {
  const Place place = places_[std::size_t(Attribute::recipient)];
  if (place.begin == 0) return {};
  return std::string_view(values_).substr(place.begin - 1, place.end - place.begin + 1);
}

// A value that comes twice: the last one counts.
void MtaRequest::set(Attribute name, std::string_view value) {
  values_ += 'T';
  const auto begin = std::uint32_t(values_.size());
  values_ += value;
  places_[std::size_t(name)] = {begin, std::uint32_t(values_.size())};
}

void MtaRequest::clear() {
  form_ = MtaForm::postfix;
  values_.clear();
  if (values_.capacity() > kKeptMemory) give_back(values_);
  places_.fill({});
}

// ---- MtaReader ------------------------------------------------------------------------------

MtaReader::Step MtaReader::next(std::string_view& bytes) {
  if (fault_ != MtaFault::none) return Step::fault;
  if (done_) begin();
  while (!bytes.empty()) {
    const std::size_t newline = bytes.find('\n');
    const bool whole = newline != std::string_view::npos;
    // No more than can be needed at once, so that a long line that is skipped costs no memory.
    const std::string_view part = bytes.substr(0, std::min(newline, kMaxSkippedName + 1));
    const bool line_ends = whole && part.size() == newline;
    const std::size_t taken = part.size() + (line_ends ? 1 : 0);
    bytes.remove_prefix(taken);
    size_ += taken;
    std::string_view line = part;
    if (!skipping_ && (!line_ends || !line_.empty())) line = line_ += part;
    // What the rest is, its beginning says, whatever more of it has come by now.
    const std::string_view beginning = line.substr(0, kMaxSkippedName + 1);
    if (!skipping_ && !begun_) form_ = form_of(beginning, last_form_);
    if (size_ > kMaxRequest) return fail(MtaFault::too_long);
    if (!skipping_ && line.size() > kMaxSkippedName && !may_be_long(line)) {
      const std::size_t equals = beginning.find('=');
      if (equals == std::string_view::npos || equals == 0) return fail(MtaFault::bad_line);
      skipping_ = true;
      begun_ = true;
      give_back(line_);
    }
    if (!line_ends) continue;
    const Step step = skipping_ ? Step::more : take_line(line);
    skipping_ = false;
    line_.clear();
    if (step != Step::more) return step;
  }
  return Step::more;
}

// Of a line whose beginning is there.
bool MtaReader::may_be_long(std::string_view line) const {
  if (!begun_ && line.starts_with(kCheck)) return true;
  return find_attribute(line.substr(0, line.find('='))).has_value();
}

MtaReader::Step MtaReader::at_end() {
  if (fault_ != MtaFault::none) return Step::fault;
  if (done_) begin();
  if (begun_ || !line_.starts_with(kCheck)) return Step::more;
  const Step step = take_line(line_);
  line_.clear();
  return step;
}

MtaReader::Step MtaReader::take_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!begun_ && line.starts_with(kCheck)) return take_check(line.substr(kCheck.size()));
  if (line.empty()) return finish();
  begun_ = true;
  return take_attribute(line);
}

MtaReader::Step MtaReader::take_attribute(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos || equals == 0) return fail(MtaFault::bad_line);
  const auto name = find_attribute(line.substr(0, equals));
  if (!name) return Step::more;
  const std::string_view value = line.substr(equals + 1);
  if (value.find('\0') != std::string_view::npos) return fail(MtaFault::bad_byte);
  request_.set(*name, value);
  return Step::more;
}

MtaReader::Step MtaReader::take_check(std::string_view words) {
  static constexpr Attribute kOrder[] = {Attribute::client_address, Attribute::sender,
                                         Attribute::recipient, Attribute::client_name,
                                         Attribute::helo_name};
  constexpr std::size_t kLeast = 3;
  if (words.find('\0') != std::string_view::npos) return fail(MtaFault::bad_byte);
  std::string word;
  bool last = false;
  std::size_t count = 0;
  while (!last) {
    if (count == std::size(kOrder) || !take_word(words, word, last)) {
      return fail(MtaFault::bad_line);
    }
    if (kOrder[count] == Attribute::recipient) split_recipients(word);
    request_.set(kOrder[count++], word);
  }
  if (count < kLeast) return fail(MtaFault::bad_line);
  request_.form_ = MtaForm::line;
  last_form_ = MtaForm::line;
  done_ = true;
  size_ = 0;
  return Step::request;
}

MtaReader::Step MtaReader::finish() {
  if (!begun_) return fail(MtaFault::empty);
  if (request_.get(Attribute::request) != "smtpd_access_policy") {
    return fail(MtaFault::bad_request);
  }
  last_form_ = MtaForm::postfix;
  done_ = true;
  size_ = 0;
  return Step::request;
}

MtaReader::Step MtaReader::fail(MtaFault fault) {
  fault_ = fault;
  give_back(line_);
  give_back(request_.values_);
  return Step::fault;
}

void MtaReader::begin() {
  request_.clear();
  if (line_.capacity() > kKeptMemory) give_back(line_);
  begun_ = done_ = false;
}

// ---- queries and answers -----------------------------------------------------------------------

namespace {

// Whether a request of Postfix is about something to decide at this state of the session.
bool is_question(const MtaRequest& request) {
  const std::string_view state = request.get(Attribute::protocol_state);
  const bool one_recipient = !request.get(Attribute::recipient).empty();
  const bool bounce = request.get(Attribute::sender).empty();
  if (state.empty()) return one_recipient;
  if (state == "RCPT") {
    return one_recipient && !(bounce && request.get(Attribute::policy_context) == kBouncesAtData);
  }
  // Of a message to several recipients Postfix names none any more. They were asked about at RCPT;
  // a bounce need not have been.
  return (state == "DATA" || state == "END-OF-MESSAGE") && (one_recipient || bounce);
}

// `fields`: each a recipient, with a NUL between two.
void set_recipients(wire::Query& query, std::string_view fields) {
  std::size_t count = 1, end = fields.size();
  for (std::size_t nul = fields.find('\0'); nul != std::string_view::npos;
       nul = fields.find('\0', nul + 1)) {
    if (count++ == wire::kMaxRecipients) end = nul;
  }
  query.unasked = count - std::min(count, wire::kMaxRecipients);
  query.recipients = wire::Recipients(fields.substr(0, end), count - query.unasked);
}

// Of Postfix once for each recipient: at RCPT, or where it does not say when.
MtaTopic sent_by_ours(const MtaRequest& request, wire::Query& query) {
  const std::string_view state = request.get(Attribute::protocol_state);
  const std::string_view recipient = request.recipient_field();
  const bool is_told = (state.empty() || state == "RCPT") && recipient.size() > 1 &&
                       !request.get(Attribute::sender).empty();
  if (!is_told) return MtaTopic::no_opinion;
  query = {};
  query.sender = request.get(Attribute::sender);
  set_recipients(query, recipient);
  return MtaTopic::sent;
}

}  // namespace

MtaTopic to_query(const MtaRequest& request, wire::Query& query, bool submission) {
  std::string_view address = request.get(Attribute::client_address);
  std::string_view name = request.get(Attribute::client_name);
  if (request.form() == MtaForm::postfix) {
    if (submission || !request.get(Attribute::sasl_username).empty()) {
      return sent_by_ours(request, query);
    }
    if (!is_question(request)) return MtaTopic::no_opinion;
    // Postfix's word for what it does not have, and for a name that is not verified.
    if (address == "unknown") address = {};
    if (name == "unknown") name = {};
  }
  if (submission) return sent_by_ours(request, query);
  if (address.empty()) return MtaTopic::no_client;
  const std::optional<Ip> client = Ip::parse_client(address);
  if (!client) return MtaTopic::bad_client;
  const std::string_view recipient = request.recipient_field();
  query = {};
  query.client = *client;
  query.sender = request.get(Attribute::sender);
  query.client_name = name;
  if (request.has(Attribute::helo_name)) query.helo = request.get(Attribute::helo_name);
  set_recipients(query, recipient.empty() ? kNoRecipient : recipient);
  return MtaTopic::decide;
}

bool takes_header(const MtaRequest& request) {
  return request.get(Attribute::protocol_state) != "END-OF-MESSAGE";
}

void append_no_opinion(std::string& out, MtaForm form) {
  out += form == MtaForm::postfix ? "action=DUNNO\n\n" : "verdict=accept\n";
}

void append_fault_answer(std::string& out, MtaForm form, std::string_view why,
                         const Decision& decision) {
  constexpr std::string_view kText = "Greylisting cannot read what it is asked: ";
  const bool defer = decision.verdict == Verdict::defer;
  if (form == MtaForm::postfix) {
    out += "action=";
    if (defer) {
      out.append("DEFER_IF_PERMIT ").append(kText).append(why);
    } else {
      out += "DUNNO";
    }
    out += "\n\n";
    return;
  }
  out.append("verdict=").append(to_string(decision.verdict));
  out.append(" reason=").append(to_string(decision.reason));
  if (defer) out.append(" text=\"").append(kText).append(why).append("\"");
  out += '\n';
}

bool was_delayed(const Decision& decision) {
  return !decision.again && (decision.reason == Reason::passed ||
                             (decision.reason == Reason::bounce && decision.age > 0));
}

void append_answer(std::string& out, MtaForm form, const Decided& decision, const MtaWords& words,
                   bool header) {
  header = header && was_delayed(decision);
  if (form == MtaForm::postfix) {
    append_postfix_answer(out, decision, words, header);
  } else {
    append_line_answer(out, decision, words, header);
  }
}

}  // namespace grey
