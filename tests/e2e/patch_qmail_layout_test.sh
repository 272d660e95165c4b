#!/bin/bash
# The forms in which real trees write what patch-qmail-smtpd changes: each is patched, built, and put
# back byte for byte. And what can go wrong with files: modes, a run that was killed, nothing writable.
# usage: patch_qmail_layout_test.sh SOURCE-DIRECTORY LIBGREYLIST.A CC-OPTION...
# shellcheck disable=SC2317,SC2016 # called through `ok`; texts for sed
set -u
source=$(realpath "$1")
library=$(realpath "$2")
shift 2
cc="cc -O0 $*"
# shellcheck source-path=SCRIPTDIR
. "$source/tests/e2e/lib.sh"
. "$source/tests/e2e/qmail_tree.sh"
work_in_a_directory

# Copies, as other users may have no way to this source.
install -D "$source/smtpd-glue/qmail/patch-qmail-smtpd" "$work/bin/patch-qmail-smtpd"
install -D -m 644 "$source/smtpd-glue/libgreylist/greylist.h" "$work/include/greylist.h"
install -D -m 644 "$library" "$work/lib/libgreylist.a"
tree=$work/tree
patch() { "${as[@]}" "$work/bin/patch-qmail-smtpd" "$@" >"$work/out" 2>"$work/patch.err"; }
as=()
build() { make -C "$tree" qmail-smtpd >"$work/make.log" 2>&1 || { cat "$work/make.log"; false; }; }
asks() { build && grep -q greylist_check "$tree/qmail-smtpd"; }
# The tree is patched, then asks, and is what it was when it is put back.
works() {
  rm -rf "$tree.before"
  cp -pr "$tree" "$tree.before"
  if ! patch "$tree" || ! asks || ! patch --reverse "$tree"; then
    cat "$work/patch.err"
    return 1
  fi
  cmp "$tree.before/Makefile" "$tree/Makefile" && cmp "$tree.before/qmail-smtpd.c" "$tree/qmail-smtpd.c"
}
edited() { # kind file sed-command...: a fresh tree, with that file edited
  local kind=$1 file=$2
  shift 2
  rm -rf "$tree"
  make_qmail_tree "$kind" "$tree"
  cp "$tree/$file" "$work/unedited"
  sed -i "$@" "$tree/$file"
  ! cmp -s "$work/unedited" "$tree/$file"
}
works_with() { edited "$@" && works; }

# ---- Makefile

with_makefile() { works_with "$1" Makefile "${@:2}"; }
rule='/^qmail-smtpd:/'
load='s|\./load qmail-smtpd|'
ok 'a line with prerequisites only behind the rule' with_makefile qmail-1.03 '$ aqmail-smtpd: tls.o\ntls.o: compile tls.c\n\t./compile tls.c'
ok 'before it' with_makefile qmail-1.03 "$rule i\\qmail-smtpd: conf-cc"
ok 'tabbed, and continued with a backslash' with_makefile combined 's/^qmail-smtpd: tls.o/qmail-smtpd:\ttls.o\t\\\n\tconf-cc \\\n conf-cc/'
ok 'several of them' with_makefile combined '$ aqmail-smtpd: conf-cc\nqmail-smtpd qmail-smtpd.0: conf-cc'
ok 'a blank before the colon of the rule' with_makefile combined "$rule s/:/ :/"
ok 'before each colon' with_makefile combined 's/^qmail-smtpd:/qmail-smtpd :/'
ok 'a tab before it' with_makefile combined "$rule s/:/\\t:/"
ok 'two colons' with_makefile qmail-1.03 "$rule s/:/::/"
ok 'all prerequisites in one line' with_makefile qmail-1.03 "$rule{N;s/\\\\\\n//}"
ok 'compiled by the same rule' with_makefile combined -e "$rule,/socket.lib/s/qmail-smtpd.o/compile qmail-smtpd.c/" -e 's|^\t./load qmail-smtpd|\t./compile qmail-smtpd.c\n&|'
ok 'objects in the lines behind, and a command of its own' with_makefile qmail-1.03 's/^\t`cat socket.lib`/&\n\t: done/'
ok 'a comment that continues, in the recipe' with_makefile qmail-1.03 's/^\t`cat socket.lib`/&\n#\ttls.o -L\/usr\/local\/ssl\/lib -lssl \\\n/'
ok 'the command is not shown' with_makefile qmail-1.03 "${load}@&|"
ok 'its failure is no matter' with_makefile qmail-1.03 "${load}- &|"
ok 'two blanks' with_makefile qmail-1.03 's/load qmail-smtpd/load  qmail-smtpd/'
ok 'a tab' with_makefile qmail-1.03 's/load qmail-smtpd/load\tqmail-smtpd/'
ok 'the name ends the line' with_makefile qmail-1.03 's/load qmail-smtpd /&\\\n\t/'
ok 'by a macro' with_makefile qmail-1.03 -e '1iLOAD=./load' -e "${load}\$(LOAD) qmail-smtpd|"
ok 'one line, and nothing else before it' with_makefile qmail-1.03 '1,2d'

# Several commands: what they link is the same qmail-smtpd.o.
one_of_two() {
  edited qmail-1.03 Makefile 's/^default:/TLS=1\n&/' &&
    perl -0pi -e 's{\t./load qmail-smtpd .*?\n\t.*?\n}{ifdef TLS\n\t./load qmail-smtpd stand_in.o tls.o\nelse\n\t./load qmail-smtpd stand_in.o\nendif\n}' "$tree/Makefile" &&
    printf 'tls.o: compile tls.c\n\t./compile tls.c\nqmail-smtpd: tls.o\n' >>"$tree/Makefile"
}
ok 'one of two, as a condition says' one_of_two
ok 'the first command of two' works
sed -i '/^TLS=1/d' "$tree/Makefile"
rm "$tree/qmail-smtpd"
ok 'the second one' works
ok 'two programs' with_makefile combined '$ aqmail-smtpd.static: qmail-smtpd\n\t./load qmail-smtpd stand_in.o tls.o'
patch "$tree"
ok 'each is given the library' test "$(grep -c 'load qmail-smtpd \$(GREYLIST_LIB) ' "$tree/Makefile")" = 2

# ---- source

with_source() { works_with "$1" qmail-smtpd.c "${@:2}"; }
ok 'no blank in the checks' with_source qmail-1.03 's/ { err_want\(mail\|rcpt\)(); return; }/{err_want\1();return;}/'
ok 'tabs in them' with_source qmail-1.03 's/ *{ err_want\(mail\|rcpt\)(); /\t{\terr_want\1();\t/'
ok 'a comment behind one' with_source notqmail 's/err_wantrcpt(); return; }/& \/* as RFC 5321 says *\//'
ok 'prototypes among declarations' with_source combined 's/^void smtp_data();/void smtp_data(void);/'
ok 'the type on a line of its own' with_source netqmail-1.06 's/^void smtp_data(arg)/void\nsmtp_data(arg)/'
ok 'static, on two lines' with_source tabbed '/^void$/{N;s/^void\(\nsmtp_data\)/static void\1/}'
ok 'other checks between (s/qmail)' with_source qmail-1.03 '/^void smtp_data/,/^}/s/err_wantrcpt(); return; }/&\n  if (0) { err_qqt(); return; }/'
ok 'what a failure does besides' with_source qmail-1.03 's/{ err_qqt(); return; }/{ err_qqt(); flush(); return; }/'

edited combined qmail-smtpd.c '1s/stand-in/server/'
patch "$tree"
ok 'a server with AUTH is built' build
session() { printf '%s\r\n' "$@" | env TCPREMOTEIP=192.0.2.1 GREYIP=127.0.0.1@1 GREYFAIL=closed GREYTIMEOUT=1 QUEUE="$work/queue" \
  "$tree/qmail-smtpd" 2>>"$work/session.err" | cut -c 1-3 | tr '\n' ' '; }
mail=('MAIL FROM:<a@example.org>' 'RCPT TO:<b@example.net>' DATA)
ok 'after STARTTLS the daemon is asked, too' test "$(session EHLO STARTTLS EHLO "${mail[@]}" QUIT)" = '220 250 220 250 250 250 451 221 '
ok 'who is authenticated is not' test "$(session EHLO AUTH "${mail[@]}" x . QUIT)" = '220 250 235 250 250 354 250 221 '

# ---- each awk

for awk in mawk gawk original-awk 'busybox awk'; do
  ok "$awk is here" command -v "${awk% *}" >"$work/out"
  mkdir "$work/${awk// /-}"
  printf '#!/bin/sh\nexec %s "$@"\n' "$awk" >"$work/${awk// /-}/awk"
  chmod 755 "$work/${awk// /-}/awk"
  for kind in "${qmail_kinds[@]}"; do
    rm -rf "$tree"
    make_qmail_tree "$kind" "$tree"
    PATH=$work/${awk// /-}:$PATH ok "$awk: $kind" works
  done
done

# ---- files

edited combined qmail-smtpd.c '1s/stand-in/server/'
chmod 444 "$tree/qmail-smtpd.c" "$tree/Makefile"
if [ "$(id -u)" = 0 ]; then # who may write everything
  chmod 755 "$work"
  chown -R nobody "$tree"
  touch "$work/out" "$work/patch.err"
  as=(setuidgid nobody)
fi
owner=$(stat -c %u "$tree/Makefile")
ok 'files that even their owner may not write' works
as=()
ok 'their modes and owner are kept' test "$(stat -c '%a %u' "$tree/qmail-smtpd.c" "$tree/Makefile" | sort -u)" = "444 $owner"

before=$(cd "$tree" && cksum -- *)
[ "$(id -u)" = 0 ] && user='' || user=r # in a user namespace of its own, as its root
mount_read_only() { unshare -m"$user" sh -c 'mount --bind -o ro "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"' "$tree" "$@"; }
as=(mount_read_only)
patch "$tree"
ok 'a tree on a file system that takes nothing: 111' test $? = 111
ok 'and one line' test "$(cat "$work/patch.err")" = "patch-qmail-smtpd: $tree: cannot be written"
as=()
ok 'nothing is left in it' test "$before" = "$(cd "$tree" && cksum -- *)"

half_done() { # file: the run was killed before this one was replaced
  edited combined Makefile '1s/qmail/server/'
  cp -pr "$tree" "$work/whole"
  patch "$tree"
  cp "$work/whole/$1" "$tree"
  rm -r "$work/whole"
}
for file in Makefile qmail-smtpd.c; do
  half_done $file
  cp -p "$tree/$file" "$work/unpatched"
  ok "$file is not patched: the next run does it" patch "$tree"
  ok 'and the server asks' asks
  patch "$tree"
  ok 'then there is nothing to do' grep -q 'is patched already' "$work/patch.err"
  half_done $file
  ok "$file is not patched: --reverse does the other" patch --reverse "$tree"
  ok 'and nothing else' cmp "$work/unpatched" "$tree/$file"
  ok 'then there is nothing to do' test "$(grep -ci greylist "$tree/Makefile" "$tree/qmail-smtpd.c" | cut -d: -f2 | tr '\n' ' ')" = '0 0 '
  patch --reverse "$tree"
  ok 'as it says' grep -q 'is not patched' "$work/patch.err"
done

edited combined Makefile '1s/qmail/server/'
before=$(ls -A "$tree")
for left in new-source new-makefile old-source back; do echo x >"$tree/.patch-qmail-smtpd.$left"; done
ok 'what a killed run has left is no matter' works
rm -f "$tree"/{compile,load,socket.lib,qmail-smtpd,*.o}
ok 'and goes' test "$(ls -A "$tree")" = "$before"

# What an earlier version left is put back: its definition stood before the rule.
edited qmail-1.03 Makefile '1s/qmail/server/'
cp "$tree/Makefile" "$work/unpatched"
patch "$tree"
sed -i -e '/^# greylist begin/,/^# greylist end/d' -e "$rule"'i# greylist begin: put here by patch-qmail-smtpd(8)\nGREYLIST_LIB=/x.a\n# greylist end' "$tree/Makefile"
ok 'a tree that was patched otherwise is put back' patch --reverse "$tree"
ok 'byte for byte' cmp "$work/unpatched" "$tree/Makefile"

((failures == 0)) && echo 'patch_qmail_layout_test: all passed'
exit $((failures > 0))
