#!/bin/bash
# The text that a daemon sends for a deferral, as a rule of its has it: each front shows it in its
# reply, with the time filled in; what cannot stand in a reply it does not show; and who falls under
# no rule with a text is told GREYTEXT.
# usage: rule_text_test.sh GREYSMTPD GREYSPP PLUGIN SOURCE-DIRECTORY LIBGREYLIST.A [SANITIZER-RUNTIME [CC-OPTION...]]
# shellcheck disable=SC2317,SC2154,SC2016 # through `ok`; set by serve; texts for Perl
set -u
greysmtpd=$(realpath "$1")
greyspp=$(realpath "$2")
plugin=$(realpath "$3")
source=$(realpath "$4")
library=$(realpath "$5")
runtime=${6-}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/smtp.sh"
. "$source/tests/e2e/qmail_tree.sh"

# Defers all, with a minute to wait, and for a recipient whose rule has a text with that, to who asks
# for it; then with the tag, as asked.
perl -MIO::Socket::INET -e '
  $| = 1;
  my %text = (
    "ann\@example.net" => "Write to postmaster\@example.net, or come back in %t",
    "joe\@example.net" => "x" x 400,
    "eve\@example.net" => "later\r\n250 ok",
    "umlaut\@example.net" => "sp\xe4ter",
  );
  my $socket = IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1") or die $!;
  print $socket->sockport, "\n";
  while (defined(my $peer = $socket->recv(my $query, 65535))) {
    my ($recipient) = $query =~ /\0T([^\0]*)/;
    my ($tag) = $query =~ /\0Q([^\0]*)/ or next;
    my $text = $query =~ /\0X\0/ ? $text{$recipient} // "" : "";
    my $wait = $text ne "" || $query =~ /\0W\0/ ? pack("N", 60) : "";
    $socket->send("\0\1$wait$text$tag", 0, $peer);
  }' >"$work/daemon.port" 2>"$work/daemon.err" &
pids+=($!)
until_true test -s "$work/daemon.port"
GREYIP=127.0.0.1@$(cat "$work/daemon.port")
export GREYIP GREYTIMEOUT=60 GREYFAIL=open

in_words='Write to postmaster@example.net, or come back in 60 seconds'
longest=$(printf '%0400d' 0 | tr 0 x)

# shows FRONT REPLY RECIPIENT: what `told_by_FRONT` hears for it is REPLY, and no more
shows() {
  "told_by_$1" "$3" >"$work/told"
  [ "$(cat "$work/told")" = "$2" ] || { echo "heard $(cat "$work/told")"; false; }
}
each_text_by() { # front, printf's format of a reply, the usual text
  local front=$1 format=$2 usual=$3
  reply() { # text
    # shellcheck disable=SC2059
    printf "$format" "$1"
  }
  ok "$front: the rule's text, with the time" shows "$front" "$(reply "$in_words")" ann@example.net
  ok "$front: the longest one" shows "$front" "$(reply "$longest")" joe@example.net
  ok "$front: of one with a line of its own the usual text" shows "$front" "$(reply "$usual")" eve@example.net
  ok "$front: and of one that is not ASCII" shows "$front" "$(reply "$usual")" umlaut@example.net
  ok "$front: who falls under none is told the usual text" shows "$front" "$(reply "$usual")" bob@example.net
}

# A session's last reply but that to QUIT, all lines of it, and of what was sent behind it.
told_at() { # port recipient
  perl -MIO::Socket::INET -e '
    my ($port, $recipient) = @ARGV;
    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die "$!\n";
    print $s "HELO me\r\nMAIL FROM:<a\@example.org>\r\nRCPT TO:<$recipient>\r\nDATA\r\nQUIT\r\n";
    my @lines = <$s>;
    s/\r\n$/\n/ for @lines;
    print @lines[4 .. $#lines - 1];' "$1" "$2"
}

serve smtp "$greysmtpd" smtpfront-echo accept
told_by_greysmtpd() { told_at "$port_smtp" "$1"; }
each_text_by greysmtpd '450 4.7.1 %s' 'Greylisted: please try again in 60 seconds'

serve rcpt env GREYTEXT=later "$greysmtpd" --stage=rcpt smtpfront-echo accept
dial "$port_rcpt"
say 'HELO me\r\nMAIL FROM:<a@x>\r\nRCPT TO:<ann@example.net>'
ok '--stage=rcpt: a recipient' hear 220 250 250 450
ok 'is told its own text' test "$reply" = "450 4.7.1 $in_words"
say 'RCPT TO:<bob@example.net>'
ok 'and the next one' hear 450
ok 'GREYTEXT' test "$reply" = '450 4.7.1 later'
hang_up

told_by_greyspp() {
  TCPREMOTEIP=127.0.0.1 SMTPMAILFROM=a@example.org SMTPRCPTTO=$1 GREYTEXT='own, %t' "$greyspp" 2>"$work/spp.err"
}
each_text_by greyspp 'E450 4.7.1 %s' 'own, 60 seconds'

prepare_mailfront "$plugin" ${runtime:+"$runtime"}
serve front env "${preload[@]}" mailfront smtp qmail qmail-validate greylist
told_by_mailfront() { told_at "$port_front" "$1"; }
each_text_by mailfront '450 4.7.1 %s' 'Greylisted: please try again in 60 seconds'

# As patch_qmail_test.sh has it.
prefix=$work/prefix tree=$work/tree cc="cc -O2 ${*:7}"
install -D "$source/smtpd-glue/qmail/patch-qmail-smtpd" "$prefix/bin/patch-qmail-smtpd"
install -D -m 644 "$source/smtpd-glue/libgreylist/greylist.h" "$prefix/include/greylist.h"
install -D -m 644 "$library" "$prefix/lib/libgreylist.a"
make_qmail_tree netqmail-1.06 "$tree"
ok 'qmail-smtpd is patched' "$prefix/bin/patch-qmail-smtpd" "$tree"
ok 'and built' make -s -C "$tree" qmail-smtpd
serve qmail env QUEUE="$work/queue" "$tree/qmail-smtpd"
told_by_qmail() { told_at "$port_qmail" "$1"; }
each_text_by qmail '450 4.7.1 %s' 'try again later'

ok 'the daemon had nothing to complain of' test ! -s "$work/daemon.err"
exit $((failures > 0))
