// A query as the datagram that is sent. Nothing of it is left unsaid, however long it is: what
// would not be asked about would be accepted for nothing.
//
// Part of libgreylist: no C++ runtime, no allocation.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "greyd/wire/wire.h"
#include "smtpd-glue/libgreylist/additions.h"
#include "smtpd-glue/libgreylist/greylist.h"
#include "smtpd-glue/libgreylist/query_form.h"

namespace grey::glue {

// Octets of the longest address that is sent as it is: that of the daemon's keys, greyd/core/key.h.
// Of a longer one the beginning and the domain are sent, with a digest of the whole between them:
//
//   beginning # 16 hexadecimal digits @domain
//
// So lists and keys by domain still find it, it has the same triplet at each attempt, in each
// process, in whatever case it is written, and two long addresses stay two. A domain longer than
// any (RFC 5321, 4.5.3.1.2) goes into the digest with the rest.
constexpr std::size_t kLongestAddress = 320;
constexpr std::size_t kLongestDomain = 255;

// More are never sent, whatever there is room for.
constexpr std::size_t kMaxRecipients = 1000;

// Octets that need no fragments on any way: IPv6's least packet (RFC 8200, 5) without the headers
// of IPv6 and UDP. Any query about one recipient has room there.
constexpr std::size_t kUnfragmented = 1280 - 40 - 8;

// The next of `fields`, 'T' address NUL each, which is then behind it. What has no T is passed
// over; the last one's NUL may be missing.
std::optional<std::string_view> next_recipient(std::string_view& fields);

struct Datagram {
  std::size_t size = 0;  // octets in the caller's buffer
  // Of them those of the client, the sender and the recipients, which every daemon knows; what
  // follows are the additions.
  std::size_t envelope = 0;
  char addition = '\0';  // the letter of the first one
  Tag tag{};
  wire::Mac mac{};  // where it is signed
};

// The query as a datagram of at most `max_data` octets in `buffer`, which has `capacity`, at least
// kUnfragmented. Its size is 0 when it cannot be one: no address of a client, or no recipient.
//
// Of recipients that do not all fit those at the end are left out, and one more stands in front of
// the others for them: '#' and a digest of all that are left out. A daemon that wants every
// recipient to have been there before wants it of those as well, then.
//
// With `signing` it is signed: the MAC is told with it.
//
// The additions' space is kept, whatever is left out. One recipient is sent even when that needs
// more than max_data, which is then about 1,200 octets.
Datagram write_query(const greylist_query& query, std::size_t max_data, Wanted wanted, char* buffer,
                     std::size_t capacity, const Signing* signing = nullptr,
                     Additions additions = query_additions(), const Told& told = {});

// A query in the forms that it is sent in: whole, and where that would go in fragments, brief: with
// some of its recipients, and the one that stands for the others; each of them full or plain.
class Question {
 public:
  Question(const greylist_query& query, std::size_t max_data, Wanted wanted,
           const Signing* signing = nullptr, const Told& told = {});
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  bool is_good() const { return whole_.size > 0; }
  // Valid until the next call: full and plain are one text up to the end of the recipients, and
  // share the memory.
  std::string_view datagram(bool brief, Form form);
  // With another time and nonce, where the signing that it was made with has no use any more. Those
  // that were sent before are not known any more.
  void sign(const Signing& signing);
  // Whether the MAC at the end of `answer` says that it is to one of them, by who has the key.
  bool is_signed_answer(const wire::Secret& secret, std::string_view answer) const;
  // Whether it is that of one of them.
  bool is_tag(std::string_view tag) const {
    return tag == whole_.tag.view() || (brief_.size > 0 && tag == brief_.tag.view());
  }

 private:
  Datagram whole_, brief_;
  char whole_data_[wire::kMaxDatagram];
  char brief_data_[kUnfragmented];
};

}  // namespace grey::glue
