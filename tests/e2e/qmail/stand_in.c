#include "stand_in.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static int add(stralloc* to, const char* bytes, unsigned int size) {
  if (to->a <= to->len + size) {
    to->a = to->len + size + 100;
    to->s = realloc(to->s, to->a);
    if (!to->s) exit(111);
  }
  memcpy(to->s + to->len, bytes, size);
  to->len += size;
  return 1;
}
int stralloc_cats(stralloc* to, const char* text) {
  return add(to, text, (unsigned int)strlen(text));
}
int stralloc_copys(stralloc* to, const char* text) {
  to->len = 0;
  return stralloc_cats(to, text);
}
int stralloc_0(stralloc* to) {
  return add(to, "", 1);
}

char* env_get(const char* name) {
  return getenv(name);
}
void out(const char* text) {
  fputs(text, stdout);
}
void flush(void) {
  fflush(stdout);
}

char* address(char* argument) {
  char* begin = strchr(argument, '<');
  char* end = begin ? strchr(begin, '>') : 0;
  if (!end) return 0;
  *end = 0;
  return begin + 1;
}

int qmail_open(struct qmail* qqt) {
  qqt->fd = open(getenv("QUEUE"), O_WRONLY | O_APPEND | O_CREAT, 0600);
  return qqt->fd;
}
/* As qmail-smtpd: only CR LF "." CR LF ends it, and at an LF without CR it hangs up. */
void qmail_message(struct qmail* qqt) {
  char last[5] = "???\r\n";
  int next;
  while ((next = getchar()) != EOF) {
    char byte = (char)next;
    memmove(last, last + 1, 4);
    last[4] = byte;
    if (byte == '\n' && last[3] != '\r') {
      out("451 bare LF (#4.6.0)\r\n");
      flush();
      exit(1);
    }
    if (memcmp(last, "\r\n.\r\n", 5) == 0) break;
    if (write(qqt->fd, &byte, 1) < 0) exit(111);
  }
  close(qqt->fd);
}

void commands(struct command* table) {
  static char line[100000]; /* qmail has no limit */
  struct command* at;
  while (flush(), fgets(line, sizeof line, stdin)) {
    char* argument = line + strcspn(line, " \r\n");
    line[strcspn(line, "\r\n")] = 0;
    if (*argument) *argument++ = 0;
    for (at = table; at->name && strcasecmp(at->name, line); ++at) continue;
    at->run(argument);
  }
}
