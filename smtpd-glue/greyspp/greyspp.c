/* greyspp: greylisting plugin for qmail-spp. See greyspp(8).
 *
 * qmail-spp runs a plugin for an SMTP command, with what it knows in the environment, and acts on
 * the lines that the plugin prints: "E450 text" makes it answer "450 text" and refuse the command;
 * "SNAME=value" and "UNAME" set and unset a variable for the plugins that follow in the session; no
 * line, or only such, lets it go on. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smtpd-glue/libgreylist/greylist.h"

enum { kExitMisuse = 100, kExitSystemFailure = 111 };

static const char kUsage[] = "usage: greyspp [--bounces=no|only|--data] [--help] [--version]\n";

/* What the command line says of where this is run, and about whom it asks there. */
enum role {
  kAnywhere,           /* about all */
  kRcptWithoutBounces, /* --bounces=no */
  kDataOfBounces,      /* --bounces=only */
  kData                /* --data: about all */
};

/* qmail-spp starts plugins with standard input closed: no file is to take a standard descriptor's
 * place. What is written to a standard output that was closed must still fail. */
static void open_standard_descriptors(void) {
  int fd;
  for (fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    if (open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR) < 0) return;
  }
}

static int print(const char* text) {
  return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? kExitSystemFailure : 0;
}

/* Set in the server while it has taken a recipient that nobody was asked about, as its sender was
 * empty: to be asked about at DATA, whoever is the sender then. For SMTPMAILFROM is that of the
 * last MAIL, though the server refused it (as too big, say) and the message still has the one
 * before. */
#define BOUNCE_MARK "GREYSPP_BOUNCE"

static int is_set(const char* name) {
  const char* value = getenv(name);
  return value != NULL && *value != '\0';
}

/* A variable that qmail-spp or tcpserver sets. A plugin without them is in the wrong place, which
 * must not stop mail: one line in the log, which asks about that place, and the command goes on. */
static const char* needed(const char* name, int may_be_empty, const char* place) {
  const char* value = getenv(name);
  if (value != NULL && (may_be_empty || *value != '\0')) return value;
  fprintf(stderr, "greyspp: %s is not set: no greylisting; is it %s?\n", name, place);
  return NULL;
}

/* `recipient` as the library wants it, 'T' address NUL. */
static char* recipient_field(const char* recipient, size_t* size) {
  char* field;
  *size = strlen(recipient) + 2;
  field = malloc(*size);
  if (field == NULL) return NULL;
  field[0] = 'T';
  memcpy(field + 1, recipient, *size - 1);
  return field;
}

static int is_0(const char* name) {
  const char* value = getenv(name);
  return value != NULL && strcmp(value, "0") == 0;
}

/* Whether the server will refuse the last recipient, as qmail-spp says under [rcpt]: its plugins
 * are asked first. Under [data] the variables are still those of the last RCPT, and others before
 * it may have been taken: such a message is asked about, or one refused recipient at its end would
 * take it past us. Without an option we cannot tell where we are, and go by the count of those
 * others. (It is 0 behind a MAIL that was refused, though they are kept: hence --data.) */
static int will_be_refused(enum role role) {
  if (!is_0("SMTPRCPTHOSTSOK") || role == kDataOfBounces || role == kData) return 0;
  return role == kRcptWithoutBounces || !is_set("SMTPRCPTCOUNT") || is_0("SMTPRCPTCOUNT");
}

/* Whether this is asked about by the other greyspp. */
static int is_for_the_other(enum role role, const char* sender) {
  if (role == kDataOfBounces) return *sender != '\0' && !is_set(BOUNCE_MARK);
  return role == kRcptWithoutBounces && *sender == '\0';
}

/* Whether the client is one of ours: by its address, or as it has logged in. */
static int is_ours(void) {
  return getenv("RELAYCLIENT") != NULL || is_set("SMTPAUTHUSER");
}

/* Nothing of it decides about the command. */
static int tell_sent(void) {
  const char* sender = getenv("SMTPMAILFROM");
  const char* recipient = getenv("SMTPRCPTTO");
  char* recipients;
  size_t size;
  if (sender == NULL || recipient == NULL || *recipient == '\0') return 0;
  recipients = recipient_field(recipient, &size);
  if (recipients == NULL) return 0;
  greylist_tell_sent("greyspp", sender, recipients, size);
  free(recipients);
  return 0;
}

static int decide(enum role role) {
  static const char kMapped[] = "::ffff:"; /* an IPv4 client of an IPv6 socket */
  struct greylist_query query = {0};
  struct greylist_client about = {0};
  char text[GREYLIST_TEXT_MAX + 1], reply[GREYLIST_REPLY_MAX + 1];
  char* recipients;
  int code;

  static const char kSection[] = "under [rcpt] or [data]";
  const char* client = needed("TCPREMOTEIP", 0, "run by tcpserver");
  const char* sender = client == NULL ? NULL : needed("SMTPMAILFROM", 1, kSection);
  const char* recipient = sender == NULL ? NULL : needed("SMTPRCPTTO", 1, kSection);
  if (recipient == NULL) return 0;
  if (will_be_refused(role)) return 0;
  if (is_for_the_other(role, sender)) {
    return role == kRcptWithoutBounces ? print("S" BOUNCE_MARK "=1\n") : 0;
  }
  if (strncmp(client, kMapped, sizeof kMapped - 1) == 0 && strchr(client, '.') != NULL) {
    client += sizeof kMapped - 1;
  }

  query.client = client;
  query.sender = sender;
  query.recipients = recipients = recipient_field(recipient, &query.recipients_size);
  if (recipients == NULL) {
    perror("greyspp");
    return kExitSystemFailure;
  }
  about.size = sizeof about;
  about.helo = getenv("SMTPHELOHOST");
  code = greylist_check_client("greyspp", &query, &about, NULL, text, sizeof text);
  free(recipients);
  if (code == 0) {
    return role == kDataOfBounces && is_set(BOUNCE_MARK) ? print("U" BOUNCE_MARK "\n") : 0;
  }
  greylist_reply(code, text, reply, sizeof reply);
  if (printf("E%s\n", reply) < 0) return kExitSystemFailure;
  return fflush(stdout) == 0 ? 0 : kExitSystemFailure;
}

int main(int argc, char** argv) {
  enum role role = kAnywhere;
  open_standard_descriptors();
  if (argc == 2 && strcmp(argv[1], "--help") == 0) return print(kUsage);
  if (argc == 2 && strcmp(argv[1], "--version") == 0) return print("greyspp " GREY_VERSION "\n");
  if (argc == 2 && strcmp(argv[1], "--bounces=no") == 0) {
    role = kRcptWithoutBounces;
  } else if (argc == 2 && strcmp(argv[1], "--bounces=only") == 0) {
    role = kDataOfBounces;
  } else if (argc == 2 && strcmp(argv[1], "--data") == 0) {
    role = kData;
  } else if (argc > 1) {
    fprintf(stderr, "greyspp: unknown argument %.100s; %s", argv[1], kUsage);
    return kExitMisuse;
  }
  if (!is_ours() && greylist_is_exempt(NULL)) return 0;
  if (!is_set("GREYIP")) {
    if (getenv("GREYIP") != NULL || getenv("GREYLISTING") == NULL) return 0;
    if (setenv("GREYIP", "@", 1) != 0) {
      perror("greyspp");
      return kExitSystemFailure;
    }
  }
  /* Of what is told at RCPT the second greyspp has nothing to say. */
  if (is_ours()) return role == kDataOfBounces ? 0 : tell_sent();
  return decide(role);
}
