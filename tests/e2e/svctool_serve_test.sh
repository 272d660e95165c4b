#!/bin/bash
# svctool --serve: what serves report and figures, a service of its own beside the daemon's, under
# the real daemontools, runit, s6 and systemd, each in a throw-away copy of this machine.
# usage: svctool_serve_test.sh BUILD-DIRECTORY
#        svctool_serve_test.sh SUITE BUILD-DIRECTORY      inside such a copy
# shellcheck disable=SC2016  # single quotes are meant: eval expands them
# shellcheck disable=SC2317  # functions are called through `ok`
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
patience=20

# ---- outside

if [ $# = 1 ]; then
  build=$(realpath "$1")
  in_copies 240 "$here/svctool_serve_test.sh" "$build" daemontools runit s6 systemd
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
if [ "$suite" = systemd ]; then directory=/etc/greylist; else directory=/service; fi
service=$directory/greylist.1999
page=$service.serve
mkdir -p $directory
case $suite in
  daemontools) svscan /service >/tmp/scan.out 2>&1 & ;;
  runit) runsvdir -P /service >/tmp/scan.out 2>&1 & ;;
  s6) s6-svscan /service >/tmp/scan.out 2>&1 & ;;
esac
if [ "$suite" = systemd ]; then
  log() { journalctl -u greylist.1999.serve -o cat; }
  set_by_hand() { sed -i "s|^$1=.*|$1=$2|" $page/environment; }
else
  log() { cat /var/log/grey/greylist.1999.serve/current; }
  set_by_hand() { echo "$2" >"$page/variables/$1"; }
fi

install() {
  "$svctool" --greylist=1999 --supervise="$suite" --servicedir="$directory" --cntrldir=/var/lib/grey \
    --logdir=/var/log/grey --user=_grey --loguser=_greylog --create-users "$@" >/tmp/svctool.out 2>&1
}
says() { grep -qF -- "$1" /tmp/svctool.out; }
refused() { # text option...: exit 100, in one line
  local text=$1
  shift
  install "$@"
  [ $? = 100 ] && [ "$(wc -l </tmp/svctool.out)" = 1 ] && says "$text"
}
get() { # path port: status code, and the body in /tmp/page
  python3 - "$1" "$2" >/tmp/page 2>/tmp/page.code <<'END'
import sys, urllib.request, urllib.error
try:
    answer = urllib.request.urlopen("http://127.0.0.1:%s%s" % (sys.argv[2], sys.argv[1]), timeout=20)
except urllib.error.HTTPError as error:
    answer = error
sys.stdout.write(answer.read().decode())
sys.stderr.write(str(answer.status))
END
  cat /tmp/page.code
}
is_healthy() { [ "$(get /healthz "$1" | tail -c 3)" = 200 ]; }
is_unwell() { [ "$(get /healthz "$1" | tail -c 3)" = 503 ]; }
server() { pgrep -f '^/usr/local/bin/greyctl --service '; }
user_of_server() { ps -o "${1:-user}=" -p "$(server | head -n1)"; }
fails() { ! "$@"; }
finds() { # text: a check is not good, and says it
  ! "$svctool" --check --service="$service" >/tmp/svctool.out 2>&1 && says "$1"
}

for bad in 127.0.0.1 127.0.0.1@ 127.0.0.1@0 127.0.0.1@65536 '@' here@8080 127.0.0.1@8080x; do
  must "$bad is no place to serve at" refused "--serve: '$bad' is not an address and port" --serve="$bad"
done
must 'nor is nothing' refused '--serve: the value is empty' --serve=
must 'a user alone is nobody who serves' refused '--serve-user needs --serve' --serve-user=nobody
must 'nor is there one to be had alone' refused '--serve-only needs --serve' --serve-only
must 'nobody else may ask' refused 'without --control-group only _grey may ask' --serve=@8080 --serve-user=nobody
must 'nobody at all' refused 'with --control=none nobody can ask' --serve=@8080 --control=none
must 'its name is its own' refused "'x.serve' ends as the name of a page" --servicetag=x.serve
must 'none of that is there' test ! -e $service -a ! -e $page

must 'a dry run shows both' install --serve=127.0.0.1@8080 --dry-run
must 'the page as well' says "create $page/run"
must 'and where it serves' grep -qxE '\+(SERVE=)?127.0.0.1@8080' /tmp/svctool.out
must 'each file, directory and user once' test -z "$(grep '^create ' /tmp/svctool.out | sort | uniq -d)"
must 'JSON shows both' install --serve=127.0.0.1@8080 --json
must 'the page beside the daemon' test "$(python3 -c '
import json
plan = json.load(open("/tmp/svctool.out"))
print(plan["service"], plan["beside"][0]["service"])')" = "$service $page"
must 'neither is there' test ! -e $service -a ! -e $page

must 'svctool installs the daemon and what serves its report' install --serve=127.0.0.1@8080
must 'which comes up' until_true is_healthy 8080
must 'as the user of the daemon, who alone may ask it' test "$(user_of_server)" = _grey
must 'without a capability' grep -qx 'CapEff:[[:space:]]*0*' "/proc/$(server | head -n1)/status"
must 'it has the figures' eval '[ "$(get /metrics 8080)" = 200 ] && grep -q "^greyd_up 1" /tmp/page'
if [ "$suite" != systemd ]; then
  must 'its log has a directory of its own' until_true test -e /var/log/grey/greylist.1999.serve/current
  must 'by the user of logs' test "$(stat -c %U /var/log/grey/greylist.1999.serve/current)" = _greylog
fi
must 'a check is good' "$svctool" --check --service=$service
must 'one of the page, too' "$svctool" --check --service=$page
finds_both() {
  "$svctool" --check >/tmp/svctool.out && grep -qx "$service: good" /tmp/svctool.out &&
    grep -qx "$page: good" /tmp/svctool.out
}
must 'one of all finds both' finds_both
must 'a second run' install --serve=127.0.0.1@8080
must 'changes nothing' test "$(grep -c 'nothing to change' /tmp/svctool.out)$(wc -l </tmp/svctool.out)" = 22
must 'refreshed' eval '"$svctool" --refreshsvc=$page >/tmp/svctool.out'
must 'it is the same' says 'nothing to change'
xargs -d '\n' "$svctool" <$page/.options >/tmp/svctool.out 2>&1
must 'so it is by its own .options' eval 'says "$page: nothing to change" && [ "$(wc -l </tmp/svctool.out)" = 1 ]'
must 'it has no lists' eval '! "$svctool" --reload --service=$page 2>/tmp/svctool.out && says "no lists"'

# Another address.
must 'another run with another port' install --serve=127.0.0.1@8081
must 'says what has it used' says "to use what has changed: "
must 'which is the command of the suite' eval "$(sed -n 's/^to use what has changed: //p' /tmp/svctool.out | tail -n1)"
must 'it is served there' until_true is_healthy 8081
must 'and no longer where it was' fails is_healthy 8080
must 'a check is good' "$svctool" --check --service=$service

# By hand.
set_by_hand SERVE 127.0.0.1@8082
must 'the file of a setting is all that it takes' "$svctool" --restart --service=$page
must 'it is served there' until_true is_healthy 8082
must 'what a hand has set stays' install
must 'which is said' says "$page stays, and serves"
must 'with the option, too' install --serve=127.0.0.1@8082
must 'a check is good' "$svctool" --check --service=$service
must '--set sets it' eval '"$svctool" --set=SERVE=127.0.0.1@8083 --restart --service=$page >/tmp/svctool.out'
must 'it is served there' until_true is_healthy 8083
must 'a bad one it does not set' eval \
  '! "$svctool" --set=SERVE=8083 --service=$page 2>/tmp/svctool.out && says "SERVE: '"'8083'"' is not an address and port"'
must 'a run that names it sets it again' install --serve=127.0.0.1@8080
must 'and it is used' "$svctool" --restart --service=$page
must 'it is served there' until_true is_healthy 8080

# What a check and the page make of trouble.
must 'the page is stopped' eval '"$svctool" --stop --service=$page >/tmp/svctool.out'
must 'none serves' until_true fails server
must 'a check says so' finds "$page: down, and stays so until it is started; to do: "
must 'the daemon goes on' pgrep -x qmail-greyd
starts() { "$svctool" --start "$@" >/tmp/svctool.out 2>&1 && says "$page: started"; }
stops() { "$svctool" --stop "$@" >/tmp/svctool.out 2>&1 && until_true fails server; }
for ((i = 0; i < 5; i++)); do
  must 'it is started' starts --service=$page
  must 'and serves at once' is_healthy 8080
  must 'it is stopped' stops --greylist=1999 --serve-only --servicedir=$directory
done
misused() { # verb: exit 100, in one line
  "$svctool" "$1" --serve-only --service="$service" >/tmp/svctool.out 2>&1
  [ $? = 100 ] && [ "$(wc -l </tmp/svctool.out)" = 1 ] && says '--serve-only goes with --greylist=PORT'
}
for verb in --remove --restart --reload --start --stop; do
  must "$verb of it is not said by the daemon's directory" misused $verb
done
must 'both are there' test -e $service -a -e $page
must 'the daemon goes on' pgrep -x qmail-greyd
python3 -m http.server --bind 127.0.0.1 8080 >/tmp/other.out 2>&1 &
other=$!
must 'another one takes its port' until_true eval '[ "$(get /healthz 8080)" = 404 ]'
"$svctool" --start --service=$page >/tmp/svctool.out 2>&1
must 'a check names who has the port' until_true finds "$page: TCP port 127.0.0.1@8080 is taken by process $other "
kill $other
wait $other
must 'which is free again' until_true is_healthy 8080
must 'a check is good' until_true "$svctool" --check --service=$service
old=$(server | head -n1)
kill -9 "$old"
is_new() { [ -n "$(server)" ] && [ "$(server | head -n1)" != "$old" ]; }
must 'killed, it is started again' until_true is_new
must 'and serves' until_true is_healthy 8080
must 'the daemon is stopped' eval '"$svctool" --stop --service=$service >/tmp/svctool.out'
must 'the page says so' until_true is_unwell 8080
must 'a check of the page says so' eval \
  '! "$svctool" --check --service=$page >/tmp/svctool.out && says "page at 127.0.0.1@8080: /healthz says"'
must 'the daemon is started' eval '"$svctool" --start --service=$service >/tmp/svctool.out'
must 'the page is well again' until_true is_healthy 8080

if [ "$suite" = systemd ]; then
  set -o pipefail
  unit=/etc/systemd/system/greylist.1999.serve.service
  must 'systemd finds no fault with the unit' test -z "$(systemd-analyze verify $unit 2>&1)"
  is_confined() { systemd-analyze security --offline=true --threshold=15 --no-pager "$unit" | tail -1; }
  must 'nor with its sandbox' is_confined
  must 'it is started at boot' systemctl is-enabled --quiet greylist.1999.serve
fi

if [ "$suite" = systemd ]; then
  # A tree for another machine has the same names.
  must 'both are staged' install --serve=127.0.0.1@8080 --destdir=/tmp/tree
  must 'a check of that tree is good' "$svctool" --destdir=/tmp/tree --check --service=$service
  must 'both are removed there' eval '"$svctool" --destdir=/tmp/tree --remove --service=$service >/tmp/svctool.out'
  must 'with their units' test -z "$(find /tmp/tree -name '*.service')"
  must 'and none of this machine' test -e "$unit" -a -e /etc/systemd/system/greylist.1999.service
  must 'which goes on' is_healthy 8080
fi

# One who may ask, and nothing else.
must 'the page alone is removed' eval '"$svctool" --remove --greylist=1999 --serve-only --servicedir=$directory >/tmp/svctool.out'
must 'it is gone' test ! -e $page
must 'none serves' until_true fails server
must 'the daemon stays' pgrep -x qmail-greyd
must 'a check misses it' finds "$page: missing, which --serve asks for"
if [ "$suite" = systemd ]; then
  # Of those that systemd makes for a service; see systemd.exec(5), DynamicUser.
  must 'in a group that may ask' install --serve=127.0.0.1@8080 --control-group=greyask
  serves_as_another() { (($(user_of_server uid) >= 61184)) && (($(user_of_server uid) <= 65519)); }
else
  must 'a user of its own' install --serve=127.0.0.1@8080 --control-group=greyask --serve-user=greyask
  serves_as_another() { [ "$(user_of_server)" = greyask ]; }
fi
must 'the daemon gives its socket to the group' "$svctool" --restart --service=$service
must 'and the page is served' until_true is_healthy 8080
must 'by one who is not the daemon' serves_as_another
must 'a check is good' "$svctool" --check --service=$service

must 'svctool would remove both' eval '"$svctool" --remove --service=$service --dry-run >/tmp/svctool.out && says "remove $page/run"'
must 'svctool removes both' eval '"$svctool" --remove --service=$service >/tmp/svctool.out'
must 'they are gone' test ! -e $service -a ! -e $page
must 'none serves' until_true fails server
must 'no unit is left' test ! -e /etc/systemd/system/greylist.1999.serve.service
must 'its log stays' test "$suite" = systemd -o -s /var/log/grey/greylist.1999.serve/current
must 'of none there is none' eval '! "$svctool" --remove --service=$page 2>/tmp/svctool.out'

must 'one that is down' install --serve=127.0.0.1@8080 --down
must 'does not serve' fails is_healthy 8080
exit $((failures > 0))
