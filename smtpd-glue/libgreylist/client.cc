// The C interface of greylist.h to a question: its options, from the caller or the environment, and
// what is done without an answer. How it is asked: asker.h.
//
// A C++ runtime must not be needed, as there.
#include <stdlib.h>
#include <string.h>

#include <optional>

#include "greyd/wire/keys.h"
#include "greyd/wire/wire.h"
#include "smtpd-glue/libgreylist/asker.h"
#include "smtpd-glue/libgreylist/greylist.h"
#include "smtpd-glue/libgreylist/servers.h"

namespace {

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

// A caller of an older header knows less: what its structure has not is not told.
grey::glue::Told told_by(const greylist_client* client) {
  grey::glue::Told told;
  if (client == nullptr || client->size < sizeof *client) return told;
  if (client->helo != nullptr) told.helo = client->helo;
  told.spoke_early = client->spoke_early != 0;
  return told;
}

greylist_result ask(const greylist_options& options, const greylist_query& query,
                    const greylist_client* client, greylist_session& session,
                    grey::glue::DaemonText text) {
  if (options.servers == nullptr || *options.servers == '\0') {
    return {GREYLIST_ACCEPT, GREYLIST_OFF, 0, 0, 0};
  }
  greylist_result result = grey::glue::ask_servers(options, query, told_by(client), session, text);
  if (result.error != GREYLIST_ANSWERED) {
    result.verdict = options.fail == GREYLIST_FAIL_CLOSED ? GREYLIST_DEFER : GREYLIST_ACCEPT;
  }
  return result;
}

const char* set(const char* text) {
  return text != nullptr && *text != '\0' ? text : nullptr;
}

}  // namespace

void greylist_options_init(greylist_options* options) {
  *options = {nullptr, GREYLIST_FAIL_OPEN, GREYLIST_TIMEOUT_MS, GREYLIST_MAX_DATA, 0, {}};
}

int greylist_read_key(greylist_options* options, const char* path) {
  greylist_key& key = options->key;
  key = {};
  if (path == nullptr || *path == '\0') return 0;
  key.state = GREYLIST_KEY_BAD;
  grey::wire::KeyRing ring;
  if (grey::wire::read_key_file(path, ring)) return -1;
  const grey::wire::Key& first = ring.first();
  static_assert(sizeof key.id == grey::wire::kMaxKeyId + 1);
  static_assert(sizeof key.secret == grey::wire::kSecretSize);
  memcpy(key.id, first.name.data(), first.name_size);
  memcpy(key.secret, first.secret.data(), sizeof key.secret);
  key.state = GREYLIST_KEY_SET;
  return 0;
}

unsigned greylist_options_from_env(greylist_options* options) {
  greylist_options_init(options);
  unsigned bad = 0;

  options->servers = set(getenv("GREYIP"));
  if (options->servers != nullptr && !grey::glue::parse_servers(options->servers))
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
  if (options->servers != nullptr && greylist_read_key(options, getenv("GREYKEYFILE")) != 0)
    bad |= GREYLIST_VAR_KEYFILE;
  return bad;
}

greylist_result greylist_ask_with_text(const greylist_options* options, const greylist_query* query,
                                       greylist_session* session, char* format, size_t size) {
  return greylist_ask_about_client(options, query, nullptr, session, format, size);
}

greylist_result greylist_ask_about_client(const greylist_options* options,
                                          const greylist_query* query,
                                          const greylist_client* client, greylist_session* session,
                                          char* format, size_t size) {
  return ask(*options, *query, client, *session, {format, size});
}

greylist_result greylist_ask_in_session(const greylist_options* options,
                                        const greylist_query* query, greylist_session* session) {
  return ask(*options, *query, nullptr, *session, {});
}

greylist_result greylist_ask(const greylist_options* options, const greylist_query* query) {
  greylist_session session{};
  return greylist_ask_in_session(options, query, &session);
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
    case GREYLIST_BAD_KEY:
      return "the key of the greylisting daemon cannot be used";
    case GREYLIST_UNSIGNED:
      return "no answer in time that is under the key";
  }
  return "unknown error";
}
