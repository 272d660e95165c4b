#!/bin/bash
# What the real systemd and the real s6 make of what the daemon tells them: a start that is over when
# the daemon answers, a status line, a reload that is over when the lists are in force, a watchdog;
# and services that were made before there was any of that. Each in a throw-away copy of this machine.
# usage: supervise_notify_test.sh BUILD-DIRECTORY
#        supervise_notify_test.sh SUITE BUILD-DIRECTORY      inside such a copy
# shellcheck disable=SC2016  # single quotes are meant: what they hold is read later
# shellcheck disable=SC2317  # functions are called through `ok`
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
patience=60

# ---- outside

if [ $# = 1 ]; then
  build=$(realpath "$1")
  in_copies 200 "$here/supervise_notify_test.sh" "$build" s6 systemd
fi

# ---- inside

explain() {
  cat /tmp/svctool.out
  log | tail -n 30
  [ "$suite" != systemd ] || systemctl --no-pager status greylist.1999
}
suite=$1
build=$2
cmake --install "$build" --prefix /usr/local >/tmp/install.out || exit 1
svctool=/usr/local/sbin/svctool
if [ "$suite" = systemd ]; then directory=/etc/greylist; else directory=/service; fi
service=$directory/greylist.1999
state=/var/lib/grey/greylist.1999.context
mkdir -p $directory

install() {
  "$svctool" --greylist=1999 --supervise="$suite" --servicedir="$directory" --cntrldir=/var/lib/grey \
    --logdir=/var/log/grey --user=_grey --loguser=_greylog --create-users --allow=127.0.0.0/8,::1 \
    --whitelist=white "$@" >/tmp/svctool.out 2>&1
}
daemons() { pgrep -x qmail-greyd; }
daemon_is_new() { daemons >/tmp/pid && [ "$(cat /tmp/pid)" != "$old" ]; }
answers() { [ "$(ask 1999 "$2" you@example.org joe@example.net 2>/tmp/ask.err)" = "$1" ]; }
finds() { # verb text: exits with another code than 0, and says it
  ! "$svctool" "$1" --service="$service" >/tmp/svctool.out 2>&1 && grep -q -- "$2" /tmp/svctool.out
}
is_good() { "$svctool" --check --service="$service" >/tmp/svctool.out 2>&1; }
# A state that takes long to load: of triplets, in the form of another program.
many=1000000
make_state() {
  perl -e 'my $seen = time - 100;
    printf "G %d 192.0.%d.%d a%d\@example.org b\@example.net\n", $seen, $_ / 250 % 250, $_ % 250, $_ for 1 .. shift' \
    $many >"$state"
  rm -f "$state.journal"*
  chown _grey: "$state"
}
# A script or unit as an svctool would have written it that had these lines otherwise.
written_by_another() { # file sed-script...
  local file=$1
  shift
  sed -e '/^# Digest, by which svctool knows/d' "$@" "$file" >/tmp/other
  perl -e 'use Math::BigInt;
    local $/; my $text = <>;
    my $hash = Math::BigInt->new("14695981039346656037");
    $hash->bxor(ord)->bmul("1099511628211")->band("18446744073709551615") for split //, $text;
    printf "%s# Digest, by which svctool knows whether it was edited: %s\n",
      $text, substr "0" x 16 . substr($hash->as_hex, 2), -16' /tmp/other >"$file"
}

if [ "$suite" = s6 ]; then
  log() { cat /var/log/grey/greylist.1999/current; }
  # Without what this test has inherited.
  (for fd in /proc/self/fd/*; do fd=${fd##*/}; [ "$fd" -le 2 ] || eval "exec $fd>&-"; done 2>/dev/null
    exec s6-svscan /service >/tmp/scan.out 2>&1) &
  found() { [ "$("$svctool" --find-supervisor)" = "--supervise=s6 --servicedir=/service" ]; }
  must 'svctool finds s6' until_true found
  is_ready() { [ "$(s6-svstat -o ready "$service")" = true ]; }
  is_up() { [ "$(s6-svstat -o up "$service")" = true ]; }

  must 'a service is installed' install
  must 'which s6 asks for readiness' test "$(cat $service/notification-fd)" = 3
  must 'it is supervised' until_true test -p $service/supervise/control
  must 's6-svwait ends' s6-svwait -U -t 60000 $service
  must 'by when the daemon answers' answers 01 192.0.2.1
  must 'a check finds nothing' is_good
  must 'installed again' install
  must 'nothing has changed' grep -q 'nothing to change' /tmp/svctool.out

  s6-svc -wD -T 60000 -d $service
  make_state
  loads_unready() { # seen once, as it does not take long
    s6-svc -d "$service" && until_true eval '! is_up' && s6-svc -u "$service" && until_true is_up && ! is_ready
  }
  must 'the daemon is up, but not ready while it loads its state' until_true loads_unready
  must 's6-svwait waits for that' s6-svwait -U -t 60000 $service
  must 'it has it' until_true eval 'log | grep -q "loaded $many records"'
  old=$(daemons)
  must 'a restart is over with it' s6-svc -wR -T 60000 -r $service
  must 'another process' daemon_is_new
  must 'which is ready' is_ready

  # The descriptor is not there.
  rm $service/notification-fd
  must 'a check says what is missing' finds --check 'notification-fd: missing; to do: svctool --refreshsvc'
  must 'without it' "$svctool" --restart --service=$service
  must 'the daemon answers all the same' answers 01 192.0.2.2
  must 'and says so' until_true eval 'log | grep -q "s6 is not told how this daemon stands: descriptor 3 is no pipe that was left open"'
  must 'refreshed' "$svctool" --refreshsvc=$service
  must 'it is as before' test "$(cat $service/notification-fd)" = 3

  # A service from before.
  rm $service/notification-fd
  written_by_another $service/run -e '/--notification-fd/d'
  must 'a service from before' "$svctool" --restart --service=$service
  must 'is up' is_up
  must 'and never ready' eval '! is_ready'
  must 'a check says what to do' finds --check 'run: another content; to do: svctool --refreshsvc'
  must 'it is done' "$svctool" --refreshsvc=$service
  must 'nothing is kept beside, as nobody had edited it' test -z "$(find $service -name 'run?*')"
  must 'restarted' "$svctool" --restart --service=$service
  must 'it becomes ready' s6-svwait -U -t 60000 $service
  must 'a check finds nothing' is_good

  must 'a hand gives another descriptor' eval 'echo 5 >$service/notification-fd'
  must 'a check says so' finds --check 'notification-fd: another content'
  must 'svctool removes the service' "$svctool" --remove --service=$service
  must 'all of it' test ! -e $service
  exit $((failures > 0))
fi

# ---- systemd

log() { journalctl -u greylist.1999 -o cat; }
unit=/etc/systemd/system/greylist.1999.service
property() { systemctl show --value -p "$1" greylist.1999; }
status_says() { systemctl --no-pager status greylist.1999 | grep -qE "^ +Status: \"${1-}"; }
override() { # line...: what an administrator puts over the unit; none: nothing
  mkdir -p $unit.d
  printf '%s\n' '[Service]' "$@" >$unit.d/override.conf
  systemctl daemon-reload
}

must 'a service is installed, and started' install
must 'it answers by then' status_says '0 waiting, .*; [0-9]+ list entries"$'
must 'its unit waits for readiness' test "$(property Type)" = notify
must 'and has a watchdog' test "$(property WatchdogUSec)" = 1min
must 'systemd finds no fault with the unit' test -z "$(systemd-analyze verify $unit 2>&1)"
must 'it answers' answers 01 192.0.2.1
must 'a check finds nothing' is_good
must 'installed again' install
must 'nothing has changed' grep -q 'nothing to change' /tmp/svctool.out

# A start takes as long as it takes: until the state is there, however short the time for it.
systemctl stop greylist.1999
make_state
override TimeoutStartSec=300ms
must 'a start is over' until_true systemctl start greylist.1999
must 'when the state is there' status_says "$many waiting, "
must 'it answers' answers 01 192.0.2.1
took=$((($(property ActiveEnterTimestampMonotonic) - $(property InactiveExitTimestampMonotonic)) / 1000))
must "which it had more time for than that ($took ms)" test $took -gt 300
override

# A reload is over when the lists are in force.
perl -e 'printf "198.%d.%d.%d\n", 18 + $_ / 65536, $_ / 256 % 256, $_ % 256 for 0 .. 99999; print "192.0.2.1\n"' \
  >/var/lib/grey/white
must 'a reload' systemctl reload greylist.1999
must 'is over when the list is in force' answers 11 192.0.2.1
must 'as the status line says' status_says '.*; 100001 list entries"$'
# Long, too: systemd passes over a datagram of more than a page.
perl -e 'print "no such entry ", "x" x 9000, "\n"' >/var/lib/grey/white
must 'a reload of a bad list' systemctl reload greylist.1999
must 'says why it is not in force' status_says '.*; lists not reloaded: /var/lib/grey/white:1: '
must 'while the old one is' answers 11 192.0.2.1
must 'it is active' systemctl is-active --quiet greylist.1999
# With --restart=always a start that fails is tried again.
old=$(daemons)
kill -9 "$old"
fails_to_start() { ! systemctl restart greylist.1999 2>/tmp/systemctl.err; }
must 'a start with that list fails' fails_to_start
must 'and systemctl says so' grep -q 'Job for greylist.1999.service failed' /tmp/systemctl.err
must 'svctool says why' finds --start 'white:1: '
: >/var/lib/grey/white
must 'mended' until_true "$svctool" --restart --service=$service
must 'it answers' status_says

# The watchdog.
override WatchdogSec=2 'ExecStopPost=/bin/sh -c '\''echo "$$SERVICE_RESULT" >>/var/lib/grey/ends'\'
must 'with a watchdog of two seconds' systemctl restart greylist.1999
old=$(daemons)
heard=0 last=
hears() { # that it is alive, once more
  local now
  now=$(property WatchdogTimestampMonotonic)
  [ "$now" = "$last" ] || { last=$now && heard=$((heard + 1)); }
  [ "$heard" -gt 4 ]
}
must 'it lives on' until_true hears
must 'the same process' test "$(daemons)" = "$old"
kill -STOP "$old"
must 'one that stands still is ended, and another started' until_true daemon_is_new
must 'by the watchdog' test "$(tail -n 1 /var/lib/grey/ends)" = watchdog
must 'it comes back' until_true answers 01 192.0.2.3
must 'with all that it knew' until_true status_says "100000[0-9] waiting, "
override

# A unit from before.
written_by_another $unit -e '/^# The daemon says when it answers/,/^WatchdogSec=/c Type=exec' \
  -e '/^# The second is the time/d' -e '/^ExecReload=.bin.sleep/d'
must 'a unit from before' grep -qx Type=exec $unit
systemctl daemon-reload
must 'is started' systemctl restart greylist.1999
must 'answers' answers 01 192.0.2.4
must 'and tells nothing' test -z "$(property StatusText)"
must 'nor is there anything to say of it' eval '! log | grep -q "is not told"'
must 'a check says what to do' finds --check 'service: another content; to do: svctool --refreshsvc'
old=$(daemons)
must 'it is done' "$svctool" --refreshsvc=$service
must 'nothing is kept beside, as nobody had edited it' test -z "$(find $service -name '*.service*')"
must 'the daemon that runs can be told to read its lists' systemctl reload greylist.1999
must 'and goes on' test "$(daemons)" = "$old"
must 'with no watchdog that it knows nothing of' test "$(property WatchdogUSec)" = 0
must 'restarted' "$svctool" --restart --service=$service
must 'it tells how it stands' status_says
must 'a check finds nothing' is_good

# What keeps a new service from answering does not keep it from being installed.
must 'svctool removes the service' "$svctool" --remove --service=$service
must 'its unit too' test ! -e $unit
rm -r $unit.d
CONTROLDIR=/tmp /usr/local/sbin/qmail-greyd 127.0.0.1@1999 foreign.context 2>/tmp/foreign.log &
foreign=$!
must 'another one has its port' until_true grep -q 'listening on' /tmp/foreign.log
must 'it is installed' install
must 'with a word of that' grep -q 'the daemon does not answer yet, .* svctool --check --service=' /tmp/svctool.out
must 'a check says why' finds --check "answered by another program, process $foreign "
kill "$foreign"
wait "$foreign"
must 'that has ended: it answers' until_true status_says "100000[0-9] waiting"
exit $((failures > 0))
