// The UDP protocol between an SMTP server and the daemon, both directions.
//
// Query, as greylist(3) and greydaemon(8) document it, with additions (E, H, K, N, P, Q, W and X):
//
//   I<ip> NUL F<sender> NUL { T<recipient> NUL | N<client name> NUL | H<helo> NUL | E NUL | P NUL
//                             | Q<tag> NUL | W NUL | X NUL | <other letter>... NUL }
//                           [K<key's field> NUL] [NUL]
//
// - The last field's NUL may be missing: clients cut long queries at a size of their own.
// - An empty field ends the query; what follows is ignored.
// - N is the client's verified host name (tcpserver's TCPREMOTEHOST). Fields of any other letter
//   after F are skipped, so that the protocol can grow.
// - H is what the client said in HELO, EHLO or LHLO, and E says that it spoke before it was
// greeted:
//   for --select (core/suspicion.h). Of an H the first 128 bytes count; an empty one says that
//   there was no HELO, or one without a name.
// - P makes it a probe, which asks whether the daemon is there: it is answered as a first attempt
//   is, by the lists and else with "new", and nothing is looked up or stored.
// - W asks how long the client has to wait.
// - X asks for the text that a rule of the operator's has for it.
// - Q, of at most 16 bytes, asks for its tag at the end of the answer. Without it an answer that
//   comes late may be taken for that to another question, as ports are used again.
// - K says, under a key, that it is from who has it, and asks for an answer that is from who has
// it:
//   key_field.h.
// - At least one T is needed. A recipient may be empty, and so may the sender (a bounce).
// - Under greydaemon's rules less is needed, see Dialect.
//
// Answer: two bytes. Clients look at the first only, 1 for accept and 0 for defer; see Answer. To a
// query with W a deferral has four more, when the time is known: the seconds until a retry is
// accepted, most significant byte first. To a query with X, where the rule that decided has a text,
// it has these four always, 0 for a time that is not known, and then the text: 1 to 400 bytes of
// printable ASCII, with a "%t" where the time belongs (wait_text.h). Where no rule has one, X
// changes nothing. To a query with Q its tag follows.
//
// So an answer without its tag, whose length the asker knows, has 2, 6 or more bytes, and what is
// behind the sixth is the text: with W or without, with Q or without.
//
// What ours have sent, which is told and not answered. Who does not know it takes it for no query,
// as it has no I:
//
//   R<ours> NUL { T<theirs> NUL | <other letter>... NUL } [K<key's field> NUL] [NUL]
//
// The endings are those of a query, and so is K. At least one T is needed; of an empty R, as of a
// bounce, nothing is stored.
//
// Shared by daemon and glue. No dependency, and nothing here may throw or allocate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

#include "greyd/wire/client.h"

namespace grey::wire {

constexpr std::size_t kMaxDatagram = 65507;  // UDP over IPv4 (RFC 768, RFC 791)

// Octets of a HELO that are sent and taken: enough for hosts' names, and few enough for a query
// about one recipient to need no fragments.
constexpr std::size_t kMaxHelo = 128;

// Recipients of a query beyond so many count as not asked about: work and memory that a query may
// cause are bounded. Postfix takes no more in a message (smtpd_recipient_limit), RFC 5321 asks for
// 100 (4.5.3.1.8).
constexpr std::size_t kMaxRecipients = 1000;

// A recipient that stands for others, which a client's size limit has left out: '#' and the digest
// of their addresses, 16 hexadecimal digits. The glue names it so that a retry names the same.
constexpr std::size_t kRestDigits = 16;
constexpr bool stands_for_others(std::string_view recipient) {
  if (recipient.size() != 1 + kRestDigits || recipient[0] != '#') return false;
  for (const char c : recipient.substr(1)) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

// The recipients of a query, in order, as views into its datagram.
class Recipients {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using pointer = const std::string_view*;
    using reference = std::string_view;

    Iterator(const char* at, const char* end) : at_(at), end_(end) { settle(); }
    std::string_view operator*() const { return {at_ + 1, std::size_t(field_end_ - at_ - 1)}; }
    Iterator& operator++();
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    void settle();  // moves on to the next T field, or to the end
    const char* at_;
    const char* end_;
    const char* field_end_ = nullptr;
  };

  Recipients() = default;
  Recipients(std::string_view fields, std::size_t count) : fields_(fields), count_(count) {}
  Iterator begin() const { return {fields_.data(), fields_.data() + fields_.size()}; }
  Iterator end() const {
    return {fields_.data() + fields_.size(), fields_.data() + fields_.size()};
  }
  std::size_t size() const { return count_; }

 private:
  std::string_view fields_;  // all after the sender, up to the end of the query
  std::size_t count_ = 0;
};

// Views point into the datagram and live as long as it does.
struct Query {
  Client client;
  std::string_view sender;
  std::string_view client_name;  // empty when the front sent none
  // What it has said in HELO; nothing when the front sent none, empty when the client did.
  std::optional<std::string_view> helo{};
  bool spoke_early = false;  // before it was greeted
  bool wants_wait = false;   // the answer may tell how long to wait
  bool wants_text = false;   // and in which words
  std::string_view tag;      // what the answer is to end with
  Recipients recipients;
  // The datagram up to the end of its last recipient. The same in each form that a question is
  // asked in: with the additions that follow, or without, as an asker tries where it gets no
  // answer.
  std::string_view envelope;
  bool probe = false;       // decides nothing and leaves no trace in the state
  std::size_t unasked = 0;  // recipients named beyond kMaxRecipients
  // These are not in a datagram.
  // The host that asks, in whose share of the records it is what the query adds; Ip() when nobody
  // can tell.
  Ip asker = {};
  // Both are 0 when nobody can tell.
  // The same for all queries about one message: a good retry of it counts once.
  std::uint64_t message = 0;
  // The same for copies of one question, in whichever form: what an asker sends again, as it got no
  // answer in time, is no retry.
  std::uint64_t question = 0;
};

// One of ours has written to those. Views as in a query.
struct Sent {
  std::string_view ours;  // empty: the null sender
  Recipients theirs;
  std::size_t untold = 0;  // named beyond kMaxRecipients
  Ip asker = {};           // who tells it; not in a datagram
};

// Why a datagram is not a query, or, from key_cut on, not one of who has the key (key_field.h). The
// names are those of the log and of the counters (counters.h).
enum class Fault : std::uint8_t {
  none,
  empty,
  no_client,
  bad_client,
  no_sender,
  no_recipient,
  key_missing,   // and one is wanted of this source
  key_cut,       // it is not whole
  key_twice,     // there are two of them
  key_not_last,  // something is behind it
  key_unknown,   // its ID
  key_forged,    // the MAC is wrong
  key_late,      // its time is long past
  key_early,     // or still to come
};
constexpr std::size_t kFaults = 14;
std::string_view to_string(Fault fault);

// greydaemon answers what is a fault elsewhere: a client that is no address is a name (bad_client),
// and there may be no recipient at all (no_recipient). A line feed ends its client and its sender.
enum class Dialect : std::uint8_t { qmail_greyd, greydaemon };

// Reads `datagram` into `query`; the query is whole only when Fault::none is returned.
[[nodiscard]] Fault parse(std::string_view datagram, Query& query,
                          Dialect dialect = Dialect::qmail_greyd);

// Whether it is to be read by parse_sent(). A query begins otherwise.
constexpr bool tells_sent(std::string_view datagram) {
  return !datagram.empty() && datagram[0] == 'R';
}
// REQUIRES: tells_sent(datagram). `sent` is whole only when Fault::none is returned; else it is
// Fault::no_recipient.
[[nodiscard]] Fault parse_sent(std::string_view datagram, Sent& sent);

enum class Reason : std::uint8_t {
  new_triplet,
  early,
  stale,
  error,
  blacklisted,
  whitelisted,
  known,
  passed,
  bounce,
  rule,       // of the operator's: accepted
  unsuspect,  // nothing speaks against the client, and only where something does it is greylisted
  reply,      // to what one of ours has written: accepted
};
constexpr std::size_t kReasons = 12;
std::string_view to_string(Reason reason);  // "new", "early", ...

enum class Verdict : std::uint8_t { defer = 0, accept = 1 };
constexpr Verdict verdict_of(Reason reason) {
  return reason < Reason::whitelisted ? Verdict::defer : Verdict::accept;
}
constexpr std::string_view to_string(Verdict verdict) {
  return verdict == Verdict::accept ? "accept" : "defer";
}

//  0 1 new    0 2 early   0 3 stale   0 4 error   0 5 blacklisted
//  1 1 whitelisted, rule, unsuspect   1 2 known, reply   1 3 passed   1 4 bounce
constexpr std::size_t kMaxTag = 16;
struct Answer {
  char bytes[6 + kMaxTag];
  std::size_t size = 2;

  constexpr void append(std::string_view tag) {
    for (const char c : tag) bytes[size++] = c;
  }
};
constexpr Answer to_answer(Reason reason) {
  if (reason == Reason::reply) reason = Reason::known;
  if (reason >= Reason::rule) reason = Reason::whitelisted;
  const int index = int(reason);
  const int first_accept = int(Reason::whitelisted);
  if (index < first_accept) return {{0, char(index + 1)}};
  return {{1, char(index - first_accept + 1)}};
}

// The same for a query with W; `wait` in seconds, not 0.
constexpr Answer to_answer_with_wait(Reason reason, std::uint32_t wait) {
  Answer answer = to_answer(reason);
  for (int i = 0; i < 4; ++i) answer.bytes[2 + i] = char(wait >> (24 - 8 * i));
  answer.size = 6;
  return answer;
}
// The same for a query with X, where a rule has a text. Apart from Answer, which stays small, as
// most deferrals have none.
constexpr std::size_t kMaxText = 400;
struct AnswerWithText {
  char bytes[6 + kMaxText + kMaxTag];  // what is behind `size` is not initialized
  std::size_t size;

  // A `wait` of 0: not known. REQUIRES: a text of 1 to kMaxText bytes.
  AnswerWithText(Reason reason, std::uint32_t wait, std::string_view text);
  void append(std::string_view part);  // what does not fit is left out
};
// The seconds that a received answer, without its tag, tells; or 0.
constexpr std::uint32_t wait_in(std::string_view answer) {
  if (answer.size() < 6 || answer[0] != char(Verdict::defer)) return 0;
  std::uint32_t wait = 0;
  for (std::size_t i = 2; i < 6; ++i)
    wait = wait << 8 | static_cast<unsigned char>(answer.data()[i]);
  return wait;
}

// Writes a query into a buffer of the caller's. Fields that do not fit are left out whole.
class QueryWriter {
 public:
  QueryWriter(char* buffer, std::size_t capacity) : buffer_(buffer), capacity_(capacity) {}
  // False when the text has a NUL inside or would leave no room for the final NUL.
  bool field(char letter, std::string_view text);
  // Adds the final NUL. The length of the datagram.
  std::size_t finish();

 private:
  char* buffer_;
  std::size_t capacity_;
  std::size_t size_ = 0;
};

}  // namespace grey::wire
