#!/bin/sh
# svctool with the real svscan, supervise, multilog, setuidgid, envdir, tcprules and tcprulescheck.
#
# The daemon here is a stand-in that prints what it was started with and then sleeps: this test
# shows that every setting reaches the daemon's command line exactly, whatever it contains. The real
# daemon below a service made by svctool is the subject of the main end-to-end test.
#
# usage: svctool_test.sh SVCTOOL        exit 77: skipped, as something it needs is not there
#
# shellcheck disable=SC2016 # single quotes are meant: names with a dollar, scripts for others
# shellcheck disable=SC2030,SC2031 # so is the one subshell in which svctool is another user
set -u
svctool=${1:?usage: svctool_test.sh SVCTOOL}

[ "$(id -u)" = 0 ] || { echo 'skipped: needs root, for setuidgid'; exit 77; }
for program in svscan supervise svc svok envdir setuidgid multilog tcprules tcprulescheck; do
  command -v $program >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
done

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/svctool_lib.sh"

# A stand-in under both names of the daemon.
make_prefix() {
  mkdir -p "$1/sbin"
  cat >"$1/sbin/qmail-greyd" <<'END'
#!/bin/sh
printf 'program %s\n' "${0##*/}"
for argument; do printf 'argument [%s]\n' "$argument"; done
env | sort | sed 's/^/environment /'
echo started
exec sleep 1000000
END
  chmod 755 "$1/sbin/qmail-greyd"
  ln -sf qmail-greyd "$1/sbin/greydaemon"
}

log_has() { grep -qF -e "$2" "$1/current" 2>/dev/null; }
started() { log_has "$1" ' started'; }
argument_line() {
  sed -n 's/^@[0-9a-f]* argument //p' "$1/current" | tr '\n' ' ' | sed 's/ $//'
}

# installs_and_runs BASE: everything lies below BASE, whatever characters that has.
installs_and_runs() {
  base=$1
  service=$base/service/greylist.1999
  log=$base/log/greylist.1999
  make_prefix "$base/prefix"
  mkdir -p "$base/service"
  start_svscan "$base/service"
  set -- --servicedir="$base/service" --cntrldir="$base/control" --logdir="$base/log" \
    --prefix="$base/prefix" --user=daemon --loguser=nobody --min-resend-min=2 --resend-win-hr=24 \
    --timeout-days=30 --context-file=greylist.context --save-interval=5

  # The running svscan finds the new directory by itself, log/ included.
  ok --greylist=1999 --whitelist='grey $(list) "it'\''s".whitelist' --rules='$(rules) "it'\''s"' "$@"
  wait_for started "$log" || fail 'the service does not start'
  expected='[-u] [daemon] [-m] [2] [-g] [24] [-t] [30] [-s] [5]'
  expected="$expected [-w] [grey \$(list) \"it's\".whitelist] [--rules] [\$(rules) \"it's\"] [--sender-key] [normalized]"
  expected="$expected [127.0.0.1@1999] [greylist.context]"
  [ "$(argument_line "$log")" = "$expected" ] || fail "the daemon got $(argument_line "$log")"
  log_has "$log" "environment CONTROLDIR=$base/control" || fail 'CONTROLDIR does not reach the daemon'
  ! log_has "$log" LEAK || fail "svscan's environment reaches the daemon"
  [ "$(stat -c '%a %U' "$service")" = '1755 root' ] || fail 'the service directory is not sticky'
  [ "$(stat -c %U "$base/control")" = daemon ] || fail 'the control directory is not the daemon user'\''s'
  [ "$(stat -c %U "$log/current")" = nobody ] || fail 'multilog does not run as the log user'
  [ -f "$base/control/grey \$(list) \"it's\".whitelist" ] || fail 'no sample whitelist'
  grep -q '^#to:' "$base/control/\$(rules) \"it's\"" || fail 'no sample of rules'

  # The same again, in another spelling.
  before=$(snapshot)
  ok "$@" --greylist 1999 --whitelist 'grey $(list) "it'\''s".whitelist' --rules '$(rules) "it'\''s"'
  contains "$top/out" 'nothing to change' || fail 'a second run does not say that nothing changed'
  [ "$(snapshot)" = "$before" ] || fail 'a second run changed something'

  # An editor and svc -t.
  echo 77 >"$service/variables/MIN_RESEND_MIN"
  echo 'Europe/Zurich' >"$service/variables/TZ"
  : >"$service/variables/WHITELIST"
  svc -t "$service"
  wait_for log_has "$log" 'argument [77]' || fail 'an edited variable does not reach the daemon'
  wait_for log_has "$log" 'environment TZ=Europe/Zurich' || fail 'a variable of our own is ignored'

  # Other options: files are replaced, the directory and the operator's files stay.
  inode=$(stat -c %i "$service")
  ok "$@" --greylist=1999 --allow=127.0.0.0/8,::1 --verbosity=3
  contains "$top/out" "MIN_RESEND_MIN: '77' -> '2'" || fail 'a change is not shown'
  contains "$top/out" "ALLOW: '' -> '127.0.0.0/8,::1'" || fail 'a change is not shown'
  [ "$(stat -c %i "$service")" = "$inode" ] || fail 'a changed service is another directory'
  [ -f "$service/variables/TZ" ] || fail "the operator's own variable is gone"
  svc -t "$service"
  wait_for log_has "$log" 'argument [127.0.0.0/8,::1]' || fail 'a changed setting does not arrive'

  refuses 111 '--nooverwrite' "$@" --greylist=1999 --nooverwrite

  # The Perl daemon's command line.
  ok "$@" --greylist=1998 --use-greydaemon --whitelist=white --rules=rules
  log=$base/log/greylist.1998
  wait_for started "$log" || fail 'greydaemon does not start'
  log_has "$log" 'program greydaemon' || fail 'another program than greydaemon was started'
  expected='[-u] [daemon] [-m] [2] [-g] [24] [-t] [30] [-s] [5]'
  expected="$expected [-w] [$base/control/white] [--rules] [$base/control/rules] [127.0.0.1:1998] [$base/control/greylist.context]"
  [ "$(argument_line "$log")" = "$expected" ] || fail "greydaemon got $(argument_line "$log")"
  contains "$base/control/white" '# ' || fail 'the sample whitelist has no comment'

  stop_services
}

say 'a service is installed, started, changed'
installs_and_runs "$top/plain"
# Only here: below, shellcheck takes the dollar and the quotes of the path for mistakes.
if command -v shellcheck >/dev/null; then
  for script in "$top"/plain/service/*/run "$top"/plain/service/*/log/run; do
    shellcheck "$script" >"$top/out" || fail "shellcheck of $script"
  done
fi
say 'the same with spaces, quotes and a dollar in every path'
installs_and_runs "$top/a b'c\"d\$HOME"

say 'misuse and missing accounts write nothing'
mkdir "$top/fault"
set -- --servicedir="$top/fault/service" --cntrldir="$top/fault/control" --logdir="$top/fault/log" \
  --user=daemon --loguser=nobody
refuses 100 '--nonsense' --greylist=1999 "$@" --nonsense
refuses 100 '--greylist' "$@" --greylist
refuses 100 '70000' "$@" --greylist=70000
refuses 100 '--min-resend-min: 120 minutes' "$@" --greylist=1999 --min-resend-min=120 --resend-win-hr=2
refuses 100 '192.0.2.0/33' "$@" --greylist=1999 --allow=192.0.2.0/33
refuses 100 'localhost' "$@" --greylist=1999 --localip=localhost
set -- --servicedir="$top/fault/service" --cntrldir="$top/fault/control" --logdir="$top/fault/log"
refuses 111 'user no-such-user does not exist' "$@" --greylist=1 --user=no-such-user --loguser=nobody
refuses 111 'user no-such-user does not exist' "$@" --greylist=1 --user=daemon --loguser=no-such-user
if command -v setpriv >/dev/null; then
  cat >"$top/as-nobody" <<'END'
#!/bin/sh
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$svctool_path" "$@"
END
  chmod 755 "$top/as-nobody"
  # The program itself may lie where only root can look.
  cp "$svctool" "$top/svctool" && chmod 755 "$top/svctool"
  (
    export svctool_path="$top/svctool"
    svctool=$top/as-nobody
    refuses 111 'only root can install' "$@" --greylist=1 --user=daemon --loguser=nobody
    # Whoever it is may install for themselves, where they may write.
    mkdir "$top/own" && chown nobody "$top/own"
    ok --greylist=1 --servicedir="$top/own/service" --cntrldir="$top/own/control" \
      --logdir="$top/own/log" --user=nobody --loguser=nobody
  ) || exit 1
fi

say 'what is in the way is named, and stays'
set -- "$@" --user=daemon --loguser=nobody
mkdir "$top/fault/service"
echo mine >"$top/fault/service/greylist.1"
refuses 111 "$top/fault/service/greylist.1 is in the way" "$@" --greylist=1
rm "$top/fault/service/greylist.1"
file=$top/plain/control/white
refuses 111 "$file/below: Not a directory" "$@" --greylist=1 --context-file="$file/below/context"
refuses 111 "$file/service: Not a directory" --servicedir="$file/service" --cntrldir="$top/plain/control" \
  --logdir="$top/fault/log" --user=daemon --loguser=nobody --greylist=1
mkdir -p "$top/fault/service/greylist.1/run"
refuses 111 "$top/fault/service/greylist.1/run is in the way" "$@" --greylist=1
rm -r "$top/fault/service/greylist.1"

say 'a control directory that the daemon could not save in is refused'
mkdir "$top/fault/control"
refuses 111 "user daemon cannot save files in $top/fault/control" "$@" --greylist=1
mkdir -m 700 "$top/fault/closed"
refuses 111 "user nobody cannot reach $top/fault/closed" --servicedir="$top/fault/service" \
  --cntrldir="$top/fault/state" --logdir="$top/fault/closed/log" --user=daemon --loguser=nobody \
  --greylist=1
ok "$@" --greylist=1 --context-file="$top/fault/state/context"
[ "$(stat -c %U "$top/fault/state")" = daemon ] || fail 'no directory for an absolute context file'

say 'a dry run lists everything and writes nothing; --destdir is only where files are put'
before=$(snapshot)
ok "$@" --greylist=2 --context-file="$top/fault/state/context" --dry-run
contains "$top/out" "create $top/fault/service/greylist.2/variables/WHITELIST" || fail 'no list of files'
[ "$(snapshot)" = "$before" ] || fail 'a dry run wrote something'
ok --greylist=3 --user=daemon --loguser=nobody --destdir="$top/staging" --whitelist=white
service=$top/staging/service/greylist.3
[ "$(cat "$service/variables/CONTROLDIR")" = /etc/indimail/control ] || fail 'destdir is in a variable'
[ -f "$top/staging/etc/indimail/control/white" ] || fail 'the whitelist is not below destdir'
! grep -rqF "$top" "$service" || fail 'destdir is in a file of the service'

say 'a full disk leaves nothing behind, and an update of a service untouched'
mkdir "$top/small"
if mount -t tmpfs -o size=1m,nr_inodes=24,mode=755 tmpfs "$top/small" 2>/dev/null; then
  set -- --servicedir="$top/small/service" --cntrldir="$top/fault/state" --logdir="$top/fault/log" \
    --user=daemon --loguser=nobody --greylist=4
  refuses 111 'No space left on device' "$@"
  mount -o remount,nr_inodes=60 "$top/small"
  ok "$@"
  # Room for one new file, but not for the three that change.
  set -- "$@" --min-resend-min=3 --verbosity=1
  used=$(df --output=iused "$top/small" | tail -1)
  mount -o remount,nr_inodes=$((used + 1)) "$top/small"
  refuses 111 'No space left on device' "$@"
  mount -o remount,nr_inodes=60 "$top/small"
  ok "$@"
  umount "$top/small"
else
  echo '  (not tried: no mount)'
fi

say 'GREYIP of a service'
smtp=$top/smtp
mkdir "$smtp"
refuses 111 'it has no run' --greyip=127.0.0.1@1999 --service="$smtp"
refuses 111 'it has no run' --greyip=127.0.0.1@1999 --service="$top/nowhere"
printf '#!/bin/sh\nexec envdir variables ./server\n' >"$smtp/run"
refuses 111 'has no variables/' --greyip=127.0.0.1@1999 --service="$smtp"
mkdir "$smtp/variables"
refuses 100 '127.0.0.1@70000' --greyip=127.0.0.1@70000 --service="$smtp"
ok --greyip=127.0.0.1@1999 --service="$smtp"
[ ! -s "$top/err" ] || fail 'a warning about a service that uses envdir, or about a form that all take'
[ "$(envdir "$smtp/variables" sh -c 'echo "$GREYIP"')" = 127.0.0.1@1999 ] || fail 'no GREYIP'
ok --greyip=127.0.0.1@1999 --service="$smtp"
contains "$top/out" 'nothing to change' || fail 'a second run does not say so'
refuses 111 "is '127.0.0.1@1999', which --force would replace" --greyip=@2000 --service="$smtp"
ok --greyip='@2000,[::1]@1999' --service="$smtp" --force
[ "$(cat "$smtp/variables/GREYIP")" = '@2000,[::1]@1999' ] || fail '--force does not replace'
contains "$top/err" "warning: GREYIP: IndiMail's own qmail-smtpd does not read '@2000': write 127.0.0.1@2000" ||
  fail 'no warning about a form that another client does not take'
ok --greyip='@2000,[::1]@1999' --service="$smtp" --dry-run
contains "$top/err" 'asks the first of several daemons alone' || fail 'no warning in a dry run'
ok --no-greyip --service="$smtp"
[ ! -e "$smtp/variables/GREYIP" ] || fail 'GREYIP stays'
mkdir "$top/greylisting"
ok --greylist=5 --servicedir="$top/greylisting" --cntrldir="$top/fault/state" --logdir="$top/fault/log" \
  --user=daemon --loguser=nobody
for force in '' --force --run; do
  refuses 100 "$top/greylisting/greylist.5 is a greylisting service" --greyip=127.0.0.1@5 \
    --service="$top/greylisting/greylist.5" $force
done
printf '#!/bin/sh\nexec ./server\n' >"$smtp/run"
ok --greyip=127.0.0.1@1999 --service="$smtp"
contains "$top/err" 'warning' || fail 'no warning about a service without envdir'

say 'GREYIP in a rule, as tcpserver will see it'
mkdir "$top/tcp"
rules=$top/tcp/tcp.smtp
cat >"$rules" <<'END'
# our own hosts
127.:allow,RELAYCLIENT=""
192.168.0-9.:allow,RELAYCLIENT="",NOTE=/a "b" c/  
6.6.6.6:deny

:allow,MAX="5"
# the end
END
chmod 640 "$rules"
chgrp daemon "$rules"
cp -p "$rules" "$top/tcp/original"
sees() { TCPREMOTEIP=$1 tcprulescheck "$rules.cdb"; }
ok --greyip=127.0.0.1@1999 --tcprules="$rules"
sed 's/^:allow,MAX="5"$/&,GREYIP="127.0.0.1@1999"/' "$top/tcp/original" | cmp -s - "$rules" ||
  fail 'another byte of the rules has changed'
[ "$(stat -c '%a %G' "$rules")" = '640 daemon' ] || fail 'mode or group of the rules has changed'
sees 1.2.3.4 | grep -q '^set environment variable GREYIP=127.0.0.1@1999$' || fail 'tcpserver sees no GREYIP'
! sees 127.0.0.1 | grep -q GREYIP || fail 'another rule has GREYIP'
before=$(snapshot)
ok --greyip=127.0.0.1@1999 --tcprules="$rules"
contains "$top/out" 'nothing to change' || fail 'a second run does not say so'
[ "$(snapshot)" = "$before" ] || fail 'a second run changed something'
rm "$rules.cdb"
ok --greyip=127.0.0.1@1999 --tcprules="$rules"
sees 1.2.3.4 | grep -q GREYIP || fail 'a missing cdb is not rebuilt'

refuses 111 'another GREYIP is set' --greyip=@2000 --tcprules="$rules"
refuses 111 'this rule denies' --greyip=@2000 --tcprules="$rules" --match=6.6.6.6
refuses 111 'would not be found' --greyip=@2000 --tcprules="$rules" --match=192.168.7.
refuses 111 'No such file' --greyip=@2000 --tcprules="$top/tcp/nothing"
ok --greyip=@2000 --tcprules="$rules" --force
contains "$top/err" "qmail-smtpd does not read '@2000'" || fail 'no warning about a rule'
sees 1.2.3.4 | grep -q 'GREYIP=@2000$' || fail '--force does not replace'
ok --greyip=@1 --tcprules="$rules" --match=192.168.0-9.
sees 192.168.3.1 | grep -q 'GREYIP=@1$' || fail 'the rule for a range has no GREYIP'
ok --no-greyip --tcprules="$rules" --match=192.168.0-9.
ok --no-greyip --tcprules="$rules"
cmp -s "$rules" "$top/tcp/original" || fail '--no-greyip does not restore every byte'
ok --greyip=@1 --tcprules="$rules" --match=10.
ok --greyip=@1 --tcprules="$rules" --match=11.
ok --no-greyip --tcprules="$rules"
contains "$top/out" 'line 10: remove 10.:allow,MAX="5",GREYIP="@1"' || fail 'the rule that goes is not said'
cmp -s "$rules" "$top/tcp/original" || fail '--no-greyip leaves a rule that was made'
! sees 1.2.3.4 | grep -q GREYIP || fail '--no-greyip is not in the cdb'

say 'standard descriptors that are closed'
cp "$rules" "$top/tcp/rules.before"
"$svctool" --greyip=@1 --tcprules="$rules" <&- >&- 2>&- || fail 'refused'
sees 1.2.3.4 | grep -q 'GREYIP=@1$' || fail 'tcpserver sees no GREYIP'
"$svctool" --no-greyip --tcprules="$rules" <&- >&- 2>&- || fail 'refused'
cmp -s "$rules" "$top/tcp/rules.before" || fail 'something was written into the rules'

say 'a link to the rules stays a link'
ln -s tcp.smtp "$top/tcp/link"
ok --greyip=@ --tcprules="$top/tcp/link"
[ -L "$top/tcp/link" ] || fail 'the link was replaced'
contains "$rules" 'GREYIP="@"' || fail 'the file behind the link was not changed'

say 'rules that tcprules refuses stay as they are'
finds_wrong() { # TEXT ARGS: a check does, and ends
  text=$1
  shift
  "$svctool" "$@" >"$top/out" 2>"$top/err"
  [ $? = 1 ] || fail "not found by svctool $*"
  contains "$top/out" "$text" || fail "no '$text' from svctool $*"
}
printf '1.2.3-x.:allow\n:allow\n' >"$rules"
refuses 111 "$rules: tcprules: fatal: unable to parse this line" --greyip=@ --tcprules="$rules"
# ucspi-tcp-ipv6's tcprules would never end.
for line in 'no colon' '  ' '\t'; do
  for end in '\n' ''; do
    printf %b ":allow\\n$line$end" >"$rules"
    refuses 111 "$rules: line 2" --greyip=@ --tcprules="$rules"
    finds_wrong "$rules: line 2" --check --tcprules="$rules"
  done
done
printf ':allow\n' >"$rules"
mkdir "$top/hanging"
for hang in 'while :; do :; done' 'exec sleep 1000000' 'sleep 1000000 & wait' \
  'while :; do sleep 0.1; done' 'trap "" XCPU TERM; while :; do :; done'; do
  printf '#!/bin/sh\n%s\n' "$hang" >"$top/hanging/tcprules"
  chmod 755 "$top/hanging/tcprules"
  (
    PATH=$top/hanging:$PATH
    refuses 111 "$rules: tcprules does not come to an end and was stopped" --greyip=@ --tcprules="$rules"
  ) || exit 1
done
(PATH=$top; "$svctool" --greyip=@ --tcprules="$rules" 2>"$top/err")
[ $? = 111 ] || fail 'a missing tcprules is no failure'
contains "$top/err" 'tcprules is not in PATH' || fail 'a missing tcprules is not named'
if touch "$top/tcp/fixed" && chattr +i "$top/tcp/fixed" 2>/dev/null; then
  for file in "$rules" "$rules.cdb"; do
    chattr +i "$file"
    refuses 111 "$file: Operation not permitted" --greyip=@ --tcprules="$rules"
    chattr -i "$file"
  done
else
  echo '  (immutable files not tried: no chattr)'
fi
ok --greyip=@ --tcprules="$rules"

echo 'all passed'
