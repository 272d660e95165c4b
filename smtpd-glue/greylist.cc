// The client side of the protocol in greyd/wire.h, behind the C interface of greylist.h.
//
// A C++ runtime must not be needed: no exceptions, no allocation, no static objects with
// constructors, no virtual functions; of the C++ library only what is inline.
#include "smtpd-glue/greylist.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <optional>
#include <string_view>

#include "greyd/endpoint.h"
#include "greyd/wire.h"

namespace {

using Milliseconds = long long;

// UDP loses packets: a query is sent again after this time, then after twice as long, up to the
// longest. In the default 3 seconds that is 13 times: where every fifth datagram is lost in each
// direction, two queries in a million get no answer. Doubling without end would be 4 to 5 times,
// and no answer for one in a hundred.
constexpr Milliseconds kFirstResend = 100;
constexpr Milliseconds kLongestResend = 250;
constexpr unsigned kMaxTimeout = 600000;

Milliseconds monotonic_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Milliseconds(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

std::string_view text_of(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

// The list in `text`. Its length, or nothing when any member is bad or there are too many.
std::optional<std::size_t> parse_servers(std::string_view text,
                                         grey::Endpoint (&out)[GREYLIST_MAX_SERVERS]) {
  std::size_t count = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;; ++at) {
    const void* comma = memchr(at, ',', std::size_t(end - at));
    const char* const stop = comma == nullptr ? end : static_cast<const char*>(comma);
    const auto server =
        grey::parse_endpoint({at, std::size_t(stop - at)}, grey::Wildcards::refused);
    if (!server || count == GREYLIST_MAX_SERVERS) return std::nullopt;
    out[count++] = *server;
    if (stop == end) return count;
    at = stop;
  }
}

// The first of `recipients`, without its T and NUL; nothing when there is none.
std::optional<std::string_view> first_recipient(std::string_view recipients) {
  if (recipients.empty() || recipients[0] != 'T') return std::nullopt;
  const void* nul = memchr(recipients.data(), '\0', recipients.size());
  if (nul == nullptr) return std::nullopt;
  const char* const begin = recipients.data() + 1;
  return std::string_view(begin, std::size_t(static_cast<const char*>(nul) - begin));
}

// What an answer is told by from one to another question: the same for the same question, as a
// daemon that takes it for a recipient must find the same one at each attempt.
struct Tag {
  char text[16];
  std::string_view view() const { return {text, sizeof text}; }
};
static_assert(sizeof(Tag) <= grey::wire::kMaxTag);

// FNV-1a of 64 bits, in hexadecimal. Who would make two questions alike gains nothing.
Tag tag_of(std::string_view question) {
  unsigned long long hash = 0xcbf29ce484222325;
  for (const char c : question) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  Tag tag;
  for (char& c : tag.text) {
    c = "0123456789abcdef"[hash & 15];
    hash >>= 4;
  }
  return tag;
}

// The query as a datagram of at most `max_data` octets in `buffer`. Its length, or 0 when it cannot
// be one. Sender and first recipient are sent even if they need more than max_data: otherwise a
// long address would be a way to get no question asked. The client's name, the wish to know the
// wait and the tag go last: daemons that do not know the fields take what follows the first
// recipient for more recipients, which is the least harm.
std::size_t encode(const greylist_query& query, std::size_t max_data, bool ask_wait,
                   char (&buffer)[grey::wire::kMaxDatagram], Tag& tag) {
  std::string_view client = text_of(query.client);
  const std::string_view sender = text_of(query.sender);
  std::string_view recipients;
  if (query.recipients != nullptr) recipients = {query.recipients, query.recipients_size};
  std::string_view name = text_of(query.client_name);
  if (name.size() > 255) name = {};  // no host name (RFC 1035)

  auto recipient = first_recipient(recipients);
  if (!recipient || !grey::Ip::parse_client(client)) return 0;
  // Without its zone, which not every daemon takes.
  const std::size_t zone = client.find('%');
  if (zone != std::string_view::npos) client = {client.data(), zone};
  const std::size_t reserved =
      (name.empty() ? 0 : name.size() + 2) + (ask_wait ? 2 : 0) + sizeof tag.text + 2;
  const std::size_t least = client.size() + sender.size() + recipient->size() + 7 + reserved;
  const std::size_t capacity = least > max_data ? least : max_data;
  if (capacity > sizeof buffer) return 0;

  grey::wire::QueryWriter writer(buffer, capacity - reserved);
  writer.field('I', client);
  writer.field('F', sender);
  while (recipient && writer.field('T', *recipient)) {
    recipients.remove_prefix(recipient->size() + 2);
    recipient = first_recipient(recipients);
  }
  const std::size_t size = writer.finish() - 1;
  tag = tag_of({buffer, size});
  grey::wire::QueryWriter rest(buffer + size, capacity - size);  // over the final NUL
  if (!name.empty()) rest.field('N', name);
  if (ask_wait) rest.field('W', {});
  rest.field('Q', tag.view());
  return size + rest.finish();
}

int connect_to(const grey::Endpoint& server) {
  const bool v4 = server.ip.is_v4();
  const auto& bytes = server.ip.bytes();
  const int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int connected;
  if (v4) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port);
    memcpy(&address.sin_addr, bytes.data() + 12, 4);
    connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(server.port);
    memcpy(&address.sin6_addr, bytes.data(), 16);
    connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  if (connected == 0) return fd;
  const int why = errno;
  close(fd);
  errno = why;
  return -1;
}

// One question to a list of servers, until the first answer or the deadline.
//
// Each server is asked in turn, the current one for an equal share of the time that is left; the
// sockets of those before it stay open, as a late answer is as good as any. All of them are new,
// with a port of their own, and connected; and as the port may have been another question's just
// before, an answer of more than two octets must end with our tag. (Two are all that daemons
// without tags say.) When all have refused, the round begins again after a pause: a daemon that is
// being restarted must not decide for GREYFAIL.
class Asker {
 public:
  Asker(const grey::Endpoint* servers, std::size_t count, Milliseconds timeout, const Tag& tag)
      : servers_(servers), count_(count), tag_(tag), deadline_(monotonic_ms() + timeout) {
    for (pollfd& socket : sockets_) socket = {-1, POLLIN, 0};
  }
  ~Asker() {
    for (const pollfd& socket : sockets_) {
      if (socket.fd >= 0) close(socket.fd);
    }
  }
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;

  greylist_result ask(const char* datagram, std::size_t size) {
    begin_turn(0, monotonic_ms());
    for (;;) {
      const Milliseconds now = monotonic_ms();
      if (now >= deadline_) return no_answer();
      if (now >= turn_ends_ && current_ + 1 < count_) begin_turn(current_ + 1, now);
      if (now >= next_send_ && !send_query(datagram, size)) {
        refused(now);
        continue;
      }
      if (wait(now)) return answer_;
    }
  }

 private:
  // From `start` on, which may be after now and even after the deadline.
  void begin_turn(std::size_t server, Milliseconds start) {
    current_ = server;
    turn_ends_ = start + (deadline_ - start) / Milliseconds(count_ - server);
    next_send_ = start;
    resend_after_ = kFirstResend;
  }

  bool send_query(const char* datagram, std::size_t size) {
    pollfd& socket = sockets_[current_];
    if (socket.fd < 0) socket.fd = connect_to(servers_[current_]);
    if (socket.fd < 0) return note_error(current_);
    // A refusal of an earlier datagram may be reported by this send, which then sent nothing.
    ssize_t sent;
    do {
      sent = send(socket.fd, datagram, size, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN) return note_error(current_);
    // Silence since the last one: a refusal would have come.
    if (waiting_[current_]) errors_[current_] = 0;
    waiting_[current_] = true;
    next_send_ = monotonic_ms() + resend_after_;
    resend_after_ = resend_after_ * 2 < kLongestResend ? resend_after_ * 2 : kLongestResend;
    return true;
  }

  bool note_error(std::size_t server) {
    errors_[server] = errno;
    waiting_[server] = false;
    return false;
  }

  void refused(Milliseconds now) {
    if (current_ + 1 < count_) return begin_turn(current_ + 1, now);
    begin_turn(0, now + round_pause_);
    round_pause_ = round_pause_ * 2 < kLongestResend ? round_pause_ * 2 : kLongestResend;
  }

  // Until something arrives or the next thing is due. True when answer_ holds the answer.
  bool wait(Milliseconds now) {
    Milliseconds until = deadline_ < next_send_ ? deadline_ : next_send_;
    if (current_ + 1 < count_ && turn_ends_ < until) until = turn_ends_;
    // One more, as the clock's fractions are cut off: never wake just before the time.
    const int timeout = until > now ? int(until - now) + 1 : 0;
    if (poll(sockets_, nfds_t(count_), timeout) <= 0) return false;  // EINTR: time will tell
    for (std::size_t i = 0; i < count_; ++i) {
      if (sockets_[i].fd >= 0 && sockets_[i].revents != 0 && receive(i)) return true;
    }
    return false;
  }

  bool receive(std::size_t server) {
    for (;;) {
      char bytes[sizeof grey::wire::Answer::bytes] = {};
      const ssize_t size = recv(sockets_[server].fd, bytes, sizeof bytes, MSG_TRUNC);
      if (size < 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN) return false;
        note_error(server);
        // Nobody listens: with others left there is no point in waiting for this one's turn to end.
        if (server == current_) refused(monotonic_ms());
        return false;
      }
      if (size == 0 || std::size_t(size) > sizeof bytes) continue;
      if (bytes[0] != GREYLIST_DEFER && bytes[0] != GREYLIST_ACCEPT) continue;
      std::string_view answer(bytes, std::size_t(size));
      if (answer.size() > 2) {
        if (!answer.ends_with(tag_.view())) continue;
        answer.remove_suffix(tag_.view().size());
      }
      answer_.verdict = bytes[0] == GREYLIST_ACCEPT ? GREYLIST_ACCEPT : GREYLIST_DEFER;
      answer_.reason = static_cast<unsigned char>(bytes[1]);
      answer_.retry_after = grey::wire::wait_in(answer);
      return true;
    }
  }

  // Unreachable when all that were asked have refused at last.
  greylist_result no_answer() const {
    greylist_result result = answer_;
    result.error = GREYLIST_UNREACHABLE;
    for (std::size_t i = 0; i < count_; ++i) {
      if (errors_[i] != 0) {
        result.error_number = errors_[i];
      } else if (sockets_[i].fd >= 0) {
        result.error = GREYLIST_SILENT;
      }
    }
    if (result.error_number == 0) result.error = GREYLIST_SILENT;
    if (result.error == GREYLIST_SILENT) result.error_number = 0;
    return result;
  }

  const grey::Endpoint* servers_;
  std::size_t count_;
  const Tag& tag_;
  Milliseconds deadline_;
  std::size_t current_ = 0;
  Milliseconds turn_ends_ = 0;
  Milliseconds next_send_ = 0;
  Milliseconds resend_after_ = kFirstResend;
  Milliseconds round_pause_ = kFirstResend;
  int errors_[GREYLIST_MAX_SERVERS] = {};    // errno of each server's last refusal, or 0
  bool waiting_[GREYLIST_MAX_SERVERS] = {};  // for an answer to what it was sent last
  greylist_result answer_{GREYLIST_DEFER, GREYLIST_ANSWERED, 0, 0, 0};
  pollfd sockets_[GREYLIST_MAX_SERVERS];
};

greylist_result ask(const greylist_options& options, const greylist_query& query) {
  greylist_result failure{GREYLIST_ACCEPT, GREYLIST_BAD_SERVERS, 0, 0, 0};
  grey::Endpoint servers[GREYLIST_MAX_SERVERS];
  const auto count = parse_servers(options.servers, servers);
  if (!count) return failure;

  char datagram[grey::wire::kMaxDatagram];
  std::size_t max_data = options.max_data;
  if (max_data < GREYLIST_MIN_DATA) max_data = GREYLIST_MIN_DATA;
  if (max_data > sizeof datagram) max_data = sizeof datagram;
  Tag tag;
  const std::size_t size = encode(query, max_data, options.ask_wait != 0, datagram, tag);
  failure.error = GREYLIST_BAD_QUERY;
  if (size == 0) return failure;
  const unsigned timeout = options.timeout_ms < kMaxTimeout ? options.timeout_ms : kMaxTimeout;
  return Asker(servers, *count, Milliseconds(timeout), tag).ask(datagram, size);
}

// A decimal number from `least` to `most`.
std::optional<unsigned> parse_number(const char* text, unsigned least, unsigned most) {
  unsigned value = 0;
  if (*text == '\0') return std::nullopt;
  for (; *text != '\0'; ++text) {
    if (*text < '0' || *text > '9') return std::nullopt;
    value = value * 10 + unsigned(*text - '0');
    if (value > most) return std::nullopt;
  }
  if (value < least) return std::nullopt;
  return value;
}

const char* set(const char* text) {
  return text != nullptr && *text != '\0' ? text : nullptr;
}

}  // namespace

void greylist_options_init(greylist_options* options) {
  *options = {nullptr, GREYLIST_FAIL_OPEN, GREYLIST_TIMEOUT_MS, GREYLIST_MAX_DATA, 0};
}

unsigned greylist_options_from_env(greylist_options* options) {
  greylist_options_init(options);
  unsigned bad = 0;

  options->servers = set(getenv("GREYIP"));
  grey::Endpoint servers[GREYLIST_MAX_SERVERS];
  if (options->servers != nullptr && !parse_servers(options->servers, servers))
    bad |= GREYLIST_VAR_IP;

  const char* text = set(getenv("GREYTEXT"));
  options->ask_wait = strstr(text != nullptr ? text : GREYLIST_TEXT, "%t") != nullptr;
  if (const char* fail = set(getenv("GREYFAIL"))) {
    if (strcmp(fail, "closed") == 0) {
      options->fail = GREYLIST_FAIL_CLOSED;
    } else if (strcmp(fail, "open") != 0) {
      bad |= GREYLIST_VAR_FAIL;
    }
  }
  if (const char* timeout = set(getenv("GREYTIMEOUT"))) {
    const auto seconds = parse_number(timeout, 1, 60);
    if (seconds) options->timeout_ms = *seconds * 1000;
    if (!seconds) bad |= GREYLIST_VAR_TIMEOUT;
  }
  if (const char* max_data = set(getenv("GREYMAXDATA"))) {
    const auto octets =
        parse_number(max_data, GREYLIST_MIN_DATA, unsigned(grey::wire::kMaxDatagram));
    if (octets) options->max_data = *octets;
    if (!octets) bad |= GREYLIST_VAR_MAXDATA;
  }
  return bad;
}

greylist_result greylist_ask(const greylist_options* options, const greylist_query* query) {
  if (options->servers == nullptr || *options->servers == '\0') {
    return {GREYLIST_ACCEPT, GREYLIST_OFF, 0, 0, 0};
  }
  greylist_result result = ask(*options, *query);
  if (result.error != GREYLIST_ANSWERED) {
    result.verdict = options->fail == GREYLIST_FAIL_CLOSED ? GREYLIST_DEFER : GREYLIST_ACCEPT;
  }
  return result;
}

const char* greylist_strerror(greylist_error error) {
  switch (error) {
    case GREYLIST_ANSWERED:
      return "answered";
    case GREYLIST_OFF:
      return "greylisting is off";
    case GREYLIST_BAD_SERVERS:
      return "cannot read the list of greylisting daemons";
    case GREYLIST_BAD_QUERY:
      return "not a client address with a sender and a recipient";
    case GREYLIST_SILENT:
      return "no answer in time";
    case GREYLIST_UNREACHABLE:
      return "no greylisting daemon can be reached";
  }
  return "unknown error";
}
