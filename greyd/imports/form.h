// The forms that are read, and how they are told by what is in them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/imports/directory.h"

namespace grey::imports {

enum class Form : std::uint8_t {
  context,     // our own context file
  json,        // our own export: an object of JSON on each line
  indimail,    // IndiMail's context file
  greydaemon,  // the Perl daemon's save file
  jgreylist,   // a tree, DIR/192/000/002
  cqgreylist,  // a folder, DIR/192/192.0.2.1
  mysql,       // a dump of greylisting_data, greylisting_lists (qmail-spp) or relaytofrom
  table,       // one of these with tabs between, and a line of names first
  multilog,    // qmail-smtpd's log with accepted recipients; or a directory of such
  postgrey,    // db_dump of postgrey.db or postgrey_clients.db
  spamdb,      // what OpenBSD's spamdb prints
  // Not of what a greylister has kept, and read by `greyctl learn-sent` alone (sent_log_reader.h):
  qmail_send,    // qmail-send's log
  postfix,       // Postfix's
  any_sent_log,  // either, or both
};
constexpr std::size_t kForms = std::size_t(Form::spamdb) + 1;  // that import reads

std::string_view to_string(Form form);  // as --format has it
std::optional<Form> form_named(std::string_view name);

// How much of a file's beginning form_of() wants to see, where the file is that long.
constexpr std::size_t kSample = 65536;

// By the first bytes of a file. Nothing: it is none that is read.
std::optional<Form> form_of(std::string_view sample);
// Why it can be none, for people: "is compressed"; empty: nothing speaks against it.
std::string_view why_unreadable(std::string_view sample);
// Why it may be none, for people: "is compressed", or "is none of the forms that import reads".
std::string why_no_form(std::string_view sample);

// By what is in a directory: looks at the first entries until one tells. An error when it cannot be
// read.
Result<std::optional<Form>> form_of(Directory& directory);

}  // namespace grey::imports
