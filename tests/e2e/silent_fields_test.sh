#!/bin/bash
# Daemons that are silent to a query with one of our fields, as the Perl greydaemon is, behind each
# front: the message is deferred and not accepted for want of an answer.
# usage: silent_fields_test.sh GREYSMTPD GREYSPP PLUGIN [SANITIZER-RUNTIME]
# shellcheck disable=SC2317,SC2154 # through `ok`; set by serve
set -u
greysmtpd=$(realpath "$1")
greyspp=$(realpath "$2")
plugin=$(realpath "$3")
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/smtp.sh"

# Defers what it answers, and what it answers has none of the fields. All that came is in a file.
silent_to() { # letters
  perl -MIO::Socket::INET -e '
    $| = 1;
    my $letters = shift;
    my $socket = IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1") or die $!;
    print $socket->sockport, "\n";
    while (defined(my $peer = $socket->recv(my $query, 65535))) {
      (my $line = $query) =~ tr/\0/|/;
      print STDERR "$line\n";
      $socket->send("\0\1", 0, $peer) unless $query =~ /\0[$letters]/;
    }' "$1" >"$work/$1.port" 2>>"$work/$1.queries" &
  pids+=($!)
  until_true test -s "$work/$1.port"
  queries=$work/$1.queries
  GREYIP=127.0.0.1@$(cat "$work/$1.port")
  export GREYIP
}
export GREYTIMEOUT=60 GREYFAIL=open
named=(env TCPREMOTEHOST=mx.example.org) # which tcpserver -H would take away
plain_first() { # sender: the first datagram about it was the plain form
  grep "|F$1|" "$queries" | head -n 1 | grep -qxF "I127.0.0.1|F$1|Tr@example.net||"
}
full_first() { grep "|F$1|" "$queries" | head -n 1 | grep -qE '\|Q[0-9a-f]{16}\|\|$'; }
plain_later() { grep -qxF "I127.0.0.1|F$1|Tr@example.net||" "$queries"; }

test_greysmtpd() { # letters
  serve "smtp_$1" "${named[@]}" "$greysmtpd" smtpfront-echo accept
  local port=port_smtp_$1
  dial "${!port}"
  say 'EHLO me\r\nMAIL FROM:<a@x>\r\nRCPT TO:<r@example.net>\r\nDATA'
  ok "$1, greysmtpd: deferred" hear 220 250 250 250 450
  ok "asked with the fields first" full_first a@x
  ok "and then without" plain_later a@x
  say 'RSET\r\nMAIL FROM:<b@x>\r\nRCPT TO:<r@example.net>\r\nDATA'
  ok 'another message' hear 250 250 250 450
  ok 'likewise: a datagram may have got lost' full_first b@x
  say 'RSET\r\nMAIL FROM:<c@x>\r\nRCPT TO:<r@example.net>\r\nDATA'
  ok 'a third one' hear 250 250 250 450
  ok "without them at once: the session remembers" plain_first c@x
  say 'QUIT'
  ok "and the session ends" hear 221
  hang_up
}

test_greyspp() { # letters
  ok "$1, greyspp: deferred" grep -q '^E450 4.7.1' \
    <("${named[@]}" TCPREMOTEIP=127.0.0.1 SMTPHELOHOST=me SMTPMAILFROM=spp@x SMTPRCPTTO=r@example.net "$greyspp" 2>"$work/err")
  ok "asked without the fields" plain_later spp@x
}

test_mailfront() { # letters
  # shellcheck disable=SC2154
  serve "front_$1" "${named[@]}" "${preload[@]}" mailfront smtp qmail qmail-validate greylist
  local port=port_front_$1
  swaks_to "${!port}" front@x
  ok "$1, mailfront: deferred" heard_by_swaks '450 4.7.1'
  ok "asked without the fields" plain_later front@x
}

prepare_mailfront "$plugin" ${4+"$4"}
# H, N, Q, W and X each, and the Perl program's all.
for letters in H N Q W X A-EG-SU-Z; do
  silent_to "$letters"
  name=${letters//-/}
  test_greysmtpd "$name"
  test_greyspp "$name"
  test_mailfront "$name"
done
exit $((failures > 0))
