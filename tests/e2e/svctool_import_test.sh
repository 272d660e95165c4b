#!/bin/sh
# svctool --greylist --import with the real svscan and daemon: whom another greylister knew is accepted
# at the first query that the new daemon gets; what is bad leaves nothing; again is once; a daemon that
# runs takes it itself.
#
# usage: svctool_import_test.sh SVCTOOL QMAIL-GREYD GREYCTL   exit 77: skipped, as something is not there
#
set -u
usage='usage: svctool_import_test.sh SVCTOOL QMAIL-GREYD GREYCTL'
svctool=${1:?$usage} daemon=${2:?$usage} greyctl=${3:?$usage}

[ "$(id -u)" = 0 ] || { echo 'skipped: needs root, for setuidgid'; exit 77; }
for program in svscan supervise svc svok envdir setuidgid multilog; do
  command -v $program >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
done
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/svctool_lib.sh"

base=$top/base
mkdir -p "$base/prefix/sbin" "$base/prefix/bin" "$base/service"
cp "$daemon" "$base/prefix/sbin/qmail-greyd"
ln -s qmail-greyd "$base/prefix/sbin/greydaemon"
cp "$greyctl" "$base/prefix/bin/greyctl"
chmod 755 "$base/prefix" "$base"/prefix/*/*
port=$(perl -MIO::Socket::INET -e \
  'print IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1")->sockport')
service=$base/service/greylist.$port
log=$base/log/greylist.$port/current
context=$base/control/greylist.$port.context
memory=
! ldd "$daemon" | grep -q libasan || memory=0
set -- --greylist="$port" --servicedir="$base/service" --cntrldir="$base/control" --logdir="$base/log" \
  --prefix="$base/prefix" --user=daemon --loguser=nobody ${memory:+--memory="$memory"}

log_has() { grep -q -e "$1" "$log" 2>/dev/null; }
# asked CLIENT: the answer, as digits
asked() {
  perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(Proto => "udp", PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) or die;
    alarm 30; $s->send("I$ARGV[1]\0Fnew\@x.example\0Tjoe\@y.example\0\0"); $s->recv(my $a, 9); print unpack("C*", $a)' \
    "$port" "$1"
}
is_asked() { [ -n "$(asked 198.51.100.1)" ]; }
answers() { [ "$(asked "$2")" = "$1" ] || fail "$2 is not answered $1"; }
ctl() { "$greyctl" --service "$service" "$@" >"$top/out" 2>"$top/err"; }

now=$(date +%s)
known() { printf '{"state":"known","client":"%s","last_seen":%s,"passes":1}\n' "$1" "$now"; }
known 192.0.2.1 >"$base/known"
printf 'WHITE|192.0.2.2|||%s|%s|%s|1|1\nTRAPPED|192.0.2.3|%s\n' "$now" "$now" $((now + 99999)) $((now + 99999)) \
  >"$base/spamdb"
{ known 192.0.2.4 && echo '{'; } >"$base/bad"
# The administrator's own copies, which no user of a service may read.
chmod 600 "$base/known" "$base/spamdb" "$base/bad"
start_svscan "$base/service"

say 'misuse'
for other in --check --json --run-file-only "--destdir=$top/other"; do
  refuses 100 "--import does not go with ${other%%=*}" "$@" --import="$base/known" "$other"
done
refuses 100 '--import needs --greylist=PORT' --import="$base/known"
refuses 100 '--import does not go with --restart' --greylist=1 --import="$base/known" --restart

say 'what is bad, or not there, leaves nothing'
refuses 111 "--import: $base/bad:2: " "$@" --import="$base/known" --import="$base/bad"
refuses 111 "cannot open $base/none: No such file" "$@" --import="$base/none"
mv "$base/prefix/bin/greyctl" "$top/greyctl"
refuses 111 "$base/prefix/bin/greyctl is not there" "$@" --import="$base/known"
mv "$top/greyctl" "$base/prefix/bin/greyctl"
# In the last moment: it was good when it was looked at first.
# It warns before, too.
cat >"$base/prefix/bin/other" <<END
#!/bin/sh
case " \$* " in *' --dry-run '*) exec '$greyctl' "\$@" ;; esac
[ ! -e '$service' ] || exit 1
'$greyctl' "\$@" >/dev/null
printf 'greyctl: %s\\n' 'trying again in a minute' 'the disk is full' >&2
exit 111
END
chmod 755 "$base/prefix/bin/other"
mv "$base/prefix/bin/greyctl" "$top/greyctl"
mv "$base/prefix/bin/other" "$base/prefix/bin/greyctl"
refuses 111 '--import: the disk is full; the state that was begun so is removed' "$@" --import="$base/known"
mv "$top/greyctl" "$base/prefix/bin/greyctl"

say 'a dry run says what would be'
before=$(snapshot)
ok "$@" --import="$base/known" --import="$base/spamdb" --dry-run
says 'would import: taken: 2 records, 1 entries'
nothing_written "$before" 'a dry run'

say 'who was known is accepted at the first query'
ok "$@" --import="$base/known" --import="$base/spamdb"
says 'import: taken: 2 records, 1 entries'
wait_for log_has 'listening on' || fail 'the daemon does not start'
answers 12 192.0.2.1
answers 12 192.0.2.2
answers 05 192.0.2.3
answers 01 192.0.2.9
[ "$(stat -c %U "$context.journal")" = daemon ] || fail "the state is not the daemon user's"
! grep -q import "$service/.options" || fail 'the options that are kept name the import'

say 'the same again is once, and now the daemon takes it'
nothing_written_but_said() { ok "$@" && says "$service: nothing to change"; }
nothing_written_but_said "$@" --import="$base/known" --import="$base/spamdb"
says 'import: taken: 0 records, 0 entries'
says 'import: newer here: 3'
known 192.0.2.5 >"$base/more"
ok "$@" --import="$base/more" --dry-run
says 'would import: taken: 1 records'
answers 01 192.0.2.5
ok "$@" --import="$base/more"
says 'import: taken: 1 records'
answers 12 192.0.2.5

say 'the state of another daemon, which runs'
refuses 111 "--import: context file $context is in use by another daemon" \
  --greylist=$((port > 60000 ? port - 9 : port + 9)) --servicedir="$base/service" --cntrldir="$base/other" --logdir="$base/log" \
  --prefix="$base/prefix" --user=daemon --loguser=nobody --context-file="$context" --import="$base/known"

say 'greyctl --service of one that runs, and of one that does not'
known 192.0.2.6 >"$base/another"
ctl import "$base/another" || fail 'a running one'
says 'taken: 1 records'
answers 12 192.0.2.6
ok --stop --service="$service"
ctl import "$base/another"
[ $? = 111 ] || fail 'one that does not run is asked'
contains "$top/err" 'the daemon does not run, or has another one; --context works on its files' || fail 'no hint'
known 192.0.2.7 >"$base/offline"
chmod 600 "$base/offline"
ctl --context "$context" import "$base/offline" "$base/another" || fail 'its files'
says 'taken: 1 records, 0 entries'
says 'newer here: 1'
[ -z "$(find "$base/control" -user root ! -name 'greylist.whitelist')" ] || fail "root's files are in the state"

say 'svctool with a daemon that is stopped'
known 192.0.2.8 >"$base/stopped"
ok "$@" --import="$base/stopped" --import="$base/known"
says 'import: taken: 1 records, 0 entries'
says 'import: newer here: 1'
ok --start --service="$service"
for client in 1 7 8; do answers 12 192.0.2.$client; done

say 'a state that is there already, of a service that is new'
ok --remove --service="$service"
known 192.0.2.10 >"$base/late"
known 192.0.2.11 >>"$base/late"
ok "$@" --import="$base/late" --import="$base/known"
says 'import: taken: 2 records, 0 entries'
says 'import: newer here: 1'
wait_for is_asked || fail 'the daemon does not answer'
for client in 1 8 10 11; do answers 12 192.0.2.$client; done

say 'by the policy of the service, and where the control directory is not the daemon user'\''s'
mkdir -m 1777 "$base/shared"
port=$((port > 60000 ? port - 1 : port + 1))
ok --greylist="$port" --servicedir="$base/service" --cntrldir="$base/shared" --logdir="$base/log" \
  --prefix="$base/prefix" --user=daemon --loguser=nobody ${memory:+--memory="$memory"} --ipv4-prefix=24 \
  --import="$base/known" --down
[ "$(stat -c %U "$base/shared/greylist.$port.context.journal")" = daemon ] || fail "the state is not the daemon user's"
service=$base/service/greylist.$port
ctl --context "$base/shared/greylist.$port.context" list || fail 'it cannot be read'
says '192.0.2.0/24'

say 'under greydaemon'\''s rules'
port=$((port > 60000 ? port - 1 : port + 1))
printf 'I %s mail.example.org\n' "$now" >"$base/save"
ok --greylist="$port" --use-greydaemon --servicedir="$base/service" --cntrldir="$base/shared" --logdir="$base/log" \
  --prefix="$base/prefix" --user=daemon --loguser=nobody ${memory:+--memory="$memory"} --import="$base/save" --down
says 'import: taken: 1 records'
