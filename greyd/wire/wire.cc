#include "greyd/wire/wire.h"

#include <algorithm>
#include <cstring>

namespace grey::wire {
namespace {

// Where the field that starts at `at` ends: its NUL, or the end of the datagram.
const char* field_end(const char* at, const char* end) {
  const void* nul = std::memchr(at, '\0', std::size_t(end - at));
  return nul != nullptr ? static_cast<const char*>(nul) : end;
}

const char* after(const char* field_end, const char* end) {
  return field_end == end ? end : field_end + 1;
}

// Of the client's or the sender's field, which is there.
std::string_view value_of(const char* at, const char* field_end, Dialect dialect) {
  const std::string_view value(at + 1, std::size_t(field_end - at - 1));
  if (dialect == Dialect::qmail_greyd) return value;
  return {value.data(), std::min(value.find('\n'), value.size())};
}

// A field behind the sender that is no recipient.
void take_addition(char letter, std::string_view value, Query& query) {
  if (letter == 'E') query.spoke_early = true;
  if (letter == 'H') query.helo = {value.data(), std::min(value.size(), kMaxHelo)};  // no throw
  if (letter == 'N') query.client_name = value;
  if (letter == 'P') query.probe = true;
  if (letter == 'Q' && value.size() <= kMaxTag) query.tag = value;
  if (letter == 'W') query.wants_wait = true;
  if (letter == 'X') query.wants_text = true;
}

// The recipients among the fields from `at` on.
struct RecipientFields {
  Recipients recipients;
  std::size_t unasked = 0;         // beyond kMaxRecipients
  const char* last_end = nullptr;  // of the last recipient; where `at` was when there is none
};

template <typename TakeOther>
RecipientFields take_recipients(const char* at, const char* end, TakeOther take_other) {
  const char* const fields = at;
  RecipientFields taken{{}, 0, at};
  const char* fields_end = nullptr;  // before the first recipient that is too many
  std::size_t recipients = 0;
  for (const char* stop; at != end; at = after(stop, end)) {
    stop = field_end(at, end);
    if (stop == at) break;  // the empty field that ends the query
    if (*at == 'T') {
      if (++recipients == kMaxRecipients + 1) fields_end = at;
      taken.last_end = stop;
      continue;
    }
    take_other(*at, std::string_view(at + 1, std::size_t(stop - at - 1)));
  }
  if (fields_end == nullptr) fields_end = at;
  taken.unasked = recipients - std::min(recipients, kMaxRecipients);
  taken.recipients =
      Recipients({fields, std::size_t(fields_end - fields)}, recipients - taken.unasked);
  return taken;
}

}  // namespace

void Recipients::Iterator::settle() {
  while (at_ != end_) {
    field_end_ = field_end(at_, end_);
    if (*at_ == 'T') return;
    at_ = after(field_end_, end_);
  }
}

Recipients::Iterator& Recipients::Iterator::operator++() {
  at_ = after(field_end_, end_);
  settle();
  return *this;
}

std::string_view to_string(Fault fault) {
  static constexpr std::string_view kNames[kFaults] = {
      "none",         "empty",       "no-client", "bad-client", "no-sender",
      "no-recipient", "key-missing", "key-cut",   "key-twice",  "key-not-last",
      "key-unknown",  "key-forged",  "key-late",  "key-early"};
  return kNames[std::size_t(fault)];
}

std::string_view to_string(Reason reason) {
  static constexpr std::string_view kNames[] = {"new",         "early",       "stale",     "error",
                                                "blacklisted", "whitelisted", "known",     "passed",
                                                "bounce",      "rule",        "unsuspect", "reply"};
  return kNames[std::size_t(reason)];
}

Fault parse(std::string_view datagram, Query& query, Dialect dialect) {
  const bool ours = dialect == Dialect::qmail_greyd;
  const char* at = datagram.data();
  const char* const end = at + datagram.size();
  if (at == end) return Fault::empty;

  if (*at != 'I') return Fault::no_client;
  const char* stop = field_end(at, end);
  query.client = Client::parse(value_of(at, stop, dialect));
  if (ours && !query.client.has_address()) return Fault::bad_client;

  at = after(stop, end);
  if (at == end || *at != 'F') return Fault::no_sender;
  stop = field_end(at, end);
  query.sender = value_of(at, stop, dialect);

  query.client_name = {};
  query.helo.reset();
  query.spoke_early = false;
  query.wants_wait = query.wants_text = false;
  query.tag = {};
  query.probe = false;
  query.message = query.question = 0;
  const RecipientFields taken = take_recipients(
      after(stop, end), end,
      [&](char letter, std::string_view value) { take_addition(letter, value, query); });
  if (ours && taken.recipients.size() == 0) return Fault::no_recipient;
  query.envelope = {datagram.data(), std::size_t(taken.last_end - datagram.data())};
  query.unasked = taken.unasked;
  query.recipients = taken.recipients;
  return Fault::none;
}

Fault parse_sent(std::string_view datagram, Sent& sent) {
  const char* const begin = datagram.data();
  const char* const end = begin + datagram.size();
  const char* const stop = field_end(begin, end);
  sent.ours = {begin + 1, std::size_t(stop - begin - 1)};
  const RecipientFields taken =
      take_recipients(after(stop, end), end, [](char, std::string_view) {});
  sent.theirs = taken.recipients;
  sent.untold = taken.unasked;
  return sent.theirs.size() == 0 ? Fault::no_recipient : Fault::none;
}

AnswerWithText::AnswerWithText(Reason reason, std::uint32_t wait, std::string_view text) {
  const Answer head = to_answer_with_wait(reason, wait);
  size = head.size;
  std::memcpy(bytes, head.bytes, size);
  append({text.data(), std::min(text.size(), kMaxText)});
}

void AnswerWithText::append(std::string_view part) {
  const std::size_t fits = std::min(part.size(), sizeof bytes - size);
  if (fits > 0) std::memcpy(bytes + size, part.data(), fits);
  size += fits;
}

bool QueryWriter::field(char letter, std::string_view text) {
  constexpr std::size_t kLetterNulAndFinalNul = 3;
  if (text.size() > capacity_ || capacity_ - text.size() < size_ + kLetterNulAndFinalNul) {
    return false;
  }
  if (!text.empty() && std::memchr(text.data(), '\0', text.size()) != nullptr) return false;
  buffer_[size_++] = letter;
  if (!text.empty()) std::memcpy(buffer_ + size_, text.data(), text.size());
  size_ += text.size();
  buffer_[size_++] = '\0';
  return true;
}

std::size_t QueryWriter::finish() {
  if (size_ < capacity_) buffer_[size_++] = '\0';
  return size_;
}

}  // namespace grey::wire
