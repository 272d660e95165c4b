// A front's whole work, below greylist_check(): what a session's questions have in common, and what
// is said of each. One for each session (or for each question, where a process has only one).
//
//     Front front("greysmtpd", nullptr);
//     char text[GREYLIST_TEXT_MAX + 1];
//     if (const int code = front.check(query, text, sizeof text)) reply(code, text);
//
// Part of libgreylist: no C++ runtime, no allocation. What it says goes to standard error.
#pragma once

#include <cstddef>
#include <string_view>

#include "smtpd-glue/libgreylist/deadline.h"
#include "smtpd-glue/libgreylist/greylist.h"

namespace grey::glue {

class Front {
 public:
  // Reads the environment, to which it points from then on, and logs its bad values. `program` and
  // `format` are greylist_check()'s, and must outlive it.
  Front(const char* program, const char* format);

  bool is_off() const { return options_.servers == nullptr; }

  // Asks, and logs a deferral, and the first failure. Returns as greylist_check(), which looks
  // besides whether the session is exempt, and up a client_name of NULL: here that is none.
  //
  // After a question that nobody answered the next minute's are not asked, and fail alike: a client
  // with many recipients would wait GREYTIMEOUT for each of them, and gives up after some minutes.
  int check(const greylist_query& query, char* text, std::size_t size,
            const greylist_client* client = nullptr);

  // Tells the servers that one of ours has sent a message, as greylist_sent(). -1 where it could
  // not; the first time that is logged.
  int tell_sent(const char* sender, std::string_view recipients);

 private:
  static constexpr int kSilenceMs = 60000;

  greylist_result ask(const greylist_query& query, const greylist_client* client,
                      char (&own_text)[GREYLIST_TEXT_MAX + 1]);
  void log_failure(const greylist_query& query, const greylist_result& result);

  std::string_view program_;
  const char* format_;
  greylist_options options_;
  greylist_session session_{};  // what the servers understand
  bool reported_ = false;       // a failure
  greylist_result silence_{};   // until silence_ends_
  Deadline silence_ends_;
};

// Whether what ours have sent is to be told: GREYREPLIES is 1.
bool tells_replies();

// "program: text" as one line on standard error, of bounded length and printable ASCII; but not
// where that is the client's connection.
void log_line(std::string_view program, std::string_view text);

}  // namespace grey::glue
