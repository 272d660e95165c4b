#!/bin/bash
# Envelopes that are out of the ordinary, through patched stand-ins of qmail-smtpd (qmail_tree.sh
# says what those are) and the real daemon: none is accepted because it could not be asked about, and
# what is no message is not asked about at all.
# usage: patch_qmail_envelope_test.sh SOURCE-DIRECTORY LIBGREYLIST.A QMAIL-GREYD CC-OPTION...
# shellcheck disable=SC2317,SC2059  # functions are called through `ok` and traps; formats with line ends
set -u
shopt -s lastpipe # `ok` at the end of a pipe counts
source=$(realpath "$1")
library=$(realpath "$2")
greyd=$(realpath "$3")
shift 3
cc="cc -O2 $*"
# shellcheck source-path=SCRIPTDIR
. "$source/tests/e2e/lib.sh"
. "$source/tests/e2e/qmail_tree.sh"
work_in_a_directory

use_clock "$work/clock"
port=$(free_port)
start_greyd "$greyd" "$work/greyd" "127.0.0.1@$port" -m 5 --recipients=all

make_server() { # kind: a patched server, as $work/kind/qmail-smtpd
  local tree=$work/$1
  make_qmail_tree "$1" "$tree"
  "$source/smtpd-glue/qmail/patch-qmail-smtpd" "--include=$source/smtpd-glue/libgreylist/greylist.h" "--library=$library" \
    "$tree" >/dev/null && make -C "$tree" qmail-smtpd >"$work/make.log" 2>&1
}
# hears CODES CLIENT: a session on standard input has these replies after the greeting
hears() {
  local heard
  heard=$(env "TCPREMOTEIP=$2" "GREYIP=127.0.0.1@$port" GREYTIMEOUT=30 QUEUE="${queue-$work/queue}" \
    "$work/$kind/qmail-smtpd" 2>>"$work/server.log" | sed -n '1d; s/^\([0-9]*\) .*/\1/p' | uniq -c | tr -s ' \n' ' ')
  [ "$heard" = " $1 " ] || { echo "heard ${heard:0:300}"; false; }
}
message() { # sender recipient: as a session
  printf 'MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\nQUIT\r\n' "$1" "$2"
}
# Without the message itself, as who is refused would not send it: its end is the end of the input.
deferred='2 250 1 450 1 221'
accepted='2 250 1 354 1 250'
octets() { printf "%$1s" '' | tr ' ' "$2"; }
asked_about() { grep -c "client=$1 " "$work/greyd/log"; }
have_been_asked_about() { # client recipients, each with how often in a row
  [ "$(sed -n "s/.* client=$1 .* recipients=\([^ ]*\).*/\1/p" "$work/greyd/log" | uniq -c | tr -s ' \n' ' ')" = "$2" ]
}

host=10
for kind in qmail-1.03 netqmail-1.06 notqmail combined; do
  host=$((host + 1))
  ok "$kind: a patched server" make_server "$kind"

  long=$(octets 65488 s)@example.org
  message "$long" joe@example.net | ok "$kind: a sender of 65,500 octets is deferred" hears "$deferred" 192.0.2.$host
  pass_time 300
  message "${long/s/t}" joe@example.net | ok "$kind: another one is another one" hears "$deferred" 192.0.2.$host
  message "$long" joe@example.net | ok "$kind: its good retry is accepted" hears "$accepted" 192.0.2.$host

  many() { # last recipient
    printf 'MAIL FROM:<list@example.org>\r\n'
    printf 'RCPT TO:<user%d@example.net>\r\n' {1..12000}
    printf 'RCPT TO:<%s>\r\nDATA\r\nQUIT\r\n' "$1"
  }
  many last@x | ok "$kind: 12,001 recipients are deferred" hears '12002 250 1 450 1 221' 198.51.100.$host
  pass_time 300
  many other@x | ok "$kind: with another last one they are: nobody asked about it before" hears '12002 250 1 450 1 221' 198.51.100.$host
  many last@x | ok "$kind: the good retry is accepted" hears '12002 250 1 354 1 250' 198.51.100.$host

  callout=203.0.113.$host
  for i in 1 2; do
    printf 'HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<joe@example.net>\r\nQUIT\r\n' |
      ok "$kind: a callout is answered, $i" hears '3 250 1 221' "$callout"
    pass_time 86400
  done
  ok "$kind: and nobody is asked" test "$(asked_about "$callout")" = 0
  message '' joe@example.net | ok "$kind: a bounce is asked about" hears "$deferred" "$callout"
  pass_time 300
  message '' joe@example.net | ok "$kind: and accepted later" hears "$accepted" "$callout"

  client=192.0.2.1$host
  message a@example.org joe@example.net | ok "$kind: a message is deferred" hears "$deferred" "$client"
  pass_time 300
  for i in 1 2; do
    message a@example.org joe@example.net | queue=$work/none/queue \
      ok "$kind: it passes, and the queue does not take it, $i" hears '2 250 1 451 1 221' "$client"
  done
  message a@example.org joe@example.net | ok "$kind: it is not deferred again" hears "$accepted" "$client"

  # What is asked about is what the server has taken: nothing is left over from before.
  client=192.0.2.2$host
  mail='MAIL FROM:<a@example.org>\r\nRCPT TO:<joe@example.net>\r\n'
  another='RCPT TO:<other@example.net>\r\nDATA\r\n'
  printf "DATA\r\n$another${mail}EHLO x\r\nDATA\r\n${another}QUIT\r\n" |
    ok "$kind: RCPT and DATA without MAIL are refused" hears '3 503 3 250 3 503 1 221' "$client"
  ok "$kind: and not asked about" test "$(asked_about "$client")" = 0
  printf "${mail}DATA\r\nDATA\r\n${another}QUIT\r\n" |
    ok "$kind: DATA again after a deferral is deferred" hears '2 250 2 450 1 250 1 450 1 221' "$client"
  ok "$kind: with the message as it is then" until_true have_been_asked_about "$client" \
    ' 2 joe@example.net 1 joe@example.net,other@example.net '
  pass_time 300
  printf "${mail}DATA\r\nx\r\n.\r\nDATA\r\n${another}${mail}DATA\r\nx\r\n.\r\nQUIT\r\n" |
    ok "$kind: a message's end is its envelope's" hears '2 250 1 354 1 250 3 503 2 250 1 354 1 250 1 221' "$client"
  ok "$kind: and the next one's is its own" until_true have_been_asked_about "$client" \
    ' 2 joe@example.net 1 joe@example.net,other@example.net 2 joe@example.net '

  client=fe80::$host%eth0
  message a@example.org joe@example.net | GREYFAIL=closed ok "$kind: a link-local client is asked about" hears "$deferred" "$client"
done

stop_greyd
greyd_pid=
ok 'no sanitizer has complained' test "$(cat "$work"/*.log "$work/greyd/log" | grep -c 'runtime error\|Sanitizer')" = 0
((failures == 0)) && echo 'patch_qmail_envelope_test: all passed'
exit $((failures > 0))
