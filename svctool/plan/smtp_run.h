// What the `run` of an SMTP server's service says about greylisting: which rules its tcpserver
// reads, and whether something in it asks a daemon. Pure: a shell script goes in as text; what it
// computes while it runs is not known.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace grey::svctool {

struct SmtpRun {
  bool has_server = false;  // a tcpserver(1) or one that takes its options
  // The FILE of its -x. Empty: none.
  std::string cdb;
  bool cdb_unknown = false;           // there is a -x, and what follows is made by the script
  std::vector<std::string> programs;  // words behind the server's own that may name programs
  bool asks = false;                  // one of them is known to ask: greysmtpd, greyspp, the plugin
};

// `value_of`: of a variable that the script does not set itself; nothing: not known.
SmtpRun parse_smtp_run(
    std::string_view run,
    const std::function<std::optional<std::string>(const std::string&)>& value_of);

// The words of a shell script without comments, quotes taken away and lines joined as a shell does.
// The end of a command is a word, too.
constexpr std::string_view kEndOfCommand = "\n";
std::vector<std::string> shell_words(std::string_view script);

}  // namespace grey::svctool
