#!/bin/bash
# svctool --supervise: the real daemon under the real daemontools, runit, s6 and systemd, each in a
# throw-away copy of this machine that has the programs of that one alone.
# usage: supervise_test.sh BUILD-DIRECTORY
#        supervise_test.sh SUITE BUILD-DIRECTORY      inside such a copy
# shellcheck disable=SC2016  # single quotes are meant: names with a dollar
# shellcheck disable=SC2317  # functions are called through `ok`
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
patience=20

# ---- outside

if [ $# = 1 ]; then
  build=$(realpath "$1")
  in_copies 180 "$here/supervise_test.sh" "$build" daemontools runit s6 systemd
fi

# ---- inside

explain() {
  cat /tmp/svctool.out
  log | tail -n 30
}
suite=$1
build=$2
cmake --install "$build" --prefix /usr/local >/tmp/install.out || exit 1
svctool=/usr/local/sbin/svctool
for other in daemontools runit s6; do
  [ $other = "$suite" ] || dpkg -L $other | grep -E '^(/usr)?/s?bin/.' | xargs rm -f
done
if [ "$suite" = systemd ]; then directory=/etc/greylist; else directory=/service; fi
service=$directory/greylist.1999
mkdir -p $directory
case $suite in
  daemontools) svscan /service >/tmp/scan.out 2>&1 & ;;
  runit) runsvdir -P /service >/tmp/scan.out 2>&1 & ;;
  s6) s6-svscan /service >/tmp/scan.out 2>&1 & ;;
esac

found() { [ "$("$svctool" --find-supervisor)" = "--supervise=$suite --servicedir=$directory" ]; }
must 'svctool finds what supervises the machine' until_true found
install() {
  "$svctool" --greylist=1999 --supervise="$suite" --servicedir="$directory" --cntrldir=/var/lib/grey \
    --logdir=/var/log/grey --user=_grey --loguser=_greylog --create-users --allow=127.0.0.0/8,::1 \
    --whitelist='white list' --rules='the rules' "$@" >/tmp/svctool.out 2>&1
}
must 'svctool installs a service' install --min-resend-min=2
must 'which remembers its suite' grep -qx -- "--supervise=$suite" $service/.options

daemons() { pgrep -x qmail-greyd; }
daemon_is_new() { daemons >/tmp/pid && [ "$(cat /tmp/pid)" != "$old" ]; }
none_runs() { ! daemons; }
fails() { ! "$@"; }
answers() { [ "$(ask 1999 "$2" you@example.org joe@example.net 2>/tmp/ask.err)" = "$1" ]; }
command_line() { tr '\0' ' ' 2>/dev/null <"/proc/$(daemons)/cmdline"; }
runs_with() { command_line | grep -q -- "$1"; }
if [ "$suite" = systemd ]; then
  set_variable() { sed -i "s|^$1=.*|$1=\"$2\"|" $service/environment; }
  log() { journalctl -u greylist.1999 -o cat; }
  reload() { systemctl reload greylist.1999; }
else
  set_variable() { echo "$2" >"$service/variables/$1"; }
  log() { cat /var/log/grey/greylist.1999/current; }
  case $suite in
    daemontools) reload() { svc -h "$service"; } ;;
    runit) reload() { sv hup "$service"; } ;;
    s6) reload() { s6-svc -h "$service"; } ;;
  esac
fi
logged() { log | grep -q "$1"; }
memory_of() { # of the daemon, in bytes
  awk '/^Max address space/ { print $4 }' "/proc/$(daemons)/limits" 2>/dev/null
}

must 'the daemon is started and answers' until_true answers 01 192.0.2.1
must 'as its user' test "$(ps -o user= -p "$(daemons)")" = _grey
must 'with its settings' runs_with '-m 2 .*-w white list --rules the rules --sender-key normalized --allow 127.0.0.0/8,::1 127.0.0.1@1999 greylist.1999.context'
limit=$(memory_of)
must 'with a memory limit' test "$limit" -gt 0
must 'the log is written' until_true logged 'verdict=defer reason=new client=192.0.2.1'
if [ "$suite" != systemd ]; then
  must 'with time stamps' logged '^@4[0-9a-f]* .*listening on'
  must 'by its user' test "$(stat -c %U /var/log/grey/greylist.1999/current)" = _greylog
fi
must 'a check finds nothing' "$svctool" --check --service=$service
must 'svctool installs it again' install --min-resend-min=2
must 'and changes nothing' grep -q 'nothing to change' /tmp/svctool.out
must 'refreshed, it is the same' "$svctool" --refreshsvc=$service
must 'a check finds nothing' "$svctool" --check --service=$service

echo 192.0.2.77 >>'/var/lib/grey/white list'
must 'it is told to read its lists' reload
must 'and does' until_true logged 'lists reloaded, .* entries'
must 'whitelisted' answers 11 192.0.2.77
must 'its rules are the sample' cmp '/var/lib/grey/the rules' /usr/local/share/qmail-greyd/greylist.rules
echo '192.0.2.79 off' >>'/var/lib/grey/the rules'
must 'it is told to read its rules' reload
must 'and they are in force' until_true answers 11 192.0.2.79
echo '192.0.2.80 of' >>'/var/lib/grey/the rules'
must 'svctool has no bad ones read' fails "$svctool" --reload --service=$service
must 'but a reload without it' eval 'reload || true'
must 'is refused in the log' until_true logged 'lists not reloaded, .*the rules:[0-9]*: '
must 'those before stay in force' answers 11 192.0.2.79
sed -i '$d' '/var/lib/grey/the rules'
must 'it is told of better ones' "$svctool" --reload --service=$service

# What the operator is told to do is in the words of this suite, whoever has the service.
case $suite in
  daemontools) restart='svc -t' reload='svc -h' reads='envdir' ;;
  runit) restart='sv term' reload='sv hup' reads='chpst -e' ;;
  s6) restart='s6-svc -t' reload='s6-svc -h' reads='s6-envdir' ;;
  systemd) restart='systemctl restart' reload='systemctl reload' ;;
esac
says() { # text argument...: svctool does it, and says that
  local text=$1
  shift
  "$svctool" "$@" >/tmp/svctool.out 2>&1 && grep -qF -- "$text" /tmp/svctool.out
}
echo 192.0.2.78 >/tmp/list
must 'a cdb is built' says "next: $reload on the service" --build-cdb=/tmp/list
if [ "$suite" != systemd ]; then
  mkdir -p /smtp/variables
  printf '#!/bin/sh\nexec %s variables sleep 1000\n' "$reads" >/smtp/run
  chmod 755 /smtp/run
  mv /smtp /service/smtp
  [ "$suite" != s6 ] || s6-svscanctl -a /service
  must 'a server is supervised' until_true test -p /service/smtp/supervise/control
  must 'and told whom to ask' says "to use what has changed: $restart /service/smtp" \
    --greyip=127.0.0.1@1999 --service=/service/smtp
  mv /service/smtp /smtp # it is no server that a check should find
  case $suite in
    daemontools) svc -dx /smtp ;;
    runit) ;; # runsvdir ends what is no longer there
    s6) s6-svc -dx /smtp ;;
  esac
fi

set_variable MIN_RESEND_MIN 0
old=$(daemons)
must 'svctool restarts it' "$svctool" --restart --service=$service
must 'another process' until_true daemon_is_new
must 'with the new setting' until_true runs_with '-m 0 '
must 'and the old state' until_true answers 13 192.0.2.1
old=$(daemons)
kill -9 "$old"
must 'killed, it is started again' until_true daemon_is_new
must 'and knows what it answered' until_true answers 12 192.0.2.1

# What --check and --restart make of a daemon that is not as it should be.
finds() { # verb text: exits with another code than 0, and says it
  ! "$svctool" "$1" --service="$service" >/tmp/svctool.out 2>&1 && grep -q -- "$2" /tmp/svctool.out
}
must 'a check is good' "$svctool" --check --service=$service
finds_it() { "$svctool" --check >/tmp/svctool.out && grep -qx "$service: good" /tmp/svctool.out; }
must 'also one that has to find it' finds_it
old=$(daemons)
set_variable MIN_RESEND_MIN 200
set_variable RESEND_WIN_HR 1
must 'it is not restarted with settings that it cannot use' finds --restart 'could not start now: min resend'
must 'it goes on' test "$(daemons)" = "$old"
must 'a check says so' finds --check 'could not start now: min resend'
set_variable MIN_RESEND_MIN 0
set_variable RESEND_WIN_HR 12
case $suite in
  daemontools) svc -d "$service" ;;
  runit) sv down "$service" ;;
  s6) s6-svc -d "$service" ;;
  systemd) systemctl stop greylist.1999 ;;
esac
must 'it is put down' until_true none_runs
must 'a restart leaves it so' finds --restart 'down, and stays so until it is started; to do: '
must 'none runs' none_runs
must 'a check says so' finds --check 'down, and stays so until it is started; to do: '
start=$(sed -n 's/.*until it is started; to do: //p' /tmp/svctool.out)
CONTROLDIR=/tmp /usr/local/sbin/qmail-greyd 127.0.0.1@1999 foreign.context 2>/tmp/foreign.log &
foreign=$!
must 'another one takes its port' until_true grep -q 'listening on' /tmp/foreign.log
# systemd waits for the daemon to answer, and says that this one did not come to it.
is_started() { if [ "$suite" = systemd ]; then ! eval "$start" 2>/tmp/start.err; else eval "$start"; fi; }
must 'it is started as was said' is_started
must 'a check sees it end again and again' until_true finds --check 'ends and is started again and again'
must 'and who has the port' finds --check "answered by another program, process $foreign "
kill "$foreign"
wait "$foreign"
must 'which is free again' until_true "$svctool" --restart --service=$service
must 'a check is good' "$svctool" --check --service=$service

if [ "$suite" = systemd ]; then
  set -o pipefail
  unit=/etc/systemd/system/greylist.1999.service
  must 'systemd finds no fault with the unit' test -z "$(systemd-analyze verify $unit 2>&1)"
  # In tenths: 0 is a program that can do nothing. The network is what this one is for.
  is_confined() { systemd-analyze security --offline=true --threshold=15 --no-pager "$unit" | tail -1; }
  must 'nor with its sandbox' is_confined
  must 'it is started at boot' systemctl is-enabled --quiet greylist.1999
fi

must 'a number larger than svctool would choose' install --memory=1000000000
must 'restarted' "$svctool" --restart --service=$service
has_limit() { [ "$(memory_of)" = 1000000000 ]; }
must 'is the new limit' until_true has_limit

must 'svctool removes it' "$svctool" --remove --service=$service
must 'the daemon is stopped' until_true none_runs
must 'its directory is gone' test ! -e $service
must 'its unit too' test ! -e /etc/systemd/system/greylist.1999.service
supervises() { pgrep -f '^(supervise|runsv|s6-supervise|multilog|svlogd|s6-log) ' >/dev/null; }
must 'nothing supervises it any more' until_true eval '! supervises'
must 'its state stays' test -s /var/lib/grey/greylist.1999.context

must 'svctool still finds what supervises the machine' found
must 'svctool installs one that is down' install --down
must 'it is not started' none_runs
if [ "$suite" = systemd ]; then
  must 'nor at the next boot' eval '! systemctl is-enabled --quiet greylist.1999'
else
  must 'nor by the scanner' test -e $service/down
fi

# Whatever the paths contain.
odd='/srv/a b"c$d%n'
mkdir "$odd"
install_odd() {
  "$svctool" --greylist=2000 --supervise="$suite" --servicedir="$directory" \
    --cntrldir="$odd/control" --logdir="$odd/log" --user=_grey --loguser=_greylog \
    --whitelist='it'\''s $HOME' >/tmp/svctool.out
}
must 'svctool installs below an odd directory' install_odd
answers_2000() { [ "$(ask 2000 192.0.2.1 you@example.org joe@example.net 2>/tmp/ask.err)" = 01 ]; }
must 'the daemon answers' until_true answers_2000
must 'with its list' test -f "$odd/control/it's \$HOME"
exit $((failures > 0))
