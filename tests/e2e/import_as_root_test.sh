#!/bin/bash
# `greyctl --context FILE import` by root: it becomes the owner of the state, and reads what root alone
# may read all the same; of a tree what is below it not, and says so.
# usage: import_as_root_test.sh GREYCTL TREE    exit 77: skipped, as it takes root
# shellcheck disable=SC2317 # functions are called through `ok`
set -u
usage='usage: import_as_root_test.sh GREYCTL TREE'
greyctl=$(realpath "${1:?$usage}")
tree=$(realpath "${2:?$usage}")
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
[ "$(id -u)" = 0 ] || { echo 'skipped: needs root'; exit 77; }
work_in_a_directory
chmod 755 "$work"
mkdir "$work/state" "$work/sources"
chown daemon "$work/state"
chmod 700 "$work/sources"
now=$(date +%s)
umask 077

takes() { # pattern source...
  local pattern=$1
  shift
  "$greyctl" --context "$work/state/context" import "$@" >"$work/out" 2>&1 && grep -qE "$pattern" "$work/out"
}
stored() { "$greyctl" --context "$work/state/context" list | grep -qF "$1"; }
all_are_daemons() { [ -z "$(find "$work/state" ! -user daemon)" ] && [ -e "$work/state/context.journal" ]; }

printf '{"state":"known","client":"192.0.2.1","last_seen":%s,"passes":1}\n' "$now" >"$work/sources/json"
printf 'qmail-greyd context 1\nC %s 1 192.0.2.2\n' "$now" >"$work/sources/begun"
"$greyctl" --context "$work/sources/begun" export --format context --output "$work/sources/context" 2>"$work/out"
mkdir -p "$work/sources/log" "$work/sources/cqgreylist/192" "$work/sources/jgreylist/192/000/002"
cp "$tree"/tests/data/imports/multilog/* "$work/sources/log"
touch -d '1 hour ago' "$work/sources/cqgreylist/192/192.0.2.4"
touch "$work/sources/jgreylist/192/000/002/005"
ok 'a file that is for root alone' takes '^taken: 1 records' "$work/sources/json"
ok 'is taken' stored 192.0.2.1
ok 'one that is read as a whole' takes '^taken: 1 records' "$work/sources/context"
ok 'is taken, too' stored 192.0.2.2
ok 'a directory of logs' takes '^taken: ' "$work/sources/log"
ok 'and the state is its owner'\''s' all_are_daemons

refused_below() { # tree
  ! "$greyctl" --context "$work/state/context" import "$1" >"$work/out" 2>&1 &&
    [ "$(cat "$work/out")" = "greyctl: cannot read $1: Permission denied (a tree is read as uid:$(id -u daemon); for a running daemon root reads it)" ]
}
ok 'a tree that only root may go into is named' refused_below "$work/sources/cqgreylist"
ok 'likewise' refused_below "$work/sources/jgreylist"
ok 'and nothing of it is there' eval '! stored 192.0.2.4'
chmod 755 "$work/sources" "$work/sources/cqgreylist" "$work/sources/cqgreylist/192"
ok 'one whose directories may be read' takes '^taken: 1 records' "$work/sources/cqgreylist"

# More of them than a process may have open, named and in a directory.
many_named() {
  local number
  mkdir "$work/many"
  for ((number = 0; number < 300; number++)); do
    echo "@400000006745f1a21b2c3d4e other" >"$work/many/$number"
  done
  (ulimit -Sn 256 && takes '^taken: ' "$work/many"/*)
}
ok 'some hundreds of files' many_named
many() {
  local number
  for ((number = 0; number < 1100; number++)); do
    echo "@400000006745f1a21b2c3d4e other" >"$work/sources/log/$(printf '@40000000%08x1b2c3d4e.s' $((0x6745f1a2 + number)))"
  done
  chmod 755 "$work/sources/log"
  chmod 644 "$work/sources/log"/*
  (ulimit -n 1024 && takes '^taken: ' "$work/sources/log")
}
ok 'a thousand logs' many
exit $((failures > 0))
