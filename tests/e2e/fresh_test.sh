#!/bin/bash
# scripts/fresh, and in it README.md's way from a minimal Debian 12 to a message that is accepted.
# It takes root, a package source and some minutes, so it is no part of ctest; .ci/run has it.
# usage: fresh_test.sh
# shellcheck disable=SC2317 # functions are called through `ok` and traps
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
# shellcheck source-path=SCRIPTDIR
. "$here/documented.sh"
patience=2700 # packages are fetched, and all is built, on a machine that may have more to do
top=$(realpath "$here/../..")
fresh=$top/scripts/fresh
work_in_a_directory
unset CI

places() { find "$top/build/fresh" -mindepth 1 -maxdepth 1 -name 'root.*' | sort; }
before=$(places)
nothing_left() { [ "$(places)" = "$before" ] && ! grep -q "$top/build/fresh" /proc/self/mountinfo; }
of_root() { # pattern: processes of a root that were started with that
  pgrep -f "$1" | grep -vx $$
}
none_of_root() { ! of_root "$1"; }

# ---- what is there, and what is not

added=$top/added-by-fresh-test.$$
trap 'rm -f "$added"; leave_directory' EXIT
echo 'not committed' >"$added"
mkdir -p "$top/build/fresh"
# The values come back in a file of shell assignments.
# shellcheck disable=SC2016 # for the shell inside
LEFT_OVER=1 CI=true "$fresh" bash -c '
  echo "variables=\"$(env | sed "s/=.*//" | grep -vixE "[a-z]+_proxy" | sort | tr "\n" " ")\""
  echo "ci=$CI user=$(id -un) directory=$PWD"
  . /etc/os-release && echo "version=$VERSION_ID"
  echo "added=\"$(cat "$1")\" ignored=\"$(ls -d build var 2>/dev/null)\" git=\"$(type -P git)\""
  echo "compilers=\"$(type -P cc g++ perldoc ccache)\" lists=\"$(ls /var/lib/apt/lists)\""
  perl -MIO::Socket::IP -e "print qq(address=\$_\n) for grep {
    my \$s = IO::Socket::IP->new(LocalHost => \$_, Listen => 1);
    \$s && IO::Socket::IP->new(PeerHost => \$_, PeerPort => \$s->sockport) } qw(127.0.0.1 ::1)"
  echo "an error" >&2
  exit 7' fresh "${added##*/}" >"$work/inside" 2>"$work/fresh.log" </dev/null
code=$?
rm "$added"
says() { grep -qxF -e "$1" "$work/inside"; }
ok 'the exit code is that of the command' test $code = 7
ok "the environment is a login's, with CI" says 'variables="CI HOME LOGNAME OLDPWD PATH PWD SHELL SHLVL '"${TERM+TERM }"'USER _ "'
ok 'it is root, in a clone below its home' says 'ci=true user=root directory=/root/qmail-greyd'
ok 'of a Debian 12' says 'version=12'
ok 'what is not committed is there, what git ignores is not, nor is git' says 'added="not committed" ignored="" git=""'
ok 'nothing else is there' says 'compilers="" lists=""'
ok 'what it says on standard error comes there' grep -qx 'an error' "$work/fresh.log"
for address in 127.0.0.1 ::1; do ok "$address can be used" says "address=$address"; done
ok 'nothing is left' nothing_left

# ---- how it ends when it is ended, and when there is no root

start_sleeper() { # seconds: unlike any other's
  : >"$work/sleeper"
  "$fresh" bash -c "echo sleeps; sleep $1; true" >"$work/sleeper" 2>"$work/sleeper.log" &
  sleeper=$!
  pids+=("$sleeper")
  until_true grep -q sleeps "$work/sleeper"
}
for signal in TERM HUP KILL; do
  id=$((RANDOM + 100000))
  ok 'a command runs' start_sleeper $id
  kill -s $signal "$sleeper"
  wait "$sleeper" 2>/dev/null
  ok "$signal ends it" test $? = $((128 + $(kill -l $signal)))
  ok 'and what ran in it' until_true none_of_root "sleep $id"
  [ $signal = KILL ] || ok 'nothing is left' nothing_left
done
ok 'the next one clears up behind a killed one' "$fresh" true </dev/null
ok 'nothing is left' nothing_left

mkdir "$work/none"
printf 'Dir::Etc::%s "%s";\n' SourceList /dev/null SourceParts "$work/none" >"$work/apt.conf"
APT_CONFIG=$work/apt.conf "$fresh" true >"$work/none.out" 2>&1 </dev/null
ok 'no package source: 111' test $? = 111
ok 'after three tries, with the reason' \
  grep -q '^fresh: no root could be made in three tries: apt has no package source of Debian 12' "$work/none.out"
ok 'nothing is left' nothing_left

# ---- README.md's "Try it": from this minimum to a message that is accepted, in four commands

mapfile -t commands < <(readme_commands 'Try it')
ok 'there are four commands' test ${#commands[@]} = 4
first=$(printf '%s\n' 'set -e' "${commands[@]:0:3}")
# The clone's repository is the tree that is inside; in another directory, as that is there.
first="mkdir /root/reader; cd /root/reader; ${first/REPOSITORY//root/qmail-greyd}"
"$fresh" bash -c "$first" >"$work/run.log" 2>&1 </dev/null &
pids+=($!)
runs=$!
ready_or_over() { grep -q '^Log: ' "$work/run.log" || ! kill -0 "$runs"; }
until_true ready_or_over
command=$(sed -n 's/^    \(swaks .*\)/\1/p' "$work/run.log")
must_have_command() { [[ $command == 'swaks --server 127.0.0.1:2525 '* ]]; }
ok 'three of them get as far as to say what to try' must_have_command
asks_for_nothing() { ! grep -E 'root runs no |^next: start |to use what has changed' "$work/run.log"; }
ok 'and not what else is to be done' asks_for_nothing
if ((failures == 0)); then
  sends() { # as from another terminal
    "$fresh" --join timeout 600 bash -c "${commands[3]}" >"$work/swaks.out" 2>&1 </dev/null
  }
  ok 'the fourth one ends' sends
  ok 'its first message was deferred' grep -q '^<\*\* 450 4\.7\.1 Greylisted: please try again in' "$work/swaks.out"
  ok 'its last one was accepted by the server' grep -q '^<-  250 Received' "$work/swaks.out"
  patience=60 # the log is written already
  for line in 'verdict=defer reason=new' 'verdict=accept reason=passed'; do
    ok "the log has $line" until_true grep -q " $line client=127.0.0.1 sender=you@example.org " "$work/run.log"
  done
fi
kill $runs
wait $runs
ok 'nothing is left' nothing_left
((failures == 0)) && echo 'fresh_test: all passed'
exit $((failures > 0))
