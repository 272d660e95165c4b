#!/bin/bash
# Envelopes that are out of the ordinary, through plugin-greylist in the real mailfront and the real
# daemon: none is accepted because it could not be asked about, and what is no message is not asked
# about at all.
# usage: mailfront_envelope_test.sh PLUGIN-GREYLIST.SO QMAIL-GREYD [SANITIZER-RUNTIME]
# shellcheck disable=SC2317,SC2059  # functions are called through `ok` and traps; formats with line ends
set -u
shopt -s lastpipe # `ok` at the end of a pipe counts
[ -f "$1" ] || { echo "$1 is not built: it needs mailfront and libbg-dev (scripts/setup test)"; exit 1; }
plugin=$(realpath "$1")
greyd=$(realpath "$2")
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
work_in_a_directory

prepare_mailfront "$plugin" "${3-}"
mkdir -p "$work/queuedir/tmp" "$work/queuedir/new"
export QUEUEDIR=$work/queuedir

use_clock "$work/clock"
port=$(free_port)
start_greyd "$greyd" "$work/greyd" "127.0.0.1@$port" -m 5 --recipients=all

# session CLIENT BACKEND <commands: the codes of the replies after the greeting
session() {
  env "${preload[@]}" "TCPREMOTEIP=$1" "GREYIP=${GREYIP-127.0.0.1@$port}" GREYTIMEOUT="${GREYTIMEOUT-30}" \
    /usr/sbin/mailfront smtp "$2" qmail-validate greylist | tr -d '\r' | sed -n '1d; s/^\([0-9]*\) .*/\1/p' | tr '\n' ' '
}
# hears CODES CLIENT: that session on standard input has these replies
hears() {
  local heard
  heard=$(session "$2" qmail 2>>"$work/mailfront.log")
  [ "$heard" = "$1 " ] || { echo "heard $heard"; false; }
}
message() { # sender recipient: as a session
  printf 'MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n' "$1" "$2"
}
refused='250 250 450 500 500 500 500 221' # the message's lines are commands then
accepted='250 250 354 250 221'
octets() { printf "%$1s" '' | tr ' ' "$2"; }
asked_about() { grep -c "client=$1 " "$work/greyd/log"; }
is_asked_about() { [ "$(asked_about "$2")" = "$1" ]; } # times client

# ---- long addresses

long=$(octets 65488 s)@example.org
message "$long" joe@example.net | ok 'a sender of 65,500 octets is deferred' hears "$refused" 192.0.2.1
pass_time 300
message "${long/s/t}" joe@example.net | ok 'another one is another one' hears "$refused" 192.0.2.1
message "$long" joe@example.net | ok 'its good retry is accepted' hears "$accepted" 192.0.2.1
long=$(octets 65488 r)@example.net
message a@example.org "$long" | ok 'a recipient of 65,500 octets is deferred' hears "$refused" 192.0.2.2
pass_time 300
message a@example.org "$long" | ok 'its good retry is accepted' hears "$accepted" 192.0.2.2

# ---- NUL in an address: for qmail-queue another recipient begins there

printf 'MAIL FROM:<a\0b@example.org>\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<joe@example.net\0Tvictim@example.com\0Tjoe@example.net>\r\nDATA\r\nQUIT\r\n' |
  ok 'an address with a NUL is refused' hears '553 250 553 503 221' 192.0.2.3
ok 'and not asked about' test "$(asked_about 192.0.2.3)" = 0

# ---- more recipients than a query holds, where each must have been there before

many() { # last recipient
  local i
  printf 'MAIL FROM:<list@example.org>\r\n'
  for i in {1..12000}; do printf 'RCPT TO:<user%d@example.net>\r\n' "$i"; done
  printf 'RCPT TO:<%s>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n' "$1"
}
many_hear() { # codes at the end, after those of the recipients
  local heard
  heard=$(session 192.0.2.4 qmail 2>/dev/null)
  [[ $heard == *"250 250 250 $1 " ]] || { echo "heard ...${heard: -60}"; false; }
}
many last@example.net | ok '12,001 recipients are deferred' many_hear "${refused#250 250 }"
pass_time 300
ok 'log: one stands for those that did not fit' grep -q 'client=192.0.2.4 .* recipients=#[0-9a-f]*,user1@example.net,' "$work/greyd/log"
many other@example.net | ok 'with another last recipient they are deferred: nobody asked about it before' many_hear "${refused#250 250 }"
many last@example.net | ok 'the good retry is accepted' many_hear "${accepted#250 250 }"

# ---- address verification by other hosts: no message, no question, at any time

for i in 1 2 3; do
  printf 'EHLO mx.example.org\r\nMAIL FROM:<>\r\nRCPT TO:<joe@example.net>\r\nQUIT\r\n' |
    ok "a callout is answered, $i" hears '250 250 250 221' 192.0.2.5
  printf 'EHLO mx.example.org\r\nMAIL FROM:<>\r\nRCPT TO:<nobody@example.com>\r\nRCPT TO:<joe@example.net>\r\nRSET\r\nQUIT\r\n' |
    ok 'one with two addresses and RSET too' hears '250 250 550 250 250 221' 192.0.2.5
  pass_time 86400
done
ok 'and nobody is asked' test "$(asked_about 192.0.2.5)" = 0
message '' joe@example.net | ok 'a bounce is' hears "$refused" 192.0.2.5

# ---- a message that passes, and that the server then refuses for now

message a@example.org joe@example.net | ok 'a message is deferred' hears "$refused" 192.0.2.6
pass_time 300
mv "$work/qmail/bin/qmail-queue" "$work/qmail/bin/qmail-queue.good"
printf '#!/bin/sh\ncat >/dev/null\nexit 71\n' >"$work/qmail/bin/qmail-queue"
chmod 755 "$work/qmail/bin/qmail-queue"
for i in 1 2; do
  message a@example.org joe@example.net | ok "it passes, and the queue does not take it, $i" hears '250 250 354 451 221' 192.0.2.6
done
{ message a@example.org joe@example.net | sed '/^QUIT/d'; message a@example.org joe@example.net; } |
  ok 'twice in a session' hears '250 250 354 451 250 250 354 451 221' 192.0.2.6
mv "$work/qmail/bin/qmail-queue.good" "$work/qmail/bin/qmail-queue"
message a@example.org joe@example.net | ok 'it is never deferred again' hears "$accepted" 192.0.2.6

# ---- RCPT and DATA without a MAIL that counts, which mailfront itself would take: after a refused DATA,
# EHLO and a message. With EHLO and without, as mailfront's protocol has another name then.

mail='MAIL FROM:<a@example.org>\r\nRCPT TO:<joe@example.net>\r\n'
another='RCPT TO:<other@example.net>\r\n'
data='DATA\r\n'
text='x\r\n.\r\n'
quit='QUIT\r\n'
rm "$work"/qmail/queue/*
host=20
for hello in '' 'HELO mx.example.org\r\n' 'EHLO mx.example.org\r\n'; do
  greeted=${hello:+250 }
  with=${hello:0:4}
  host=$((host + 1))
  printf "$hello$mail$data$data$mail$data$quit" |
    ok "${with:-no greeting}: DATA again after a deferral is refused" hears "${greeted}250 250 450 503 250 250 450 221" 192.0.2.$host
  printf "$hello$mail$data$another$data$another$data$quit" |
    ok "${with:-no greeting}: RCPT and DATA too" hears "${greeted}250 250 450 503 503 503 503 221" 192.0.2.$host
  printf "${hello}RCPT TO:<a@example.net>\r\nDATA\r\nQUIT\r\n" |
    ok "${with:-no greeting}: and those that begin a session" hears "${greeted}503 503 221" 192.0.2.$host
  for again in HELO EHLO; do
    printf "$hello$mail$again x\r\n$data$another$data$quit" |
      ok "${with:-no greeting}: and those behind an envelope and $again" hears "${greeted}250 250 250 503 503 503 221" 192.0.2.$host
  done
  ok "${with:-no greeting}: nobody is asked about a message that has no sender" until_true is_asked_about 3 192.0.2.$host
  pass_time 300
  printf "$hello$mail$data$text$another$data$data$mail$data$text$data$another$data$quit" |
    ok "${with:-no greeting}: a message's end is its envelope's" \
      hears "${greeted}250 250 354 250 503 503 503 250 250 354 250 503 503 503 221" 192.0.2.$host
  printf "$hello$mail$data$text${mail/a@/b@}$data$text$quit" |
    ok "${with:-no greeting}: the next one's is its own" hears "${greeted}250 250 354 250 250 250 354 250 221" 192.0.2.$host
  ok "${with:-no greeting}: as the log says" until_true grep -q "client=192.0.2.$host sender=b@example.org recipients=joe@example.net " "$work/greyd/log"
  printf "$hello$mail$data$text$another$data$quit" | RELAYCLIENT='' \
    ok "${with:-no greeting}: that holds for whom nobody is asked about" hears "${greeted}250 250 354 250 503 503 221" 192.0.2.$host
done
# Where DATA was refused mailfront has begun a message, which ends without an envelope.
ok 'only messages of their own sender and recipient were queued' test \
  "$(for file in "$work"/qmail/queue/*.envelope; do tr '\0' ' ' <"$file"; [ ! -s "$file" ] || echo; done | sort | uniq -c | tr -s ' \n' ' ')" = \
  ' 12 Fa@example.org Tjoe@example.net 3 Fb@example.org Tjoe@example.net '

# ---- a client with a zone

message a@example.org joe@example.net | GREYFAIL=closed ok 'a link-local client is asked about' hears "$refused" fe80::1%eth0
pass_time 300
message a@example.org joe@example.net | GREYFAIL=closed ok 'and accepted later' hears "$accepted" fe80::1%eth0

# ---- no standard error: what is logged must not go into a message

message a@example.org joe@example.net | GREYIP=127.0.0.1@1 GREYTIMEOUT=1 session 192.0.2.7 queuedir 2>&- >/dev/null
# Sender, recipient and message, each with its mark behind it.
ok 'the message has nothing of the log' test "$(cat "$work"/queuedir/new/* | tr '\0\n' '||')" = \
  'a@example.org|joe@example.net||Subject: x||x|'

stop_greyd
greyd_pid=
ok 'no sanitizer has complained' test "$(cat "$work"/*.log "$work/greyd/log" | grep -c 'runtime error\|Sanitizer')" = 0
((failures == 0)) && echo 'mailfront_envelope_test: all passed'
exit $((failures > 0))
