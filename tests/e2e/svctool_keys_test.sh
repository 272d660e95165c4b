#!/bin/sh
# svctool and the keys of who asks: a real daemon below the real svscan that answers nobody without one,
# asked under it by --check; a file of keys that has changed, and one that the daemon has refused.
#
# usage: svctool_keys_test.sh SVCTOOL QMAIL-GREYD     exit 77: skipped, as something is not there
set -u
svctool=${1:?usage: svctool_keys_test.sh SVCTOOL QMAIL-GREYD}
daemon=${2:?usage: svctool_keys_test.sh SVCTOOL QMAIL-GREYD}

[ "$(id -u)" = 0 ] || { echo 'skipped: needs root, for setuidgid'; exit 77; }
for program in svscan supervise svc svok svstat envdir setuidgid multilog; do
  command -v $program >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
done
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/svctool_lib.sh"

check() { finds "$1" --check --service="$service"; }
log_has() { grep -q -e "$1" "$log" 2>/dev/null; }

control=$top/control
mkdir -p "$top/prefix/sbin" "$top/service" "$control"
chown daemon "$control"
cp "$daemon" "$top/prefix/sbin/qmail-greyd"
chmod 755 "$top/prefix" "$top/prefix/sbin/qmail-greyd"
port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1")->sockport')
service=$top/service/greylist.$port
log=$top/log/greylist.$port/current
memory=
! ldd "$daemon" | grep -q libasan || memory=0
make_service() { # ok|refuses... option...
  "$@" --greylist="$port" --servicedir="$top/service" --cntrldir="$control" --logdir="$top/log" \
    --prefix="$top/prefix" --user=daemon --loguser=nobody ${memory:+--memory="$memory"}
}
# Newer than all that was before, also where a file's time has whole seconds.
put_keys() { # text
  printf '%s\n' "$1" >"$control/keys.new"
  chown daemon "$control/keys.new"
  chmod 400 "$control/keys.new"
  sleep 1
  mv "$control/keys.new" "$control/keys"
}
old='old 00112233445566778899aabbccddeeff' new='new ffeeddccbbaa99887766554433221100'

say 'what cannot be is refused before anything is made'
make_service refuses 100 '--require-key is of no use without --key-file' --require-key=always
make_service refuses 111 "$control/keys:" --key-file=keys

say 'a daemon that answers nobody without a key is asked under one of its own'
put_keys "$old"
start_svscan "$top/service"
make_service ok --key-file=keys --require-key=always
[ "$(cat "$service/variables/KEY_FILE")" = keys ] || fail 'KEY_FILE'
[ "$(cat "$service/variables/REQUIRE_KEY")" = always ] || fail 'REQUIRE_KEY'
check 0
! log_has key-missing || fail 'it was asked without'

say 'a second key is there, and not in force before it has been read'
put_keys "$old
$new"
check 0
says "$control/keys: changed since the daemon"
svc -h "$service"
wait_for log_has 'keys reloaded, 2' || fail 'not read'
check 0
says_not "$control/keys"

say 'a file that the daemon has refused is wrong, and the keys of before are in force'
put_keys 'old 0011'
check 1 # it cannot be asked
says "$control/keys:1: the second word is no KEY"
put_keys "$new"
ok --unset REQUIRE_KEY --restart --service="$service"
put_keys 'old 0011'
svc -h "$service"
wait_for log_has 'keys not reloaded' || fail 'not refused'
check 1
says "$control/keys: the daemon has refused it"
says 'to do: mend that line'
says_not ffeeddcc
put_keys "$new"
svc -h "$service"
wait_for log_has 'keys reloaded, 1' || fail 'not read'
check 0
ok --set REQUIRE_KEY=always --restart --service="$service"

say 'an SMTP server of another key, of the right one, and with a file that cannot be used'
smtp=$top/service/smtp
mkdir -p "$smtp/variables"
printf '#!/bin/sh\nexec envdir variables sh -c "exec tcpserver 0 smtp qmail-smtpd"\n' >"$smtp/run"
chmod 755 "$smtp/run"
touch "$smtp/down"
echo "127.0.0.1@$port" >"$smtp/variables/GREYIP"
echo "$top/theirs" >"$smtp/variables/GREYKEYFILE"
say_smtp() { # line of the file
  echo "$1" >"$top/theirs"
  chmod 400 "$top/theirs"
  "$svctool" --check --service="$smtp" >"$top/out" 2>"$top/err"
}
say_smtp "$new"
contains "$top/out" "127.0.0.1@$port: answers" || fail 'not under its key'
say_smtp "$old"
contains "$top/out" 'Has it the key' || fail 'under another'
say_smtp 'none'
contains "$top/out" "$top/theirs:1: the second word is no KEY" || fail 'not why'

echo 'all passed'
