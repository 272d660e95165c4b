// The context file's text, in the forms that are read and written. Pure: no file is touched here.
//
// Ours, "qmail-greyd context 1":
//   qmail-greyd context 1
//   <records, see record_text.h; lines that begin with '#' are comments>
//   end <number of records> <XXH3-64 of all bytes before this line, 16 hexadecimal digits>
//
// greydaemon's (John Levine's Perl daemon), which is also written under that personality:
//   I <last seen> <client>                         a known client
//   G <first seen> <client> <sender> <recipient>   a triplet; "." is the null sender
// It has neither count nor checksum. Blanks are taken out of sender and recipient, so that there
// is one way only to read a line, although a client that is no address may have some.
//
// IndiMail's, see indimail_context.h, is read only.
#pragma once

#include <xxhash.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/core/record.h"

namespace grey {

enum class ContextForm { qmail_greyd, greydaemon, indimail };

struct ContextContent {
  std::optional<ContextForm> form;       // nothing: none that we know
  std::size_t records = 0;               // given to the visitor
  std::size_t bad = 0;                   // lines that are no records, or end in one
  std::size_t first_bad_line = 0;        // counted from 1, after our form's header
  std::optional<std::size_t> announced;  // by the end line
  std::string damage;                    // what is wrong, in words; empty when nothing is
  std::string remark;                    // what else there is to say of it, in words
};

// Calls `visit` for each record that can be read, whatever is wrong elsewhere. A record lives for
// the call only.
ContextContent read_context(std::string_view text,
                            const std::function<void(const SavedRecord&)>& visit);

// Makes the text piece by piece, so that saving needs no memory of the size of the state:
// begin(), add() for each record, finish(); taking buffer() away whenever it has grown.
class ContextComposer {
 public:
  explicit ContextComposer(ContextForm form);  // not indimail
  void begin();
  void add(const SavedRecord& record);
  void finish();

  // What has been composed since the last take_buffer(); it stays valid until the next call.
  std::string_view take_buffer();
  std::size_t buffered() const { return buffer_.size(); }
  std::size_t records() const { return records_; }

 private:
  ContextForm form_;
  std::string buffer_, taken_;
  std::size_t records_ = 0;
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> hash_;
};

}  // namespace grey
