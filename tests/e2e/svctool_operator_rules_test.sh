#!/bin/sh
# The operator's rules below svctool, from the first sample to the day they are taken away: the real
# daemon below the real svscan.
#
# usage: svctool_operator_rules_test.sh SVCTOOL QMAIL-GREYD     exit 77: skipped, as something is not there
set -u
svctool=${1:?usage: svctool_operator_rules_test.sh SVCTOOL QMAIL-GREYD}
daemon=${2:?usage: svctool_operator_rules_test.sh SVCTOOL QMAIL-GREYD}

[ "$(id -u)" = 0 ] || { echo 'skipped: needs root, for setuidgid'; exit 77; }
for program in svscan supervise svc svok svstat envdir setuidgid multilog; do
  command -v $program >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
done
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/svctool_lib.sh"

# finds CODE ARGS: svctool ends with CODE, and has said it.
finds() {
  code=$1
  shift
  "$svctool" "$@" >"$top/out" 2>&1
  got=$?
  [ $got = "$code" ] || fail "exit $got instead of $code of svctool $*"
}
check() { finds "$1" --check --service="$service"; }
is_good() { "$svctool" --check --service="$service" >"$top/out" 2>"$top/err"; }

prefix=$top/prefix
mkdir -p "$prefix/sbin" "$prefix/share/qmail-greyd" "$top/service"
cp "$daemon" "$prefix/sbin/qmail-greyd"
chmod 755 "$prefix" "$prefix/sbin/qmail-greyd"
cp "$(dirname "$0")/../../etc/greylist.rules" "$prefix/share/qmail-greyd"
port=$(perl -MIO::Socket::INET -e \
  'print IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1")->sockport')
# The sanitizer needs more address space than any limit leaves.
memory=
! ldd "$daemon" | grep -q libasan || memory=0
service=$top/service/greylist.$port
rules=$top/control/greylist.rules
log=$top/log/greylist.$port/current
log_has() { grep -q -e "$1" "$log" 2>/dev/null; }
install_service() {
  ok --greylist="$port" --servicedir="$top/service" --cntrldir="$top/control" --logdir="$top/log" \
    --prefix="$prefix" --user=daemon --loguser=nobody ${memory:+--memory="$memory"} "$@"
}
answers() { # answer recipient
  [ "$(perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(Proto => "udp", PeerAddr => "127.0.0.1:$ARGV[0]");
    $s->send("I192.0.2.9\0Fyou\@example.org\0T$ARGV[1]\0"); $s->recv(my $answer, 9) // die;
    print join "", unpack "CC", $answer' "$port" "$2")" = "$1" ]
}

say 'what an installation would make is shown, and not made'
start_svscan "$top/service"
install_service --rules=greylist.rules --dry-run
says "$rules"
says '+#to:postmaster@ off'
install_service --rules=greylist.rules --json
perl -MJSON::PP -0777 -e 'my $plan = decode_json(<STDIN>); my ($path) = @ARGV;
  exit !grep { ref eq "HASH" && ($_->{path} // "") eq $path } map { ref eq "ARRAY" ? @$_ : () } values %$plan' \
  "$rules" <"$top/out" || fail 'the plan in JSON has no rules'
[ ! -e "$rules" ] || fail 'it is made'

say 'a sample is made, which changes nothing, and run passes it'
install_service --rules=greylist.rules
wait_for log_has 'listening on' || fail 'the daemon does not start'
cmp -s "$rules" "$prefix/share/qmail-greyd/greylist.rules" || fail 'the rules are not the sample'
[ "$(stat -c '%a %U' "$rules")" = '644 root' ] || fail 'the rules are not for the daemon to read and for root to write'
[ "$(cat "$service/variables/RULES")" = greylist.rules ] || fail 'no RULES'
grep -qx -- --rules=greylist.rules "$service/.options" || fail 'it is not remembered'
tr '\0' ' ' <"/proc/$(svstat "$service" | sed -n 's/.*(pid \([0-9]*\)).*/\1/p')/cmdline" |
  grep -q -- '--rules greylist.rules ' || fail 'the daemon has not got them'
wait_for is_good || fail 'not good'
answers 01 postmaster@example.net || fail 'the sample changes something'

say 'what is written there stays when it is installed again, and is in force after a reload'
echo 'to:postmaster@ off' >>"$rules"
sleep 1 # the log's times are compared with that of the file
check 0
says "warning: $rules: changed since the daemon has read it, so it is not in force; to do: "
nothing_to_change --greylist="$port" --servicedir="$top/service" --cntrldir="$top/control" \
  --logdir="$top/log" --prefix="$prefix" --user=daemon --loguser=nobody ${memory:+--memory="$memory"} \
  --rules=greylist.rules
ok --reload --service="$service"
wait_for answers 11 postmaster@example.net || fail 'the rule is not in force'
wait_for is_good || fail 'not good'
says_not "$rules: changed"

say 'a bad line is found before a reload, and by its number after one that was not asked'
lines=$(wc -l <"$rules")
echo 'to:abuse@ of' >>"$rules"
check 1
says "could not start now: $rules:$((lines + 1)): "
finds 111 --reload --service="$service"
says "not told to read its lists and rules: $rules:$((lines + 1)): "
finds 111 --restart --service="$service"
says "$rules:$((lines + 1)): "
svc -h "$service"
wait_for log_has "error: lists not reloaded, .*greylist.rules:$((lines + 1)): " || fail 'no word in the log'
answers 11 postmaster@example.net || fail 'the rules before are not in force'
check 1
says "wrong: $rules: the daemon has refused it, so that the one before is in force: $rules:$((lines + 1)): "
sed -i '$d' "$rules"
ok --reload --service="$service"
wait_for is_good || fail 'not good with the line taken out'

say 'no setting is set that makes one bad; one that an editor has set is found'
sleep 1
echo '198.51.100.0/24 min-resend 1h' >>"$rules"
ok --reload --service="$service"
wait_for is_good || fail 'not good'
finds 111 --set=RESEND_WIN_HR=1 --service="$service"
says "nothing is changed, as the daemon could not start then: $rules:$((lines + 1)): the window ("
echo 1 >"$service/variables/RESEND_WIN_HR"
check 1
says "could not start now: $rules:$((lines + 1)): the window ("
echo 24 >"$service/variables/RESEND_WIN_HR"
wait_for is_good || fail 'not good again'

say 'a file that is missing, or is not for the daemon to read'
mv "$rules" "$top/moved"
check 1
says "could not start now: cannot open $rules: No such file"
mv "$top/moved" "$rules"
chmod 600 "$rules"
check 1
says "cannot open $rules: Permission denied"
chmod 644 "$rules"

say 'who opts in: a probe is accepted, and that is no fault'
sleep 1
printf 'to:joe@example.net on\n* off\n' >>"$rules"
ok --reload --service="$service"
wait_for answers 11 ann@example.net || fail 'it is not off'
answers 01 joe@example.net || fail 'it is not on'
wait_for is_good || fail 'not good'
says 'a rule may be off for all'
says_not warning

say 'another file, and none'
echo 'to:ann@example.net off' >"$top/control/others"
ok --set=RULES=others --restart --service="$service"
answers 11 ann@example.net || fail 'the other rules are not in force'
check 0
says "RULES: set by hand to 'others'"
finds 111 --set=RULES=nowhere --service="$service"
says "nothing is changed, as the daemon could not start then: cannot open $top/control/nowhere: No such file"
ok --unset=RULES --restart --service="$service"
answers 01 ann@example.net || fail 'rules are in force'
ok --set=RULES=greylist.rules --restart --service="$service"
wait_for is_good || fail 'not good as it was installed'

say 'when the service is removed they stay'
ok --remove --service="$service"
says "stays: rules $rules"
[ -s "$rules" ] || fail 'they are gone'
