/* A stand-in for the qmail-smtpd.c of a combined patch, written for the tests: K&R with prototypes
 * among them, TLS, AUTH, plugins; each puts lines between the anchors, and conditions around others. */
#include "stand_in.h"
#define TLS
#ifdef TLS
#include "tls.h"
#endif

void _exit(int code);
void smtp_data();

char *remoteip;
char *relayclient;
stralloc mailfrom = {0};
stralloc rcptto = {0};
struct qmail qqt;
int seenmail = 0;
int seenauth = 0;
int ssl = 0;
unsigned int databytes = 0;
unsigned int bytestooverflow = 0;

void err_wantmail() { out("503 MAIL first (#5.5.1)\r\n"); }
void err_wantrcpt() { out("503 RCPT first (#5.5.1)\r\n"); }
void err_syntax() { out("555 syntax error (#5.5.4)\r\n"); }
void err_qqt() { out("451 qqt failure (#4.3.0)\r\n"); }
void die() { flush(); _exit(1); }
int spp_data() { return 1; }

void smtp_helo(arg) char *arg; { seenmail = 0; out("250 stand-in\r\n"); }
void smtp_quit(arg) char *arg; { out("221 stand-in\r\n"); flush(); _exit(0); }
void smtp_unimpl(arg) char *arg; { out("502 unimplemented (#5.5.1)\r\n"); }
void smtp_auth(arg) char *arg; { seenauth = 1; relayclient = ""; out("235 ok\r\n"); }
#ifdef TLS
void smtp_tls(char *arg)
{
  if (ssl || !tls_init()) { smtp_unimpl(arg); return; }
  ssl = 1; seenmail = 0;
  out("220 ready for tls\r\n");
}
#endif

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

void smtp_data() {
  int hops;
#ifdef TLS
  stralloc protocolinfo = {0};
#endif
 
  if (!seenmail) { err_wantmail(); return; } /* seenmail = 1; until now */
  if (!rcptto.len) { err_wantrcpt(); return; }
  if (!spp_data()) return;
  seenmail = 0;
  if (databytes) bytestooverflow = databytes + 1;
  if (qmail_open(&qqt) == -1) { err_qqt(); return; }
  out("354 go ahead\r\n"); flush();
#ifdef TLS
  if (ssl) stralloc_copys(&protocolinfo,"encrypted");
  else
#endif
  hops = 0;
  qmail_message(&qqt);
  out("250 ok\r\n");
}

struct command table[] = {
  { "helo", smtp_helo }, { "ehlo", smtp_helo }, { "mail", smtp_mail }, { "rcpt", smtp_rcpt }
, { "data", smtp_data }, { "quit", smtp_quit }, { "auth", smtp_auth }
#ifdef TLS
, { "starttls", smtp_tls }
#endif
, { 0, smtp_unimpl }
} ;

void main() {
  remoteip = env_get("TCPREMOTEIP");
  if (!remoteip) remoteip = "unknown";
  relayclient = env_get("RELAYCLIENT");
  out("220 stand-in\r\n");
  commands(table);
  die();
}
