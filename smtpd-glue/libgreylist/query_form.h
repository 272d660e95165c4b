// In which form each server is asked next: with our additions to the protocol, or without.
//
// A server that is silent may have lost a datagram, be slow, or not like our additions: the Perl
// daemon drops a query with one. Nobody can tell these apart in time, so each time a server is
// asked again it is in the other form. Two datagrams are enough for the last kind then, and one
// that is slow or has lost one gets no more of them than before.
//
// Who has answered when it was asked in the full form alone knows the additions, or takes no harm
// from them: it is never asked plainly, which would lose the client's name, the wait and the tag.
//
// Pure, and part of libgreylist: no C++ runtime, no allocation.
#pragma once

#include <cstddef>

#include "smtpd-glue/libgreylist/greylist.h"

namespace grey::glue {

enum class Form : unsigned char { full, plain };

// Whether servers may be asked in the plain form at all. Not where queries are signed with a key:
// what is said without one must not be believed, and who can lose a datagram could have it said.
constexpr bool plain_is_allowed(const greylist_options& options) {
  return options.key.state == GREYLIST_KEY_NONE;
}

// Of one question to a list of servers. `session` is what the questions before it have shown.
class QueryForms {
 public:
  QueryForms(bool plain_is_allowed, greylist_session& session)
      : plain_is_allowed_(plain_is_allowed), session_(session) {}

  Form next(std::size_t server) const {
    if (!plain_is_allowed_ || has(session_.takes_full, server)) return Form::full;
    const bool plain_first = has(session_.wants_plain, server);
    return (unanswered_[server] % 2 != 0) != plain_first ? Form::plain : Form::full;
  }

  void sent(std::size_t server, Form form) {
    ++unanswered_[server];
    if (form == Form::plain) was_asked_plainly_[server] = true;
  }
  // Who was not there was not silent: it is asked from the beginning.
  void refused(std::size_t server) { unanswered_[server] = 0; }

  void answered_with_tag(std::size_t server) {
    session_.takes_full |= bit(server);
    session_.answered_plain &= ~bit(server);
    session_.wants_plain &= ~bit(server);
  }
  // Such an answer does not say which form it is to. Where both were sent, it is taken for one to
  // the form that does for every daemon; once it may have been a datagram that got lost.
  void answered_without_tag(std::size_t server) {
    if (!was_asked_plainly_[server]) return answered_with_tag(server);
    if (has(session_.takes_full, server)) return;
    session_.wants_plain |= session_.answered_plain & bit(server);
    session_.answered_plain |= bit(server);
  }

 private:
  static constexpr unsigned bit(std::size_t server) { return 1u << server; }
  static constexpr bool has(unsigned bits, std::size_t server) { return (bits & bit(server)) != 0; }
  static_assert(GREYLIST_MAX_SERVERS <= sizeof(unsigned) * 8);

  const bool plain_is_allowed_;
  greylist_session& session_;
  unsigned unanswered_[GREYLIST_MAX_SERVERS] = {};  // datagrams sent since it last refused one
  bool was_asked_plainly_[GREYLIST_MAX_SERVERS] = {};
};

}  // namespace grey::glue
