#!/bin/bash
# patch-qmail-smtpd on stand-ins for the source trees of qmail (qmail_tree.sh says what those are):
# compiled, linked with libgreylist, run by tcpserver, spoken to by swaks, with the real daemon behind.
# And what it refuses. The ways to lay out a tree are patch_qmail_layout_test.sh's.
# usage: patch_qmail_test.sh SOURCE-DIRECTORY LIBGREYLIST.A QMAIL-GREYD CC-OPTION...
# Functions are called through `ok` and traps; `...$...` texts are for sed.
# shellcheck disable=SC2317,SC2016
set -u
source=$(realpath "$1")
library=$(realpath "$2")
greyd=$(realpath "$3")
shift 3
cc="cc -O2 $*"
here=$source/tests/e2e
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
. "$source/tests/e2e/qmail_tree.sh"
work_in_a_directory

# As installed: the patcher finds header and library beside itself.
prefix=$work/prefix
install -D "$source/smtpd-glue/qmail/patch-qmail-smtpd" "$prefix/bin/patch-qmail-smtpd"
install -D -m 644 "$source/smtpd-glue/libgreylist/greylist.h" "$prefix/include/greylist.h"
install -D -m 644 "$library" "$prefix/lib/libgreylist.a"

patch() { "$prefix/bin/patch-qmail-smtpd" "$@" >"$work/out" 2>"$work/err"; }
# refuses WHAT argument...: exit 100, one line with WHAT, and $tree is as it was
refuses() {
  local what=$1 before
  shift
  before=$(cd "$tree" && cksum -- *)
  patch "$@"
  [ $? = 100 ] && [ "$(wc -l <"$work/err")" = 1 ] && grep -qF -- "$what" "$work/err" &&
    [ "$before" = "$(cd "$tree" && cksum -- *)" ]
}
build() { make -C "$tree" qmail-smtpd >"$work/make.log" 2>&1 || { cat "$work/make.log"; false; }; }

serve() { # name address variable=value...: the tree's server on a port of its own, in $smtp_port
  local name=$1 address=$2
  shift 2
  env QUEUE="$work/queue" GREYTIMEOUT=30 "$@" tcpserver -1 -R -H -l 0 "$address" 0 \
    "$tree/qmail-smtpd" >"$work/$name.port" 2>"$work/$name.log" &
  pids+=($!)
  until_true test -s "$work/$name.port"
  smtp_port=$(cat "$work/$name.port")
}
deliver() { # client sender swaks-option...
  send_mail "$1" "$2" joe@example.net,jim@example.net "${@:3}"
}
deferred() { ! deliver "$@" && grep -q '^<\*\* 450 4\.7\.1 try again later$' "$work/swaks.out"; }
logged() { until_true grep -q "$1" "$work/greyd/log"; }

use_clock "$work/clock"
port=$(free_port)
start_greyd "$greyd" "$work/greyd" "127.0.0.1@$port" -m 5
greyip=GREYIP=127.0.0.1@$port

# ---- each kind of tree: patched, used, and put back

host=10
for kind in "${qmail_kinds[@]}"; do
  tree=$work/$kind
  make_qmail_tree "$kind" "$tree"
  chmod 640 "$tree/qmail-smtpd.c"
  cp -pr "$tree" "$tree.before"
  ok "$kind: it builds" build
  built=$(ls -A "$tree")
  ok "$kind: it is patched" patch "$tree"
  ok "$kind: its mode is kept" test "$(stat -c %a "$tree/qmail-smtpd.c")" = 640
  ok "$kind: nothing else is left behind" test "$(ls -A "$tree")" = "$built"
  ok "$kind: it builds with the library" build
  ok "$kind: which is in it" grep -q greylist "$tree/qmail-smtpd"
  ok "$kind: twice is refused" refuses 'is patched already' "$tree"

  serve "$kind" 127.0.0.1 "$greyip"
  client=127.0.0.$((++host))
  ok "$kind: the first attempt is deferred with 450" deferred "$client" "$kind@example.org"
  ok "$kind: log: new, all recipients" logged "reason=new client=$client sender=$kind@example.org recipients=joe@example.net,jim@example.net "
  ok "$kind: its own log has the reason, too" grep -qx \
    "qmail-smtpd: verdict=defer reason=new client=$client sender=$kind@example.org recipients=joe@example.net,jim@example.net" \
    "$work/$kind.log"
  pass_time 299
  ok "$kind: too early" deferred "$client" "$kind@example.org"
  pass_time 1
  ok "$kind: the good retry is accepted" deliver "$client" "$kind@example.org"
  ok "$kind: log: passed" logged "reason=passed client=$client "
  ok "$kind: and the message is there" grep -q "From: $kind@example.org" "$work/queue"
  printf 'MAIL FROM:<>\r\nRCPT TO:<b@x>\r\nDATA\r\nRCPT TO:<c@x>\r\nDATA\r\nDATA x\r\nQUIT\r\n' >"$work/commands"
  ok "$kind: a session goes on after a deferral" test "$(env TCPREMOTEIP=192.0.2.$host "$greyip" GREYTIMEOUT=30 \
    "$tree/qmail-smtpd" <"$work/commands" | cut -c 1-3 | tr '\n' ' ')" = '220 250 250 450 250 450 450 221 '

  # The other stand-ins have no HELO.
  case $kind in notqmail | netqmail-1.06)
    printf 'HELO friend\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\nQUIT\r\n' >"$work/commands"
    env TCPREMOTEIP=192.0.3.$host "$greyip" GREYTIMEOUT=30 "$tree/qmail-smtpd" <"$work/commands" >"$work/out"
    ok "$kind: the daemon is told what is said in HELO" logged "client=192.0.3.$host .* suspect=no-name,helo helo=friend$" ;;
  esac

  serve "$kind-relay" 127.0.0.1 "$greyip" RELAYCLIENT=
  ok "$kind: a relay client is not deferred" deliver 127.0.1.$host "$kind@example.org"
  serve "$kind-told" 127.0.0.1 "$greyip" RELAYCLIENT= GREYREPLIES=1
  ok "$kind: a relay client whose mail is told" deliver 127.0.1.$host "$kind@example.org" --to "$kind@there.example"
  ok "$kind: the daemon knows whom it has written to" until_true \
    grep -qs "^S [0-9]* sent:there.example $kind@there.example $kind@example.org\$" "$work/greyd"/context*
  serve "$kind-off" 127.0.0.1 GREYIP=
  ok "$kind: without GREYIP it is off" deliver 127.0.1.$host "$kind@example.org"
  serve "$kind-v6" ::1 "$greyip" "GREYTEXT=4.2.0 come back in %t"
  ! deliver ::1 "$kind@example.org"
  ok "$kind: an IPv6 client, and GREYTEXT" grep -Eq '^<\*\* 450 4\.2\.0 come back in ' "$work/swaks.out"
  serve "$kind-open" 127.0.0.1 GREYIP=127.0.0.1@1 GREYTIMEOUT=1
  ok "$kind: no daemon, open" deliver 127.0.1.$host "$kind@example.org"
  ok "$kind: and the log says so" grep -q "^qmail-smtpd: client=127.0.1.$host: .*: accepted (GREYFAIL=open)" "$work/$kind-open.log"
  serve "$kind-closed" 127.0.0.1 GREYIP=127.0.0.1@1 GREYTIMEOUT=1 GREYFAIL=closed
  ! deliver 127.0.1.$host "$kind@example.org"
  ok "$kind: no daemon, closed" grep -q '^<\*\* 451 4\.3\.0 Greylisting is not available' "$work/swaks.out"

  ok "$kind: it is put back" patch --reverse "$tree"
  for file in qmail-smtpd.c Makefile; do
    ok "$kind: $file byte for byte" cmp "$tree.before/$file" "$tree/$file"
  done
  ok "$kind: its mode is kept" test "$(stat -c %a "$tree/qmail-smtpd.c")" = 640
  ok "$kind: it builds again" build
  ok "$kind: and knows no greylisting" test "$(grep -c greylist "$tree/qmail-smtpd")" = 0
  ok "$kind: putting back twice is refused" refuses 'is not patched' --reverse "$tree"
done

# ---- what is refused

tree=$work/refused
edited() { # FILE sed-command...: a fresh tree, with that file edited
  local file=$1
  shift
  rm -rf "$tree"
  make_qmail_tree qmail-1.03 "$tree"
  sed -i "$@" "$tree/$file"
  ! cmp -s "$tree/$file" "$here/qmail/$file" && ! cmp -s "$tree/$file" "$here/qmail/qmail-1.03.c"
}
refuses_after() { edited "${@:2}" && refuses "$1" "$tree"; }
src=qmail-smtpd.c
data='/^void smtp_data/,/^}/'
ok 'no smtp_data, and what to do then' refuses_after 'smtp_data; greysmtpd(8) needs no patch' $src 's/smtp_data/smtp_body/'
ok 'no smtp_data' refuses_after 'qmail-smtpd.c: no definition of void smtp_data' $src 's/smtp_data/smtp_body/'
ok 'smtp_data is only declared' refuses_after 'no definition of void smtp_data' $src 's/^void smtp_data(arg) char \*arg; {/void smtp_data();\nvoid f() {/'
ok 'two of them' refuses_after '2 times definition of void smtp_data' $src 's/^struct command/void smtp_data(arg) char *arg; {\n}\n&/'
ok 'no check for MAIL' refuses_after 'no if (!seenmail) { err_wantmail(); return; } in smtp_data' $src "${data}{/wantmail/d}"
ok 'no check for RCPT' refuses_after 'no if (!rcptto.len)' $src "${data}{/wantrcpt/d}"
ok 'two of them' refuses_after '2 times if (!rcptto.len)' $src "${data}{/wantrcpt/p}"
ok 'another condition' refuses_after 'no if (!rcptto.len)' $src 's/!rcptto.len)/!rcptto.len \&\& x)/'
ok 'no seenmail = 0' refuses_after 'no seenmail = 0; in smtp_data' $src "${data}{/seenmail = 0/d}"
ok 'two of them' refuses_after '2 times seenmail = 0;' $src "${data}{/seenmail = 0/p}"
ok 'no qmail_open' refuses_after 'no qmail_open(&qqt) in smtp_data' $src 's/qmail_open/other_open/'
ok 'the checks in another order' refuses_after 'in another order' $src "${data}{/wantmail/d; s/.*wantrcpt.*/&\n  if (!seenmail) { err_wantmail(); return; }/}"
ok 'no relayclient' refuses_after 'no relayclient before smtp_data' $src 's/relayclient/relaying/'
ok 'no remoteip' refuses_after 'no remoteip before smtp_data' $src 's/remoteip/clientip/'
ok 'lines that end with CR LF' refuses_after 'qmail-smtpd.c: line 1 ends with CR LF' $src 's/$/\r/'
ok 'in the Makefile' refuses_after 'Makefile: line 3 ends with CR LF' Makefile '3s/$/\r/'
ok 'a greylisting of its own' refuses_after 'has a greylisting of its own, in line 1' $src '1s/^/int Greylist();\n/'
ok 'messages by BDAT' refuses_after 'takes messages by BDAT, too, in line 1, which would not be asked about; greysmtpd(8)' $src '1s/^/void smtp_bdat();\n/'
ok 'no command in the Makefile' refuses_after 'Makefile: no command ./load qmail-smtpd' Makefile 's/load qmail-smtpd stand/load qmail-smtp stand/'
ok 'another program of that beginning' refuses_after 'Makefile: no command ./load qmail-smtpd' Makefile 's/load qmail-smtpd stand/load qmail-smtpd-ssl stand/'
ok 'a comment' refuses_after 'Makefile: no command ./load qmail-smtpd' Makefile 's/^\t.*load qmail-smtpd stand/#&/'
ok "qmail-ldap's header" refuses_after 'this is qmail-ldap, which is not patched: put greysmtpd(8)' $src '1s/^/#include "qmail-ldap.h"\n/'
ok 'its end of a look-up' refuses_after 'this is qmail-ldap,' $src 's/  if (!seenmail) { err_wantmail(); return; }/  ldaplookupdone();\n&/'
edited $src 's/  if (!seenmail) { err_wantmail(); return; }/  if (!seenmail) {\n    err_wantmail();\n    if (errdisconnect) err_quit();\n    return;\n  }/'
ok 'its checks, should it not be known as such' refuses 'no if (!seenmail) { err_wantmail(); return; } in smtp_data; greysmtpd(8) needs no patch' "$tree"
touch "$tree/qmail-ldap.h"
ok 'a directory with its header' refuses 'this is qmail-ldap,' "$tree"
ok "eQmail's help" refuses_after 'this is eQmail, which is not patched: it has plugins, see greyspp(8)' $src 's|out("221 stand-in.r.n")|out("214 eQmail home page: x\\r\\n")|'
edited $src '1s/stand-in/server/'
echo 'eQmail 1.09' >"$tree/VERSION"
ok 'its version' refuses 'this is eQmail,' "$tree"
ok 'a greylisting in the Makefile' refuses_after 'has a greylisting of its own' Makefile 's/load qmail-smtpd stand/load qmail-smtpd greylist.o stand/'
edited $src -e '$ d'
printf '/* no end of line */' >>"$tree/$src"
ok 'a last line without an end' refuses 'cannot be undone exactly' "$tree"
edited Makefile '/^conf-cc/d'
rm "$tree/Makefile"
ok 'no Makefile' refuses 'Makefile: no such file' "$tree"
ok 'no directory' refuses 'no such file' "$tree/nothing"
ok 'no argument' refuses 'usage: patch-qmail-smtpd'
ok 'two arguments' refuses 'more than one directory' "$tree" "$tree"
ok 'an unknown option' refuses 'unknown option --nonsense' --nonsense "$tree"
edited $src 1d
ln -sf "$here/qmail/qmail-1.03.c" "$tree/$src"
ok 'a symbolic link' refuses 'is a symbolic link' "$tree"
edited $src '1s/stand-in/server/'
ok 'a library that is not there' refuses '/nowhere/libgreylist.a: no such file' --library=/nowhere/libgreylist.a "$tree"
ok 'a path that make would take apart' refuses 'characters that a Makefile does not take' "--library=/a b.a" "$tree"
ok 'a relative path' refuses 'not a path from /' --include=greylist.h "$tree"
mv "$prefix/lib" "$prefix/share"
ok 'the library is named when it is elsewhere' patch "--library=$prefix/share/libgreylist.a" "$tree"
ok 'and found' build

# ---- other changes do not get in the way of --reverse

sed -i '1s/^/\/* another patch *\/\n/; s/250 ok/250 fine/' "$tree/$src"
sed -i 's/stand_in.o socket.lib/stand_in.o/; $a # another' "$tree/Makefile"
ok 'what was patched since is put back' patch --reverse "$tree"
ok 'the greylisting is gone' test "$(grep -ci greylist "$tree/$src" "$tree/Makefile" | tr '\n' ' ')" = "$tree/$src:0 $tree/Makefile:0 "
ok 'the other changes are not' grep -q '250 fine' "$tree/$src"
ok 'it builds' build
edited $src '1s/stand-in/server/'
patch "--library=$prefix/share/libgreylist.a" "$tree"
sed -i '/^\/\* greylist end/d' "$tree/$src"
ok 'a mark is gone: refused' refuses 'a mark is missing' --reverse "$tree"
sed -i '/greylist/d' "$tree/$src"
ok 'one file put back by hand: the other is put back' patch --reverse "$tree"
ok 'and knows no greylisting' test "$(grep -ci greylist "$tree/Makefile")" = 0

stop_greyd
greyd_pid=
((failures == 0)) && echo 'patch_qmail_test: all passed'
exit $((failures > 0))
