#!/bin/bash
# A service that is changed by hand, by --set and by another installation: the real daemon under the
# real daemontools, runit, s6 and systemd, each in a throw-away copy of this machine.
# usage: svctool_edits_test.sh BUILD-DIRECTORY
#        svctool_edits_test.sh SUITE BUILD-DIRECTORY      inside such a copy
# shellcheck disable=SC2016  # single quotes are meant: for perl and eval
# shellcheck disable=SC2034  # patience: lib.sh's
# shellcheck disable=SC2317  # functions are called through `ok`
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
patience=30

# ---- outside

if [ $# = 1 ]; then
  build=$(realpath "$1")
  in_copies 300 "$here/svctool_edits_test.sh" "$build" daemontools runit s6 systemd
fi

# ---- inside

suite=$1
build=$2
explain() {
  if [ "$suite" = systemd ]; then
    systemctl status --no-pager -l greylist.1999.service
    journalctl --no-pager -n 40
  fi
  cat /tmp/svctool.out
  log | tail -n 20
}
mkdir -p /usr/local/sbin
cp "$build/greyd/qmail-greyd" "$build/svctool/svctool" /usr/local/sbin
ln -sf qmail-greyd /usr/local/sbin/greydaemon
svctool=/usr/local/sbin/svctool
for other in daemontools runit s6; do
  [ $other = "$suite" ] || dpkg -L $other | grep -E '^(/usr)?/s?bin/.' | xargs rm -f
done
if [ "$suite" = systemd ]; then directory=/etc/greylist; else directory=/service; fi
service=$directory/greylist.1999
mkdir -p $directory
scan() {
  case $suite in
    daemontools) svscan /service >/tmp/scan.out 2>&1 & ;;
    runit) runsvdir -P /service >/tmp/scan.out 2>&1 & ;;
    s6) s6-svscan /service >/tmp/scan.out 2>&1 & ;;
  esac
  scanner=${!-}
}
scan
found() { [ "$("$svctool" --find-supervisor)" = "--supervise=$suite --servicedir=$directory" ]; }
must 'svctool finds what supervises the machine' until_true found

does() { "$svctool" "$@" >/tmp/svctool.out 2>&1; }
# refuses CODE TEXT ARGS: with that code, one line with that text, and no change.
refuses() {
  local code=$1 text=$2 before
  shift 2
  before=$(settings)
  does "$@"
  [ $? = "$code" ] && grep -q -e "$text" /tmp/svctool.out && [ "$(settings)" = "$before" ]
}
said() { grep -qF -e "$1" /tmp/svctool.out; }
base=(--greylist=1999 --supervise="$suite" --servicedir="$directory" --cntrldir=/var/lib/grey
  --logdir=/var/log/grey --user=_grey --loguser=_greylog --create-users)
# Of the daemon that was installed first; a second one has another name.
daemons() { pgrep -x "${program:-qmail-greyd}"; }
none_runs() { ! daemons; }
answers() { [ "$(ask "${port:-1999}" "$2" you@example.org joe@example.net 2>/tmp/ask.err)" = "$1" ]; }
runs_with() { tr '\0' ' ' 2>/dev/null <"/proc/$(daemons)/cmdline" | grep -q -e "$1"; }
is_another() { daemons >/tmp/pid && [ "$(cat /tmp/pid)" != "$old" ]; }
# One form of reading and editing for both kinds of files; as an editor does it, on lines.
if [ "$suite" = systemd ]; then
  value() { sed -n "s/^$1=//p" "$service/environment" | tail -n 1 | tr -d '"'; }
  edit() { sed -i "s|^$1=.*|$1=$2|" "$service/environment"; }
  take_away() { sed -i "/^$1=/d" "$service/environment"; }
  add_own() { echo "$1=$2" >>"$service/environment"; }
  remark() { echo "# $1" >>"$service/environment"; }
  has_remark() { grep -qx "# $1" "$service/environment"; }
  settings() { cat "$service/environment" /etc/systemd/system/greylist.1999.service; }
  log() { journalctl -t qmail-greyd -o cat; }
else
  value() { head -n 1 "$service/variables/$1" 2>/dev/null; }
  edit() { sed -i "1s|.*|$2|" "$service/variables/$1"; [ -s "$service/variables/$1" ] || echo "$2" >"$service/variables/$1"; }
  take_away() { rm "$service/variables/$1"; }
  add_own() { echo "$2" >"$service/variables/$1"; }
  remark() { echo "# $1" >>"$service/variables/MIN_RESEND_MIN"; }
  has_remark() { grep -qx "# $1" "$service/variables/MIN_RESEND_MIN"; }
  settings() { (cd "$service" && find variables run log/run log/variables -type f -exec md5sum {} + | sort); }
  log() { cat /var/log/grey/greylist.1999/current; }
fi
is() { [ "$(value "$1")" = "$2" ]; }
logged() { log | grep -q -e "$1"; }

must 'a service is installed' does "${base[@]}" --min-resend-min=2
must 'and answers' until_true answers 01 192.0.2.1
must 'its log names the daemon' until_true logged 'listening on'

# ---- what a hand has changed stays

edit MIN_RESEND_MIN 7
remark 'a remark of mine'
edit CONTEXT_FILE mine.context
take_away TIMEOUT_DAYS
add_own TZ Europe/Zurich
before=$(settings)
must 'a dry run of another installation' does "${base[@]}" --dry-run
must 'says what a hand has changed' said "MIN_RESEND_MIN: '7' was set by hand, by the options it would be '1' (--min-resend-min sets it)"
must 'and that' said "CONTEXT_FILE: 'mine.context' was set by hand, by the options it would be 'greylist.1999.context'"
must 'and what it has taken away' said "TIMEOUT_DAYS: was emptied by hand, by the options it would be '36'"
must 'and writes nothing' test "$(settings)" = "$before"
must 'another installation' does "${base[@]}" --verbosity=2
must 'sets what it names' is VERBOSITY 2
must 'and leaves what a hand has set' is MIN_RESEND_MIN 7
must 'and where the state is' is CONTEXT_FILE mine.context
must 'and what is not set any more' is TIMEOUT_DAYS ''
must 'and settings of other programs' is TZ Europe/Zurich
must 'and remarks' has_remark 'a remark of mine'
must 'the same again changes nothing' does "${base[@]}" --verbosity=2
must 'and says so' said 'nothing to change'
must 'as JSON it is said, too' does "${base[@]}" --json
must 'in a list' perl -MJSON::PP -0777 -e 'my $p = decode_json(<>);
  exit !(grep { $_->{path} =~ /MIN_RESEND_MIN$/ && $_->{text} =~ /set by hand/ } @{$p->{kept}})' /tmp/svctool.out
must 'a check finds nothing wrong' until_true does --check --service=$service
must 'an option that names it sets it' does "${base[@]}" --min-resend-min=3
must 'that one' is MIN_RESEND_MIN 3
must 'and leaves the others' is CONTEXT_FILE mine.context
must 'with --force all are what the options say' does "${base[@]}" --force
must 'that one' is CONTEXT_FILE greylist.1999.context
must 'and that' is TIMEOUT_DAYS 36
must 'and MIN_RESEND_MIN' is MIN_RESEND_MIN 1
must 'but a remark is no setting, and stays' has_remark 'a remark of mine'

echo '# mine' >>$service/run
must 'a script that was edited' does "${base[@]}"
must 'is said to stay' said "keep $service/run: was edited by hand; --force writes it anew"
must 'and does' grep -qx '# mine' $service/run
must 'by a refresh, too' does --refreshsvc=$service
must 'it does' grep -qx '# mine' $service/run
must 'but not when it is asked for' does "${base[@]}" --run-file-only
must 'by name' eval '! grep -qx "# mine" $service/run'

must 'one that is to be left alone' does --autorefresh=0 $service
printf '#!/bin/sh\nexec sleep 1000\n' >$service/run
must 'is' does "${base[@]}"
must 'and that is said' said "keep $service/run: left alone, as --autorefresh=0 asks; --force writes it anew"
must 'until it is not' does --autorefresh=1 $service
must 'when another one' does "${base[@]}"
must 'is put beside the new one' grep -qx 'exec sleep 1000' $service/run.before
must 'which is svctool'\''s' grep -q 'Written by svctool' $service/run

# ---- the options of last time and one more

with_policy() {
  # shellcheck disable=SC2046 # options are words
  does $(cat "$service/.options") --policy="@$1"
}
must 'the options of last time and one more' with_policy 10023
must 'set it' is POLICY @10023
must 'also when it is named twice so' with_policy 10024
must 'to the last' is POLICY @10024
must 'and is unset' does --unset=POLICY --service=$service
must 'is empty' is POLICY ''

# ---- one setting

must 'a name that is none is refused' refuses 100 'there is no variable MIN_RESEND; there are: CONTROLDIR LISTEN CONTEXT_FILE' \
  --set MIN_RESEND=3 --service=$service
must 'so is a value that is none' refuses 100 "MIN_RESEND_MIN: 'soon' is not a number of minutes from" \
  --set MIN_RESEND_MIN=soon --service=$service
must 'or two that contradict each other' refuses 100 'MIN_RESEND_MIN: 60 minutes are not shorter than the resend window of 1 hours' \
  --set MIN_RESEND_MIN=60 --set RESEND_WIN_HR=1 --service=$service
must 'also with what is there' refuses 100 'MIN_RESEND_MIN: 1440 minutes are not shorter' --set=MIN_RESEND_MIN=1440 --service=$service
must 'or an empty one' refuses 100 'the value of LISTEN is empty' --set LISTEN= --service=$service
must 'or what the service needs' refuses 100 'LISTEN: the service does not start without it' --unset LISTEN --service=$service
must 'or a list that is not there' refuses 111 'the daemon could not start then: .*/nowhere' \
  --set WHITELIST=/nowhere/list --service=$service
must 'a dry run of a setting' refuses 0 "nothing\|MIN_RESEND_MIN" --set MIN_RESEND_MIN=4 --service=$service --dry-run
must 'two settings' does --set MIN_RESEND_MIN=4 --set=RESEND_WIN_HR=24 --service=$service
must 'are set' is MIN_RESEND_MIN 4
must 'both' is RESEND_WIN_HR 24
must 'with a word on what is next' said "to use what has changed: svctool --restart --service=$service"
must 'they are a hand'\''s' does "${base[@]}"
must 'and stay' is RESEND_WIN_HR 24
old=$(daemons)
must 'set and used at once' does --set MIN_RESEND_MIN=0 --restart --greylist=1999 --servicedir=$directory
must 'by another process' is_another
must 'is in force' until_true runs_with '-m 0 .*-g 24 '
must 'it is unset' does --unset MIN_RESEND_MIN --restart --service=$service
must 'which leaves it to the daemon' until_true eval '! runs_with "-m "'
must 'what was a hand'\''s before' is TZ Europe/Zurich
must 'the same once more changes nothing' does --set RESEND_WIN_HR=24 --service=$service
must 'and says so' said 'nothing to change'
must 'a check is good' does --check --service=$service

# ---- how much of the log is kept

if [ "$suite" != systemd ]; then
  case $suite in
    daemontools) logger=multilog ;;
    runit) logger=svlogd ;;
    s6) logger=s6-log ;;
  esac
  keeps() { # size number
    case $suite in
      runit) grep -qx "s$1" /var/log/grey/greylist.1999/config && grep -qx "n$2" /var/log/grey/greylist.1999/config ;;
      *) tr '\0' ' ' <"/proc/$(pgrep -x "$logger")/cmdline" | grep -q " s$1 n$2 " ;;
    esac
  }
  must 'days of a busy server' until_true keeps 5000000 10
  [ "$suite" != runit ] || echo '# mine' >>/var/log/grey/greylist.1999/config
  must 'or what is set' does --set LOGSIZE=1000000 --set LOGCOUNT=4 --restart --service=$service
  must 'which is in force' until_true keeps 1000000 4
  [ "$suite" != runit ] || must 'beside what else is there' grep -qx '# mine' /var/log/grey/greylist.1999/config
  must 'it is a hand'\''s' does "${base[@]}"
  must 'and stays' test "$(cat $service/log/variables/LOGCOUNT)" = 4
  must 'unless it is named' does "${base[@]}" --log-count=5
  must 'that one' test "$(cat $service/log/variables/LOGCOUNT)" = 5
  must 'alone' test "$(cat $service/log/variables/LOGSIZE)" = 1000000
  # A service from before there was a default.
  : >$service/log/variables/LOGSIZE
  must 'one that had none' does "${base[@]}"
  must 'has none' test ! -s $service/log/variables/LOGSIZE
  must 'which is no hand'\''s' eval '! said LOGSIZE'
  mkdir /srv/logs
  edit_log() { echo "$2" >"$service/log/variables/$1"; }
  edit_log LOGDIR /srv/logs
  owner=$(stat -c %U /srv/logs)
  does "${base[@]}"
  must 'a directory that a hand has named is not given away' test "$(stat -c %U /srv/logs)" = "$owner"
  edit_log LOGDIR /var/log/grey/greylist.1999
else
  must 'the journal has a size of its own' refuses 100 'under systemd the journal keeps the log' "${base[@]}" --log-size=5000
fi

# ---- lists, down and up

echo 192.0.2.77 >>/var/lib/grey/greylist.whitelist
must 'it is told to read its lists' does --reload --service=$service
must 'and does' until_true logged 'lists reloaded'
must 'by them' answers 11 192.0.2.77
echo 'not an address/77' >>/var/lib/grey/greylist.whitelist
must 'not those that are wrong' refuses 111 'not told to read its lists and rules: .*greylist.whitelist' --reload --service=$service
sed -i '$d' /var/lib/grey/greylist.whitelist

must 'it is stopped' does --stop --service=$service
must 'at once' none_runs
must 'until' said "$service: down until svctool --start --service=$service"
if [ "$suite" = systemd ]; then
  must 'a boot' said 'or until the machine starts again; for longer: systemctl disable greylist.1999.service'
else
  must 'a boot' said "starts again; for longer: touch $service/down"
fi
must 'there is nobody to read lists' refuses 111 'the daemon is down' --reload --service=$service
must 'a restart leaves it so' refuses 1 'down, and stays so' --restart --service=$service
must 'it is started' does --start --service=$service
must 'and answers' answers 11 192.0.2.77
must 'once' does --start --service=$service
must 'as is said' said "$service: is up already, process $(daemons)"
if [ "$suite" = systemd ]; then
  systemctl --quiet disable greylist.1999.service
  forever='also when the machine starts again, as greylist.1999.service is not enabled'
  at_boot='at boot it is not started; systemctl enable greylist.1999.service'
else
  touch $service/down
  forever="starts again, as $service/down is there"
  at_boot="at boot it is not started, as $service/down is there"
fi
must 'stopped where it would not be started at boot' does --stop --service=$service
must 'it stays so' said "$forever"
must 'it is started' does --start --service=$service
must 'until then' said "$at_boot"
if [ "$suite" = systemd ]; then systemctl --quiet enable greylist.1999.service; else rm $service/down; fi

# ---- a daemon that stands still

old=$(daemons)
kill -STOP "$old"
must 'one that was stopped by a signal is restarted' timeout 60 "$svctool" --restart --service=$service
must 'into another' is_another
must 'which answers' answers 11 192.0.2.77
kill -STOP "$(daemons)"
must 'one that was stopped by a signal ends' timeout 60 "$svctool" --stop --service=$service
must 'at once' none_runs
must 'and starts' does --start --service=$service

# ---- where the unit lets it write

if [ "$suite" = systemd ]; then
  must 'its lines in the journal have its name' logged 'listening on'
  mkdir /srv/socket
  chown _grey /srv/socket
  edit POLICY /srv/socket/policy
  old=$(daemons)
  must 'a socket where the unit does not let it write' refuses 111 \
    "not restarted, as the daemon could not start now: its unit does not let it write to /srv/socket; svctool --refreshsvc=$service" \
    --restart --service=$service
  must 'leaves the daemon' test "$(daemons)" = "$old"
  must 'as does a start' does --start --service=$service
  must 'the unit follows' does --refreshsvc=$service
  must 'and the daemon' does --restart --service=$service
  must 'listens there' until_true test -S /srv/socket/policy
  mkdir /srv/other
  chown _grey /srv/other
  must 'a setting brings its unit with it' does --set POLICY=/srv/other/policy --restart --service=$service
  must 'the daemon listens there' until_true test -S /srv/other/policy
  must 'a directory that is put over the unit counts' mkdir -p /srv/third /etc/systemd/system/greylist.1999.service.d
  chown _grey /srv/third
  printf '[Service]\nReadWritePaths="/srv/third"\n' >/etc/systemd/system/greylist.1999.service.d/mine.conf
  edit POLICY /srv/third/policy
  must 'so it is restarted' does --restart --service=$service
  must 'and listens there' until_true test -S /srv/third/policy
  chown _grey /etc/systemd/system/greylist.1999.service.d
  must 'whoever can write there is not believed' refuses 111 \
    'user _grey can write to /etc/systemd/system/greylist.1999.service.d' --restart --service=$service
  chown root /etc/systemd/system/greylist.1999.service.d
  chown _grey /etc/systemd/system/greylist.1999.service
  must 'nor where the unit is his' refuses 111 \
    'user _grey can write to /etc/systemd/system/greylist.1999.service' --set MIN_RESEND_MIN=1 --service=$service
  chown root /etc/systemd/system/greylist.1999.service
  must 'a check is good' does --unset POLICY --service=$service
  must 'after all' does --refreshsvc=$service
  must 'is' does --restart --service=$service
fi

# ---- greydaemon's services have every setting

program=greydaemon port=2001 first=$service
service=$directory/greylist.2001
must 'greydaemon with settings that the Perl program lacks' does "${base[@]}" --greylist=2001 --use-greydaemon \
  --allow=127.0.0.0/8 --policy=127.0.0.1@10027
must 'is started with them' until_true runs_with '--allow 127.0.0.0/8 --policy 127.0.0.1@10027'
must 'and defers' until_true answers 01 192.0.2.1
must 'in a dry run' does --set DRY_RUN=1 --restart --service=$service
accepts() { [[ "$(ask "$port" "$1" you@example.org joe@example.net 2>/tmp/ask.err)" = 1* ]]; }
must 'it accepts' until_true accepts 192.0.2.2
must 'what its rules do not leave open is refused' refuses 100 \
  "CLIENT_PASSES: under greydaemon's rules it is always 1" --set CLIENT_PASSES=2 --service=$service
edit CLIENT_PASSES 2
old=$(daemons)
must 'where it is set by hand, when it is restarted' refuses 111 \
  "CLIENT_PASSES: under greydaemon's rules it is always 1" --restart --service=$service
must 'which goes on' test "$(daemons)" = "$old"
must 'it is stopped' does --remove --service=$service
program='' port='' service=$first

# ---- out of the scanner's sight

if [ "$suite" != systemd ]; then
  mkdir /elsewhere
  must 'a service elsewhere' does "${base[@]}" --greylist=2002 --servicedir=/elsewhere
  port=2002 service=/elsewhere/greylist.2002
  ln -s $service /service/linked
  [ "$suite" != s6 ] || s6-svscanctl -a /service
  must 'that a link leads to' until_true answers 01 192.0.2.1
  must 'is put down' does --stop --service=$service
  must 'as the scanner watches it' said 'down until'
  must 'and started' does --start --service=$service
  rm /service/linked
  must 'without the link it is stopped' does --stop --service=$service
  must 'for good' said 'stopped for good, with what supervised it, as no'
  must 'and says nothing' eval '! answers 01 192.0.2.9'
  must 'once' does --stop --service=$service
  must 'as is said' said 'nothing to stop, as no supervise runs here'
  [ -z "$scanner" ] || kill "$scanner"
fi
exit $((failures > 0))
