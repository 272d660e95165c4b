/* A stand-in for the qmail-smtpd.c of notqmail, written for the tests: prototypes. */
#include "stand_in.h"

void _exit(int code);

static char *remoteip;
static char *relayclient;
void smtp_data(char *);
stralloc mailfrom = {0};
stralloc rcptto = {0};
stralloc helohost = {0};
struct qmail qqt;
int seenmail = 0;

static void err_wantmail(void) { out("503 MAIL first (#5.5.1)\r\n"); }
static void err_wantrcpt(void) { out("503 RCPT first (#5.5.1)\r\n"); }
static void err_syntax(void) { out("555 syntax error (#5.5.4)\r\n"); }
static void err_qqt(void) { out("451 qqt failure (#4.3.0)\r\n"); }
static void die(void) { flush(); _exit(1); }

void smtp_helo(char *arg)
{ stralloc_copys(&helohost,arg); stralloc_0(&helohost); seenmail = 0; out("250 stand-in\r\n"); }
void smtp_quit(char *arg)
{ out("221 stand-in\r\n"); flush(); _exit(0); }
void smtp_unimpl(char *arg)
{ out("502 unimplemented (#5.5.1)\r\n"); }

void smtp_mail(char *arg)
{
  char *addr = address(arg);
  if (!addr) { err_syntax(); return; }
  seenmail = 1;
  stralloc_copys(&rcptto,"");
  stralloc_copys(&mailfrom,addr);
  stralloc_0(&mailfrom);
  out("250 ok\r\n");
}
void smtp_rcpt(char *arg)
{
  char *addr;
  if (!seenmail) { err_wantmail(); return; }
  addr = address(arg);
  if (!addr) { err_syntax(); return; }
  stralloc_cats(&rcptto,"T");
  stralloc_cats(&rcptto,addr);
  stralloc_0(&rcptto);
  out("250 ok\r\n");
}

void smtp_data(char *arg)
{
  (void) arg;

  if (!seenmail) { err_wantmail(); return; }
  if (!rcptto.len) { err_wantrcpt(); return; }
  seenmail = 0;
  if (qmail_open(&qqt) == -1) { err_qqt(); return; }
  out("354 go ahead\r\n"); flush();
  qmail_message(&qqt);
  out("250 ok\r\n");
}

struct command table[] = {
  { "helo", smtp_helo }, { "ehlo", smtp_helo }, { "mail", smtp_mail }, { "rcpt", smtp_rcpt }
, { "data", smtp_data }, { "quit", smtp_quit }, { 0, smtp_unimpl }
} ;

int main(void)
{
  remoteip = env_get("TCPREMOTEIP");
  if (!remoteip) remoteip = "unknown";
  relayclient = env_get("RELAYCLIENT");
  out("220 stand-in\r\n");
  commands(table);
  die();
}
