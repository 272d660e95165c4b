/* plugin-greylist: greylisting in mailfront. See plugin-greylist(8).
 *
 * The plugin gathers sender and recipients as mailfront takes them, and asks once, about all, when
 * the message's data is about to begin. QMTP and QMQP name them after the data: there it asks when
 * the message ends.
 *
 * Mailfront (seen with 2.12) resets its plugins at EHLO and after a DATA that was refused, and not
 * at all after a message that was accepted, but in each case goes on to take RCPT and DATA without
 * a new MAIL. So the plugin keeps count itself: an envelope begins with a sender and ends with the
 * message, and what is outside of one is refused, as nobody could be asked about it.
 *
 * A process serves one connection, one hook at a time; a response and its text must outlive the
 * hook, so all is static. */
#include <fcntl.h>
#include <mailfront/mailfront.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "smtpd-glue/libgreylist/greylist.h"

static str sender_address;
static str
    recipients; /* 'T' address NUL each, as the library wants them; mailfront keeps as many */
static int has_sender; /* `sender_address` is this message's, be it empty */
static int is_decided; /* the daemon was asked about this message */

static const response no_sender = {503, "5.5.1 You must send MAIL FROM: first"};
static const response no_recipient = {503, "5.5.1 You must send RCPT TO: first"};

/* Where standard error is closed its descriptor goes to the next file or pipe, which may be that of
 * a message: what is logged would be written there. */
static const response* init(void) {
  int fd;
  do {
    fd = open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd < STDERR_FILENO);
  if (fd > STDERR_FILENO) close(fd);
  return NULL;
}

static const response* reset(void) {
  has_sender = is_decided = 0;
  if (!str_truncate(&sender_address, 0) || !str_truncate(&recipients, 0)) return &resp_oom;
  return NULL;
}

/* A NUL ends an address in a query, and for qmail-queue, which takes what is behind it for another
 * recipient: nobody would have been asked about that one. */
static int has_nul(const str* address) {
  return memchr(address->s, 0, address->len) != NULL;
}

/* NULL from the two: whether an address is taken is for others to say. */
static const response* sender(str* address, str* params) {
  static const response nul = {553, "5.1.7 There is a NUL in the sender's address"};
  (void)params;
  if (has_nul(address)) return &nul;
  if (!str_copys(&sender_address, address->s)) return &resp_oom;
  has_sender = 1;
  return NULL;
}

static const response* recipient(str* address, str* params) {
  static const response nul = {553, "5.1.3 There is a NUL in the recipient's address"};
  (void)params;
  if (!has_sender) return &no_sender;
  if (has_nul(address)) return &nul;
  if (str_catc(&recipients, 'T') && str_cats(&recipients, address->s) && str_catc(&recipients, 0))
    return NULL;
  return &resp_oom;
}

/* The session's environment is the process's and what the mailrules have set. */
static int is_ours(void) {
  return session_getenv("RELAYCLIENT") != NULL || session_getnum("authenticated", 0) != 0;
}

static const response* decide(void) {
  static char reply[GREYLIST_REPLY_MAX + 1];
  static response deferral;
  char text[GREYLIST_TEXT_MAX + 1];
  struct greylist_query query = {0};
  struct greylist_client about = {0};
  int code;

  is_decided = 1;
  if (is_ours()) {
    greylist_tell_sent("plugin-greylist", sender_address.s, recipients.s, recipients.len);
    return NULL;
  }
  if (greylist_is_exempt(session_getenv)) return NULL;
  query.client = getprotoenv("REMOTEIP");
  query.client_name = getprotoenv("REMOTEHOST");
  query.sender = sender_address.s;
  query.recipients = recipients.s;
  query.recipients_size = recipients.len;
  about.size = sizeof about;
  about.helo = session_getstr("helo_domain");
  code = greylist_check_client("plugin-greylist", &query, &about, NULL, text, sizeof text);
  if (code == 0) return NULL;
  greylist_reply(code, text, reply, sizeof reply);
  deferral.number = (unsigned)code;
  deferral.message = reply + sizeof "450";
  return &deferral;
}

/* With these the data come first. By their names, as SMTP has more than one: ESMTP after EHLO. */
static int is_envelope_after_data(void) {
  const char* protocol = session_protocol();
  return strcasecmp(protocol, "qmtp") == 0 || strcasecmp(protocol, "qmqp") == 0;
}

static const response* data_start(int fd) {
  (void)fd;
  if (is_envelope_after_data()) return NULL;
  if (!has_sender) return &no_sender;
  return recipients.len == 0 ? &no_recipient : decide();
}

static const response* message_end(int fd) {
  const response* refusal = is_decided || recipients.len == 0 ? NULL : decide();
  const response* failure = reset();
  (void)fd;
  return refusal != NULL ? refusal : failure;
}

struct plugin plugin = {
    .version = PLUGIN_VERSION,
    .init = init,
    .reset = reset,
    .sender = sender,
    .recipient = recipient,
    .data_start = data_start,
    .message_end = message_end,
};
