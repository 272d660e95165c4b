// The little of SMTP's syntax that has to be understood to follow a session. Everything here reads
// liberally: what a server might take for a command must not look like something else to us.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace grey::smtp {

enum class Verb : std::uint8_t {
  other,
  helo,
  ehlo,
  mail,
  rcpt,
  data,
  bdat,
  rset,
  noop,
  quit,
  auth,
  starttls,
  xclient,
  unfollowed,  // one after which the octets are no commands any more, or are a message's, or which
               // may begin a transaction of some kind
};

// Space or tab.
bool is_blank(char c);
std::string_view skip_blanks(std::string_view text);

// `upper_case` holds no small letters.
bool equal_in_any_case(std::string_view text, std::string_view upper_case);

// The verb of a command line: its first letters, in any case, whatever follows them. What is no
// letter before them is skipped, as Postfix does with some of it. `line` may be cut off anywhere
// after the verb.
Verb verb_of(std::string_view line);

// What is behind the verb, without the blanks and line end around it.
std::string_view argument_of(std::string_view line);

// The line goes on behind a CR. Where CR ends a command, there are several in it.
bool has_inner_cr(std::string_view line);

constexpr std::size_t kMaxAddress = 1024;  // octets; RFC 5321 allows 256

// The address in a whole MAIL or RCPT line, as servers read it: between angle brackets or, without
// any, the word after the colon; a source route, quotes and backslashes are removed; empty for <>.
//
// None where one server would read another address than the next, or more than we do, and so could
// be told to accept what nobody was asked about: control characters (mailfront takes the text
// behind them for a part of the address, others do not), brackets within brackets, or behind a word
// that could be the address (Exim and Postfix take "MAIL FROM:a@x AUTH=<>" for a@x, qmail and
// mailfront for <>), anything but a blank behind the closing bracket (Postfix takes "<>a@x" for
// a@x), a bracket alone, blanks that are not quoted, words behind the address that are no
// parameters, a route in quotes (mailfront removes it, others do not) or without its colon,
// comments, lists and groups, and an address longer than kMaxAddress.
std::optional<std::string> address_of(std::string_view line);

struct ReplyLine {
  int code = 0;      // 0 when the line does not begin with three digits
  bool last = true;  // not "250-..."; false, too, when there is no code
};
ReplyLine parse_reply_line(std::string_view line);

// A line of EHLO's answer offers the extension of that name, which is in capitals.
bool offers(std::string_view reply_line, std::string_view keyword);

// `text` as the rest of one reply line: control characters become spaces, octets that are not ASCII
// question marks (RFC 5321, 4.2), and it is cut at 400 octets (512 are allowed for the line).
std::string reply_text(std::string_view text);

}  // namespace grey::smtp
