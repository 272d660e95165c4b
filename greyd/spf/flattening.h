// From a domain to the networks whose mail its SPF record says is good, at the time (RFC 7208).
// Pure: says what it would ask the DNS, and goes on when it is told.
//
//   Flattening flattening("example.com");
//   while (!flattening.done()) {
//     const std::size_t count = flattening.questions().size();   // of one wave
//     for (i...) flattening.answer(i, ask(flattening.questions()[i]));
//   }
//   flattening.result().networks
//
// Which addresses are in it: those for which the record's evaluation ends with "pass", but for what
// is not taken, below. Terms count in their order, and the first that holds an address decides: of
//
//   v=spf1 -ip4:192.0.2.7 ip4:192.0.2.0/24 ~all
//
// 192.0.2.7 is not in it. What another qualifier than "+" takes ("-", "~", "?": fail, softfail,
// neutral) is out for the terms behind it. `include:` holds what passes the other record, and what
// that fails is as if it were not named (RFC 7208, 5.2); redirect= is what follows the last term
// where none of them is `all`. An error ends it where it stands: who was taken before would pass,
// too, before the evaluation comes there.
//
// Not taken: terms with macros, exists and ptr, which need the message that is asked about (a term
// with a macro counts as not there, whatever its qualifier; the others are counted with what asks
// the DNS); networks wider than /12 of IPv4 or /32 of IPv6, `all` with them: they would make
// strangers of each other's mail one; those of IPv6 that hold IPv4's.
//
// Bounds (RFC 7208, 4.6.4): 10 terms that ask the DNS, 2 of these without an answer, 10 names of
// mail exchangers; kMaxRecord octets of a record, kMaxNetworks. So it ends for every record and
// loop: after 1 + 10 waves, a dozen names in a wave of which each is asked for two types.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/seconds.h"
#include "greyd/spf/address_ranges.h"
#include "greyd/spf/dns_data.h"
#include "greyd/spf/flattened.h"
#include "greyd/spf/record.h"

namespace grey::spf {

struct Question {
  std::string name;  // as read_name() has it
  Type type = Type::txt;
};

struct Answer {
  enum class Kind : std::uint8_t {
    found,
    nothing,    // no such name, or nothing of that type
    temporary,  // no answer, or a failure of the DNS
  };
  Kind kind = Kind::temporary;
  Seconds ttl = 0;                // of the first two, in seconds
  std::vector<std::string> data;  // of the first, as dns_data.h has them, at the name's own end
};

class Flattening {
 public:
  static constexpr unsigned kMaxTerms = 10, kMaxVoid = 2, kMaxHosts = 10;
  // Mail exchangers of all its terms: each is two questions.
  static constexpr unsigned kMaxHostsOfAll = 20;

  explicit Flattening(std::string_view domain);

  // What is to be known next; empty when it is done.
  const std::vector<Question>& questions() const { return questions_; }
  // Of questions()[i], each once. With the last of them there are other questions, or none.
  void answer(std::size_t i, const Answer& answer);
  std::size_t missing() const { return missing_; }  // how many of them are not answered

  bool done() const { return result_.has_value(); }
  const Flattened& result() const { return *result_; }  // REQUIRES: done()

 private:
  // What a wave is asked for.
  enum class For : std::uint8_t { record, addresses, hosts, host_addresses };
  // A record that is being read, within those that include it.
  struct Frame {
    Record record;
    std::string domain;
    std::size_t next = 0;  // term
    bool passes = true;    // of the term that has led here
    bool unsure = false;   // a term that was read names somebody, and nobody can tell whom
    AddressRanges passed, decided;

    void stop() {  // no term of it is read on
      next = record.terms.size();
      record.redirect.clear();
    }
  };

  void ask(For what, std::vector<Question> questions);
  void on_wave();
  void on_record();
  void on_addresses();
  void on_hosts();
  void read_on();
  bool read_term(const Term& term);
  void read_redirect();
  bool count_term();
  void add(bool passes, const AddressRanges& ranges);
  void leave();
  void end(Ended ended);
  std::vector<std::string> data_of(Type type) const;

  std::vector<Question> questions_;
  std::vector<std::optional<Answer>> answers_;
  std::size_t missing_ = 0;
  For for_ = For::record;
  std::vector<Frame> frames_;
  std::string entering_;  // the domain whose record is asked for
  bool entering_passes_ = true;
  Term asking_;  // whose addresses are asked for
  unsigned terms_ = 0, void_ = 0;
  std::size_t hosts_ = 0;
  Seconds ttl_ = kMostTtl;
  std::optional<Flattened> result_;
};

}  // namespace grey::spf
