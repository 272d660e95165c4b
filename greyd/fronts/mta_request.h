// The stream protocol between a mail server and the daemon: bytes to requests, decisions to
// answers.
//
// Two forms, told apart by a request's first line:
//
// - Postfix policy delegation (SMTPD_POLICY_README). A request is lines `name=value`, ended by an
//   empty one; `request=smtpd_access_policy` must be among them, attributes that are not listed in
//   Attribute are skipped. The answer is one `action=...` and an empty line:
//
//     action=DUNNO
//     action=DEFER_IF_PERMIT Greylisted: please try again in 5 minutes
//     action=PREPEND X-Greylist: delayed 352 seconds by qmail-greyd at mx.example.net
//
// - One line, for Exim's ${readsocket: `check ` and three, four or five words, each after one
// space. A
//   word is plain, or in double quotes as Exim's ${quote: writes it (\" \\ \n \r). The newline may
//   be missing at the end of the stream. The answer is one line that ${extract reads:
//
//     check 192.0.2.1 "joe@example.org" "ann@example.net" "mx.example.org" "helo.example.org"
//     verdict=defer reason=new wait=300 text="Greylisted: please try again in 5 minutes"
//     verdict=accept reason=passed delay=352 header="X-Greylist: delayed 352 seconds by ..."
//     verdict=accept reason=known
//
// What cannot be read as a request is answered, too, in the form of whoever asks: a stream that
// just ends leaves it to the mail server, and many let the mail pass then, so that a client would
// only have to send an address that breaks its request.
//
// Pure: no sockets, no clock.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/core/decision.h"
#include "greyd/wire/wire.h"

namespace grey {

enum class MtaForm : std::uint8_t { postfix, line };

// What of a request counts here. A line request has a client, sender, recipient, name and HELO
// only.
enum class Attribute : std::uint8_t {
  request,
  protocol_state,
  client_address,
  client_name,
  helo_name,
  sender,
  recipient,
  instance,        // the same for all requests about one message
  sasl_username,   // not empty: the client has authenticated itself
  policy_context,  // the administrator's word to us, from Postfix's configuration
};
constexpr std::size_t kAttributes = 10;

// As policy_context: the null sender is not to be decided at RCPT, as it will be asked about at
// DATA. Who only verifies an address never gets there, and has nothing to gain from a retry.
constexpr std::string_view kBouncesAtData = "bounces-at-data";

class MtaRequest {
 public:
  MtaForm form() const { return form_; }
  std::string_view get(Attribute name) const;  // empty when it was not given
  bool has(Attribute name) const { return places_[std::size_t(name)].begin != 0; }
  // The recipient as a field of a wire query: "T<recipient>".
  std::string_view recipient_field() const;
  std::size_t memory() const { return values_.capacity(); }
  void forget() { *this = MtaRequest(); }  // and its memory

 private:
  friend class MtaReader;
  struct Place {
    std::uint32_t begin = 0, end = 0;  // in values_; begin is after the letter
  };
  void set(Attribute name, std::string_view value);
  void clear();

  MtaForm form_ = MtaForm::postfix;
  std::string values_;  // each with a 'T' before it
  std::array<Place, kAttributes> places_{};
};

// Why bytes are not a request. The names are those of the log.
enum class MtaFault : std::uint8_t { none, empty, bad_line, bad_byte, too_long, bad_request };
constexpr std::size_t kMtaFaults = 6;
std::string_view to_string(MtaFault fault);

// Cuts a stream into requests; the same ones however the stream arrives in pieces. Of an unfinished
// request it holds a line and the values that count, together at most kMaxRequest bytes. That is
// more than two addresses in the longest commands that Postfix (2,048 bytes) and Exim (16,384, and
// twice as much in quotes) take.
class MtaReader {
 public:
  static constexpr std::size_t kMaxSkippedName = 4096;  // where a line's name must have ended
  static constexpr std::size_t kMaxRequest = 80 << 10;  // all of it, with what is skipped

  enum class Step : std::uint8_t { more, request, fault };

  // Takes from the front of `bytes` up to the end of a request: Step::request, and request() is it;
  // more: all was taken, and the request is not whole yet; fault: see fault(), nothing more can be
  // read from this stream.
  Step next(std::string_view& bytes);
  // The stream has ended: a line request without its newline is whole.
  Step at_end();

  // Until the next call. May be swapped for another, whose memory is used for the next request.
  MtaRequest& request() { return request_; }
  MtaFault fault() const { return fault_; }
  // In which form an answer to the fault is understood. Nothing when what has come looks like
  // neither, and no request came before it.
  std::optional<MtaForm> form() const { return form_; }
  bool idle() const { return size_ == 0; }  // nothing of an unfinished request has come
  // Ends the life of request(): what a long one took is given back now, and not with the next.
  void forget_request() {
    if (done_) begin();
  }
  std::size_t memory() const { return line_.capacity() + request_.values_.capacity(); }

 private:
  Step take_line(std::string_view line);
  Step take_attribute(std::string_view line);
  Step take_check(std::string_view words);
  Step finish();
  Step fail(MtaFault fault);
  void begin();
  bool may_be_long(std::string_view line) const;

  MtaRequest request_;
  std::string line_;      // the beginning of a line whose end has not come
  std::size_t size_ = 0;  // bytes of the request so far
  bool begun_ = false;    // a line of it has been taken
  bool done_ = false;     // request_ is whole and is cleared by the next call
  bool skipping_ = false;
  MtaFault fault_ = MtaFault::none;
  std::optional<MtaForm> form_;       // of the request that has begun, or of the last one
  std::optional<MtaForm> last_form_;  // of the last whole one
};

// What to do with a request.
enum class MtaTopic : std::uint8_t {
  decide,      // the query is to be decided
  no_opinion,  // authenticated, or not about one recipient or a bounce
  sent,        // one of ours sends it to one recipient, or several: nothing to decide
  no_client,   // the mail is from no other host
  bad_client,  // the client has an address that we cannot read
};
// Views of `query` point into `request`. `submission`: all who ask are ours; else only who has a
// sasl_username. Of MtaTopic::sent sender and recipients alone are set.
MtaTopic to_query(const MtaRequest& request, wire::Query& query, bool submission = false);

// What answers are made from.
struct MtaWords {
  // For who falls under no rule with a text of its own. "%t" stands for the time after which a
  // retry is accepted: "5 minutes", "50 seconds" or, where that is not known, "a few minutes". As
  // GREYTEXT of libgreylist; see deferral.h.
  std::string deferral = "Greylisted: please try again in %t";
  std::string server = "qmail-greyd";  // who delayed
};

void append_no_opinion(std::string& out, MtaForm form);
// To what cannot be read. `decision`: undecided_under the policy; `why` is for who reads the mail
// server's log.
void append_fault_answer(std::string& out, MtaForm form, std::string_view why,
                         const Decision& decision);
// `header`: say by a header that the message was delayed, if it was.
void append_answer(std::string& out, MtaForm form, const Decided& decision, const MtaWords& words,
                   bool header);
// Whether the server can still put a header before the message: Postfix cannot any more at its end.
bool takes_header(const MtaRequest& request);
// A header is due: this was the good retry.
bool was_delayed(const Decision& decision);

}  // namespace grey
