/* A caller as old qmail-smtpd sources are: K&R C, with declarations of its own instead of a header.
 * Proves that what was patched for greylist(3) links and runs unchanged. */
#include <stdio.h>
#include <stdlib.h>

extern int greylist();

static int errors = 0;
static char recipients[] = "Tb@example.net\0Tc@example.net";

void die_timeout() {
  exit(1);
}
void note_error() {
  ++errors;
}

int main(argc, argv)
int argc;
char** argv;
{
  int result;

  (void)argc;
  (void)argv;
  result = greylist("", "192.0.2.1", "a@example.org", recipients, (int)sizeof recipients,
                    die_timeout, note_error);
  if (result != 1 || errors != 0) return printf("off: %d\n", result);
  result = greylist("300.1.1.1", "192.0.2.1", "a@example.org", recipients, (int)sizeof recipients,
                    die_timeout, note_error);
  if (result != -1 || errors != 1) return printf("bad gip: %d\n", result);
  return 0;
}
