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
  struct greylist_result result;
  int failures = 0;

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
  failures += expect("error texts", strlen(greylist_strerror(result.error)) > 0);
  return failures == 0 ? 0 : 1;
}
