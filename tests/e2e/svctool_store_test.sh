#!/bin/sh
# svctool and a state that several daemons share: --store and its files become variables, a real daemon
# below the real svscan shares them by a real Redis, and --check says when that is away, takes nothing,
# knows nobody, or is shared under another policy. No password is shown, or written anywhere.
#
# usage: svctool_store_test.sh SVCTOOL QMAIL-GREYD     exit 77: skipped, as something is not there
set -u
svctool=${1:?usage: svctool_store_test.sh SVCTOOL QMAIL-GREYD}
daemon=${2:?usage: svctool_store_test.sh SVCTOOL QMAIL-GREYD}

[ "$(id -u)" = 0 ] || { echo 'skipped: needs root, for setuidgid'; exit 77; }
for program in svscan supervise svc svok svstat envdir setuidgid multilog redis-server redis-cli; do
  command -v $program >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
done
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/svctool_lib.sh"

check() { finds "$1" --check --service="$service"; }
variable() { cat "$service/variables/$1"; }
count_ups() { grep -c "store: up at 127.0.0.1:$redis\$" "$log"; }
joins_again() { [ "$(count_ups)" -gt "$ups" ]; }
log_has() { grep -q -e "$1" "$log" 2>/dev/null; }

redis_pid=
redis_answers() { cli PING | grep -q 'PONG\|NOAUTH'; }
start_redis() { # option...
  redis-server --port "$redis" --dir "$top/redis" --save '' "$@" >"$top/redis/log" 2>&1 &
  redis_pid=$!
  wait_for redis_answers || fail 'no redis'
}
stop_redis() {
  kill "$redis_pid"
  wait "$redis_pid" 2>/dev/null
  redis_pid=
}
cli() { REDISCLI_AUTH=$password redis-cli -p "$redis" "$@" 2>/dev/null; }
trap '[ -z "$redis_pid" ] || kill "$redis_pid"; cleanup' EXIT

free_port() { # udp|tcp
  perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Proto => $ARGV[0], LocalAddr => "127.0.0.1",
    $ARGV[0] eq "tcp" ? (Listen => 1) : ())->sockport' "$1"
}
prefix=$top/prefix
mkdir -p "$prefix/sbin" "$top/service" "$top/control" "$top/redis"
cp "$daemon" "$prefix/sbin/qmail-greyd"
chmod 755 "$prefix" "$prefix/sbin/qmail-greyd"
port=$(free_port udp) redis=$(free_port tcp)
password=seCret-$port # found nowhere but in its own file
control=$top/control
echo 00112233445566778899aabbccddeeff >"$control/store-key"
echo "$password" >"$control/store-password"
chown daemon "$control" "$control"/store-*
chmod 400 "$control"/store-*
# The sanitizer needs more address space than any limit leaves.
memory=
! ldd "$daemon" | grep -q libasan || memory=0
options() { # option...
  set -- --greylist="$port" --servicedir="$top/service" --cntrldir="$control" --logdir="$top/log" \
    --prefix="$prefix" --user=daemon --loguser=nobody ${memory:+--memory="$memory"} "$@"
  for option; do echo "$option"; done >"$top/options"
}
with() { # refuses|ok|finds argument... -- option...: with the options of a service
  action=$1
  shift
  before=
  while [ "$1" != -- ]; do before="$before $1" && shift; done
  shift
  options "$@"
  # shellcheck disable=SC2046,SC2086 # words without blanks
  $action $before $(cat "$top/options")
}
url=redis://127.0.0.1:$redis
service=$top/service/greylist.$port
log=$top/log/greylist.$port/current

say 'what cannot be is refused before anything is made'
misuse() { # text option...
  text=$1
  shift
  options "$@"
  # shellcheck disable=SC2046 # words without blanks
  refuses 100 "$text" $(cat "$top/options")
}
misuse '--store needs --store-key-file' --store="$url"
misuse '--store-key-file is of no use without --store' --store-key-file=store-key
misuse '--store-password-file is of no use without --store' --store-password-file=store-password
misuse '--store: TLS (rediss://) is not spoken here' --store=rediss://db1 --store-key-file=store-key
misuse '--store: a password does not stand in the URL' --store="redis://grey:$password@db1" --store-key-file=store-key
! contains "$top/err" "$password" || fail 'a password is repeated'
misuse "--store: under greydaemon's rules there is none" --use-greydaemon --store="$url" --store-key-file=store-key
with refuses 111 "$control/nokey:" -- --store="$url" --store-key-file=nokey
chmod 444 "$control/store-key"
with refuses 111 "$control/store-key:" -- --store="$url" --store-key-file=store-key
contains "$top/err" 'anybody may read it, or write there (chmod o= it)' || fail 'not why'
chmod 400 "$control/store-key"
chown root "$control/store-password"
with refuses 111 "$control/store-password:" -- --store="$url" --store-key-file=store-key --store-password-file=store-password
contains "$top/err" "chown daemon $control/store-password; chmod 400" || fail 'no remedy'
chown daemon "$control/store-password"

say 'the three are variables, files below the control directory, and the service shares its state'
start_redis --requirepass "$password"
start_svscan "$top/service"
with ok -- --store="$url" --store-key-file=store-key --store-password-file=store-password
[ "$(variable STORE)" = "$url" ] || fail 'STORE'
[ "$(variable STORE_KEY_FILE)" = store-key ] || fail 'STORE_KEY_FILE'
[ "$(variable STORE_PASSWORD_FILE)" = store-password ] || fail 'STORE_PASSWORD_FILE'
wait_for log_has "store: up at 127.0.0.1:$redis" || fail 'it does not share its state'
[ "$(cli EXISTS '{greyd}:policy')" = 1 ] || fail 'no policy is there'
check 0
says_not 'store'
with nothing_to_change -- --store="$url" --store-key-file=store-key --store-password-file=store-password

say 'a service of the same settings that is checked from its options is as good'
with finds 0 --check -- --store="$url" --store-key-file=store-key --store-password-file=store-password
says_not 'store'

say 'its Redis is stopped: a warning, and no reason not to start'
stop_redis
wait_for log_has 'store: down: ' || fail 'the daemon does not say so'
check 0
says "warning: $service: store 127.0.0.1:$redis: Connection refused"
says 'to do: see that it runs'
finds 0 --check --service="$service" --json
says '"id": "store-unreachable"'
ok --restart --service="$service"
check 0
says 'store 127.0.0.1:'

say 'it asks for another password: that does not pass by itself'
start_redis --requirepass other
check 1
says "wrong: $service: store 127.0.0.1:$redis: WRONGPASS"
says 'to do: see STORE_PASSWORD_FILE'
stop_redis

say 'it comes back: nothing is to be done'
ups=$(count_ups)
start_redis --requirepass "$password"
wait_for joins_again || fail 'the daemon does not join'
check 0
says_not 'store'

say 'another policy than that of those who share it'
policy=$(cli GET '{greyd}:policy')
cli SET '{greyd}:policy' "$(echo "$policy" | sed 's/min-resend=60/min-resend=300/')" EX 3600 >/dev/null
wait_for log_has 'shared under another policy' || fail 'the daemon does not say so'
check 1
says 'others share it under another policy: '
says 'min-resend is 300 there and 60 here'
finds 1 --check --service="$service" --json
says '"id": "store-policy-differs"'
say 'another key'
cli SET '{greyd}:policy' "$(echo "$policy" | sed 's/key=.*/key=0000000000000000/')" EX 3600 >/dev/null
check 1
says 'others share it under another key'
says 'to do: copy the file that STORE_KEY_FILE names'
wait_for log_has 'store: up at .*, shared under another policy' || fail 'its standing is not said'
ups=$(count_ups)
cli DEL '{greyd}:policy' >/dev/null
wait_for joins_again || fail 'the daemon does not join again'

say 'a variable is set as the options are, and asked about before'
finds 100 --unset STORE_PASSWORD_FILE --unset STORE --service="$service"
contains "$top/err" 'STORE_KEY_FILE is of no use without STORE' || fail 'not why'
finds 100 --set "STORE=redis://grey:$password@db1" --service="$service"
contains "$top/err" 'STORE: a password does not stand in the URL' || fail 'not why'
! contains "$top/err" "$password" || fail 'a password is repeated'
finds 111 --set STORE_KEY_FILE=nokey --service="$service"
contains "$top/err" 'nothing is changed, as the daemon could not start then: ' || fail 'not why'
[ "$(variable STORE_KEY_FILE)" = store-key ] || fail 'it is changed'

say 'a file that was changed since the start is told of, and one that is gone is wrong'
echo 00112233445566778899aabbccddeeff >"$control/store-key"
check 0
says "warning: $control/store-key: changed since the daemon was started"
ok --restart --service="$service"
check 0
says_not 'changed since'
mv "$control/store-key" "$top/aside"
check 1
says "wrong: $control/store-key: No such file or directory"
says "could not start now: cannot read the store's key, $control/store-key: No such file"
mv "$top/aside" "$control/store-key"

say 'a password that a hand has written into STORE is not shown'
echo "redis://grey:$password@127.0.0.1:$redis" >"$service/variables/STORE"
check 1
says 'STORE: a password does not stand in the URL'
says_not "$password"
finds 1 --check --service="$service" --json
says_not "$password"
echo "$url" >"$service/variables/STORE"

say 'without the three it is alone again'
ok --unset STORE --unset STORE_KEY_FILE --unset STORE_PASSWORD_FILE --restart --service="$service"
check 0
says_not "store 127"

rm "$control/store-password"
found=$(grep -rlF -e "$password" "$top" 2>/dev/null | grep -v "^$top/redis/")
[ -z "$found" ] || fail "the password is in $found"
say 'done'
