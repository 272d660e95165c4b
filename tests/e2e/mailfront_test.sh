#!/bin/bash
# plugin-greylist in the real mailfront under tcpserver, with the real daemon behind and swaks as
# the client. cvm-pwfile checks the passwords.
# usage: mailfront_test.sh PLUGIN-GREYLIST.SO QMAIL-GREYD [SANITIZER-RUNTIME]
# shellcheck disable=SC2317  # functions are called through `ok` and traps
set -u
[ -f "$1" ] || { echo "$1 is not built: it needs mailfront and libbg-dev (scripts/setup test)"; exit 1; }
plugin=$(realpath "$1")
greyd=$(realpath "$2")
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
work_in_a_directory

prepare_mailfront "$plugin" "${3-}"
echo 'joe:secret:100:100:Joe:/:/bin/sh' >"$work/passwords"
export GREYTIMEOUT=30
export CVM_SASL_PLAIN=/usr/bin/cvm-pwfile CVM_PWFILE_PATH=$work/passwords CVM_PWFILE_PLAIN=1
plugins=(qmail-validate cvm-authenticate greylist)

serve() { # name address variable=value...: mailfront on a port of its own, in $smtp_port
  local name=$1 address=$2
  shift 2
  tcpserver -1 -R -H -l 0 "$address" 0 env "${preload[@]}" "$@" \
    /usr/sbin/mailfront smtp qmail "${plugins[@]}" >"$work/$name.port" 2>"$work/$name.log" &
  pids+=($!)
  until_true test -s "$work/$name.port"
  smtp_port=$(cat "$work/$name.port")
}
deliver() { # client sender swaks-option...
  send_mail "$1" "$2" joe@example.net "${@:3}"
}
queued() { find "$work/qmail/queue" -name '*.envelope' -size +1c | wc -l; }
accepted() {
  local before
  before=$(queued)
  deliver "$@" && until_true test "$(queued)" -eq $((before + 1))
}
refused() { # reply client sender swaks-option...
  local reply=$1 before
  shift
  before=$(queued)
  ! deliver "$@" && grep -Eq "^<\*\* $reply" "$work/swaks.out" && [ "$(queued)" -eq "$before" ]
}
deferred() { refused '450 4\.7\.1 Greylisted: please try again in ' "$@"; }
logged() { until_true grep -q "$1" "$work/greyd/log"; }

use_clock "$work/clock"
port=$(free_port)
start_greyd "$greyd" "$work/greyd" "127.0.0.1@$port" -m 5
greyip=GREYIP=127.0.0.1@$port

serve v4 127.0.0.1 "$greyip"
v4_port=$smtp_port
ok 'the first attempt is deferred with 450' deferred 127.0.0.11 a@example.org --to joe@example.net,jim@example.net
ok 'log: new, one query with all recipients' logged 'reason=new client=127.0.0.11 sender=a@example.org recipients=joe@example.net,jim@example.net '
ok 'mailfront'"'"'s log has the reason, too' until_true grep -qx \
  'plugin-greylist: verdict=defer reason=new client=127.0.0.11 sender=a@example.org recipients=joe@example.net,jim@example.net wait=300' \
  "$work/v4.log"
pass_time 299
ok 'too early' deferred 127.0.0.11 a@example.org --to joe@example.net,jim@example.net
pass_time 1
ok 'the good retry is accepted' accepted 127.0.0.11 a@example.org --to joe@example.net,jim@example.net
ok 'log: passed' logged 'reason=passed client=127.0.0.11 .* age=300 '
ok 'a bounce is asked about' deferred 127.0.0.12 '<>'
ok 'log: no sender' logged 'client=127.0.0.12 sender=<> '
ok 'recipients that are all refused are not asked about' refused '550 ' 127.0.0.13 a@example.org --to x@nowhere.org
ok 'log: nothing' test "$(grep -c client=127.0.0.13 "$work/greyd/log")" = 0
ok 'a session that has authenticated itself is not asked about' \
  accepted 127.0.0.14 a@example.org --auth PLAIN --auth-user joe --auth-password secret
ok 'one that has failed to is' deferred 127.0.0.14 a@example.org --auth-optional PLAIN --auth-user joe --auth-password wrong

serve v6 ::1 "$greyip" GREYTEXT='4.2.0 come back in %t'
ok 'an IPv6 client is deferred, with GREYTEXT' refused '450 4\.2\.0 come back in 5 minutes' ::1 a@example.org
ok 'log: its address' logged 'reason=new client=::1 '
pass_time 300
ok 'and accepted later' accepted ::1 a@example.org
ok 'log: passed' logged 'reason=passed client=::1 '

# ---- several messages in a session

replies() { # protocol variable=value... <session: the reply codes
  env "${preload[@]}" TCPREMOTEIP=192.0.2.1 "$greyip" "${@:2}" /usr/sbin/mailfront "$1" qmail \
    "${plugins[@]}" 2>"$work/replies.log" | tr -d '\r' | sed -n 's/^\([0-9]*\) .*/\1/p' | tr '\n' ' '
}
session='MAIL FROM:<one@example.org>\r\nRCPT TO:<a@example.net>\r\nDATA\r\n'
session+='MAIL FROM:<two@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n'
session+='DATA\r\nRCPT TO:<d@example.net>\r\nDATA\r\nMAIL FROM:<three@example.org>\r\nRCPT TO:<c@example.net>\r\nRSET\r\nDATA\r\nQUIT\r\n'
# shellcheck disable=SC2059  # a format with its line ends
ok 'each message is asked about; DATA without a new sender is refused' test "$(printf "$session" | replies smtp)" = \
  '220 250 250 450 250 250 450 503 503 503 250 250 250 503 221 '
ok 'log: one' logged 'client=192.0.2.1 sender=one@example.org recipients=a@example.net '
ok 'log: two, without the first' logged 'client=192.0.2.1 sender=two@example.org recipients=b@example.net '
ok 'log: nothing of what was reset' test "$(grep -c three@ "$work/greyd/log")" = 0
many=$(for i in {1..4000}; do printf 'RCPT TO:<user%d@example.net>\\r\\n' "$i"; done)
# shellcheck disable=SC2059
ok 'more recipients than a query holds' test "$(printf "MAIL FROM:<m@example.org>\r\n${many}DATA\r\nQUIT\r\n" |
  replies smtp | tr ' ' '\n' | sort | uniq -c | tr -s ' \n' ' ')" = ' 1 220 1 221 4001 250 1 450 '
ok 'log: some of them' logged 'sender=m@example.org '

# ---- the other protocols

qmtp() { # sender: mailfront's answer
  printf '4:\nhi\n,%d:%s,34:13:c@example.net,13:d@example.net,,' ${#1} "$1" |
    env "${preload[@]}" TCPREMOTEIP=192.0.2.2 "$greyip" /usr/sbin/mailfront qmtp qmail "${plugins[@]}" 2>"$work/qmtp.log"
}
ok 'QMTP: deferred' grep -q ':Z4.7.1 Greylisted' <(qmtp q@example.org)
ok 'log: one query' logged 'client=192.0.2.2 sender=q@example.org recipients=c@example.net,d@example.net '
pass_time 300
ok 'QMTP: accepted later' grep -q ':K' <(qmtp q@example.org)

# ---- who is not asked about, and no daemon

for exemption in RELAYCLIENT= WHITELISTED= GREYIP=; do
  serve "exempt-${exemption%=}" 127.0.0.1 "$greyip" "$exemption"
  ok "$exemption: nobody is asked" accepted 127.0.0.20 a@example.org
done
# What such a session sends is told, where that is wanted: who is written to may answer.
told() { until_true grep -qs "^S [0-9]* sent:example.net $1@example.net a@example.org\$" "$work/greyd"/context*; }
serve told-relay 127.0.0.1 "$greyip" RELAYCLIENT= GREYREPLIES=1
ok 'RELAYCLIENT with GREYREPLIES' accepted 127.0.0.23 a@example.org --to ann@example.net
ok 'the daemon knows whom it has written to' told ann
serve told-auth 127.0.0.1 "$greyip" GREYREPLIES=1
ok 'a session that has authenticated itself, with GREYREPLIES' \
  accepted 127.0.0.24 a@example.org --to bob@example.net --auth PLAIN --auth-user joe --auth-password secret
ok 'likewise' told bob
# The session's environment is not the process's: mailrules sets variables there, as here for some
# senders.
for variable in RELAYCLIENT WHITELISTED; do
  printf 'n*@spared.example.org:*::::%s=\n' "$variable" >"$work/rules-$variable"
  plugins=(mailrules "${plugins[@]}")
  serve "rules-$variable" 127.0.0.1 "$greyip" MAILRULES="$work/rules-$variable"
  plugins=("${plugins[@]:1}")
  ok "$variable by mailrules: nobody is asked" accepted 127.0.0.22 a@spared.example.org
  ok "$variable by mailrules: about whom they name alone" deferred 127.0.0.22 a@example.org --to "$variable@example.net"
done
stop_greyd
greyd_pid=
smtp_port=$v4_port
serve open 127.0.0.1 "$greyip" GREYTIMEOUT=1
ok 'no daemon, open' accepted 127.0.0.21 a@example.org
ok 'and the log says so' grep -q '^plugin-greylist: client=127.0.0.21: .*: accepted (GREYFAIL=open)$' "$work/open.log"
serve closed 127.0.0.1 "$greyip" GREYTIMEOUT=1 GREYFAIL=closed
ok 'no daemon, closed' refused '451 4\.3\.0 Greylisting is not available' 127.0.0.21 a@example.org
ok 'no sanitizer has complained' test "$(cat "$work"/*.log | grep -c 'runtime error\|Sanitizer')" = 0

((failures == 0)) && echo 'mailfront_test: all passed'
exit $((failures > 0))
