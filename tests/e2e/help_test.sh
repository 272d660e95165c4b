#!/bin/bash
# Every program that a person may start knows --help, and says in one line what it was not made for. Of
# scripts it is looked at in a copy of the tree, with hardly a program in PATH: neither needs anything,
# or does anything.
# usage: help_test.sh BUILD-DIRECTORY
# shellcheck disable=SC2317 # functions are called through `ok`
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
top=$(realpath "$here/../..")
build=$(realpath "$1")
work_in_a_directory

mkdir "$work/bin" "$work/tree"
for program in sed dirname realpath cat sh bash env id grep tr; do ln -s "$(type -P $program)" "$work/bin"; done
(cd "$top" && cp -a --parents scripts .ci debian/lib etc smtpd-glue/qmail svctool/svctool.8 "$work/tree") || exit 1
cp -a "$work/tree" "$work/before"

scripts() { find "$work/tree" -type f -perm /u+x | sort; }
programs() {
  printf '%s\n' "$build"/{greyd/qmail-greyd,greyd/greydaemon,greyd/greyctl/greyctl,svctool/svctool,smtpd-glue/greysmtpd,smtpd-glue/greyspp}
}

run() { # argument...: of $program
  (cd / && exec timeout "$patience" env PATH="$work/bin" "$program" "$@") >"$work/out" 2>"$work/err" </dev/null
}
helps() {
  run "$1" && [ ! -s "$work/err" ] &&
    grep -iq usage "$work/out" && grep -qF -e "${program##*/}" "$work/out" && ! grep -q '^#' "$work/out"
}
refuses() {
  run "$@"
  [ $? = 100 ] && [ ! -s "$work/out" ] && [ "$(wc -l <"$work/err")" = 1 ] && grep -qF -e "$1" "$work/err"
}

# A monitor's plugin has the monitor's codes: 3 is UNKNOWN.
is_unknown() {
  run --no-such-option
  [ $? = 3 ] && [ ! -s "$work/err" ] && [ "$(wc -l <"$work/out")" = 1 ]
}

while read -r program; do
  name=${program#"$work/tree/"}
  name=${name#"$build/"}
  ok "$name --help" helps --help
  case $name in
    etc/check_greylist) ok "$name --no-such-option is unknown, in one line" is_unknown ;;
    *) ok "$name --no-such-option is refused in one line that names it" refuses --no-such-option ;;
  esac
  ((failures == 0)) || cat "$work/out" "$work/err"
done < <(scripts; programs)
ok 'these are the scripts that README names, and more' test "$(scripts | wc -l)" -ge 16
ok 'nothing was written' diff -r "$work/before" "$work/tree"

for misuse in 'run 1999 2525 25' 'run abc' 'fuzz soon' 'fuzz 1 fuzz_nothing' 'package /nowhere' 'package a b' \
  'test -R' 'test replay' 'bench --quick --full' 'setup everything' 'lint x' 'format x' 'fresh --keep --x' 'release x'; do
  read -ra words <<<"$misuse"
  program=$work/tree/scripts/${words[0]}
  is_misused() { refuses "${words[-1]}" || { run "${words[@]:1}"; [ $? = 100 ] && [ "$(wc -l <"$work/err")" = 1 ]; }; }
  ok "scripts/$misuse is refused" is_misused
done
exit $((failures > 0))
