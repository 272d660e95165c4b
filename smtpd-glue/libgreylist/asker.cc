#include "smtpd-glue/libgreylist/asker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <string_view>

#include "greyd/wire/endpoint.h"
#include "greyd/wire/key_field.h"
#include "greyd/wire/wire.h"
#include "smtpd-glue/libgreylist/answer_parts.h"
#include "smtpd-glue/libgreylist/query_form.h"
#include "smtpd-glue/libgreylist/query_text.h"
#include "smtpd-glue/libgreylist/server_socket.h"
#include "smtpd-glue/libgreylist/servers.h"
#include "smtpd-glue/libgreylist/tagging_daemons.h"

namespace grey::glue {
namespace {

using Milliseconds = long long;

// UDP loses packets: a query is sent again after this time, then after twice as long, up to the
// longest. In the default 3 seconds that is 13 times: where every fifth datagram is lost in each
// direction, two queries in a million get no answer. Doubling without end would be 4 to 5 times,
// and no answer for one in a hundred. (Of who answers one form only, every second counts: there two
// in a thousand get no answer. Within greysmtpd's session that form is the first and every second.)
constexpr Milliseconds kFirstResend = 100;
constexpr Milliseconds kLongestResend = 250;
constexpr unsigned kMaxTimeout = 600000;
constexpr int kReadAtOnce = 128;  // datagrams
// Then the processor is another's for so long: who is flooded with what is no answer reads 128,000
// a second at most. What is lost meanwhile is asked for again.
constexpr int kFloodPause = 1;               // milliseconds
constexpr Milliseconds kSignedFor = 10'000;  // of the 30 s that a daemon takes it for good
// A long query goes in fragments, and there are networks that lose them all. After so many of it
// what is sent is the brief one.
constexpr unsigned kWholeQueries = 2;

Milliseconds monotonic_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Milliseconds(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

// One question to a list of servers, until the first answer or the deadline.
//
// Each server is asked in turn, the current one for an equal share of the time that is left; the
// sockets of those before it stay open, as a late answer is as good as any. All of them are new,
// with a port of their own, and connected; and as the port may have been another question's just
// before, an answer must end with our tag. (Daemons without tags say two octets; they are believed
// from who has never sent a tag.) When all have refused, the round begins again after a pause: a
// daemon that is being restarted must not decide for GREYFAIL.
//
// A datagram that is sent again is in the other form: see query_form.h. Under a key there is but
// one, which is the same each time, and no answer is believed that is not under it: what else comes
// is passed over, as if nothing had come.
class Asker {
 public:
  // `signing`: what the question is signed with; nullptr: it is not.
  Asker(const Servers& servers, Milliseconds timeout, Question& question, const Signing* signing,
        QueryForms& forms, DaemonText text)
      : servers_(servers.list),
        count_(servers.count),
        question_(question),
        signing_(signing),
        forms_(forms),
        text_(text),
        deadline_(monotonic_ms() + timeout),
        sign_anew_(monotonic_ms() + kSignedFor) {
    for (pollfd& socket : sockets_) socket = {-1, POLLIN, 0};
  }
  ~Asker() {
    for (const pollfd& socket : sockets_) {
      if (socket.fd >= 0) close(socket.fd);
    }
  }
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;

  greylist_result ask() {
    begin_turn(0, monotonic_ms());
    for (;;) {
      const Milliseconds now = monotonic_ms();
      if (now >= deadline_) return no_answer();
      if (now >= turn_ends_ && current_ + 1 < count_) begin_turn(current_ + 1, now);
      if (now >= next_send_ && !send_query()) {
        refused(now);
        continue;
      }
      if (wait(now)) return answer_;
    }
  }

 private:
  // From `start` on, which may be after now and even after the deadline.
  void begin_turn(std::size_t server, Milliseconds start) {
    current_ = server;
    turn_ends_ = start + (deadline_ - start) / Milliseconds(count_ - server);
    next_send_ = start;
    // Twice at least, also where the turn is short: once in each form.
    const Milliseconds half = (turn_ends_ - start) / 2;
    resend_after_ = half < 1 ? 1 : half < kFirstResend ? half : kFirstResend;
  }

  // The current server's next datagram. Who has sent a tag knows our additions.
  Form form() const { return sends_tags(servers_[current_]) ? Form::full : forms_.next(current_); }

  // A time is good for half a minute; who waits longer than that needs another.
  void keep_signed() {
    const Milliseconds now = monotonic_ms();
    if (signing_ == nullptr || now < sign_anew_) return;
    question_.sign(new_signing(signing_->key));
    sign_anew_ = now + kSignedFor;
  }

  ssize_t send_datagram(int fd) {
    keep_signed();
    const std::string_view datagram = question_.datagram(sent_ >= kWholeQueries, form());
    ssize_t sent;
    do {
      sent = send(fd, datagram.data(), datagram.size(), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent;
  }

  bool send_query() {
    pollfd& socket = sockets_[current_];
    if (socket.fd < 0) socket.fd = connect_to(servers_[current_]);
    if (socket.fd < 0) return note_error(current_);
    if (opened_ <= current_) opened_ = current_ + 1;
    // A refusal of an earlier datagram may be reported by this send, which then sent nothing.
    ssize_t sent = send_datagram(socket.fd);
    if (sent < 0 && errno == EMSGSIZE && sent_ < kWholeQueries) {
      sent_ = kWholeQueries;
      sent = send_datagram(socket.fd);
    }
    if (sent < 0 && errno != EAGAIN) return note_error(current_);
    if (sent >= 0) forms_.sent(current_, form());
    ++sent_;
    // Silence since the last one: a refusal would have come.
    if (waiting_[current_]) errors_[current_] = 0;
    waiting_[current_] = true;
    next_send_ = monotonic_ms() + resend_after_;
    resend_after_ = resend_after_ * 2 < kLongestResend ? resend_after_ * 2 : kLongestResend;
    return true;
  }

  bool note_error(std::size_t server) {
    errors_[server] = errno;
    waiting_[server] = false;
    forms_.refused(server);
    return false;
  }

  void refused(Milliseconds now) {
    if (current_ + 1 < count_) return begin_turn(current_ + 1, now);
    begin_turn(0, now + round_pause_);
    round_pause_ = round_pause_ * 2 < kLongestResend ? round_pause_ * 2 : kLongestResend;
  }

  // Until something arrives or the next thing is due. True when answer_ holds the answer.
  bool wait(Milliseconds now) {
    Milliseconds until = deadline_ < next_send_ ? deadline_ : next_send_;
    if (current_ + 1 < count_ && turn_ends_ < until) until = turn_ends_;
    // One more, as the clock's fractions are cut off: never wake just before the time.
    const int timeout = until > now ? int(until - now) + 1 : 0;
    // No more than are open: poll(2) refuses more than the limit of open files.
    if (poll(sockets_, nfds_t(opened_), timeout) <= 0) return false;  // EINTR: time will tell
    is_flooded_ = false;
    for (std::size_t i = 0; i < opened_; ++i) {
      if (sockets_[i].fd >= 0 && sockets_[i].revents != 0 && receive(i)) return true;
    }
    if (is_flooded_) poll(nullptr, 0, kFloodPause);
    return false;
  }

  // True when answer_ holds the answer. Reads a bounded number of datagrams, as who sends without
  // end would otherwise hold us here beyond the deadline.
  bool receive(std::size_t server) {
    for (int read = 0; read < kReadAtOnce; ++read) {
      char bytes[longest_answer(kAnswerParts) + wire::kMacSize] = {};
      ssize_t size;
      do {
        size = recv(sockets_[server].fd, bytes, sizeof bytes, MSG_TRUNC);
      } while (size < 0 && errno == EINTR);
      if (size < 0 && errno == EAGAIN) return false;
      if (size < 0) {
        note_error(server);
        // Nobody listens: with others left there is no point in waiting for this one's turn to end.
        if (server == current_) refused(monotonic_ms());
        return false;
      }
      if (std::size_t(size) <= sizeof bytes && is_answer(server, {bytes, std::size_t(size)}))
        return true;
    }
    is_flooded_ = true;
    return false;
  }

  // Takes it when it is one.
  bool is_answer(std::size_t server, std::string_view answer) {
    if (signing_ != nullptr) {
      if (!question_.is_signed_answer(signing_->key.secret, answer)) {
        has_unsigned_ = true;
        return false;
      }
      answer.remove_suffix(wire::kMacSize);
    }
    const auto parts = split_answer(kAnswerParts, answer);
    if (!parts || !is_verdict((*parts)[kVerdict][0])) return false;
    const std::string_view tag = (*parts)[kTag], reason = (*parts)[kReason], text = (*parts)[kText];
    if (!text.empty() && (!text_.is_wanted() || answer[0] != GREYLIST_DEFER)) return false;
    if (!tag.empty()) {
      if (!question_.is_tag(tag)) return false;
      remember_sends_tags(servers_[server]);
      forms_.answered_with_tag(server);
    } else if (sends_tags(servers_[server])) {
      return false;
    } else {
      forms_.answered_without_tag(server);
    }
    answer_.verdict = answer[0] == GREYLIST_ACCEPT ? GREYLIST_ACCEPT : GREYLIST_DEFER;
    answer_.reason = reason.empty() ? 0 : static_cast<unsigned char>(reason[0]);
    answer_.retry_after = wire::wait_in({answer.data(), answer.size() - tag.size()});
    text_.take(text);
    return true;
  }
  static bool is_verdict(char octet) { return octet == GREYLIST_DEFER || octet == GREYLIST_ACCEPT; }

  // Unreachable when all that were asked have refused at last.
  greylist_result no_answer() const {
    greylist_result result = answer_;
    result.error = GREYLIST_UNREACHABLE;
    for (std::size_t i = 0; i < count_; ++i) {
      if (errors_[i] != 0) {
        result.error_number = errors_[i];
      } else if (sockets_[i].fd >= 0) {
        result.error = GREYLIST_SILENT;
      }
    }
    if (result.error_number == 0) result.error = GREYLIST_SILENT;
    if (result.error == GREYLIST_SILENT) {
      result.error_number = 0;
      if (has_unsigned_) result.error = GREYLIST_UNSIGNED;
    }
    return result;
  }

  const Endpoint* servers_;
  std::size_t count_;
  Question& question_;
  const Signing* signing_;
  QueryForms& forms_;
  DaemonText text_;
  unsigned sent_ = 0;  // datagrams, to all servers
  Milliseconds deadline_;
  Milliseconds sign_anew_;     // after this
  bool has_unsigned_ = false;  // something came that is not under the key
  bool is_flooded_ = false;    // more than is read at once, and nothing of use
  std::size_t current_ = 0;
  std::size_t opened_ = 0;  // sockets_ from here on are not open yet
  Milliseconds turn_ends_ = 0;
  Milliseconds next_send_ = 0;
  Milliseconds resend_after_ = kFirstResend;
  Milliseconds round_pause_ = kFirstResend;
  int errors_[GREYLIST_MAX_SERVERS] = {};    // errno of each server's last refusal, or 0
  bool waiting_[GREYLIST_MAX_SERVERS] = {};  // for an answer to what it was sent last
  greylist_result answer_{GREYLIST_DEFER, GREYLIST_ANSWERED, 0, 0, 0};
  pollfd sockets_[GREYLIST_MAX_SERVERS];
};

}  // namespace

greylist_result ask_servers(const greylist_options& options, const greylist_query& query,
                            const Told& told, greylist_session& session, DaemonText text) {
  greylist_result failure{GREYLIST_ACCEPT, GREYLIST_BAD_SERVERS, 0, 0, 0};
  const auto servers = parse_servers(options.servers);
  if (!servers) return failure;

  std::size_t max_data = options.max_data;
  if (max_data < GREYLIST_MIN_DATA) max_data = GREYLIST_MIN_DATA;
  failure.error = GREYLIST_BAD_KEY;
  if (options.key.state == GREYLIST_KEY_BAD) return failure;
  const bool is_signed = options.key.state == GREYLIST_KEY_SET;
  const Signing signing = is_signed ? new_signing(key_of(options.key)) : Signing{};
  const Signing* const with = is_signed ? &signing : nullptr;
  Question question(query, max_data, {options.ask_wait != 0, text.is_wanted()}, with, told);
  failure.error = GREYLIST_BAD_QUERY;
  if (!question.is_good()) return failure;
  const unsigned timeout = options.timeout_ms < kMaxTimeout ? options.timeout_ms : kMaxTimeout;
  QueryForms forms(plain_is_allowed(options), session);
  return Asker(*servers, Milliseconds(timeout), question, with, forms, text).ask();
}

}  // namespace grey::glue
