#!/bin/bash
# Real mail servers ask the real daemon, with the samples of etc/: Postfix on TCP and a unix socket,
# Exim with ${readsocket. swaks is the client; the daemon's clock is the test's.
# usage: mta_server_test.sh SOURCE-DIRECTORY PATH-OF-QMAIL-GREYD
# shellcheck disable=SC2317,SC2016 # functions are called through `ok` and traps; Exim's variables
set -u
source=$(realpath "$1")
greyd=$(realpath "$2")
[ "$(id -u)" = 0 ] || { echo "skipped: Postfix and Exim need root to start"; exit 77; }
work=$(mktemp -d)
chmod 755 "$work" # the mail servers change users
pids=()
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

cleanup() {
  postfix -c "$work/postfix" stop >/dev/null 2>&1
  postfix -c "$work/verifier" stop >/dev/null 2>&1
  for pid in "${pids[@]}" "$greyd_pid"; do kill "$pid"; done 2>/dev/null
  wait
  if ((failures > 0)); then tail -n 30 "$work"/*.log "$work"/greyd/log "$work"/swaks.out; fi
  rm -rf "$work"
}
trap cleanup EXIT

udp_port=$(free_port)
mta_port=$(free_port)
postfix_port=$(free_port)
exim_port=$(free_port)
socket=$work/policy.sock
use_clock "$work/clock"
start() {
  start_greyd "$greyd" "$work/greyd" "127.0.0.1@$udp_port" -m 5 --whitelist=white \
    --policy="127.0.0.1@$mta_port,$socket"
}
mkdir "$work/greyd"
echo '.partner.example' >"$work/greyd/white"
greyd_pid=
start
logged() { until_true grep -q -- "$1" "$work/greyd/log"; }

# sends OPTION...: swaks, up to its end; its dialogue is in swaks.out
sends() { swaks --helo mx.example.org --timeout "$patience" --body 'Hello.' "$@" >"$work/swaks.out" 2>&1; }
heard() { grep -q -- "$1" "$work/swaks.out"; }
deferred() { ! sends "$@" && heard 'Greylisted: please try again in'; }
accepted() { sends "$@" && ! heard 'Greylisted'; }

# ---- Postfix

mkdir "$work/postfix" "$work/postfix.queue" "$work/postfix.data"
chown postfix "$work/postfix.data"
# One smtpd for TCP, one for the unix socket; no queue manager, so that messages stay where they are.
sed -e "s/ 10023/ $mta_port/; s/:10023/:$mta_port/" "$source/etc/postfix-main.cf" >"$work/postfix/main.cf"
unix_port=$(free_port)
twice_port=$(free_port)
end_port=$(free_port)
cat >>"$work/postfix/main.cf" <<END
compatibility_level = 3.7
queue_directory = $work/postfix.queue
data_directory = $work/postfix.data
maillog_file = $work/postfix.log
maillog_file_prefixes = $work
myhostname = mx.example.net
mynetworks = 192.0.2.250/32
inet_protocols = all
inet_interfaces = all
mydestination = example.net
local_recipient_maps = inline:{ann=x, bob=x}
line_length_limit = 20000
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_tls_security_level = none
alias_maps =
END
cat >"$work/postfix/master.cf" <<END
127.0.0.1:$postfix_port inet n - n - - smtpd
127.0.0.1:$unix_port inet n - n - - smtpd
  -o { smtpd_recipient_restrictions = reject_unauth_destination, check_policy_service unix:$socket }
127.0.0.1:$twice_port inet n - n - - smtpd
  -o { smtpd_end_of_data_restrictions = check_policy_service inet:127.0.0.1:$mta_port }
127.0.0.1:$end_port inet n - n - - smtpd
  -o { smtpd_recipient_restrictions = reject_unauth_destination }
  -o { smtpd_end_of_data_restrictions = check_policy_service inet:127.0.0.1:$mta_port }
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
proxymap unix - - n - - proxymap
END
postfix -c "$work/postfix" start-fg >"$work/postfix.out" 2>&1 &
pids+=($!)
smtp_answers() { sends --server "127.0.0.1:$1" --quit-after CONNECT; }
ok 'Postfix starts' until_true smtp_answers "$postfix_port"

from_client() { # sends|deferred|accepted port address name sender recipient,...
  "$1" --server "127.0.0.1:$2" --xclient "ADDR=$3 NAME=$4" --from "$5" --to "$6"
}
deferred_from() { from_client deferred "$@"; }
accepted_from() { from_client accepted "$@"; }
# The last message that Postfix has taken.
message() { postcat -c "$work/postfix" "$(find "$work/postfix.queue/incoming" -type f -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2)"; }
has_header() { message | grep -q "$1"; }

for client in 192.0.2.55 IPV6:2001:db8::55; do
  ip=${client#IPV6:}
  ok "Postfix, $ip: the first attempt is deferred" deferred_from "$postfix_port" "$client" '[UNAVAILABLE]' joe@example.org ann@example.net
  ok 'with 450, and the time' heard '<\*\* 450 4.7.1 <ann@example.net>: Recipient address rejected: Greylisted: please try again in 5 minutes'
  ok 'log' logged "verdict=defer reason=new client=$ip sender=joe@example.org recipients=ann@example.net age=0 wait=300 source=127.0.0.1@"
  pass_time 60
  ok 'the time gets shorter' deferred_from "$postfix_port" "$client" '[UNAVAILABLE]' joe@example.org ann@example.net
  ok 'it says so' heard 'please try again in 4 minutes'
  pass_time 292
  ok 'the retry is accepted' accepted_from "$postfix_port" "$client" '[UNAVAILABLE]' joe@example.org ann@example.net
  ok 'with a header' has_header '^X-Greylist: delayed 352 seconds by qmail-greyd'
  ok 'then the client is known' accepted_from "$postfix_port" "$client" '[UNAVAILABLE]' other@example.org ann@example.net
  ok 'no header' eval '! has_header ^X-Greylist'
done
ok 'a bounce is greylisted, too, once its recipients are named' deferred_from "$postfix_port" 192.0.2.56 '[UNAVAILABLE]' '<>' ann@example.net
ok 'not before' heard '^<-  250 2.1.5 Ok'
ok 'log: the null sender' logged 'reason=new client=192.0.2.56 sender=<> recipients=ann@example.net '
ok 'a bounce to two' deferred_from "$postfix_port" 192.0.2.64 '[UNAVAILABLE]' '<>' ann@example.net,bob@example.net
ok 'log: Postfix names neither' logged 'reason=new client=192.0.2.64 sender=<> recipients=<> '
ok 'an address that is longer than SMTP has them' deferred_from "$postfix_port" 192.0.2.65 '[UNAVAILABLE]' "$(printf '%05000d' 1)@example.org" ann@example.net
ok 'log: it has been read' logged 'reason=new client=192.0.2.65 sender=000'
# Twice, with the time between that makes a good retry.
bogus_deferred_or_known() {
  from_client sends "$postfix_port" 192.0.2.66 '[UNAVAILABLE]' joe@example.org nobody@example.net
  ! heard '<\*\* 550 5.1.1 <nobody@example.net>.*User unknown'
}
ok 'Postfix refuses a recipient that nobody has' eval '! bogus_deferred_or_known'
ok 'Postfix that asks at RCPT and at the end' deferred_from "$twice_port" 192.0.2.61 '[UNAVAILABLE]' '<>' ann@example.net
ok 'and about mail that is no bounce' deferred_from "$twice_port" 192.0.2.62 '[UNAVAILABLE]' joe@example.org ann@example.net
ok 'Postfix that asks at the end alone' deferred_from "$end_port" 192.0.2.63 '[UNAVAILABLE]' joe@example.org ann@example.net
pass_time 352
ok 'and again when it is tried again' eval '! bogus_deferred_or_known'
ok 'a bounce to two that is tried again' accepted_from "$postfix_port" 192.0.2.64 '[UNAVAILABLE]' '<>' ann@example.net,bob@example.net
ok 'and one to one' accepted_from "$postfix_port" 192.0.2.56 '[UNAVAILABLE]' '<>' ann@example.net
ok 'takes what is tried again' accepted_from "$end_port" 192.0.2.63 '[UNAVAILABLE]' joe@example.org ann@example.net
ok 'without a header, for which it is too late' eval '[ -s "$work/postfix.log" ] && ! grep PREPEND "$work/postfix.log"'
ok 'Postfix that asks twice takes a bounce that is tried again' accepted_from "$twice_port" 192.0.2.61 '[UNAVAILABLE]' '<>' ann@example.net
ok 'with its header' has_header '^X-Greylist: delayed 352 seconds'
ok 'which stays good, should this server refuse it for now after its end' accepted_from "$twice_port" 192.0.2.61 '[UNAVAILABLE]' '<>' ann@example.net
ok 'and mail that is none' accepted_from "$twice_port" 192.0.2.62 '[UNAVAILABLE]' joe@example.org ann@example.net
ok 'two recipients are both deferred' deferred_from "$postfix_port" 192.0.2.57 '[UNAVAILABLE]' joe@example.org ann@example.net,bob@example.net
two_deferred() { [ "$(grep -c '^<\*\* 450 .*Greylisted' "$work/swaks.out")" = 2 ]; }
ok 'each for itself' two_deferred
pass_time 400
ok 'and both accepted' accepted_from "$postfix_port" 192.0.2.57 '[UNAVAILABLE]' joe@example.org ann@example.net,bob@example.net
one_header() { [ "$(message | grep -c '^X-Greylist:')" = 1 ]; }
ok 'with one header' one_header
ok 'a whitelisted name that Postfix has verified' accepted_from "$postfix_port" 192.0.2.58 mx.partner.example joe@example.org ann@example.net
ok 'log: whitelisted' logged 'reason=whitelisted client=192.0.2.58 '
ok 'our own network is not asked about' accepted_from "$postfix_port" 192.0.2.250 '[UNAVAILABLE]' joe@example.org ann@example.net
from_client sends "$postfix_port" 192.0.2.59 '[UNAVAILABLE]' joe@example.org x@elsewhere.example
ok 'what is rejected anyway' heard 'Relay access denied'
not_asked() { ! grep -qE 'client=192.0.2.(59|66|250) ' "$work/greyd/log"; }
ok 'is not asked about either' not_asked
ok 'so that whoever tries a recipient that nobody has is as new as ever' deferred_from "$postfix_port" 192.0.2.66 '[UNAVAILABLE]' joe@example.org ann@example.net
ok 'Postfix, unix socket: deferred' deferred_from "$unix_port" 192.0.2.60 '[UNAVAILABLE]' joe@example.org ann@example.net
ok 'log: local' logged 'client=192.0.2.60 .* source=local '
pass_time 400
ok 'unix socket: accepted' accepted_from "$unix_port" 192.0.2.60 '[UNAVAILABLE]' joe@example.org ann@example.net

# ---- Exim

mkdir "$work/exim"
chown Debian-exim "$work/exim"
cat >"$work/exim.conf" <<END
primary_hostname = mx.example.net
spool_directory = $work/exim
log_file_path = $work/exim/log.%s
pid_file_path =
queue_only
host_lookup_order = byaddr
rfc1413_query_timeout = 0s
tls_advertise_hosts =
acl_smtp_rcpt = rcpt
acl_smtp_data = data
begin acl
rcpt:
  deny    !domains = example.net
$(sed "s/:10023/:$mta_port/" "$source/etc/exim-acl.conf")
  accept
data:
$(sed "s/:10023/:$mta_port/" "$source/etc/exim-acl-data.conf")
  accept
begin routers
users:
  driver = accept
  local_parts = ann : bob : ^long
  verify_only
END
copy_exim "$source/build/exim/usr/sbin/exim4"
"$exim" -C "$work/exim.conf" -bdf -oX "<; 127.0.0.1.$exim_port; [::1]:$exim_port" >"$work/exim.out" 2>&1 &
pids+=($!)
ok 'Exim starts' until_true smtp_answers "$exim_port"
exim_headers() { cat "$work"/exim/input/*-H; }
exim_has() { exim_headers | grep -q "$1"; }
reply_to() { # what the daemon says
  local message
  message=$(sed -n '/message   = 450/{N;s/^ *message *= *//;s/\\\n *//;p}' "$source/etc/$1")
  "$exim" -C "$work/exim.conf" -be "${message//\$acl_m_greylist/$2}"
}
for file in exim-acl.conf exim-acl-data.conf; do
  ok "$file: the enhanced code is 4.7.1" test \
    "$(reply_to $file 'verdict=defer text="Later, in 5 minutes"')" = '450 4.7.1 Later, in 5 minutes'
  ok "$file: or the text's own" test \
    "$(reply_to $file 'verdict=defer text="4.2.0 Later, in 5 minutes"')" = '450 4.2.0 Later, in 5 minutes'
done
for from in 127.0.0.61 ::1; do
  server=127.0.0.1:$exim_port
  [ "$from" = ::1 ] && server="[::1]:$exim_port"
  to_exim=(--server "$server" --local-interface "$from" --to ann@example.net)
  ok "Exim, $from: the first attempt is deferred" deferred "${to_exim[@]}" --from joe@example.org
  ok 'with 450, and the time' heard '<\*\* 450 4.7.1 Greylisted: please try again in 5 minutes'
  ok 'log' logged "verdict=defer reason=new client=$from sender=joe@example.org recipients=ann@example.net age=0 wait=300 source=127.0.0.1@"
  pass_time 301
  ok 'the retry is accepted' accepted "${to_exim[@]}" --from joe@example.org
  ok 'with a header' exim_has 'X-Greylist: delayed 301 seconds by qmail-greyd'
  rm -f "$work"/exim/input/*
  ok 'then the client is known' accepted "${to_exim[@]}" --from other@example.org
  ok 'no header' eval '! exim_has X-Greylist'
  ok 'log: known' logged "reason=known client=$from sender=other@example.org"
done
! sends --pipe "$exim -C $work/exim.conf -bh 2001:db8:1::61" --from joe@example.org --to ann@example.net
ok 'Exim, 2001:db8:1::61: deferred' heard 'Greylisted: please try again in 5 minutes'
ok 'log' logged 'client=2001:db8:1::61 sender=joe@example.org '
to_exim=(--server "127.0.0.1:$exim_port" --local-interface 127.0.0.62)
ok 'a bounce' deferred "${to_exim[@]}" --from '<>' --to ann@example.net,bob@example.net
ok 'at DATA' heard '^<-  250 Accepted'
ok 'log: the null sender' logged 'reason=new client=127.0.0.62 sender=<> recipients=ann@example.net,bob@example.net '
rm -f "$work"/exim/input/*
pass_time 301
ok 'is accepted when it is tried again' accepted "${to_exim[@]}" --from '<>' --to ann@example.net,bob@example.net
ok 'with a header' exim_has 'X-Greylist: delayed 301 seconds by qmail-greyd'
for try in 1 2; do
  pass_time 400
  sends "${to_exim[@]}" --from joe@example.org --to nobody@example.net
  ok "a recipient that nobody has, $try" heard '<\*\* 550 '
  sends "${to_exim[@]}" --from joe@example.org --to ann@elsewhere.example
  ok "and a relay attempt, $try" heard '<\*\* 550 '
done
ok 'leave the client as new as it was' deferred "${to_exim[@]}" --from joe@example.org --to ann@example.net
ok 'and nothing in the log' eval '! grep -E "recipients=(nobody@|ann@elsewhere)" "$work/greyd/log"'
many=$(printf 'long%046d@example.net,' {1..150})
ok 'a question that is much longer than most' deferred "${to_exim[@]}" --from '<>' --to "${many%,}"
ok 'log: it has been read' logged 'client=127.0.0.62 sender=<> recipients=long0*1@example.net'
pass_time 301
ok 'and can be asked again' accepted "${to_exim[@]}" --from '<>' --to "${many%,}"

# ---- others verify the addresses of our users, by a bounce that they end after RCPT

mkdir "$work/verifier" "$work/verifier.queue" "$work/verifier.data"
chown postfix "$work/verifier.data"
verifier_port=$(free_port)
cat >"$work/verifier/main.cf" <<END
compatibility_level = 3.7
queue_directory = $work/verifier.queue
data_directory = $work/verifier.data
maillog_file = $work/verifier.log
maillog_file_prefixes = $work
myhostname = verifier.example
mydestination = verifier.example
mynetworks =
inet_protocols = ipv4
local_recipient_maps =
alias_maps =
local_transport = discard
relayhost = [127.0.0.1]:$postfix_port
address_verify_sender = <>
address_verify_map =
smtpd_recipient_restrictions = reject_unauth_destination, reject_unverified_sender
END
cat >"$work/verifier/master.cf" <<END
127.0.0.1:$verifier_port inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
smtp unix - - n - - smtp
discard unix - - n - - discard
error unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
END
postfix -c "$work/verifier" start-fg >"$work/verifier.out" 2>&1 &
pids+=($!)
ok 'a Postfix that verifies starts' until_true smtp_answers "$verifier_port"
ok 'it takes mail of a user of ours at once' sends --server "127.0.0.1:$verifier_port" --from ann@example.net --to x@verifier.example
verified() { grep -q 'to=<ann@example.net>, relay=127.0.0.1\[127.0.0.1\]:'"$postfix_port"'.* status=deliverable' "$work/verifier.log"; }
ok 'as it has asked our Postfix' until_true verified
sends --server "127.0.0.1:$verifier_port" --from nobody@example.net --to x@verifier.example
ok 'and not of one that we do not have' heard '<\*\* [45]50 .*Sender address rejected'

calls_back() { # port of ours, sender: a session with an Exim that verifies, without a network
  cat >"$work/verifier.conf" <<END
primary_hostname = verifier.example
spool_directory = $work/exim
log_file_path = $work/exim/verifier.%s
pid_file_path =
host_lookup_order = byaddr
rfc1413_query_timeout = 0s
tls_advertise_hosts =
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  require verify = sender/callout=60s,no_cache
  accept
begin routers
out:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = out
begin transports
out:
  driver = smtp
  port = $1
END
  sends --pipe "$exim -C $work/verifier.conf -bhc 192.0.2.99" --from "$2" --to x@verifier.example
}
for port in "$postfix_port" "$exim_port"; do
  ok "an Exim that verifies takes mail of a user of ours at once, port $port" calls_back "$port" ann@example.net
  calls_back "$port" nobody@example.net
  ok 'and not of one that we do not have' heard '<\*\* 550 '
done
ok 'none of them was asked about' eval '! grep "client=127.0.0.1 sender=<> " "$work/greyd/log"'

# ---- a bounce that comes by BDAT, without DATA

by_bdat='EHLO mx.example.org\r\nMAIL FROM:<>\r\nRCPT TO:<ann@example.net>\r\nBDAT 16 LAST\r\nSubject: x\r\n\r\nx\r\nQUIT\r\n'
# shellcheck disable=SC2059 # it has printf's escapes
printf "$by_bdat" | "$exim" -C "$work/exim.conf" -bh 2001:db8:1::82 >"$work/swaks.out" 2>&1
ok 'Exim asks about a bounce by BDAT' heard '^450 4.7.1 Greylisted: please try again in 5 minutes'
perl -MIO::Socket::INET -e 'my ($port, $session) = @ARGV;
  my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $port, LocalAddr => "127.0.0.67") or die;
  # Postfix does not let a client talk before it.
  for my $line (split /(?<=\n)(?=EHLO|MAIL|RCPT|BDAT)/, $session =~ s/\\r/\r/gr =~ s/\\n/\n/gr) {
    do { $_ = <$s> // exit; print } while /^...-/; print $s $line }
  print while <$s>' "$postfix_port" "$by_bdat" >"$work/swaks.out" 2>&1
ok 'and Postfix' heard '^450 4.7.1 .*Greylisted: please try again in 5 minutes'

# ---- what answers is no daemon

perl -MIO::Socket::INET -e '$SIG{PIPE} = "IGNORE"; $| = 1;
  my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 9) or die; print $server->sockport, "\n";
  for (my $n = 0; my $s = $server->accept; ++$n) { sysread $s, my $request, 9999; print $s ("", "HTTP/1.1 400\r\n", "verdict=acceptable\n")[$n % 3] }' >"$work/no-daemon.port" &
pids+=($!)
until_true test -s "$work/no-daemon.port"
sed "s/:$mta_port}/:$(cat "$work/no-daemon.port")}/" "$work/exim.conf" >"$work/exim-none.conf"
for answer in none HTTP word; do
  ! sends --pipe "$exim -C $work/exim-none.conf -bh 2001:db8:1::81" --from joe@example.org --to ann@example.net
  ok "Exim does not accept on no verdict: $answer" heard '<\*\* 451 4.3.0 Greylisting has not answered'
done

# ---- nobody answers

stop_greyd
ok 'no daemon: Postfix accepts, as the sample says' accepted_from "$postfix_port" 192.0.2.70 '[UNAVAILABLE]' joe@example.org ann@example.net
from_client sends "$unix_port" 192.0.2.70 '[UNAVAILABLE]' joe@example.org ann@example.net
ok 'or defers, as it does by itself' heard '<\*\* 451 4.3.5'
closed='{verdict=defer text="Greylisting is not available"}'
sed "s/{3s}{}{verdict=accept}}/{3s}{}$closed}/" "$work/exim.conf" >"$work/exim-closed.conf"
! sends --pipe "$exim -C $work/exim-closed.conf -bh 2001:db8:1::80" --from joe@example.org --to ann@example.net
ok 'Exim defers, when the sample is changed so' heard '<\*\* 450 4.7.1 Greylisting is not available'
ok 'Exim accepts, as the sample says' accepted "${to_exim[@]}" --from joe@example.org --to ann@example.net
start
ok 'Postfix asks again when there is a daemon' deferred_from "$postfix_port" 192.0.2.71 '[UNAVAILABLE]' joe@example.org ann@example.net
ok 'what was known is known' accepted_from "$postfix_port" 192.0.2.55 '[UNAVAILABLE]' third@example.org ann@example.net

((failures == 0)) && echo "mta_server_test: all passed"
exit $((failures > 0))
