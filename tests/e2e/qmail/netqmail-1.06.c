/* A stand-in for the qmail-smtpd.c of netqmail 1.06, written for the tests: K&R, and other lines
 * between the anchors. */
#include "stand_in.h"

void _exit(int code);

char *remoteip;
char *relayclient;
stralloc mailfrom = {0};
stralloc rcptto = {0};
stralloc helohost = {0};
struct qmail qqt;
int seenmail = 0;
int spfbehavior = 0;

void err_wantmail() { out("503 MAIL first (#5.5.1)\r\n"); }
void err_wantrcpt() { out("503 RCPT first (#5.5.1)\r\n"); }
void err_syntax() { out("555 syntax error (#5.5.4)\r\n"); }
void err_qqt() { out("451 qqt failure (#4.3.0)\r\n"); }
void die() { flush(); _exit(1); }

void smtp_helo(arg) char *arg; { stralloc_copys(&helohost,arg); stralloc_0(&helohost); seenmail = 0; out("250 stand-in\r\n"); }
void smtp_quit(arg) char *arg; { out("221 stand-in\r\n"); flush(); _exit(0); }
void smtp_unimpl(arg) char *arg; { out("502 unimplemented (#5.5.1)\r\n"); }

void smtp_mail(arg) char *arg; {
  char *addr = address(arg);
  if (!addr) { err_syntax(); return; }
  seenmail = 1;
  stralloc_copys(&rcptto,"");
  stralloc_copys(&mailfrom,addr);
  stralloc_0(&mailfrom);
  out("250 ok\r\n");
}
void smtp_rcpt(arg) char *arg; {
  char *addr;
  if (!seenmail) { err_wantmail(); return; }
  addr = address(arg);
  if (!addr) { err_syntax(); return; }
  stralloc_cats(&rcptto,"T");
  stralloc_cats(&rcptto,addr);
  stralloc_0(&rcptto);
  out("250 ok\r\n");
}

void smtp_data(arg)
char *arg;
{
  int hops = 0;
  unsigned long databytes = 0;

  if (!seenmail) { err_wantmail(); return; }

  if (spfbehavior > 3) { err_qqt(); return; }
  if (!rcptto.len) { err_wantrcpt(); return; }
  if (hops) { err_qqt(); return; }
  seenmail = 0;
  if (databytes) hops = databytes + 1;
  if (qmail_open(&qqt) == -1) { err_qqt(); return; }
  out("354 go ahead\r\n"); flush();
  qmail_message(&qqt);
  out("250 ok\r\n");
}

struct command table[] = {
  { "helo", smtp_helo }, { "ehlo", smtp_helo }, { "mail", smtp_mail }, { "rcpt", smtp_rcpt }
, { "data", smtp_data }, { "quit", smtp_quit }, { 0, smtp_unimpl }
} ;

void main() {
  remoteip = env_get("TCPREMOTEIP");
  if (!remoteip) remoteip = "unknown";
  relayclient = env_get("RELAYCLIENT");
  out("220 stand-in\r\n");
  commands(table);
  die();
}
