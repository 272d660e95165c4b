// The forms that a line of the log can have, and what is the same in all of them: its priority.
//
//   plain    verdict=defer reason=new client=192.0.2.1 ...
//            warning: the text of a note
//   logfmt   level=info verdict=defer reason=new client=192.0.2.1 ...
//            level=warning message="the text of a note"
//   json     {"level":"info","verdict":"defer","reason":"new","client":"192.0.2.1",...}
//            {"level":"warning","message":"the text of a note"}
//
// A note is what happens now and then, in words. In logfmt and JSON it is one line of printable
// ASCII, whatever is in it: other bytes become %XX, and of a long one the first kShownOfNote are
// there, so that it is never longer than PIPE_BUF. In plain it is the text as it is, but for what
// would end the line or reach a terminal: control characters become %XX.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace grey {

enum class LogFormat { plain, logfmt, json };

constexpr std::size_t kShownOfNote = 1000;  // bytes

// As syslog(3) numbers them.
enum class Priority : char { critical = '2', error = '3', warning = '4', info = '6' };

struct Note {
  Priority priority = Priority::info;
  std::string_view text{};
  // Of what ends the program (critical) alone: who says it. A terminal or a log of several services
  // may show it.
  std::string_view program{};
};

// With its '\n'.
void append_note(std::string& out, LogFormat format, const Note& note);

// The same read back, for who looks into the log of a service. `line` is in any of the formats,
// without its '\n'. Views are into `storage`, or into the line.
std::optional<Note> read_note(std::string_view line, std::string& storage);

// Whether the line is of a program that is well: a note below critical, or one of fields (a
// decision, a record, counters).
bool is_ordinary(std::string_view line);

}  // namespace grey
