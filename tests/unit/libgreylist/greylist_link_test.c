/* A C program that knows the C library only: proves that libgreylist needs nothing else. */
#include <stdio.h>
#include <string.h>

#include "smtpd-glue/libgreylist/greylist.h"

static int expect(const char* what, int good) {
  if (!good) fprintf(stderr, "failed: %s\n", what);
  return good ? 0 : 1;
}

int main(void) {
  struct greylist_options options;
  struct greylist_query query = {.client = "192.0.2.1",
                                 .sender = "a@example.org",
                                 .recipients = "Tb@example.net",
                                 .recipients_size = sizeof "Tb@example.net"};
  struct greylist_session session = {0};
  struct greylist_client about = {.size = sizeof about, .helo = "mx.example.org"};
  struct greylist_result result;
  char format[GREYLIST_TEXT_MAX + 1] = "of before";
  int failures = 0;

  /* Programs that were built with an older greylist.h hand in what that says. */
  failures += expect("the structures that they are since there are keys",
                     sizeof(void*) != 8 || (sizeof options == 72 && sizeof query == 40 &&
                                            sizeof result == 20 && sizeof session == 12));

  greylist_options_from_env(&options);
  options.servers = NULL;
  result = greylist_ask(&options, &query);
  failures += expect("off without a server", result.error == GREYLIST_OFF);

  options.servers = "[::1]:99999,nonsense";
  options.fail = GREYLIST_FAIL_CLOSED;
  result = greylist_ask(&options, &query);
  failures += expect("bad list", result.error == GREYLIST_BAD_SERVERS);
  failures += expect("fails closed", result.verdict == GREYLIST_DEFER);

  options.servers = "127.0.0.1@1,[::1]@1"; /* nobody listens on tcpmux */
  options.timeout_ms = 50;
  result = greylist_ask(&options, &query);
  failures +=
      expect("no answer", result.error == GREYLIST_SILENT || result.error == GREYLIST_UNREACHABLE);
  result = greylist_ask_with_text(&options, &query, &session, format, sizeof format);
  failures += expect("nor a text then", result.error != GREYLIST_ANSWERED && format[0] == '\0');
  result = greylist_ask_about_client(&options, &query, &about, &session, format, sizeof format);
  failures += expect("likewise with the client", result.error != GREYLIST_ANSWERED);
  about.size = 0;
  result = greylist_ask_about_client(&options, &query, &about, &session, format, sizeof format);
  failures += expect("and with one of another size", result.error != GREYLIST_ANSWERED);
  failures += expect("error texts", strlen(greylist_strerror(result.error)) > 0);
  return failures == 0 ? 0 : 1;
}
