#!/bin/sh
# svctool after the installation, with the real daemon below the real svscan: check, dry run, JSON,
# refresh, removal, users that are made, and GREYIP in a run that reads no variables/.
#
# usage: svctool_upkeep_test.sh SVCTOOL QMAIL-GREYD     exit 77: skipped, as something is not there
#
# shellcheck disable=SC2016 # single quotes are meant: scripts for others
# shellcheck disable=SC2089,SC2090 # so are quotes in the name of a directory
set -u
svctool=${1:?usage: svctool_upkeep_test.sh SVCTOOL QMAIL-GREYD}
daemon=${2:?usage: svctool_upkeep_test.sh SVCTOOL QMAIL-GREYD}

[ "$(id -u)" = 0 ] || { echo 'skipped: needs root, for setuidgid'; exit 77; }
for program in svscan supervise svc svok envdir setuidgid multilog tcprules diff patch setpriv unshare; do
  command -v $program >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
done
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/svctool_lib.sh"

# finds CODE ARGS: a check ends with CODE, and changes nothing.
finds() {
  code=$1
  shift
  # A running daemon's log and state may change meanwhile; the modes and contents of ours may not.
  before=$(snapshot | grep -v -e '/current ' -e 'context' -e '/supervise')
  "$svctool" "$@" --check >"$top/out" 2>"$top/err"
  got=$?
  [ $got = "$code" ] || fail "exit $got instead of $code of svctool $* --check"
  [ "$(snapshot | grep -v -e '/current ' -e 'context' -e '/supervise')" = "$before" ] ||
    fail "a check changed something"
}

base="$top/a b'c\"d\$e"
mkdir -p "$base/prefix/sbin" "$base/service"
cp "$daemon" "$base/prefix/sbin/qmail-greyd"
chmod 755 "$base/prefix" "$base/prefix/sbin/qmail-greyd"
# A port of its own, from the kernel.
port=$(perl -MIO::Socket::INET -e \
  'print IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1")->sockport')
service=$base/service/greylist.$port
log=$base/log/greylist.$port/current
# The sanitizer needs more address space than any limit leaves.
memory=
! ldd "$daemon" | grep -q libasan || memory=0
install_service() {
  ok --greylist="$port" --servicedir="$base/service" --cntrldir="$base/control" \
    --logdir="$base/log" --prefix="$base/prefix" --user=daemon --loguser=nobody \
    ${memory:+--memory="$memory"} "$@"
}
log_has() { grep -q -e "$1" "$log" 2>/dev/null; }

say 'a check of a service that is not there, and of one that runs'
finds 1 --greylist="$port" --servicedir="$base/service" --user=daemon --loguser=nobody
says "$service: missing"
start_svscan "$base/service"
install_service
wait_for log_has 'listening on' || fail 'the daemon does not start'
wait_for svok "$service/log" || fail 'multilog does not start'
finds 0 --service="$service"
says "daemon at 127.0.0.1@$port: answers (new)"
says "$service: good"
# The daemon has said that it was a probe, and holds nothing.
wait_for log_has 'probe=yes' || fail 'the query was no probe'
svc -t "$service" # saves
wait_for test -s "$base/control/greylist.$port.context" || fail 'no snapshot'
! grep -q svctool-check "$base/control/greylist.$port.context" || fail 'the check left a record'

say 'anybody may check, but for what only root can see'
cp "$svctool" "$top/svctool"
chmod 755 "$top/svctool"
nobody_checks() {
  setpriv --reuid=65534 --regid=65534 --clear-groups "$top/svctool" --check --service="$service" \
    >"$top/out" 2>"$top/err"
  [ $? = 1 ] && ! contains "$top/out" 'wrong: '
}
wait_for nobody_checks || fail 'nobody finds something wrong' # the daemon was restarted
says "$service: nothing is seen to be wrong, but not all could be looked at"
says 'only root can see whether a supervisor runs'
says "daemon at 127.0.0.1@$port: answers"
rm "$top/svctool"

say 'a place that another program has is not set, and nothing is changed'
perl -MIO::Socket::INET -e '
  my $udp = IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1") or die;
  my $tcp = IO::Socket::INET->new(Proto => "tcp", LocalAddr => "127.0.0.1", Listen => 1) or die;
  $| = 1; print $udp->sockport, " ", $tcp->sockport, "\n"; sleep 600' >"$top/ports" &
holder=$!
wait_for test -s "$top/ports" || fail 'no ports'
read -r taken_udp taken_tcp <"$top/ports"
listen=$(cat "$service/variables/LISTEN")
refuses 111 "nothing is changed, as process $holder (perl) listens on 127.0.0.1@$taken_udp" \
  --set LISTEN="127.0.0.1@$taken_udp" --restart --service="$service"
refuses 111 "nothing is changed, as process $holder (perl) listens on 127.0.0.1@$taken_tcp" \
  --set POLICY="127.0.0.1@$taken_tcp" --restart --service="$service"
kill $holder
[ "$(cat "$service/variables/LISTEN")" = "$listen" ] || fail 'LISTEN was written'
[ ! -s "$service/variables/POLICY" ] || fail 'POLICY was written'
ok --set LISTEN="127.0.0.1@$port" --restart --service="$service" # its own
finds 0 --service="$service"

say 'a service whose .options are gone is one'
mv "$service/.options" "$top/options"
finds 1 --service="$service"
says "wrong: $service/.options: missing or empty"
: >"$service/.options"
finds 1 --servicedir="$base/service"
says "wrong: $service/.options: missing or empty"
mv "$top/options" "$service/.options"
finds 0 --service="$service"

say 'a check names what differs, and tells an edit from a fault'
echo 7 >"$service/variables/MIN_RESEND_MIN"
finds 0 --service="$service"
says "note: $service/variables/MIN_RESEND_MIN: set by hand to '7', installed as '1'"
echo soon >"$service/variables/MIN_RESEND_MIN"
finds 1 --service="$service"
says "wrong: $service/variables/MIN_RESEND_MIN: 'soon' is not a number"
echo 5 >"$service/variables/MIN_RESEND_MIN"
echo '# mine' >>"$service/run"
chmod 600 "$service/log/run"
chown root "$base/log/greylist.$port"
chmod 700 "$base/control"
chown root "$base/control"
rm "$service/log/variables/LOGDIR"
finds 1 --service="$service"
says "note: $service/run: edited by hand, and left so"
says "wrong: change $service/log/run: mode 0600 -> 0755"
says "wrong: change $base/log/greylist.$port: owner root:"
says "wrong: user daemon cannot save files in $base/control: Permission denied"
says "wrong: $service/log/variables/LOGDIR: missing"
ok --greylist="$port" --servicedir="$base/service" --cntrldir="$top" --logdir="$base/log" \
  --prefix="$base/prefix" --user=root --loguser=nobody --dry-run --force
says '-# mine'
chmod 755 "$base/control"
chown daemon "$base/control"
install_service
says "keep $service/run: was edited by hand; --force writes it anew"
contains "$service/run" '# mine' || fail 'an edit of run is lost'
install_service --force
# The daemon may have found out by itself; it tries again in a minute, or when it is told.
kill -USR1 "$(svstat "$service" | sed 's/.*(pid \([0-9]*\)).*/\1/')"
is_good() { "$svctool" --check --service="$service" >"$top/out" 2>"$top/err"; }
wait_for is_good || fail 'not good again'
if [ -z "$memory" ]; then
  echo 100000000 >"$service/variables/MAX_RECORDS"
  finds 1 --service="$service"
  says 'are too few for 100000000 records, which need 16067108864'
  : >"$service/variables/MAX_RECORDS"
fi

say 'a check of what an SMTP server asks'
smtp=$base/smtp
mkdir -p "$smtp/variables"
printf '#!/bin/sh\nexec envdir variables ./server\n' >"$smtp/run"
finds 1 --service="$smtp"
says 'no GREYIP, so greylisting is off'
ok --greyip="127.0.0.1@$port" --service="$smtp"
finds 0 --service="$smtp"
says "daemon at 127.0.0.1@$port: answers"
finds 1 --service="$smtp" --greyip=@1
says "GREYIP is '127.0.0.1@$port', not '@1'"
ok --greyip="127.0.0.1@$port,127.0.0.1@9" --service="$smtp" --force
finds 1 --service="$smtp"
says 'wrong: daemon at 127.0.0.1@9: Connection refused'
ok --greyip="127.0.0.1@$port" --service="$smtp" --force
"$svctool" --service="$smtp" --check --json >"$top/out" || fail 'a good check with --json fails'
perl -MJSON::PP -0777 -ne 'my $c = decode_json($_);
  exit !($c->{status} eq "good" && grep { $_->{id} eq "answers" } @{$c->{findings}})' "$top/out" || fail 'no such JSON'

say 'a check of rules'
rules=$base/tcp.smtp
printf '127.:allow\n:allow\n' >"$rules"
finds 1 --tcprules="$rules"
says 'no GREYIP'
says 'tcp.smtp.cdb: not what tcprules makes of the rules'
ok --greyip="127.0.0.1@$port" --tcprules="$rules"
finds 0 --tcprules="$rules"
finds 1 --tcprules="$rules" --match=127.
echo '1.2.3.:deny' >>"$rules"
finds 1 --tcprules="$rules"
says 'not what tcprules makes'
printf 'x\r\n' >"$rules"
finds 1 --tcprules="$rules"
says 'line 1: the line ends in CR LF'

say 'a dry run is a diff that patch takes'
for form in one two; do
  case $form in
    one) set -- --min-resend-min=9 --verbosity=2 --recipients=all ;;
    two) set -- --allow=127.0.0.1 --no-whitelist ;;
  esac
  before=$(snapshot | grep -v -e '/current ' -e context)
  install_service "$@" --dry-run
  [ "$(snapshot | grep -v -e '/current ' -e context)" = "$before" ] || fail 'a dry run changed something'
  sed -e "s|^\(...\) $base|\1 |" "$top/out" >"$top/diff"
  mkdir "$top/patched"
  cp -a "$service/." "$top/patched"
  # patch(1) wants names without quotes in them: from inside, and without the leading part.
  sed "s|^\([-+][-+][-+]\) /service/greylist.$port/|\1 |" "$top/diff" >"$top/diff2"
  (cd "$top/patched" && patch -s -p0 <"$top/diff2") >"$top/err" 2>&1 || fail 'patch does not take it'
  install_service "$@"
  diff -r -x supervise "$service" "$top/patched" >"$top/err" || fail 'the diff was not what was done'
  rm -r "$top/patched" "$top/diff" "$top/diff2"
done
install_service
# As svctool(8) says: below /, and but for what is left empty.
new="--greylist=6 --servicedir=$top/new --cntrldir=$top/new/control --logdir=$top/new/log --user=daemon
  --loguser=nobody"
# shellcheck disable=SC2086 # a list of words
ok $new --dry-run
patch -s -p1 -d / <"$top/out" || fail 'patch does not take it below /'
mv "$top/new" "$top/patched"
# shellcheck disable=SC2086
ok $new
find "$top/new" -empty -delete
diff -r "$top/new" "$top/patched" >"$top/err" || fail 'the diff was not what was done'
rm -r "$top/new" "$top/patched"
printf ':allow\n' >"$rules"
ok --greyip=@ --tcprules="$rules" --dry-run
says '-:allow'
says '+:allow,GREYIP="@"'
says_not 'create'

say 'JSON is the plan'
install_service --json --verbosity=3
perl -MJSON::PP -0777 -ne 'my $p = decode_json($_);
  my $v = (grep {$_->{path} =~ m{/variables/VERBOSITY$}} @{$p->{entries}})[0];
  exit !($p->{changes} == 2 && $v->{change} eq "content" && $v->{content} eq "3\n"
         && $p->{users}[0]{name} eq "daemon")' "$top/out" || fail 'not the JSON that svctool(8) promises'
finds 0 --service="$service"

say 'run is refreshed from .options, and settings stay'
nothing_to_change --refreshsvc="$service"
echo 8 >"$service/variables/MIN_RESEND_MIN"
sed 's/^# /# older: /' "$service/run" >"$top/run" && cat "$top/run" >"$service/run"
cp -a "$service/run" "$top/run"
ok --refreshsvc="$service" --dry-run
cmp -s "$service/run" "$top/run" || fail 'a dry run wrote'
ok --autorefresh=0 "$service"
nothing_to_change --autorefresh 0 "$service"
ok --refreshsvc="$service"
says 'left alone'
cmp -s "$service/run" "$top/run" || fail 'a run that was to be left alone was refreshed'
ok --refreshsvc="$service" --force
says 'to use what has changed: svc -t '
[ "$(cat "$service/variables/MIN_RESEND_MIN")" = 8 ] || fail 'a setting was refreshed'
ok --autorefresh=1 "$service"
[ ! -e "$service/.norefresh" ] || fail 'the flag stays'
nothing_to_change --refreshsvc="$service"
# Nor does --run-file-only touch more than the scripts.
echo '# old' >"$service/run"
ok --run-file-only --greylist="$port" --servicedir="$base/service" --prefix="$base/prefix"
says "change $service/run"
[ "$(cat "$service/variables/MIN_RESEND_MIN")" = 8 ] || fail '--run-file-only wrote a setting'
install_service
refuses 111 'so --run-file-only has nowhere' --run-file-only --greylist=1 --servicedir="$base/service"
refuses 111 'it has no .options' --refreshsvc="$smtp"
refuses 111 'it has no .options' --autorefresh=0 "$smtp"
cp "$service/.options" "$top/options"
echo --nonsense >>"$service/.options"
refuses 111 "$service/.options: " --refreshsvc="$service"
cp "$top/options" "$service/.options"
# Another prefix changes both scripts, and the advice names both.
ok --greylist="$port" --servicedir="$base/service" --cntrldir="$base/control" --logdir="$base/log" \
  --prefix="$base/other" --user=daemon --loguser=nobody
says '; svc -t '
contains "$top/err" "$base/other/sbin/qmail-greyd is not there yet" || fail 'no warning about the program'
install_service

say 'a second run with every option changes nothing'
for way in = ' '; do
  set -- --greylist=4
  for option in servicedir="$top/every/s" servicetag='two words' localip=::1 cntrldir="$top/every/c" \
    logdir="$top/every/l" user=daemon loguser=nobody context-file=state/file memory=100000000 \
    prefix="$base/prefix" min-resend-min=1 resend-win-hr=2 timeout-days=3 save_interval=4 \
    free-interval=6 whitelist=lists/w blacklist=lists/b rules=lists/r hash-size=0 max-records=9 client-passes=2 \
    ipv4-prefix=24 ipv6-prefix=48 sender-key=domain recipient-key=none pools=name select=suspect recipients=all \
    allow=127.0.0.1,::1 policy=127.0.0.1@10023,/run/policy policy-text='wait %t' verbosity=2; do
    case $way in
      =) set -- "$@" "--$option" ;;
      *) set -- "$@" "--${option%%=*}" "${option#*=}" ;;
    esac
  done
  set -- "$@" --down --create-users
  [ "$way" = = ] && ok "$@"
  nothing_to_change "$@"
  nothing_to_change "$@" --dry-run
done
[ "$(cat "$top/every/s/greylist.two words/variables/SENDER_KEY")" = domain ] || fail 'a setting is lost'
nothing_to_change --refreshsvc "$top/every/s/greylist.two words"

say 'an address that this host has not is a warning'
ok --greylist=1 --localip=192.0.2.77 --servicedir="$top/service" --cntrldir="$base/control" \
  --logdir="$base/log" --prefix="$base/prefix" --user=daemon --loguser=nobody
contains "$top/err" 'this host has no address 192.0.2.77' || fail 'no warning about the address'
ok --greylist=2 --localip='*' --servicedir="$top/service" --cntrldir="$base/control" \
  --logdir="$base/log" --prefix="$base/prefix" --user=daemon --loguser=nobody
[ ! -s "$top/err" ] || fail 'a warning about any address'

say 'GREYIP in a run that reads no variables/'
plain=$base/plain
mkdir "$plain"
printf '#!/bin/sh\necho "GREYIP is ${GREYIP-unset}"' >"$plain/run"
chmod 750 "$plain/run"
cp -p "$plain/run" "$top/run"
refuses 111 '--run would set it in its run' --greyip="@$port" --service="$plain"
ok --greyip="@$port" --service="$plain" --run
[ "$("$plain/run")" = "GREYIP is @$port" ] || fail 'run does not set GREYIP'
[ "$(stat -c %a "$plain/run")" = 750 ] || fail 'the mode of run has changed'
[ ! -e "$plain/variables" ] || fail 'variables/ was made'
finds 0 --service="$plain"
nothing_to_change --greyip="@$port" --service="$plain" --run
refuses 111 'which --force would replace' --greyip=@1 --service="$plain" --run
ok --greyip=@1 --service="$plain" --run --force
[ "$("$plain/run")" = 'GREYIP is @1' ] || fail '--force does not replace'
ok --no-greyip --service="$plain"
cmp -s "$plain/run" "$top/run" || fail '--no-greyip does not restore run'
nothing_to_change --no-greyip --service="$plain"
mv "$plain/run" "$plain/real"
ln -s real "$plain/run"
ok --greyip=@1 --service="$plain" --run
[ -L "$plain/run" ] || fail 'a link to run was replaced'
printf '#!/usr/bin/perl\n1;\n' >"$plain/real"
refuses 111 'not a shell script' --greyip=@1 --service="$plain" --run

say 'users are made, or named when they are missing'
cp -a /etc "$top/etc"
# The machine's own accounts are not for tests: a copy of /etc is mounted over it, for us alone.
cat >"$top/users" <<'SCRIPT'
#!/bin/sh
set -u
mount --bind "$top/etc" /etc || exit 77
try() { "$svctool" --greylist=3 --servicedir="$top/u/service" --cntrldir="$1" --logdir="$top/u/log" \
  --prefix="$base/prefix" --user=greytest --loguser=greylog $2 >"$top/out" 2>"$top/err"; }
try "$top/u/control" '' && exit 1
grep -q 'user greytest does not exist: name another one with --user, or let --create-users' "$top/err" || exit 2
try "$top/u/control" '--create-users --dry-run' || exit 3
grep -q 'create user greytest' "$top/out" || exit 4
grep -q greytest /etc/passwd && exit 5
# What fails later takes them back; the group that was there stays.
groupadd --system greylog
try /proc/nothing --create-users && exit 6
grep -q -e greytest -e '^greylog' /etc/passwd && exit 7
grep -q greytest /etc/group && exit 8
grep -q '^greylog' /etc/group || exit 9
try "$top/u/control" --create-users || exit 10
[ "$(stat -c %U:%G "$top/u/control")" = greytest:greytest ] || exit 11
[ "$(stat -c %U:%G "$top/u/log/greylist.3")" = greylog:greylog ] || exit 12
grep -q '^greytest:.*:/nonexistent:/usr/sbin/nologin$' /etc/passwd || exit 13
try "$top/u/control" --create-users || exit 14
grep -q 'nothing to change' "$top/out" || exit 15
# The group of the control socket is, too.
try "$top/u/control" --control-group=greyasks && exit 16
grep -q 'group greyasks does not exist: name another one with --control-group, or let --create-users' "$top/err" || exit 17
try "$top/u/control" '--control-group=greyasks --create-users --dry-run' || exit 18
grep -q 'create group greyasks' "$top/out" || exit 19
grep -q greyasks /etc/group && exit 20
try "$top/u/control" '--control-group=greyasks --create-users' || exit 21
grep -q '^greyasks:' /etc/group || exit 22
grep -q greyasks /etc/passwd && exit 23
"$svctool" --set CONTROL_GROUP=nosuch --service="$top/u/service/greylist.3" >"$top/out" 2>"$top/err" && exit 24
grep -q 'CONTROL_GROUP: group nosuch does not exist' "$top/err" || exit 25
SCRIPT
chmod 755 "$top/users"
export top svctool base
unshare -m "$top/users"
got=$?
if [ $got = 77 ]; then
  echo '  (not tried: no mount)'
elif [ $got != 0 ]; then
  fail "step $got"
fi
rm -r "${top:?}/etc"

say 'a service is removed, and its state and log stay'
refuses 111 'it has no .options' --remove --service="$smtp"
refuses 111 'it has no .options' --remove --service="$top/nowhere"
wait_for svok "$service" || fail 'the service does not run'
before=$(snapshot | grep -v -e '/current ' -e context)
ok --remove --service="$service" --dry-run
says "remove $service/run"
says "stays: context file $base/control/greylist.$port.context, and what is beside it"
[ "$(snapshot | grep -v -e '/current ' -e context)" = "$before" ] || fail 'a dry run removed something'
perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(Proto => "udp", PeerAddr => "127.0.0.1:$ARGV[0]");
  $s->send("I192.0.2.9\0Fa\@b\0Tc\@d\0"); $s->recv(my $answer, 9) // die; exit !length $answer' "$port" ||
  fail 'the daemon does not answer'
pids=$(svstat "$service" "$service/log" | sed -n 's/.*(pid \([0-9]*\)).*/\1/p')
[ "$(echo "$pids" | wc -l)" = 2 ] || fail 'daemon and multilog do not both run'
ok --remove --greylist="$port" --servicedir="$base/service"
says "removed $service"
says "stays: context file $base/control/greylist.$port.context, and what is beside it"
says "stays: lists $base/control/greylist.whitelist"
says "stays: log $base/log/greylist.$port"
[ -z "$(ls -A "$base/service")" ] || fail 'something is left in the service directory'
grep -q 'a@b' "$base/control/greylist.$port.context" || fail 'the state was not saved'
log_has 'exiting' || fail "the daemon's last line is not in the log"
for pid in $pids; do
  ! kill -0 "$pid" 2>/dev/null || fail "process $pid still runs"
done

say 'a linked service is removed with what the link leads to'
mkdir "$base/real"
ok --greylist="$port" --servicedir="$base/real" --cntrldir="$base/control" --logdir="$base/log" \
  --prefix="$base/prefix" --user=daemon --loguser=nobody ${memory:+--memory="$memory"}
: >"$log"
ln -s "$base/real/greylist.$port" "$base/service/linked"
wait_for log_has 'listening on' || fail 'the linked service does not start'
ok --remove --service="$base/service/linked"
[ -z "$(ls -A "$base/service")$(ls -A "$base/real")" ] || fail 'something is left'
# svscan has seen the service go: a new one of the same name starts.
install_service
: >"$log"
wait_for log_has 'listening on' || fail 'a service cannot be installed again'

say 'a restart of what svscan is about to start takes its daemon for nobody else'
udp_port() { perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1")->sockport'; }
tcp_port() { perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'; }
mkdir "$base/young"
# A link that led nowhere for longer than one is new: its service is new all the same.
ln -s "$base/young/greylist.1" "$base/service/young.1"
sleep 11
for number in 1 2 3 4 5 6; do
  ok --greylist="$(udp_port)" --policy="127.0.0.1@$(tcp_port)" --servicedir="$base/young" --servicetag="$number" \
    --cntrldir="$base/control" --logdir="$base/log" --prefix="$base/prefix" --user=daemon --loguser=nobody \
    ${memory:+--memory="$memory"}
done
restarts=
for number in 1 2 3 4 5 6; do
  [ $number = 1 ] || ln -s "$base/young/greylist.$number" "$base/service/young.$number"
  "$svctool" --restart --service="$base/young/greylist.$number" >"$top/young.$number" 2>&1 &
  restarts="$restarts $!"
done
for restart in $restarts; do
  wait "$restart" || fail "a restart is refused: $(cat "$top"/young.*)"
done

echo 'all passed'
