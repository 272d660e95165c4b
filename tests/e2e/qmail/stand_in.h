/* What the stand-ins for qmail-smtpd.c need of a qmail source tree, written for the tests. */
#ifndef STAND_IN_H
#define STAND_IN_H

typedef struct {
  char* s;
  unsigned int len, a;
} stralloc;
struct qmail {
  int fd;
};
struct command {
  const char* name;
  void (*run)();
};

int stralloc_copys(stralloc* to, const char* text);
int stralloc_cats(stralloc* to, const char* text);
int stralloc_0(stralloc* to);
char* env_get(const char* name);
void out(const char* text);
void flush(void);
char* address(char* argument); /* between < and >, or 0 */
int qmail_open(struct qmail* qqt);
void qmail_message(struct qmail* qqt); /* from standard input to the end of the queue's file */
void commands(struct command* table);  /* until QUIT or the end */

#endif
