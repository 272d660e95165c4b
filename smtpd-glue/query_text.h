// A query as the datagram that is sent. Nothing of it is left unsaid, however long it is: what
// would not be asked about would be accepted for nothing.
//
// Part of libgreylist: no C++ runtime, no allocation.
#pragma once

#include <cstddef>
#include <string_view>

#include "greyd/wire.h"
#include "smtpd-glue/greylist.h"

namespace grey::glue {

// Octets of the longest address that is sent as it is: that of the daemon's keys, greyd/key.h. Of a
// longer one the beginning and the domain are sent, with a digest of the whole between them:
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

// What an answer is told by from one to another question: the same for the same question, as a
// daemon that takes it for a recipient must find the same one at each attempt.
struct Tag {
  char text[16];
  std::string_view view() const { return {text, sizeof text}; }
};
static_assert(sizeof(Tag) <= wire::kMaxTag);

// The query as a datagram of at most `max_data` octets in `buffer`. Its length, or 0 when it cannot
// be one: no address of a client, or no recipient.
//
// Of recipients that do not all fit those at the end are left out, and one more stands in front of
// the others for them: '#' and a digest of all that are left out. A daemon that wants every
// recipient to have been there before wants it of those as well, then.
//
// One recipient is sent even when that needs more than max_data, which is then about 1,000 octets.
std::size_t write_query(const greylist_query& query, std::size_t max_data, bool ask_wait,
                        char (&buffer)[wire::kMaxDatagram], Tag& tag);

}  // namespace grey::glue
