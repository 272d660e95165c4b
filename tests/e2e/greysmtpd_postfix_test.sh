#!/bin/bash
# greysmtpd before Postfix: XCLIENT and BDAT. Postfix's smtpd runs under its own master only, so the
# server that tcpserver starts carries the bytes to it.
# usage: greysmtpd_postfix_test.sh /path/to/greysmtpd
# shellcheck disable=SC2317,SC2154,SC2016 # called through `ok`; set by serve; texts for Perl
set -u
here=$(cd "$(dirname "$0")" && pwd)
greysmtpd=$(realpath "$1")
[ "$(id -u)" = 0 ] || { echo "skipped: Postfix is started by root only"; exit 77; }
# shellcheck source-path=SCRIPTDIR
. "$here/smtp.sh"

postfix=$work/postfix
trusting_port=$(free_port)
wary_port=$(free_port)
start_postfix() {
  mkdir "$postfix" "$postfix/conf" "$postfix/queue" "$postfix/data"
  chown postfix "$postfix/data"
  cat >"$postfix/conf/main.cf" <<END
compatibility_level = 3.6
queue_directory = $postfix/queue
data_directory = $postfix/data
maillog_file = /dev/stdout
myhostname = mx.example.net
mydestination = example.net
mynetworks =
inet_interfaces = 127.0.0.1
alias_maps =
local_recipient_maps =
local_transport = discard
default_transport = discard
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_authorized_xclient_hosts = 127.0.0.1
in_flow_delay = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000000
smtpd_hard_error_limit = 1000000
END
  cat >"$postfix/conf/master.cf" <<END
127.0.0.1:$trusting_port inet n - n - - smtpd
127.0.0.1:$wary_port inet n - n - - smtpd -o smtpd_authorized_xclient_hosts=
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
END
  postfix -c "$postfix/conf" start-fg >"$postfix/log" 2>&1 &
  until_true answers "$trusting_port" || cat "$postfix/log"
  until_true answers "$wary_port"
}
answers() { (exec 4<>"/dev/tcp/127.0.0.1/$1" && IFS= read -r -t 5 line <&4 && [[ $line == 220* ]]) 2>/dev/null; }

connect_to='use IO::Socket::INET; use IO::Select;
  my $server = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or exit 111;
  my $select = IO::Select->new($server, \*STDIN);
  while (1) {
    for my $from ($select->can_read) {
      my $to = $from == $server ? \*STDOUT : $server;
      my $got = sysread $from, my $bytes, 65536;
      exit 0 if !$got && $from == $server;
      if (!$got) { shutdown $server, 1; $select->remove($from) }
      for (my $at = 0; $got && $at < $got;) { $at += syswrite $to, $bytes, $got - $at, $at or exit 0 }
    }
  }'

trap 'postfix -c "$postfix/conf" stop 2>/dev/null; leave_directory' EXIT
start_postfix
start_daemon
export GREYIP=$daemon GREYTIMEOUT=30
serve trusting "$greysmtpd" perl -e "$connect_to" "$trusting_port"
serve wary "$greysmtpd" perl -e "$connect_to" "$wary_port"
serve rcpt "$greysmtpd" --stage=rcpt perl -e "$connect_to" "$trusting_port"

begin() { : >"$work/queries"; }
asked() { grep -cxF "$1" "$work/queries"; }

test_xclient() {
  begin
  ok "XCLIENT: the client that it names is asked about" swaks_to "$port_trusting" bad@example.org \
    --xclient 'ADDR=192.0.2.2 NAME=mx.example.org'
  ok "with its name" test "$(asked 'I192.0.2.2|Fbad@example.org|Tr@example.net|Nmx.example.org||')" = 1
  ok "and Postfix saw it" until_true grep -q 'client=mx.example.org\[192.0.2.2\]' "$postfix/log"
  swaks_to "$port_trusting" bad@example.org --xclient 'ADDR=192.0.2.7'
  ok "XCLIENT: another one is deferred" heard_by_swaks '450 4.7.1 Greylisted'
  ok "XCLIENT: IPv6" swaks_to "$port_trusting" bad@example.org --xclient 'ADDR=IPV6:2001:db8::2'
  ok "by its address" test "$(asked 'I2001:db8::2|Fbad@example.org|Tr@example.net||')" = 1
  ok "XCLIENT: a user who has logged in is not asked about" swaks_to "$port_trusting" \
    bad@example.org --xclient 'ADDR=192.0.2.7 LOGIN=joe'
  ok "indeed" test "$(wc -l <"$work/queries")" = 3
  swaks_to "$port_rcpt" bad@example.org --xclient 'ADDR=192.0.2.7'
  ok "XCLIENT: at RCPT, too" heard_by_swaks '450 4.7.1 Greylisted'
}

# What Postfix makes of attributes in several commands is what is asked about.
test_xclient_spread() {
  begin
  dial "$port_trusting"
  say 'EHLO me\r\nXCLIENT NAME=mx.example.org\r\nXCLIENT ADDR=192.0.2.7\r\nMAIL FROM:<bad@x.org>\r\nRCPT TO:<r@example.net>\r\nDATA'
  ok "XCLIENT: a name before its address" hear 220 250 220 220 250 250 450
  ok "is asked about with it" test "$(asked 'I192.0.2.7|Fbad@x.org|Tr@example.net|Nmx.example.org||')" = 1
  say 'RSET\r\nMAIL FROM:<bad@x.org>\r\nRCPT TO:<r@elsewhere.org>\r\nQUIT'
  ok "XCLIENT: Postfix" hear 250 250 454 221
  ok "has it so, too" until_true grep -q 'from mx.example.org\[192.0.2.7\]: 454' "$postfix/log"
  hang_up
}

test_ends() {
  ok "what ends a message is in tests/data/smtp_ends/postfix" perl "$here/smtp_ends.pl" check \
    "$here/../data/smtp_ends/postfix" 37 "$wary_port"
}

# No recipient is at home here, so each is named in a reply.
test_spelling() {
  serve spelling "$greysmtpd" --stage=rcpt perl -e "$connect_to" "$wary_port"
  ok "the recipient that is asked about is the one that Postfix reads" \
    perl "$here/smtp_spelling.pl" "$port_spelling" "$work/queries" '^\d+ \S+ <(.*)>: '
}

test_xclient_refused() {
  begin
  dial "$port_wary"
  say 'EHLO me\r\nXCLIENT ADDR=192.0.2.2 LOGIN=joe\r\nMAIL FROM:<bad@x.org>\r\nRCPT TO:<r@example.net>\r\nDATA'
  ok "XCLIENT that Postfix refuses changes nothing" hear 220 250 550 250 250 450
  ok "neither address nor login" test "$(asked 'I127.0.0.1|Fbad@x.org|Tr@example.net||')" = 1
  hang_up
}

test_bdat() {
  dial "$port_trusting"
  say 'EHLO me\r\nMAIL FROM:<good@x.org>\r\nRCPT TO:<r@example.net>\r\nBDAT 12\r\nSubject: x\r\nBDAT 18 LAST\r\n\r\n.\r\nQUIT\r\nhello'
  ok "BDAT: an accepted message, pipelined" hear 220 250 250 250 250 250
  say 'MAIL FROM:<bad@x.org>\r\nRCPT TO:<r@example.net>\r\nBDAT 12\r\nSubject: x\r\nBDAT 8 LAST\r\nQUIT\r\n'
  ok "BDAT: a deferred one" hear 250 250 450 450
  say 'MAIL FROM:<good@x.org> SIZE=100 BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<r@example.net>\r\nBDAT 3 LAST\r\n\344\r\nQUIT'
  ok "SIZE, 8BITMIME and SMTPUTF8 pass" hear 250 250 250 221
  hang_up
}

test_xclient
test_xclient_spread
test_xclient_refused
test_bdat
test_ends
test_spelling
echo "# $failures failed"
exit $((failures > 0))
