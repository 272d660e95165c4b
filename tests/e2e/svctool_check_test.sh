#!/bin/sh
# svctool --check and --restart with services that do not run as they should: real daemons below the
# real svscan, put down, restarted each second, shut out by others, set to what they cannot use.
#
# usage: svctool_check_test.sh SVCTOOL QMAIL-GREYD     exit 77: skipped, as something is not there
set -u
svctool=${1:?usage: svctool_check_test.sh SVCTOOL QMAIL-GREYD}
daemon=${2:?usage: svctool_check_test.sh SVCTOOL QMAIL-GREYD}

[ "$(id -u)" = 0 ] || { echo 'skipped: needs root, for setuidgid'; exit 77; }
for program in svscan supervise svc svok svstat envdir setuidgid multilog; do
  command -v $program >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
done
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/svctool_lib.sh"

check() { finds "$1" --check --service="$service"; }
# stays_up CODE TEXT: --restart ends with CODE and TEXT, and the daemon is the one that was.
stays_up() {
  old=$(pid_of "$service")
  [ "$old" != 0 ] || fail 'the daemon does not run'
  finds "$1" --restart --service="$service"
  contains "$top/err" "$2" || fail "no '$2'"
  [ "$(pid_of "$service")" = "$old" ] || fail 'the daemon was taken down'
}
pid_of() { svstat "$1" | sed -n 's/.* up (pid \([0-9]*\)).*/\1/p' | grep . || echo 0; }
set_to() { echo "$2" >"$service/variables/$1"; }

foreign_listens() { contains "$top/foreign" 'listening on'; }
foreign_daemon() { # address
  CONTROLDIR=$top "$prefix/sbin/qmail-greyd" "$1@$port" foreign.context 2>"$top/foreign" &
  foreign=$!
  wait_for foreign_listens || fail 'no foreign daemon'
}
end_foreign_daemon() {
  kill "$foreign"
  wait "$foreign"
}

prefix=$top/prefix
mkdir -p "$prefix/sbin" "$top/service"
cp "$daemon" "$prefix/sbin/qmail-greyd"
chmod 755 "$prefix" "$prefix/sbin/qmail-greyd"
port=$(perl -MIO::Socket::INET -e \
  'print IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1")->sockport')
# The sanitizer needs more address space than any limit leaves.
memory=
! ldd "$daemon" | grep -q libasan || memory=0
install_service() { # tag option...
  tag=$1
  shift
  ok --greylist="$port" --servicetag="$tag" --servicedir="$top/service" --cntrldir="$top/control" \
    --logdir="$top/log" --prefix="$prefix" --user=daemon --loguser="${loguser-nobody}" \
    ${memory:+--memory="$memory"} "$@"
}
service=$top/service/greylist.one
log=$top/log/greylist.one/current
log_has() { grep -q -e "$1" "$log" 2>/dev/null; }
start_svscan "$top/service"
install_service one
[ ! -s "$top/err" ] || fail 'a warning about a service that is alone'
wait_for log_has 'listening on' || fail 'the daemon does not start'
wait_for svok "$service/log" || fail 'multilog does not start'
check 0

say 'a restart waits until the new daemon answers'
old=$(pid_of "$service")
ok --restart --service="$service"
now=$(pid_of "$service")
{ [ "$now" != 0 ] && [ "$now" != "$old" ]; } || fail 'no new daemon'
check 0

say 'settings that the daemon cannot use are wrong, and no restart takes it down for them'
set_to MIN_RESEND_MIN 200
set_to RESEND_WIN_HR 1
check 1
says "wrong: $service: the daemon could not start now: min resend (200 minutes) must be shorter"
stays_up 111 'not restarted, as the daemon could not start now: min resend (200 minutes)'
set_to MIN_RESEND_MIN abc
check 1
stays_up 111 "$service/variables/MIN_RESEND_MIN: 'abc' is not a number"
set_to MIN_RESEND_MIN 5
set_to RESEND_WIN_HR 12
set_to WHITELIST nosuchlist
check 1
says "could not start now: cannot open $top/control/nosuchlist: No such file"
stays_up 111 "$top/control/nosuchlist"
set_to WHITELIST greylist.whitelist
cp "$top/control/greylist.whitelist" "$top/good"
echo '192.0.2.0/99' >>"$top/control/greylist.whitelist"
check 1
says "could not start now: $top/control/greylist.whitelist:"
stays_up 111 "$top/control/greylist.whitelist:"
cat "$top/good" >"$top/control/greylist.whitelist"
set_to SERVICE_USER nosuchuser
check 1
says 'could not start now: unknown user: nosuchuser'
stays_up 111 'unknown user: nosuchuser'
set_to POLICY "$top/nowhere/socket"
set_to SERVICE_USER daemon
check 1
says "could not start now: cannot make a socket in $top/nowhere/"
: >"$service/variables/POLICY"
set_to LISTEN "192.0.2.77@$port"
check 1
says 'could not start now: cannot listen on 192.0.2.77: Cannot assign requested address'
stays_up 111 'cannot listen on 192.0.2.77'
set_to LISTEN nonsense
stays_up 111 'nonsense'
set_to LISTEN "127.0.0.1@$port"
check 0

say 'the user in force is judged, not the installed one'
chown nobody "$top/control"
set_to SERVICE_USER nobody
rm -f "$top/control"/greylist.one.context*
# The one that runs is still the other, and has nowhere to write.
memory_alone() { check 1 && contains "$top/out" 'answers from memory'; }
wait_for memory_alone || fail 'no word of the journal'
says 'as it runs now: user daemon cannot save files in'
says "SERVICE_USER is 'nobody' now, and the daemon that runs was started with 'daemon'; to do: svctool --restart"
stays_up 111 "not restarted: $top/control/greylist.one.context.journal: the daemon does not write it"
svc -t "$service"
is_good() { "$svctool" --check --service="$service" >"$top/out" 2>"$top/err"; }
wait_for is_good || fail 'not good as the other user'
says 'set by hand to'

say 'for a user who cannot read the state a restart tells what hands it over, and that does'
set_to SERVICE_USER daemon
stays_up 111 "not restarted, as the daemon could not start now: cannot open $top/control/greylist.one.context"
todo=$(sed -n "s/.*; its state is another user's: //p" "$top/err")
[ "${todo%%;*}" = "svctool --stop --service=$service" ] || fail "no stop first: $todo"
[ "${todo##*; }" = "svctool --start --service=$service" ] || fail "no start last: $todo"
ok --stop --service="$service"
eval "$(echo "$todo" | cut -d ';' -f 2)" || fail "what it tells fails: $todo"
for file in "$top/control"/greylist.one.context*; do
  [ "$(stat -c %U "$file")" = daemon ] || fail "$file was not handed over: $todo"
done
ok --start --service="$service"
wait_for is_good || fail 'not good as the user before'
chown nobody "$top/control"
check 1
says "user daemon cannot save files in $top/control"
chown daemon "$top/control"
# The daemon may have found out by itself, and would try again in a minute.
svc -t "$service"
wait_for is_good || fail 'not good again'

if ! grep -q 'sandbox: .*Landlock' "$log"; then
  say 'a state that was moved away is not lost: --check says where it goes'
  ok --restart --service="$service"
  mv "$top/control" "$top/moved"
  mkdir "$top/control"
  chown daemon "$top/control"
  is_moved() { check 1 && contains "$top/out" "and saves in $top/moved/greylist.one.context when it ends"; }
  wait_for is_moved || fail 'no word of the move'
  ok --stop --service="$service"
  rmdir "$top/control" || fail 'something was written there'
  mv "$top/moved" "$top/control"
  ok --start --service="$service"
  wait_for is_good || fail 'not good when it is back'
fi

say 'files of the state that only root can open are named'
# The daemon that runs saves anew where its context file was replaced, so one of its own is spoilt.
# It answers a check's probe when it is done with the saves that it was told of before.
inode() { stat -c %i "$top/control/greylist.one.context" 2>/dev/null; }
wait_for is_good || fail 'not good before'
old=$(inode)
is_saved() { [ "$(inode)" != "$old" ]; }
kill -USR1 "$(pid_of "$service")"
wait_for is_saved || fail 'USR1 saves nothing'
wait_for is_good || fail 'not good after a save'
# Stopped, it does not mend the file meanwhile.
kill -STOP "$(pid_of "$service")"
for file in context context.lock; do
  : >"$top/control/greylist.one.$file"
  chown root "$top/control/greylist.one.$file"
  chmod 600 "$top/control/greylist.one.$file"
  check 1
  says "could not start now: cannot open $top/control/greylist.one.$file: Permission denied"
  stays_up 111 "$top/control/greylist.one.$file: Permission denied"
  rm "$top/control/greylist.one.$file"
done
kill -CONT "$(pid_of "$service")"
wait_for is_good || fail 'not good again'
chmod 600 "$top/control/greylist.whitelist"
chown root "$top/control/greylist.whitelist"
check 1
says "cannot open $top/control/greylist.whitelist: Permission denied"
chmod 644 "$top/control/greylist.whitelist"
kill -USR1 "$(pid_of "$service")"
wait_for is_good || fail 'not good again'

say 'a cdb beside a list is named, and whether the list is newer'
ok --build-cdb="$top/control/greylist.whitelist"
# In the words of what runs on this machine.
case $("$svctool" --find-supervisor 2>/dev/null) in
  *=runit\ *) reload='sv hup' ;;
  *=s6\ *) reload='s6-svc -h' ;;
  *=systemd\ *) reload='systemctl reload' ;;
  *) reload='svc -h' ;;
esac
says "next: $reload"
check 0
says "note: $top/control/greylist.whitelist.cdb: in force beside $top/control/greylist.whitelist"
says_not 'is newer'
touch -d '+1 minute' "$top/control/greylist.whitelist"
check 0
says "which is newer; to do: svctool --build-cdb=$top/control/greylist.whitelist"
rm "$top/control/greylist.whitelist.cdb"

say 'a log in another format is read all the same'
for format in json logfmt; do
  ok --set="LOG_FORMAT=$format" --restart --service="$service"
  wait_for log_has 'message.*listening on' || fail "no $format"
  check 0
  says "LOG_FORMAT: set by hand to '$format'"
  cp "$top/control/greylist.whitelist" "$top/good"
  echo 'a "bad" line' >>"$top/control/greylist.whitelist"
  svc -h "$service"
  wait_for log_has 'level.*error.*message.*lists not reloaded' || fail 'the bad list is not refused'
  check 1
  says "the daemon has refused it, so that the one before is in force: $top/control/greylist.whitelist:"
  cat "$top/good" >"$top/control/greylist.whitelist"
  svc -h "$service"
  wait_for is_good || fail 'not good with the list as it was'
  : >"$log" # so that the next words are new ones
done
: >"$service/variables/LOG_FORMAT"
finds 100 --set=LOG_FORMAT=xml --service="$service"
ok --restart --service="$service"
check 0

say 'lists that the daemon has refused are not good by the times of their files'
mkdir "$top/lists"
cp "$top/good" "$top/lists/white"
ok --set=WHITELIST="$top/lists/white" --restart --service="$service"
check 0
chmod 700 "$top/lists"
svc -h "$service"
wait_for log_has 'lists not reloaded' || fail 'a list that cannot be read is not refused'
check 1
says "$top/lists/white: the daemon has refused it"
says "to do: mend that, then svctool --restart --service="
chmod 755 "$top/lists"
svc -h "$service"
wait_for is_good || fail 'not good with a list that can be read again'
ok --set=WHITELIST=greylist.whitelist --restart --service="$service"

say 'a dry run is called one'
set_to DRY_RUN 1
check 0
says 'answers (new)' # it has not been restarted
ok --restart --service="$service"
check 0
says 'answers (in a dry run, DRY_RUN: everyone is accepted)'
: >"$service/variables/DRY_RUN"
ok --restart --service="$service"

say 'what other options would set is not called installed'
install_service one --min-resend-min=7
finds 1 --greylist="$port" --servicetag=one --servicedir="$top/service" --cntrldir="$top/control" \
  --logdir="$top/log" --prefix="$prefix" --user=daemon --loguser=nobody --check
says "variables/MIN_RESEND_MIN: '7', these options would set '1'"
says_not 'by hand'
install_service one

say 'another service at the same address is warned of, and found to restart again and again'
install_service two
contains "$top/err" "$service listens on 127.0.0.1@$port, too" || fail 'no warning'
service=$top/service/greylist.two
log=$top/log/greylist.two/current
wait_for log_has 'Address already in use' || fail 'the second daemon is not refused'
check 1
says "wrong: $service: the daemon ends and is started again and again, saying 'qmail-greyd: fatal: cannot listen on"
says "to do: mend what it says in $log"
says "wrong: $service: UDP port 127.0.0.1@$port is taken by process $(pid_of "$top/service/greylist.one") (qmail-greyd); to do: end that one"
says "wrong: daemon at 127.0.0.1@$port: answered by another program, process $(pid_of "$top/service/greylist.one") (qmail-greyd)"
says_not 'answers ('
finds 111 --restart --service="$service"
contains "$top/err" "not restarted: process $(pid_of "$top/service/greylist.one") (qmail-greyd) listens on 127.0.0.1@$port" ||
  fail 'no word of who has the port'
ok --remove --service="$service"
service=$top/service/greylist.one
log=$top/log/greylist.one/current

say 'a daemon that does not listen where its settings say'
set_to LISTEN 127.0.0.1@9
check 1
says "the daemon (process $(pid_of "$service")) does not listen on 127.0.0.1@9; to do: svctool --restart --service=$service"
says 'wrong: daemon at 127.0.0.1@9: Connection refused'
set_to LISTEN "127.0.0.1@$port"
check 0

say 'nor is the daemon at the other address taken for it'
foreign_daemon 127.0.0.2
set_to LISTEN "127.0.0.2@$port"
check 1
says "the daemon (process $(pid_of "$service")) does not listen on 127.0.0.2@$port"
says "wrong: daemon at 127.0.0.2@$port: answered by another program, process $foreign (qmail-greyd)"
stays_up 111 "not restarted: process $foreign (qmail-greyd) listens on 127.0.0.2@$port"
end_foreign_daemon
set_to LISTEN "127.0.0.1@$port"

say 'a restart after which the daemon does not come up says so'
mv "$prefix/sbin/qmail-greyd" "$prefix/sbin/real"
cat >"$prefix/sbin/qmail-greyd" <<'END'
#!/bin/sh
case $1 in --check) exec "${0%/*}/real" "$@" ;; esac
echo 'for a reason that nobody foresees'
exit 111
END
chmod 755 "$prefix/sbin/qmail-greyd"
finds 1 --restart --service="$service"
says "wrong: $service: the daemon ends and is started again and again, saying 'for a reason that nobody foresees'; to do: mend what it says in $log"
says "$service: not as it should be"
contains "$log" 'for a reason that nobody foresees' || fail 'that is not where the reason is'
mv "$prefix/sbin/real" "$prefix/sbin/qmail-greyd"
ok --restart --service="$service"

say 'a daemon that was put down stays so, and a foreign one in its place is no good one'
svc -d "$service"
is_put_down() { [ "$(pid_of "$service")" = 0 ]; }
wait_for is_put_down || fail 'it does not end'
check 1
says "wrong: $service: down, and stays so until it is started; to do: svc -u $service"
says "wrong: daemon at 127.0.0.1@$port: Connection refused"
finds 1 --restart --service="$service"
says "wrong: $service: down, and stays so until it is started; to do: svc -u $service"
[ "$(pid_of "$service")" = 0 ] || fail 'a daemon that was put down is started'
foreign_daemon 127.0.0.1
check 1
says "answered by another program, process $foreign (qmail-greyd)"
svc -u "$service"
wait_for log_has 'Address already in use' || fail 'the daemon is not refused'
check 1
says "$service: the daemon ends and is started again and again, saying 'qmail-greyd: fatal: cannot listen on"
says "is taken by process $foreign (qmail-greyd)"
end_foreign_daemon
ok --restart --service="$service"
check 0

say 'what writes the log is looked at as the daemon is'
logs=$top/log/greylist.one
put_back() { svc -u "$service/log"; }
log_is_up() { svstat "$service/log" | grep -q ': up'; }
log_is_down() { svstat "$service/log" | grep -q ': down'; }
svc -d "$service/log"
wait_for log_is_down || fail 'multilog does not end'
check 1
says "wrong: $service/log: what writes the log is down, and stays so until it is started; to do: svc -u $service/log"
finds 1 --restart --service="$service"
says "$service/log: what writes the log is down"
put_back
wait_for log_is_up || fail 'multilog does not start'
check 0
# Files of another user, as they are left when the log user is another one.
svc -d "$service/log"
wait_for log_is_down || fail 'multilog does not end'
chown root "$logs/current" "$logs/lock"
put_back
for command in --check --restart; do
  finds 1 $command --service="$service"
  says "$service/log: what writes the log ends and is started again and again"
  says "user nobody cannot write to $logs/current: Permission denied (give that user the files there"
done
# Whoever could have brought them there does not get them.
refuses 111 "user nobody cannot write to $logs/current: Permission denied" --greylist="$port" \
  --servicetag=one --servicedir="$top/service" --cntrldir="$top/control" --logdir="$top/log" \
  --prefix="$prefix" --user=daemon --loguser=nobody ${memory:+--memory="$memory"}
chown nobody "$logs/current" "$logs/lock"
check 0

say 'a log directory that gets another user is given with its files'
loguser=bin
install_service one
unset loguser
says "change $logs/current: owner"
[ "$(stat -c %U "$logs" "$logs/current" "$logs/lock" | sort -u)" = bin ] || fail 'not given'
check 1
says "what writes the log (process $(pid_of "$service/log")) still runs as user nobody"
old=$(pid_of "$service/log")
svc -k "$service/log"
log_is_new() { [ "$(pid_of "$service/log")" != 0 ] && [ "$(pid_of "$service/log")" != "$old" ]; }
wait_for log_is_new || fail 'multilog does not start'
check 0
svc -d "$service/log"
wait_for log_is_down || fail 'multilog does not end'
chown root "$logs" "$logs"/*
ln "$logs/current" "$top/other-name"
ln -s "$top/service" "$logs/link"
finds 111 --greylist="$port" --servicetag=one --servicedir="$top/service" --cntrldir="$top/control" \
  --logdir="$top/log" --prefix="$prefix" --user=daemon --loguser=nobody ${memory:+--memory="$memory"}
contains "$top/err" "user nobody cannot write to $logs/current" || fail 'a file with two names is given'
[ "$(stat -c %U "$top/other-name" "$logs")" = "$(printf 'root\nroot')" ] || fail 'given away'
rm "$top/other-name" "$logs/link"
install_service one
[ "$(stat -c %U "$logs" "$logs/current" "$logs/lock" | sort -u)" = nobody ] || fail 'not given'
[ "$(stat -c %U "$top/service")" = root ] || fail 'a link was followed'
put_back
check 0

echo 'all passed'
