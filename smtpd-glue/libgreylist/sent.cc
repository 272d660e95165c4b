// What ours have sent, told to the daemons: wire.h has the datagram. Nobody answers, and nothing is
// waited for: what is lost costs an answer its delay.
//
// A C++ runtime must not be needed.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "greyd/wire/key_field.h"
#include "greyd/wire/wire.h"
#include "smtpd-glue/libgreylist/front.h"
#include "smtpd-glue/libgreylist/query_text.h"
#include "smtpd-glue/libgreylist/server_socket.h"
#include "smtpd-glue/libgreylist/servers.h"

namespace grey::glue {
namespace {

struct Sender {
  Servers servers;
  int sockets[GREYLIST_MAX_SERVERS];
  bool has_sent = false;

  explicit Sender(const Servers& to) : servers(to) {
    for (std::size_t i = 0; i < servers.count; ++i) sockets[i] = connect_to(servers.list[i]);
  }
  ~Sender() {
    for (std::size_t i = 0; i < servers.count; ++i) {
      if (sockets[i] >= 0) close(sockets[i]);
    }
  }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  void send_all(const char* data, std::size_t size) {
    for (std::size_t i = 0; i < servers.count; ++i) {
      if (sockets[i] < 0) continue;
      ssize_t sent;
      // A refusal of the datagram before may be reported by this one, which then sent nothing.
      int left = 2;
      do {
        sent = send(sockets[i], data, size, MSG_NOSIGNAL);
      } while (sent < 0 && (errno == EINTR || (errno == ECONNREFUSED && --left > 0)));
      has_sent |= sent >= 0;
    }
  }
};

// One datagram of as many as there is room for, off the front of `fields`. Its octets; 0: none is
// left. Longer addresses than a daemon keeps are passed over.
std::size_t write_sent(std::string_view ours, std::string_view& fields, const Signing* signing,
                       char* buffer, std::size_t room) {
  const std::size_t key = signing == nullptr ? 0 : kField + wire::key_field_size(signing->key.id());
  wire::QueryWriter writer(buffer, room - key);
  writer.field('R', ours);
  std::size_t count = 0;
  for (std::string_view rest = fields; const auto theirs = next_recipient(rest);) {
    const bool fits = theirs->size() <= kLongestAddress;
    if (fits && (count == kMaxRecipients || !writer.field('T', *theirs))) break;
    if (fits) ++count;
    fields = rest;
  }
  if (count == 0) return 0;
  std::size_t size = writer.finish();
  if (signing == nullptr) return size;
  buffer[size - 1] = 'K';  // over the final NUL
  (void)wire::write_key_field(signing->key, signing->time, signing->nonce, buffer, size);
  size += wire::key_field_size(signing->key.id());
  buffer[size++] = '\0';
  buffer[size++] = '\0';
  return size;
}

}  // namespace
}  // namespace grey::glue

int greylist_sent(const greylist_options* options, const char* sender, const char* recipients,
                  std::size_t recipients_size) {
  using namespace grey;
  using namespace grey::glue;
  if (options->servers == nullptr || *options->servers == '\0') return -1;
  if (options->key.state == GREYLIST_KEY_BAD) return -1;
  const auto servers = parse_servers(options->servers);
  const std::string_view ours(sender == nullptr ? "" : sender);
  if (!servers || ours.empty() || ours.size() > kLongestAddress || recipients == nullptr) return -1;
  std::size_t room = options->max_data;
  if (room < GREYLIST_MIN_DATA) room = GREYLIST_MIN_DATA;
  // The longest pair has room in any.
  if (room < kUnfragmented) room = kUnfragmented;
  char data[wire::kMaxDatagram];
  if (room > sizeof data) room = sizeof data;
  Sender to(*servers);
  std::string_view fields(recipients, recipients_size);
  const bool is_signed = options->key.state == GREYLIST_KEY_SET;
  for (;;) {
    const Signing signing = is_signed ? new_signing(key_of(options->key)) : Signing{};
    const std::size_t size = write_sent(ours, fields, is_signed ? &signing : nullptr, data, room);
    if (size == 0) break;
    to.send_all(data, size);
  }
  return to.has_sent ? 0 : -1;
}

int greylist_tell_sent(const char* program, const char* sender, const char* recipients,
                       std::size_t recipients_size) {
  if (!grey::glue::tells_replies()) return 0;
  return grey::glue::Front(program, nullptr).tell_sent(sender, {recipients, recipients_size});
}
