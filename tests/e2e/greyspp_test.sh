#!/bin/bash
# greyspp and the real daemon. Debian has no qmail, so the plugin is driven as qmail-spp drives one:
# by environment and standard output; and once more through spp_server.pl, which plays that server.
# usage: greyspp_test.sh GREYSPP QMAIL-GREYD
# shellcheck disable=SC2317  # functions are called through `ok` and traps
set -u
greyspp=$(realpath "$1")
greyd=$(realpath "$2")
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
work_in_a_directory

use_clock "$work/clock"
port=$(free_port)
start_greyd "$greyd" "$work/greyd" "127.0.0.1@$port" -m 5

# plugin VARIABLE=VALUE...: what greyspp prints, in $said, on standard error, in $work/spp.err
plugin() {
  said=$(env -i TCPREMOTEIP=192.0.2.1 SMTPMAILFROM=a@example.org SMTPRCPTTO=b@example.net \
    GREYIP="127.0.0.1@$port" GREYTIMEOUT=30 "$@" "$greyspp" 2>"$work/spp.err")
}
says() { # expected VARIABLE=VALUE...
  local expected=$1
  shift
  plugin "$@" && [ "$said" = "$expected" ]
}
says_nothing() { says '' "$@"; }
complains() { grep -q "$1" "$work/spp.err"; }
silent() { ! [ -s "$work/spp.err" ]; }
only_deferrals() { # file: some, and nothing else
  grep -q '^greyspp: verdict=defer ' "$1" && ! grep -v '^greyspp: verdict=defer reason=[a-z]* client=' "$1"
}
logged() { until_true grep -q "$1" "$work/greyd/log"; }
refusal='E450 4.7.1 Greylisted: please try again in .*'
defers() { plugin "$@" && [[ $said =~ ^$refusal$ ]]; }

ok 'the first attempt is refused with one E450 line, with the time' says \
  'E450 4.7.1 Greylisted: please try again in 5 minutes'
ok 'and logged, with the reason' complains \
  '^greyspp: verdict=defer reason=new client=192.0.2.1 sender=a@example.org recipients=b@example.net wait=300$'
ok 'nothing else is said' test "$(wc -l <"$work/spp.err")" = 1
ok 'log: new' logged 'verdict=defer reason=new client=192.0.2.1 sender=a@example.org recipients=b@example.net '
pass_time 299
ok 'too early: the time that is left' says 'E450 4.7.1 Greylisted: please try again in 1 second'
ok 'log: early' logged 'reason=early client=192.0.2.1 .* age=299 '
pass_time 1
ok 'the good retry goes on' says_nothing
ok 'log: passed' logged 'reason=passed client=192.0.2.1 .* age=300 '
ok 'an IPv4 client of an IPv6 socket is the same client' says_nothing TCPREMOTEIP=::ffff:192.0.2.1
ok 'log: known' logged 'reason=known client=192.0.2.1 '
ok 'an IPv6 client is deferred' defers TCPREMOTEIP=2001:db8::1
ok 'log: its address' logged 'reason=new client=2001:db8::1 '
ok 'a bounce is asked about' defers SMTPMAILFROM= TCPREMOTEIP=192.0.2.2
ok 'log: no sender' logged 'client=192.0.2.2 sender=<> '

# As qmail-spp says of a relay attempt, which the server refuses after us.
relay=(TCPREMOTEIP=192.0.2.3 SMTPRCPTTO=x@example.com SMTPRCPTHOSTSOK=0)
ok 'nothing is said of a host that the server takes no mail for' says_nothing "${relay[@]}" SMTPRCPTCOUNT=0
ok 'nor of a bounce to it' says_nothing "${relay[@]}" SMTPMAILFROM=
ok 'silently' silent
ok 'where nobody answers neither' says_nothing "${relay[@]}" GREYIP=127.0.0.1@1 GREYFAIL=closed GREYTIMEOUT=1
ok 'one that it takes mail for is asked about' defers "${relay[@]}" SMTPRCPTHOSTSOK=1
ok 'alone' until_true test "$(grep -c 'client=192.0.2.3 ' "$work/greyd/log")" = 1

stranger=TCPREMOTEIP=192.0.2.9
ok 'GREYTEXT may have a code of its own' says 'E450 4.2.0 later' "$stranger" 'GREYTEXT=4.2.0 later'
ok 'GREYTEXT is the text' says 'E450 4.7.1 later,  please' "$stranger" $'GREYTEXT=later,\r\nplease'
ok 'a relay client is not asked about' says_nothing "$stranger" RELAYCLIENT=
ok 'an authenticated one neither' says_nothing "$stranger" SMTPAUTHUSER=joe
ok 'an empty user name is none' defers "$stranger" SMTPAUTHUSER=
ok 'without GREYIP it is off' says_nothing "$stranger" GREYIP=
ok 'silently' silent

# In a network of its own, as port 1999 of this one may be in use.
default_address() {
  (
    trap - EXIT
    start_greyd "$greyd" "$work/default" 127.0.0.1@1999
    env -i TCPREMOTEIP=192.0.2.1 SMTPMAILFROM= SMTPRCPTTO=b@x GREYLISTING= GREYTIMEOUT=30 "$greyspp"
    stop_greyd
  )
}
export greyd greyspp work patience
export -f default_address start_greyd stop_greyd until_true
said=$(unshare -rn bash -c 'faketime=(); ip link set lo up && default_address')
ok 'GREYLISTING alone asks at 127.0.0.1@1999' grep -Eq "^$refusal$" <<<"$said"
ok 'an empty GREYIP turns it off whatever GREYLISTING is' says_nothing "$stranger" GREYIP= GREYLISTING=1
ok 'WHITELISTED asks nobody' says_nothing "$stranger" WHITELISTED=
ok 'GREYIP goes before GREYLISTING' defers "$stranger" GREYLISTING=1

says_nothing_without() { # VARIABLE
  [ -z "$(env -i TCPREMOTEIP=192.0.2.1 SMTPMAILFROM=a@x SMTPRCPTTO=b@x GREYIP="@$port" env -u "$1" "$greyspp" 2>"$work/spp.err")" ]
}
for missing in TCPREMOTEIP SMTPRCPTTO; do
  ok "$missing is missing: mail goes on" says_nothing_without "$missing"
  ok 'and the log says so' complains "$missing is not set"
done
says_nothing TCPREMOTEIP=
ok 'and where to look for it' complains 'is it run by tcpserver?'
ok 'no sender at all: mail goes on' test -z "$(env -i TCPREMOTEIP=192.0.2.1 GREYIP="@$port" "$greyspp" 2>"$work/spp.err")"
ok 'and the log says so' complains 'SMTPMAILFROM is not set'
"$greyspp" nonsense 2>"$work/spp.err"
ok 'an argument: 100' test $? = 100
ok 'and one line' test "$(wc -l <"$work/spp.err")" = 1
env -i "${stranger}" SMTPMAILFROM=a@x SMTPRCPTTO=b@x GREYIP="@$port" "$greyspp" >/dev/full 2>/dev/null
ok 'standard output is full: 111' test $? = 111
ok '--version' grep -q '^greyspp [0-9]' <("$greyspp" --version)

# ---- through a server

serve() { # name smtpplugins-line...; by the qmail-spp that $spp is
  printf '%s\n' "${@:2}" >"$work/$1.plugins"
  env "${spp[@]}" GREYIP="127.0.0.1@$port" GREYTIMEOUT=30 tcpserver -1 -R -H -l 0 127.0.0.1 0 \
    perl "$here/spp_server.pl" "$work/$1.plugins" >"$work/$1.port" 2>"$work/$1.err" &
  pids+=($!)
  until_true test -s "$work/$1.port"
}
spp=()
deliver() { # name client sender recipients
  swaks --server "127.0.0.1:$(cat "$work/$1.port")" --local-interface "$2" --from "$3" --to "$4" \
    --helo client.example.org --timeout "$patience" >"$work/swaks.out" 2>&1
}
hears() { grep -q "^<[-~*] $1" "$work/swaks.out"; }
for section in rcpt data; do
  serve "$section" "[$section]" "$greyspp"
  client=127.0.0.$((${#section} + ${#pids[@]}))
  deliver "$section" "$client" a@example.org b@example.net
  ok "[$section]: deferred" grep -Eq '^<\*\* 450 4\.7\.1 Greylisted: please try again in ' "$work/swaks.out"
  pass_time 300
  ok "[$section]: the retry is delivered" deliver "$section" "$client" a@example.org b@example.net
  ok "[$section]: the server had nothing to complain of" only_deferrals "$work/$section.err"
done
deliver rcpt 127.0.0.20 a@example.org one@example.net,two@example.net
ok '[rcpt]: each recipient is refused' test "$(grep -c '^<\*\* 450 ' "$work/swaks.out")" = 2
deliver data 127.0.0.21 a@example.org one@example.net,two@example.net
ok '[data]: the last recipient is asked about' logged 'client=127.0.0.21 sender=a@example.org recipients=two@example.net '

ok 'an empty recipient is one, and does not decide for all unasked' says \
  'E450 4.7.1 Greylisted: please try again in 5 minutes' TCPREMOTEIP=192.0.2.30 SMTPRCPTTO=

# ---- under one section, without --bounces

sends_to() { # name client codes command...: a session's replies
  local name=$1 client=$2 codes=$3 heard
  shift 3
  heard=$(printf '%s\r\n' "$@" | perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(PeerAddr => $ARGV[0], LocalAddr => $ARGV[1]) or die "$!\n";
    print $s <STDIN>;
    $s->shutdown(1);
    print map { substr($_, 0, 3) . " " } <$s>' "127.0.0.1:$(cat "$work/$name.port")" "$client")
  [ "$heard" = "$codes " ] || { echo "heard $heard"; false; }
}
asked_about() { grep -c "client=$1 " "$work/greyd/log"; }
from='MAIL FROM:<a@example.org>' to='RCPT TO:<joe@example.net>' elsewhere='RCPT TO:<x@example.com>'
ok '[rcpt]: a relay attempt is refused by the server' sends_to rcpt 127.0.0.22 '220 250 553 503 221' "$from" "$elsewhere" DATA QUIT
ok '[rcpt]: and nobody is asked' test "$(asked_about 127.0.0.22)" = 0
ok '[rcpt]: one behind a recipient that must wait, too' sends_to rcpt 127.0.0.22 '220 250 450 553 221' "$from" "$to" "$elsewhere" QUIT
ok '[rcpt]: who is asked about alone' test "$(asked_about 127.0.0.22)" = 1
# Nobody may be let pass by a last recipient that the server refuses.
ok '[data]: a refused recipient at the end is asked about' sends_to data 127.0.0.23 '220 250 250 553 450 502 502 221' \
  "$from" "$to" "$elsewhere" DATA x . QUIT
ok '[data]: and a relay attempt alone comes to no DATA' sends_to data 127.0.0.24 '220 250 553 503 221' "$from" "$elsewhere" DATA QUIT
ok '[data]: nor to a question' test "$(asked_about 127.0.0.24)" = 0
# Nor by a MAIL that is refused: the recipients of the message before are kept, and counted no more.
serve data-only '[data]' ":$greyspp --data"
ok '--data: that is asked about, too' sends_to data-only 127.0.0.28 '220 250 250 552 553 450 502 502 221' \
  "$from" "$to" 'MAIL FROM:<b@example.org> SIZE=999999999' "$elsewhere" DATA x . QUIT
ok '--data: a message is deferred' sends_to data-only 127.0.0.29 '220 250 250 450 502 502 221' "$from" "$to" DATA x . QUIT
pass_time 300
ok '--data: and accepted later' sends_to data-only 127.0.0.29 '220 250 250 354 250 221' "$from" "$to" DATA x . QUIT
ok '--data: a bounce is asked about' sends_to data-only 127.0.0.30 '220 250 250 450 502 502 221' 'MAIL FROM:<>' "$to" DATA x . QUIT

# ---- whether qmail-spp runs plugins at all: greyspp(8) says what to set

spp=(NOSPP=)
serve nospp '[rcpt]' "$greyspp"
ok 'NOSPP: no plugin is run' sends_to nospp 127.0.0.25 '220 250 250 354 250 221' "$from" "$to" DATA x . QUIT
spp=(SPP=sagredo)
serve sagredo-off '[rcpt]' "$greyspp"
ok "sagredo's, without ENABLE_SPP: none either" sends_to sagredo-off 127.0.0.25 '220 250 250 354 250 221' "$from" "$to" DATA x . QUIT
ok 'and nobody was asked' test "$(asked_about 127.0.0.25)" = 0
spp=(SPP=sagredo ENABLE_SPP=1)
serve sagredo '[rcpt]' ":$greyspp --bounces=no" '[data]' ":$greyspp --bounces=only"
ok "sagredo's, with ENABLE_SPP: a message is deferred" sends_to sagredo 127.0.0.25 '220 250 450 503 502 502 221' "$from" "$to" DATA x . QUIT
ok 'a relay attempt is not asked about' sends_to sagredo 127.0.0.26 '220 250 553 221' "$from" "$elsewhere" QUIT
ok 'at all' test "$(asked_about 127.0.0.26)" = 0
pass_time 300
ok 'the retry is accepted' sends_to sagredo 127.0.0.25 '220 250 250 354 250 221' "$from" "$to" DATA x . QUIT
serve sagredo-data '[data]' "$greyspp"
ok '[data]: a refused recipient at the end is asked about' sends_to sagredo-data 127.0.0.27 '220 250 250 553 450 502 502 221' \
  "$from" "$to" "$elsewhere" DATA x . QUIT
spp=()

# ---- under both sections: bounces at DATA

serve both '[rcpt]' ":$greyspp --bounces=no" '[data]' ":$greyspp --bounces=only"
sends() { sends_to both "$@"; } # client codes command...
callout=('MAIL FROM:<>' 'RCPT TO:<joe@example.net>' QUIT)
bounce=('MAIL FROM:<>' 'RCPT TO:<joe@example.net>' DATA x . QUIT)
for i in 1 2 3; do
  ok "a callout is answered, $i" sends 127.0.0.40 '220 250 250 221' "${callout[@]}"
  pass_time 86400
done
ok 'and nobody was asked' test "$(asked_about 127.0.0.40)" = 0
ok 'a bounce is deferred at DATA' sends 127.0.0.40 '220 250 250 450 502 502 221' "${bounce[@]}"
pass_time 300
ok 'and accepted later' sends 127.0.0.40 '220 250 250 354 250 221' "${bounce[@]}"
mail=('MAIL FROM:<a@example.org>' 'RCPT TO:<joe@example.net>' DATA x .)
ok 'other mail is deferred at RCPT' sends 127.0.0.41 '220 250 450 503 502 502 221' "${mail[@]}" QUIT
pass_time 300
ok 'asked about there alone' test "$(asked_about 127.0.0.41)" = 1
ok 'and accepted later' sends 127.0.0.41 '220 250 250 354 250 221' "${mail[@]}" QUIT
ok 'still asked about there alone' test "$(asked_about 127.0.0.41)" = 2
ok 'a host that the server does not take mail for is not asked about' sends 127.0.0.42 '220 250 553 221' \
  'MAIL FROM:<a@example.org>' 'RCPT TO:<x@example.com>' QUIT
ok 'at all' test "$(asked_about 127.0.0.42)" = 0

# ---- what passed, and was then refused for now by the server

ok 'a message is deferred' sends 127.0.0.43 '220 250 450 503 502 502 221' "${mail[@]}" QUIT
pass_time 300
touch "$work/both.plugins.full"
ok 'it passes, and the queue does not take it, twice' sends 127.0.0.43 '220 250 250 354 451 250 250 354 451 221' "${mail[@]}" "${mail[@]}" QUIT
rm "$work/both.plugins.full"
ok 'it is not deferred again' sends 127.0.0.43 '220 250 250 354 250 221' "${mail[@]}" QUIT
ok 'the server had nothing to complain of' only_deferrals "$work/both.err"

is_asked_about_by_sender() { [ "$(grep -c "client=$1 sender=$2 " "$work/greyd/log")" = "$3" ]; }
direct() { # expected sender option variable...
  [ "$(env -i TCPREMOTEIP=192.0.2.33 SMTPRCPTTO=b@example.net GREYIP="127.0.0.1@$port" GREYTIMEOUT=30 "SMTPMAILFROM=$2" "${@:4}" \
    "$greyspp" "$3" 2>"$work/spp.err")" = "$1" ]
}
ok '--bounces=no marks a bounce' direct SGREYSPP_BOUNCE=1 '' --bounces=no SMTPRCPTHOSTSOK=1
ok 'not one that the server will refuse' direct '' '' --bounces=no SMTPRCPTHOSTSOK=0
ok 'nor behind others that it has taken' direct '' '' --bounces=no SMTPRCPTHOSTSOK=0 SMTPRCPTCOUNT=2
ok 'not other mail' direct '' a@example.org --bounces=no SMTPRCPTHOSTSOK=0
ok 'and nothing for whom nobody is asked about' direct '' '' --bounces=no RELAYCLIENT=
ok '--bounces=only says nothing of other mail' direct '' a@example.org --bounces=only
ok 'unless a bounce was marked' direct 'E450 4.7.1 Greylisted: please try again in 5 minutes' \
  a@example.org --bounces=only GREYSPP_BOUNCE=1
pass_time 300
ok 'and takes the mark away when it passes' direct UGREYSPP_BOUNCE a@example.org --bounces=only GREYSPP_BOUNCE=1

# ---- a MAIL that the server refuses: plugins see its sender, the message has the one before

refused_mail() { echo "MAIL FROM:<$1> SIZE=999999999"; }
hidden=('MAIL FROM:<>' 'RCPT TO:<joe@example.net>' "$(refused_mail b@example.org)" DATA x .)
ok 'it does not hide a bounce at DATA' sends 127.0.0.50 '220 250 250 552 450 502 502 221' "${hidden[@]}" QUIT
hidden=('MAIL FROM:<a@example.org>' "$(refused_mail '')" 'RCPT TO:<joe@example.net>' "$(refused_mail a@example.org)" DATA x .)
ok 'nor other mail' sends 127.0.0.51 '220 250 552 250 552 450 502 502 221' "${hidden[@]}" QUIT
ok 'nor with a recipient behind it that is asked about' sends 127.0.0.52 '220 250 250 552 450 450 502 502 221' \
  'MAIL FROM:<>' 'RCPT TO:<joe@example.net>' "$(refused_mail b@example.org)" 'RCPT TO:<joe@example.net>' DATA x . QUIT
pass_time 300
ok 'the retry is accepted' sends 127.0.0.51 '220 250 552 250 552 354 250 221' "${hidden[@]}" QUIT
ok 'a bounce is asked about' sends 127.0.0.53 '220 250 250 450 502 502 221' "${bounce[@]}"
pass_time 300
ok 'after a bounce and a message' sends 127.0.0.53 '220 250 250 354 250 250 450 503 502 502 221' "${bounce[@]:0:5}" "${mail[@]}" QUIT
pass_time 300
ok 'that were accepted' sends 127.0.0.53 '220 250 250 354 250 250 250 354 250 221' "${bounce[@]:0:5}" "${mail[@]}" QUIT
ok 'the message was asked about at RCPT alone' until_true is_asked_about_by_sender 127.0.0.53 a@example.org 2
ok 'the server had nothing to complain of' only_deferrals "$work/both.err"

# ---- what cannot be sent as it is

octets() { printf "%$1s" '' | tr ' ' "$2"; }
long=$(octets 100000 s)@example.org
ok 'a sender of 100,000 octets is asked about' defers TCPREMOTEIP=192.0.2.31 "SMTPMAILFROM=$long"
pass_time 300
ok 'another one is another one' defers TCPREMOTEIP=192.0.2.31 "SMTPMAILFROM=x$long"
ok 'and passes later' says_nothing TCPREMOTEIP=192.0.2.31 "SMTPMAILFROM=$long"
ok 'a link-local client is asked about' defers TCPREMOTEIP=fe80::1%eth0 GREYFAIL=closed
ok 'and a client that is no address is not' says 'E451 4.3.0 Greylisting is not available, please try again later' \
  TCPREMOTEIP=unknown GREYFAIL=closed
ok 'as the log says' complains 'client=unknown: not a client address .*: deferred (GREYFAIL=closed)'

# ---- standard descriptors that are closed

ok 'standard error is closed: nothing else changes' test \
  "$(env -i TCPREMOTEIP=192.0.2.32 SMTPMAILFROM=a@x SMTPRCPTTO=b@x GREYIP="@$port" GREYFAIL=bad "$greyspp" 0<&- 2>&-)" = \
  'E450 4.7.1 Greylisted: please try again in 5 minutes'
env -i "${stranger}" SMTPMAILFROM=a@x SMTPRCPTTO=b@x GREYIP="@$port" "$greyspp" 0<&- >&- 2>"$work/spp.err"
ok 'standard output is closed: 111, as when it is full' test $? = 111

# ---- the daemon away

stop_greyd
greyd_pid=
ok 'no daemon, open: mail goes on' says_nothing "$stranger" GREYTIMEOUT=1
ok 'and the log says so' complains '^greyspp: client=192.0.2.9: .*: accepted (GREYFAIL=open)$'
ok 'no daemon, closed: 451' says 'E451 4.3.0 Greylisting is not available, please try again later' \
  "$stranger" GREYTIMEOUT=1 GREYFAIL=closed
ok 'and the log says so' complains ': deferred (GREYFAIL=closed)$'
ok 'a bad GREYFAIL counts as open' says_nothing "$stranger" GREYTIMEOUT=1 GREYFAIL=shut
ok 'and the log says so' complains 'bad value of GREYFAIL: shut; .* open is used'

((failures == 0)) && echo 'greyspp_test: all passed'
exit $((failures > 0))
