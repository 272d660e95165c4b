#!/bin/bash
# Each front under a key, before the real daemon that answers nobody without one: greysmtpd, greyspp,
# mailfront's plugin and a patched qmail-smtpd defer as the daemon says; with another key, or with a file of
# keys that cannot be used, they do what GREYFAIL says.
# usage: keys_fronts_test.sh GREYSMTPD GREYSPP PLUGIN QMAIL-GREYD SOURCE-DIRECTORY LIBGREYLIST.A [SANITIZER-RUNTIME [CC-OPTION...]]
# shellcheck disable=SC2317,SC2154 # through `ok`; set by serve
set -u
greysmtpd=$(realpath "$1")
greyspp=$(realpath "$2")
plugin=$(realpath "$3")
greyd=$(realpath "$4")
source=$(realpath "$5")
library=$(realpath "$6")
runtime=${7-}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/smtp.sh"
. "$source/tests/e2e/qmail_tree.sh"

key_file() { # name mode id key
  printf '%s %s\n' "$3" "$4" >"$work/$1"
  chmod "$2" "$work/$1"
}
key_file right 400 mx1 00112233445566778899aabbccddeeff
key_file wrong 400 mx1 ffeeddccbbaa99887766554433221100
key_file open 444 mx1 00112233445566778899aabbccddeeff
port=$(free_port)
start_greyd "$greyd" "$work/greyd" "127.0.0.1@$port" -m 5 --key-file "$work/right" --require-key always
export GREYIP=127.0.0.1@$port

# The code of a session's reply to DATA.
told_at() { # port
  perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ARGV[0]") or die "$!\n";
    print $s "HELO me\r\nMAIL FROM:<a\@example.org>\r\nRCPT TO:<b\@example.net>\r\nDATA\r\nQUIT\r\n";
    my @lines = <$s>;
    print substr $lines[4], 0, 3;' "$1"
}
answers() { # port code
  local told
  told=$(told_at "$1")
  [ "$told" = "$2" ] || { echo "heard $told"; false; }
}

right=(env GREYKEYFILE="$work/right" GREYTIMEOUT=60)
wrong=(env GREYKEYFILE="$work/wrong" GREYTIMEOUT=1 GREYFAIL=closed)
open=(env GREYKEYFILE="$work/open" GREYTIMEOUT=60 GREYFAIL=closed)
each_by() { # front command...
  local front=$1 which
  shift
  for which in right wrong open; do
    local -n as=$which at=port_${front}_$which
    serve "${front}_$which" "${as[@]}" "$@"
    case $which in
      right) ok "$front: the daemon's answer under the key" answers "$at" 450 ;;
      wrong) ok "$front: under another there is none" answers "$at" 451 ;;
      open) ok "$front: nor with a file that anybody may read" answers "$at" 451 ;;
    esac
  done
  ok "$front: which is said" grep -q "bad value of GREYKEYFILE: $work/open; anybody may use it" "$work/${front}_open.log"
}

each_by greysmtpd "$greysmtpd" smtpfront-echo accept
prepare_mailfront "$plugin" ${runtime:+"$runtime"}
each_by mailfront env "${preload[@]}" mailfront smtp qmail qmail-validate greylist

# As patch_qmail_test.sh has it.
prefix=$work/prefix tree=$work/tree cc="cc -O2 ${*:8}"
install -D "$source/smtpd-glue/qmail/patch-qmail-smtpd" "$prefix/bin/patch-qmail-smtpd"
install -D -m 644 "$source/smtpd-glue/libgreylist/greylist.h" "$prefix/include/greylist.h"
install -D -m 644 "$library" "$prefix/lib/libgreylist.a"
make_qmail_tree netqmail-1.06 "$tree"
ok 'qmail-smtpd is patched' "$prefix/bin/patch-qmail-smtpd" "$tree"
ok 'and built' make -s -C "$tree" qmail-smtpd
each_by qmail env QUEUE="$work/queue" "$tree/qmail-smtpd"

spp() { # command of variables
  TCPREMOTEIP=127.0.0.1 SMTPMAILFROM=a@example.org SMTPRCPTTO=b@example.net "$@" "$greyspp" 2>"$work/spp.err" | cut -c 1-4
}
told_by_spp() { [ "$(spp "${@:2}")" = "$1" ]; }
ok "greyspp: the daemon's answer under the key" told_by_spp E450 "${right[@]}"
ok 'greyspp: under another there is none' told_by_spp E451 "${wrong[@]}"
ok 'greyspp: nor with a file that anybody may read' told_by_spp E451 "${open[@]}"

forged() { grep -q 'fault=key-forged source=127.0.0.1@[0-9]* count=' "$work/greyd/log"; }
ok 'the daemon tells of the wrong key' forged
ok 'and has not been asked without one' test "$(grep -c key-missing "$work/greyd/log")" = 0
exit $((failures > 0))
