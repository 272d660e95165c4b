/* libgreylist: asks a greylisting daemon whether a delivery attempt is to be accepted or deferred.
 *
 * For SMTP servers and their helpers, in C or anything that calls C. The library starts no thread,
 * touches no signal and allocates nothing: everything lives in the caller's structures and on the
 * stack (about 70 KB while asking), but for one thing that is remembered as long as the process
 * lives: which daemons (64 at most) send the tag that a query asks for, as an answer of theirs
 * without one is not believed. It may be used from several threads at once. It needs libc only.
 *
 *     struct greylist_options options;
 *     greylist_options_from_env(&options);
 *     struct greylist_query query = {.client = getenv("TCPREMOTEIP"), .sender = "a@example.org",
 *                                    .recipients = "Tb@example.net\0", .recipients_size = 15};
 *     struct greylist_result result = greylist_ask(&options, &query);
 *     if (result.verdict == GREYLIST_DEFER) puts("450 4.7.1 please try again later");
 *
 * greylist_check() below is all of that in one call, with the log lines and the text of the reply:
 * what a front needs. greylist() is the entry of older libraries.
 */
#ifndef GREYLIST_H
#define GREYLIST_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GREYLIST_MAX_SERVERS 16  /* more in one list are refused */
#define GREYLIST_TIMEOUT_MS 3000 /* default of timeout_ms */
#define GREYLIST_MAX_DATA 60000  /* default of max_data */
#define GREYLIST_MIN_DATA 512    /* smaller values of max_data count as this */

/* What a client is told that must wait, when neither a rule of the daemon's nor GREYTEXT says
 * anything else. %t stands for the time until a retry is accepted: "45 seconds", "5 minutes";
 * "a few minutes" when it is not known. */
#define GREYLIST_TEXT "Greylisted: please try again in %t"
/* What it is told when there is no answer and GREYFAIL is closed. */
#define GREYLIST_TEXT_UNAVAILABLE "Greylisting is not available, please try again later"
#define GREYLIST_TEXT_MAX 400  /* octets of such a text; longer ones are cut */
#define GREYLIST_REPLY_MAX 410 /* octets of a reply with it: a code, an enhanced one, the text */
#define GREYLIST_LINE_MAX 4000 /* of a line for the log */

enum greylist_verdict { GREYLIST_DEFER = 0, GREYLIST_ACCEPT = 1 };

/* Why there is no answer, or GREYLIST_ANSWERED. */
enum greylist_error {
  GREYLIST_ANSWERED = 0,
  GREYLIST_OFF,         /* no server is configured: always accepted */
  GREYLIST_BAD_SERVERS, /* `servers` cannot be read */
  GREYLIST_BAD_QUERY,   /* the client is not an IP address, or there is no recipient */
  GREYLIST_SILENT,      /* no server answered in time */
  GREYLIST_UNREACHABLE, /* nothing listens there or the system would not send: see error_number */
  GREYLIST_BAD_KEY,     /* there is to be a key, and its file cannot be used */
  GREYLIST_UNSIGNED     /* as GREYLIST_SILENT, but what came in time was not under the key */
};

enum greylist_fail { GREYLIST_FAIL_OPEN = 0, GREYLIST_FAIL_CLOSED = 1 };

/* The key that queries are sent under, and answers have to be under to be believed. */
enum greylist_key_state {
  GREYLIST_KEY_NONE = 0, /* there is none: anybody's answer is believed */
  GREYLIST_KEY_SET,      /* see `key`: nobody is asked, or believed, without it */
  GREYLIST_KEY_BAD       /* there is to be one: nobody is asked, as without an answer */
};
struct greylist_key {
  enum greylist_key_state state;
  char id[17]; /* with its NUL */
  unsigned char secret[16];
};

struct greylist_options {
  /* Where to ask: one address or several, separated by commas; a later one is asked when those
   * before it are silent or refuse. ip@port ip:port [v6]@port [v6]:port ip @port :port @ : with
   * the defaults 127.0.0.1 and 1999; an ip of 0 is 127.0.0.1. NULL or empty: greylisting is off.
   * The text is not copied: it must live as long as this structure is used. */
  const char* servers;
  enum greylist_fail fail; /* the verdict when there is no answer */
  unsigned timeout_ms;     /* in all, over all servers and re-sendings; 10 minutes at most */
  size_t max_data; /* octets of a datagram; one recipient is sent whatever it is, in 1200 octets */
  int ask_wait; /* not 0: ask for retry_after, too. Older daemons than ours take that for one more
                   recipient, or are silent and asked again without */
  struct greylist_key key; /* a copy, for as long as this structure is used */
};

struct greylist_query {
  const char* client;      /* IPv4 or IPv6 address as text; ::ffff:192.0.2.1 is 192.0.2.1 */
  const char* client_name; /* the client's verified host name; NULL or empty when unknown */
  const char* sender;      /* without angle brackets; empty for a bounce */
  const char* recipients;  /* 'T' address NUL, once for each recipient, as qmail-smtpd holds them */
  size_t recipients_size;  /* octets of `recipients`, the NULs included */
};

struct greylist_result {
  enum greylist_verdict verdict; /* what to do, whether answered or not */
  enum greylist_error error;     /* GREYLIST_ANSWERED, or why `verdict` is that of `fail` */
  unsigned char reason;          /* second octet of the answer, greylist(3); 0 when not answered */
  int error_number;              /* errno of the last refusal when not answered, or 0 */
  unsigned retry_after; /* when deferred, with ask_wait or a rule's text: seconds until a retry is
                           accepted; 0 when the daemon does not say */
};

/* No server, fail open, the defaults above, no ask_wait, no key. */
void greylist_options_init(struct greylist_options* options);

/* The variables of the environment, as bits. */
enum greylist_variable {
  GREYLIST_VAR_IP = 1,
  GREYLIST_VAR_FAIL = 2,
  GREYLIST_VAR_TIMEOUT = 4,
  GREYLIST_VAR_MAXDATA = 8,
  GREYLIST_VAR_KEYFILE = 16
};

/* GREYIP, GREYFAIL (open or closed), GREYTIMEOUT (seconds, 1 to 60), GREYMAXDATA (octets, 512 to
 * 65507) of the environment over the defaults; ask_wait when GREYTEXT, or GREYLIST_TEXT when that
 * is unset or empty, has a %t; and the key of the file that GREYKEYFILE names, where GREYIP is set.
 * A variable with a bad value leaves the default, except that a bad GREYIP stays, and a bad
 * GREYKEYFILE is GREYLIST_KEY_BAD, so that greylist_ask() fails as GREYFAIL says. Returns which
 * variables have a bad value, bits of greylist_variable, 0 when all are good. `options->servers`
 * points into the environment. */
unsigned greylist_options_from_env(struct greylist_options* options);

/* Takes the first key of the file for `options`, or none where `path` is NULL or empty. Its lines
 * are "ID KEY", see qmail-greyd(8); it must not be usable by anybody but its owner and its group.
 * Returns 0, or -1 when it cannot be used: then the state is GREYLIST_KEY_BAD. */
int greylist_read_key(struct greylist_options* options, const char* path);

/* Asks, and waits for at most timeout_ms. Always fills in a verdict.
 *
 * Nothing of the query is left unasked. Of an address of more than 320 octets its beginning, '#',
 * 16 hexadecimal digits of the whole and its domain are sent, the same at each attempt. For
 * recipients that do not fit max_data, or are more than 1000, one stands that is named first, '#'
 * and 16 hexadecimal digits of all of them, in their order. What has no T among `recipients` is
 * passed over; the last one's NUL may be missing. */
struct greylist_result greylist_ask(const struct greylist_options* options,
                                    const struct greylist_query* query);

/* What the servers of one list have shown to understand, for a front that asks more than once: all
 * 0 at first. A server that answers nothing to a query with our additions (the Perl greydaemon) is
 * asked in the plain form within timeout_ms, and at once after two such questions. */
struct greylist_session {
  unsigned takes_full;     /* bit i: the i-th of `servers` takes the full form, and gets no other */
  unsigned answered_plain; /* bit i: it has answered after it was asked in the plain form */
  unsigned wants_plain;    /* bit i: more than once */
};

/* greylist_ask() is this with a new session each time. */
struct greylist_result greylist_ask_in_session(const struct greylist_options* options,
                                               const struct greylist_query* query,
                                               struct greylist_session* session);

/* The same, which asks besides for the text that a rule of the daemon's operator has for a
 * deferral. `format`, of `size` octets (GREYLIST_TEXT_MAX + 1 hold any), has it then, printable
 * ASCII, for greylist_text(); retry_after is told with it, if known, also without ask_wait. Where
 * there is none, or one that is not printable ASCII, `format` has an empty text. Daemons that do
 * not know this take it as they do ask_wait. */
struct greylist_result greylist_ask_with_text(const struct greylist_options* options,
                                              const struct greylist_query* query,
                                              struct greylist_session* session, char* format,
                                              size_t size);

/* What a front knows of the client besides, for daemons that greylist only who is suspect
 * (qmail-greyd(8), SELECTION). What is 0 or NULL is not known, and speaks against nobody. */
struct greylist_client {
  size_t size;      /* sizeof(struct greylist_client): later versions may have more behind */
  const char* helo; /* what it said in HELO or EHLO, empty when that was nothing; the first 128
                       octets are sent, with '?' for what is not printable ASCII */
  int spoke_early;  /* not 0: it sent something before it was greeted */
};

/* greylist_ask_with_text() with `client`, which may be NULL. Daemons that do not know this take it
 * as they do ask_wait. */
struct greylist_result greylist_ask_about_client(const struct greylist_options* options,
                                                 const struct greylist_query* query,
                                                 const struct greylist_client* client,
                                                 struct greylist_session* session, char* format,
                                                 size_t size);

/* Tells the daemons of `options`, each of them, that somebody of ours has sent a message, so that
 * the answers to it are not delayed: qmail-greyd(8), REPLIES. `sender` is ours, and `recipients` as
 * in a query. Nobody answers, and nothing is waited for: one datagram to each, or several where
 * they are many or long, under the key where there is one. Addresses of more than 320 octets are
 * left out. Returns 0 when it went out to one of them at least, and -1 when it did not, or there
 * was nothing to tell: an empty sender, no recipient, no server. */
int greylist_sent(const struct greylist_options* options, const char* sender,
                  const char* recipients, size_t recipients_size);

/* A constant English text without a newline. */
const char* greylist_strerror(enum greylist_error error);

/* What a front says. Each writes one line of printable ASCII, without a newline, into `buffer`, cut
 * at `size` - 1 octets, always with a NUL, and returns its length. */

/* The text for a client that is deferred: `format` with its %t filled in, at most GREYLIST_TEXT_MAX
 * octets; GREYLIST_TEXT when `format` is NULL or empty; GREYLIST_TEXT_UNAVAILABLE when nobody
 * answered. */
size_t greylist_text(const struct greylist_result* result, const char* format, char* buffer,
                     size_t size);
/* The SMTP reply of `code`, greylist_check()'s, with that text: "450 4.7.1 Greylisted: ...", at
 * most GREYLIST_REPLY_MAX octets. The enhanced code (RFC 3463) is the text's own, where it begins
 * with one: "4.2.0 Come back later". Else it is 4.7.1 for 450, and 4.3.0 for 451. */
size_t greylist_reply(int code, const char* text, char* buffer, size_t size);
/* For the log, when the daemon defers: its decision, in the fields that its own log has,
 *
 *     verdict=defer reason=new client=192.0.2.1 name=mx.example.org sender=a@example.org
 *     recipients=b@example.net wait=300                               (all in one line)
 *
 * without name or wait when they are not known. Of many recipients the first are named, long values
 * are cut, and a character that could end a line or forge a field is %XX. Else an empty text. */
size_t greylist_describe_deferral(const struct greylist_query* query,
                                  const struct greylist_result* result, char* buffer, size_t size);
/* For the log, when nobody answered: the client, why, and what is done. Else an empty text. */
size_t greylist_describe_failure(const struct greylist_query* query,
                                 const struct greylist_result* result, char* buffer, size_t size);
/* For the log: the variables that greylist_options_from_env() returned, their values, and what is
 * used instead. */
size_t greylist_describe_bad_values(const struct greylist_options* options, unsigned bad,
                                    char* buffer, size_t size);

/* A front's whole work for one message: reads the environment (those above, and GREYTEXT), asks,
 * and says on standard error, as `program`, what was wrong, and a deferral; but not where that is
 * the client's connection, as under inetd. Returns 0 when the message is to go on, which it always
 * is in a session that is exempt, below; else the code of the SMTP reply: 450 when the daemon
 * defers, 451 when nobody answered and GREYFAIL is closed; `text` then holds its text
 * (greylist_text(): of the daemon's rule, where it has one; else GREYTEXT; `format` is for when
 * that is unset or empty). When the query's client_name is NULL it is TCPREMOTEHOST. */
int greylist_check(const char* program, const struct greylist_query* query, const char* format,
                   char* text, size_t size);

/* The same with what is known of the client besides; `client` may be NULL. */
int greylist_check_client(const char* program, const struct greylist_query* query,
                          const struct greylist_client* client, const char* format, char* text,
                          size_t size);

/* A front's whole work for a message of ours, which is one of a session where RELAYCLIENT is set,
 * or whose client has logged in: where the variable GREYREPLIES is 1 it does as greylist_sent(), by
 * the environment, and says on standard error, as `program`, what was wrong; else it does nothing.
 * Returns 0, or -1 when nobody could be told. */
int greylist_tell_sent(const char* program, const char* sender, const char* recipients,
                       size_t recipients_size);

/* Whether the session is one that is not greylisted: RELAYCLIENT or WHITELISTED is set, even to an
 * empty text. `variable` is how a front looks a variable up that has an environment of its own;
 * NULL: getenv(). For a front that has something to do before it asks, or not to do then. */
int greylist_is_exempt(const char* (*variable)(const char* name));

/* The entry of greylist(3) in IndiMail, for qmail-smtpd sources that were patched for it. Asks the
 * daemon at `gip` (as `servers` above; NULL or empty: off) about the client `connectingip`, the
 * sender `from` and the recipients in `tolist`, 'T' address NUL each, `tolen` octets.
 *
 * 1 accept, 0 defer, -1 soft failure, -2 out of memory. GREYTIMEOUT and GREYMAXDATA are taken from
 * the environment. Without an answer an administrator's GREYFAIL decides: 1 for open, 0 for closed.
 * When it is unset or bad the failure is the caller's: timeoutfn is called when nobody answered in
 * time, errfn when the question could not be asked; if they return, or are NULL, -1 is returned. */
int greylist(char* gip, char* connectingip, char* from, char* tolist, int tolen,
             void (*timeoutfn)(), void (*errfn)());

#ifdef __cplusplus
}
#endif

#endif
