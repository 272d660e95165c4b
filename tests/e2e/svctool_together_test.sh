#!/bin/bash
# Several svctools that edit the same file at the same time: what each of them wrote is in it at the
# end, and the cdb is made of it.
# usage: svctool_together_test.sh SVCTOOL     exit 77: skipped, as something is not there
# shellcheck disable=SC2016  # single quotes are meant: for sh and eval
# shellcheck disable=SC2317  # functions are called through `ok`
set -u
svctool=$(realpath "${1:?usage: svctool_together_test.sh SVCTOOL}")
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
for program in tcprules tcprulescheck flock; do
  command -v $program >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
done
work_in_a_directory
rules=$work/tcp.smtp

# together COUNT COMMAND...: so many at once, each with its number in the place of %N; all succeed.
together() {
  local count=$1 number started=() pid good=0
  shift
  for ((number = 1; number <= count; number++)); do
    timeout 120 "${@//%N/$number}" >"$work/$number.out" 2>"$work/$number.err" &
    started+=($!)
  done
  for pid in "${started[@]}"; do
    wait "$pid" || good=1
  done
  ((good == 0)) || cat "$work"/*.err
  return "$good"
}
# Each has its own rule, in the text and for tcpserver.
has_all() { # count
  local number
  for ((number = 1; number <= $1; number++)); do
    grep -q "^10.$number.:allow.*GREYIP=\"@$number\"$" "$rules" &&
      TCPREMOTEIP=10.$number.1.1 tcprulescheck "$rules.cdb" | grep -q "GREYIP=@$number$" || return 1
  done
}
for count in 2 20; do
  printf '# mine\n:allow\n' >"$rules"
  ok "$count edits at once" together $count "$svctool" --greyip=@%N --tcprules="$rules" --match=10.%N.
  ok 'all are there' has_all $count
  ok 'beside what was' test "$(head -n 2 "$rules" | tr '\n' /)" = '# mine/:allow/'
  ok 'all are taken back at once' together $count "$svctool" --no-greyip --tcprules="$rules" --match=10.%N.
  ok 'to what was' test "$(tr '\n' / <"$rules")" = '# mine/:allow/'
done
ok 'nothing is left beside' test "$(cd "$work" && find . -name '.*' ! -name . | wc -l)" = 0

# Who holds the lock is waited for, and the edit is of what is there then.
printf ':allow\n' >"$rules"
mkfifo "$work/go"
flock "$work" sh -c 'read -r _ <"$1/go"; echo "192.0.2.1:deny" >>"$2"' sh "$work" "$rules" &
holder=$!
until_true eval '! flock -n "$work" true'
"$svctool" --greyip=@ --tcprules="$rules" >"$work/out" 2>&1 &
waiting=$!
waits() {
  local fd
  for fd in "/proc/$waiting/fd/"*; do
    [ "$(readlink "$fd")" != "$work" ] || return 0
  done
  return 1
}
ok 'one that finds the directory locked waits' until_true waits
echo >"$work/go"
ok 'the other ends' wait "$holder"
ok 'it goes on' wait "$waiting"
ok 'with what has come meanwhile' grep -qx '192.0.2.1:deny' "$rules"
ok 'and its own' grep -qx ':allow,GREYIP="@"' "$rules"

# An editor knows of no lock: one that writes while tcprules works.
mkdir "$work/bin"
cat >"$work/bin/tcprules" <<END
#!/bin/sh
echo '# edited' >>'$rules'
exec $(command -v tcprules) "\$@"
END
chmod 755 "$work/bin/tcprules"
cp "$rules.cdb" "$work/cdb"
PATH=$work/bin:$PATH "$svctool" --greyip=@1 --tcprules="$rules" --force >"$work/out" 2>&1
ok 'a text that changes meanwhile' test $? = 111
ok 'is left' grep -q "$rules: was changed by another program just now, and is left so" "$work/out"
ok 'as the other has written it' test "$(tail -n 1 "$rules")" = '# edited'
ok 'with its cdb' cmp -s "$rules.cdb" "$work/cdb"

# One new service, by several; all of the place is missing. A name that a scanner passes over, as of one that
# is still being made, is no service.
if [ "$(id -u)" = 0 ]; then
  place=$work/new/place
  chmod 755 "$work"
  mkdir -p "$work/other/.greylist.1.new-1/variables"
  touch "$work/other/.greylist.1.new-1/.options"
  echo @1 >"$work/other/.greylist.1.new-1/variables/LISTEN"
  is_whole() {
    [ "$(stat -c '%U %a' "$place/log/greylist.1")" = 'nobody 755' ] &&
      [ "$(stat -c %U "$place/ctl")" = daemon ] && [ -x "$place/service/greylist.1/run" ] &&
      [ -x "$place/service/greylist.1.serve/run" ]
  }
  for round in 1 2 3; do
    ok 'a service is installed by six at once' together 6 "$svctool" --greylist=1 --servicedir="$place/service" \
      --cntrldir="$place/ctl" --logdir="$place/log" --user=daemon --loguser=nobody --down --serve=127.0.0.1@2
    ok "and is whole ($round)" is_whole
    ok 'by one of them' test "$(cat "$work"/?.out | grep -c 'nothing to change')" = 10
    ok 'nothing is left beside it' test -z "$(find "$work/new" -name '.*' ! -name .options)"
    ok 'it is set and removed at once' eval '
      "$svctool" --set MAX_RECORDS=9 --service="$place/service/greylist.1" >"$work/1.out" 2>&1 & set=$!
      "$svctool" --remove --service="$place/service/greylist.1" >"$work/2.out" 2>&1
      removed=$?
      wait "$set" || grep -q "was not made by svctool\|No such file" "$work/1.out"
      [ $removed = 0 ] && [ ! -e "$place/service/greylist.1" ] && [ ! -e "$place/service/greylist.1.serve" ]'
    rm -rf "$work/new"
  done
  "$svctool" --greylist=1 --servicetag=x --servicedir="$work/other" --cntrldir="$place/ctl" --logdir="$place/log" \
    --user=daemon --loguser=nobody --down --localip=127.0.0.1 >"$work/out" 2>"$work/1.err"
  ok 'no warning of one that is being made' eval '! grep -q "listens on" "$work/1.err"'
fi

# Settings of one service.
if [ "$(id -u)" = 0 ]; then
  mkdir "$work/service"
  for suite in daemontools systemd; do
    ok "a service of $suite" "$svctool" --greylist=1 --supervise=$suite --servicedir="$work/service/$suite" \
      --cntrldir="$work/control" --logdir="$work/log" --user=daemon --loguser=nobody --destdir="$work/d"
    service=$work/service/$suite/greylist.1
    names=(MIN_RESEND_MIN SAVE_INTERVAL FREE_INTERVAL TIMEOUT_DAYS IPV4_PREFIX MAX_RECORDS)
    pids_of=()
    for name in "${names[@]}"; do
      "$svctool" --set "$name=9" --service="$service" --destdir="$work/d" >>"$work/out" 2>&1 &
      pids_of+=($!)
    done
    all_end_well() {
      local pid
      for pid in "${pids_of[@]}"; do wait "$pid" || return 1; done
    }
    ok 'six settings at once' all_end_well
    are_set() {
      local each
      for each in "${names[@]}"; do
        grep -qx -e 9 "$work/d$service/variables/$each" 2>/dev/null ||
          grep -qx -e "$each=9" "$work/d$service/environment" 2>/dev/null || return 1
      done
    }
    ok 'are all set' are_set
  done
fi
exit $((failures > 0))
