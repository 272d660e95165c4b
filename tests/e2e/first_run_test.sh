#!/bin/bash
# A first run that succeeds says what was done, and not what is still missing: scripts/run twice, and
# svctool by hand, in a throw-away copy of this machine. What is built is taken as it is.
# usage: first_run_test.sh BUILD-DIRECTORY
#        first_run_test.sh inside BUILD-DIRECTORY      in such a copy
# shellcheck disable=SC2317  # functions are called through `must`
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
patience=60

if [ $# = 1 ]; then
  for program in svscan multilog tcpserver tai64nlocal swaks; do
    command -v $program >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
  done
  in_copies 300 "$here/first_run_test.sh" "$(realpath "$1")" inside
fi

build=$2
explain() { cat /tmp/*.out; }
# What only a service that does not run yet, or one that runs with what was before, is told.
asks_for_nothing() { ! grep -E 'root runs no |^next: start |to use what has changed' "$1"; }

# A tree whose build is done.
mkdir -p /tmp/tree/scripts/lib /tmp/bin
cp "$here/../../scripts/run" /tmp/tree/scripts
cp "$here/../../scripts/lib/usage.sh" /tmp/tree/scripts/lib
printf '#!/bin/sh\n' >/tmp/tree/scripts/setup
cat >/tmp/bin/cmake <<END
#!/bin/sh
[ "\$1" = --install ] || exit 0
mkdir -p "\$4/sbin" "\$4/bin"
cp '$build/svctool/svctool' "\$4/sbin"
cp /tmp/slow-greyd "\$4/sbin/qmail-greyd"
cp '$build/smtpd-glue/greysmtpd' "\$4/bin"
END
# As on a machine that has more to do.
printf '#!/bin/sh\nsleep 3\nexec %s "$@"\n' "$build/greyd/qmail-greyd" >/tmp/slow-greyd
chmod 755 /tmp/tree/scripts/setup /tmp/bin/cmake /tmp/slow-greyd
says_so() { grep -q '^Log: ' "$1"; }
is_deferred() {
  swaks --server 127.0.0.1:2525 --from you@example.org --to joe@example.net >/tmp/swaks.out 2>&1
  grep -q '^<\*\* 450 4\.7\.1 Greylisted' /tmp/swaks.out
}
nothing_runs() {
  local service
  for service in /tmp/tree/var/"$1"/service/* /tmp/tree/var/"$1"/service/*/log; do
    ! svok "$service" 2>/dev/null || { echo "$service is supervised"; return 1; }
  done
}
is_good() { /tmp/tree/var/prefix/sbin/svctool --check --servicedir=/tmp/tree/var/1999/service >/tmp/check.out 2>&1; }
for turn in first second; do
  PATH=/tmp/bin:$PATH /tmp/tree/scripts/run >/tmp/$turn.out 2>&1 </dev/null &
  run=$!
  must "the $turn scripts/run says that all answers" until_true says_so /tmp/$turn.out
  must 'and a message sent at once is deferred' is_deferred
  must 'all of it is good' until_true is_good
  must 'and asks for nothing' asks_for_nothing /tmp/$turn.out
  kill $run
  wait $run
  must 'and at its end nothing runs any more' nothing_runs 1999
done

# Two that share their state: what one has deferred the other has seen first then, too.
seen_by() { "$build/greyd/greyctl/greyctl" --control "/tmp/tree/var/1999.store/control/$1.control" list --json; }
is_deferred_by() {
  swaks --server "127.0.0.1:$1" --from you@example.org --to joe@example.net >/tmp/swaks.out 2>&1
  grep -q '^<\*\* 450 4\.7\.1 Greylisted' /tmp/swaks.out
}
both_have_seen_the_same() {
  seen_by greylist.context >/tmp/one.out 2>&1
  seen_by greylist2.context >/tmp/two.out 2>&1
  grep -q joe@example.net /tmp/one.out && cmp /tmp/one.out /tmp/two.out # with the second in which it was seen
}
are_members() { [ "$(redis-cli -p 2001 exists '{greyd}:policy')" = 1 ]; }
if ! "$build/svctool/svctool" --help | grep -q -e --store-key-file; then
  echo 'left out: two that share their state, as this svctool knows no --store'
elif ! command -v redis-server >/dev/null; then
  echo 'left out: two that share their state, as redis-server is not installed'
else
  PATH=/tmp/bin:$PATH /tmp/tree/scripts/run --store >/tmp/store.out 2>&1 </dev/null &
  run=$!
  must 'scripts/run --store says that all answers' until_true says_so /tmp/store.out
  must 'the daemons share a state' until_true are_members
  sleep 3 # they meet once a second; and what both see is not of one second
  must 'the first defers' is_deferred_by 2525
  sleep 2
  must 'so does the second' is_deferred_by 2526
  must 'as it knows of the first' both_have_seen_the_same
  kill $run
  wait $run
  must 'and at its end nothing runs any more' nothing_runs 1999.store
fi

# By hand, below a scanner that is there.
mkdir /service
svscan /service >/tmp/scan.out 2>&1 &
cp "$build/svctool/svctool" "$build/greyd/qmail-greyd" /usr/local/sbin
is_scanned() { [ "$(/usr/local/sbin/svctool --find-supervisor 2>/dev/null)" = '--supervise=daemontools --servicedir=/service' ]; }
must 'svscan runs' until_true is_scanned
/usr/local/sbin/svctool --greylist=1999 --create-users --cntrldir=/etc/greylist >/tmp/svctool.out 2>&1
must 'svctool succeeds' test $? = 0
must 'and asks for nothing' asks_for_nothing /tmp/svctool.out
must 'it runs' until_true eval '/usr/local/sbin/svctool --check >/tmp/check.out 2>&1'
kill %2 2>/dev/null
exit $((failures > 0))
