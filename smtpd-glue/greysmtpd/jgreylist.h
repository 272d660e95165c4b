// The environment of jgreylist, for those whose tcp.smtp and run were written for it: what has a
// meaning here, and the names of what has none. See greysmtpd(8).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace grey::smtp {

struct Jgreylist {
  static constexpr int kDefaultSeconds = 60, kMinSeconds = 5, kMaxSeconds = 300;

  bool exempt = false;  // JGREYLIST is set to an empty text: nothing is checked
  std::string refusal;  // "553 text" for a client that is refused for good; empty: it is not
  const char* refused_by = "";            // the variable that says so
  int session_seconds = kDefaultSeconds;  // of a session without the server
  std::size_t max_recipients = 0;         // RCPTs in such a session before it ends; 0: any number
  bool log = true;                        // the lines about these variables are wanted
  std::string ignored;                    // "A, B": variables that are set and mean nothing here
  std::string bad;  // "A, B": numbers that cannot be read: the default is used
};

// `environment` is as environ(7). The first "%" in a text becomes `client`.
Jgreylist read_jgreylist(const char* const* environment, std::string_view client,
                         std::string_view client_name);

}  // namespace grey::smtp
