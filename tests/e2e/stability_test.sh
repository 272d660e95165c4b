#!/bin/bash
# What STABILITY.md promises by name, as it was in 1.0 (tests/data/stable-1.0): each name is still
# there. Names are added there when a release has them, and none is taken out.
# usage: stability_test.sh BUILD-DIRECTORY
#        stability_test.sh --print WHAT BUILD-DIRECTORY      the names of today, for a release
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
top=$(realpath "$here/../..")

options_of() { "$build/$1" --help | grep -oE '(^ +|, ?)--?[a-z][a-z_0-9-]*' | grep -oE -- '--?[a-z].*' | sort -u; }
variables() { # the files that svctool would make for a service
  "$build/svctool/svctool" --greylist=1999 --servicedir=/nowhere --cntrldir=/nowhere/control --logdir=/nowhere/log --user=nobody \
    --loguser=nobody --supervise=daemontools --serve=127.0.0.1@9119 --dry-run 2>/dev/null |
    sed -n 's|^create .*/variables/||p' | sort -u
}
names() { # what: those of today
  case $1 in
    qmail-greyd.options) options_of greyd/qmail-greyd ;;
    svctool.options) options_of svctool/svctool ;;
    greyctl.commands) "$build/greyd/greyctl/greyctl" --help | sed -n '/^Subcommands/,/^$/s/^  \([a-z-]*\) .*/\1/p' | sort ;;
    variables) variables ;;
    libgreylist.symbols) nm -D --defined-only "$build/smtpd-glue/libgreylist.so" | sed -n 's/.* \(greylist.*\)/\1/p' | sort ;;
    metrics) grep -ohE '^\.It .*' "$top/greyd/greyctl/greyctl.8" | grep -oE 'greyd_[a-z_]+' | sort -u ;;
    *) return 1 ;;
  esac
}
work_in_a_directory
if [ "$1" = --print ]; then
  build=$3
  names "$2" | LC_ALL=C sort
  exit
fi
build=$(realpath "$1")
for list in "$top"/tests/data/stable-1.0/*; do
  what=${list##*/}
  names "$what" | LC_ALL=C sort >"$work/today"
  missing=$(LC_ALL=C sort "$list" | LC_ALL=C comm -23 - "$work/today" | tr '\n' ' ')
  ok "$what are there${missing:+, but for $missing}" test -s "$list" -a -z "$missing"
done
exit $((failures > 0))
