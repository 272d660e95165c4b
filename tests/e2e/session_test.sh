#!/bin/bash
# The whole chain with nothing faked but the daemon's clock: svctool makes the services, svscan,
# supervise, envdir and multilog run them, tcprules makes the rules, tcpserver starts greysmtpd in
# front of mailfront, swaks delivers. faketime moves the wall clock of the running daemon.
# usage: session_test.sh BUILD-DIRECTORY
#
# Ports are free ones of this machine; nothing waits for a time, only for conditions.
# shellcheck disable=SC2317  # functions are called through `ok` and traps
set -u
build=$(realpath "$1")
[ "$(id -u)" = 0 ] || { echo "skipped: svctool's services change users, which needs root"; exit 77; }
work=$(mktemp -d)
chmod 755 "$work" # the service users have to get through
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

services=$work/service
control=$work/control
logs=$work/log
prefix=$work/prefix
svctool=$prefix/sbin/svctool
grey_port=$(free_port)
grey=$services/greylist.$grey_port
log=$logs/greylist.$grey_port/current
svscan_pid=

stop_services() {
  [ -n "$svscan_pid" ] || return 0
  kill "$svscan_pid"
  wait "$svscan_pid" 2>/dev/null
  for service in "$services"/*; do
    svc -dx "$service" "$service/log" 2>/dev/null
  done
  svscan_pid=
}
cleanup() {
  stop_services
  if ((failures > 0)); then tail -n 40 "$log" "$work"/*.out; fi
  rm -rf "$work"
}
trap cleanup EXIT

# ---- installation

cmake --install "$build" --prefix "$prefix" >"$work/install.out" || exit 1
mkdir "$services"
memory=() # svctool's own limit, but for the sanitizer, which needs more address space
! ldd "$prefix/sbin/qmail-greyd" | grep -q libasan || memory=(--memory=0)
"$svctool" "${memory[@]}" --greylist="$grey_port" --servicedir="$services" --min-resend-min=2 --resend-win-hr=24 \
  --timeout-days=30 --context-file=greylist.context --save-interval=5 \
  --whitelist=greylist.whitelist --cntrldir="$control" --logdir="$logs" --user=nobody \
  --loguser=daemon --prefix="$prefix" >"$work/svctool.out" || exit 1
ok 'svctool names the service' grep -qx "create $grey" "$work/svctool.out"
ok 'the shipped whitelist is used' cmp -s "$control/greylist.whitelist" \
  "$prefix/share/qmail-greyd/greylist.whitelist"
echo 127.0.0.9 >>"$control/greylist.whitelist"

# The daemon's clock is ours, where it may read it. Any file in variables/ is in its environment.
use_clock "$control/clock"
for setting in "${faketime[@]}"; do
  echo "${setting#*=}" >"$grey/variables/${setting%%=*}"
done

# ---- SMTP servers: one is told by its variables/, one by tcp.smtp

qmail=$work/qmail
make_qmail_home "$qmail"

add_smtp_service() { # name port tcpserver-options...
  local dir=$work/$1 port=$2
  shift 2
  mkdir -p "$dir/variables"
  echo "$qmail" >"$dir/variables/QMAILHOME"
  cat >"$dir/run" <<END
#!/bin/sh
exec 2>&1
exec envdir variables tcpserver -v -R -H -l 0 $* 127.0.0.1 $port \
  $prefix/bin/greysmtpd /usr/sbin/mailfront smtp qmail qmail-validate
END
  chmod 755 "$dir/run"
}
smtp_port=$(free_port)
rules_port=$(free_port)
add_smtp_service smtp "$smtp_port"
cat >"$work/tcp.smtp" <<END
# our own hosts
127.0.0.7:allow,RELAYCLIENT=""
:allow
END
cp "$work/tcp.smtp" "$work/tcp.smtp.before"
add_smtp_service smtp-rules "$rules_port" -x "$work/tcp.smtp.cdb"

ok 'svctool writes variables/GREYIP' "$svctool" --greyip="127.0.0.1@$grey_port" --service="$work/smtp"
ok 'variables/GREYIP' grep -qx "127.0.0.1@$grey_port" "$work/smtp/variables/GREYIP"
ok 'svctool edits tcp.smtp' "$svctool" --greyip="127.0.0.1@$grey_port" --tcprules="$work/tcp.smtp"
ok 'only the one rule is changed' diff <(sed "s/^:allow\$/:allow,GREYIP=\"127.0.0.1@$grey_port\"/" \
  "$work/tcp.smtp.before") "$work/tcp.smtp"
ok 'the cdb has it' grep -q GREYIP <(TCPREMOTEIP=192.0.2.1 tcprulescheck "$work/tcp.smtp.cdb")
mv "$work/smtp" "$work/smtp-rules" "$services"

# ---- up

PATH=/usr/bin:/bin svscan "$services" >"$work/svscan.out" 2>&1 &
svscan_pid=$!
is_up() { svstat "$1" | grep -q ': up '; }
listening() { grep -q "listening on 127.0.0.1@$grey_port" "$log" 2>/dev/null; }
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1" && IFS= read -r -t 5 line <&3 && [[ $line == 220* ]]) 2>/dev/null; }
ok 'svscan starts the daemon on the port that was asked for' until_true listening
ok 'the daemon stays up' is_up "$grey"
ok 'its log too' is_up "$grey/log"
ok 'the SMTP service answers' until_true answers "$smtp_port"
ok 'the SMTP service with rules answers' until_true answers "$rules_port"

# ---- sessions

# deliver CLIENT SENDER [PORT]: a message to joe@example.net; the reply codes go to $work/swaks.out
deliver() {
  swaks --server "127.0.0.1:${3-$smtp_port}" --local-interface "$1" --from "$2" \
    --to joe@example.net --helo client.example.org --header 'Subject: greetings' \
    --body 'Hello.\n.a line that begins with a dot\n\nBye.' >"$work/swaks.out" 2>&1
}
queued() { find "$qmail/queue" -name '*.envelope' | wc -l; }
accepted() { # client sender [port]: and one message more is in the queue
  local before
  before=$(queued)
  deliver "$@" && until_true test "$(queued)" -eq $((before + 1))
}
deferred() { # client sender [port]
  local before
  before=$(queued)
  ! deliver "$@" && grep -q '^<\*\* 450 ' "$work/swaks.out" && [ "$(queued)" -eq "$before" ]
}
logged() { until_true grep -q "$1" "$log"; }

ok 'the first attempt is deferred with 450' deferred 127.0.0.5 news@example.org
ok 'log: new' logged ' verdict=defer reason=new client=127.0.0.5 sender=news@example.org recipients=joe@example.net age=0 wait=120 source=127.0.0.1@'
pass_time 119
ok 'a retry one second too early is deferred with 450' deferred 127.0.0.5 news@example.org
ok 'log: early' logged ' verdict=defer reason=early client=127.0.0.5 .* age=119 '
pass_time 1
ok 'the retry after min resend is accepted' accepted 127.0.0.5 news@example.org
ok 'log: passed' logged ' verdict=accept reason=passed client=127.0.0.5 .* age=120 '
message_text() { cat "$qmail"/queue/*.message; }
ok 'the message arrives unchanged' diff <(message_text | sed -n '/^Hello/,/^Bye/p') \
  <(printf 'Hello.\n.a line that begins with a dot\n\nBye.\n')
ok 'with its headers' grep -qx 'Subject: greetings' <(message_text)
ok 'the envelope too' grep -q 'Fnews@example.org' <(tr '\0' '\n' <"$(find "$qmail/queue" -name '*.envelope' | head -1)")
ok 'another sender from that client is accepted at once' accepted 127.0.0.5 other@example.org
ok 'log: known' logged ' verdict=accept reason=known client=127.0.0.5 sender=other@example.org'
ok 'a bounce too' accepted 127.0.0.5 '<>'
ok 'another client is deferred' deferred 127.0.0.6 news@example.org
ok 'a whitelisted client is accepted at once' accepted 127.0.0.9 news@example.org
ok 'log: whitelisted' logged ' verdict=accept reason=whitelisted client=127.0.0.9 '

ok 'by tcp.smtp: deferred' deferred 127.0.0.8 news@example.org "$rules_port"
ok 'by tcp.smtp: our own host is not asked about' accepted 127.0.0.7 news@example.org "$rules_port"

# ---- stop and start, and settings

svc -d "$grey"
ok 'the daemon saves and stops' logged 'saved [0-9]* records in .*/greylist.context, exiting'
ok 'with the daemon away mail gets through' accepted 127.0.0.66 news@example.org
svc -u "$grey"
started_twice() { [ "$(grep -c 'listening on' "$log")" -ge 2 ]; }
ok 'the daemon starts again' until_true started_twice
ok 'the known client is still known' accepted 127.0.0.5 third@example.org
ok 'the waiting triplet still waits' deferred 127.0.0.6 news@example.org
ok 'log: early' logged ' verdict=defer reason=early client=127.0.0.6 '

echo 1 >"$grey/variables/MIN_RESEND_MIN"
svc -t "$grey"
started_thrice() { [ "$(grep -c 'listening on' "$log")" -ge 3 ]; }
ok 'svc -t after an edit of variables/' until_true started_thrice
pass_time 60
ok 'the new min resend is in force' accepted 127.0.0.6 news@example.org
ok 'the state file is a person'"'"'s to read' grep -q '^C 17[0-9]* [0-9]* 127.0.0.5$' "$control/greylist.context"

# ---- a list in a cdb

echo 127.0.0.66 >"$control/greylist.whitelist"
ok 'svctool makes a cdb of a list' "$svctool" --build-cdb="$control/greylist.whitelist"
: >"$control/greylist.whitelist"
svc -h "$grey"
ok 'svc -h reads it' logged 'lists reloaded, 0 entries'
ok 'log: it is named' logged 'greylist.whitelist.cdb is in force beside '
ok 'whom only the cdb names is accepted' accepted 127.0.0.66 news@example.org
ok 'log: whitelisted' logged ' reason=whitelisted client=127.0.0.66 '

# ---- the same command with --use-greydaemon

perl_port=$(free_port)
perl_grey=$services/greylist.$perl_port
perl_log=$logs/greylist.$perl_port/current
"$svctool" "${memory[@]}" --greylist="$perl_port" --use-greydaemon --servicedir="$services" --min-resend-min=2 \
  --resend-win-hr=24 --timeout-days=30 --context-file=greylist.context --save-interval=5 \
  --whitelist=greylist.whitelist --cntrldir="$work/control2" --logdir="$logs" --user=nobody \
  --loguser=daemon --prefix="$prefix" >"$work/svctool2.out" || failures=$((failures + 1))
perl_listening() { grep -q "listening on 127.0.0.1@$perl_port" "$perl_log" 2>/dev/null; }
ok 'svscan finds the greydaemon service by itself' until_true perl_listening
runs_greydaemon() { tr '\0' ' ' <"/proc/$(svstat "$perl_grey" | sed 's/.*pid \([0-9]*\).*/\1/')/cmdline" | grep -q 'sbin/greydaemon -u nobody -m 2 '; }
ok 'it runs greydaemon with its own options' runs_greydaemon
answers_as() { [ "$(ask "$perl_port" "$2" "$3" "$4")" = "$1" ]; }
ok 'new' answers_as 01 192.0.2.1 a@example.org b@example.net
ok 'a bounce to a list address passes at once' answers_as 14 192.0.2.1 '' list-owner=x@example.net
svc -d "$perl_grey"
greydaemon_form() { grep -qx 'G [0-9]* 192.0.2.1 a@example.org b@example.net' "$work/control2/greylist.context" 2>/dev/null; }
ok "its save file is in greydaemon's form" until_true greydaemon_form

((failures == 0)) && echo "session_test: all passed"
exit $((failures > 0))
