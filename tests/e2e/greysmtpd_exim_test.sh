#!/bin/bash
# greysmtpd before a server that offers everything: Exim under tcpserver, with TLS, AUTH, CHUNKING
# and SMTPUTF8. swaks where it can, a client by hand for BDAT.
# usage: greysmtpd_exim_test.sh /path/to/greysmtpd /path/to/exim4
# shellcheck disable=SC2317,SC2154,SC2016 # called through `ok`; set by serve; texts for Exim
set -u
here=$(cd "$(dirname "$0")" && pwd)
greysmtpd=$(realpath "$1")
unpacked=$(realpath "$2")
[ "$(id -u)" = 0 ] || { echo "skipped: Exim takes a configuration of ours from root only"; exit 77; }
# shellcheck source-path=SCRIPTDIR
. "$here/smtp.sh"

make_exim() { # directory
  mkdir "$1" "$1/mail" "$1/spool" "$1/log"
  chown Debian-exim: "$1/mail" "$1/spool" "$1/log"
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mx.example.net \
    -keyout "$1/key" -out "$1/certificate" 2>"$1/openssl.out" || cat "$1/openssl.out"
  chown Debian-exim: "$1/key"
  cat >"$1/exim.conf" <<END
exim_path = $exim
spool_directory = $1/spool
log_file_path = $1/log/%slog
primary_hostname = mx.example.net
keep_environment =
never_users =
tls_advertise_hosts = *
tls_certificate = $1/certificate
tls_privatekey = $1/key
chunking_advertise_hosts = *
smtputf8_advertise_hosts = *
auth_advertise_hosts = *
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
begin acl
rcpt:
  accept domains = example.net
  deny message = relay not permitted
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  file = $1/mail/box
  user = Debian-exim
begin authenticators
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = User Name : Password
  server_condition = \${if eq{\$auth2}{secret}}
END
}

copy_exim "$unpacked"
make_exim "$work/exim"
# Another Exim, which takes any number of bad commands and keeps nothing, and one that refuses each
# recipient with what it has read.
{
  printf 'smtp_%s\n' 'enforce_sync = false' 'accept_max_per_connection = 0' \
    {accept_max_nonmail,max_synprot_errors,max_unknown_commands}' = 1000000'
  sed 's/^acl_smtp_data = .*/acl_smtp_data = discard/' "$work/exim/exim.conf"
} >"$work/exim/ends.conf"
sed 's/^  accept domains .*//; s/message = relay.*/message = took <$local_part@$domain>/' \
  "$work/exim/exim.conf" >"$work/exim/spelling.conf"
# One that calls the sender's host, on the port that takes CALLED's place, to verify the address.
sed 's/^rcpt:/rcpt:\n  require verify = sender\/callout=30s,no_cache/
  s/^all:/call:\n  driver = manualroute\n  domains = ! example.net\n  route_list = * 127.0.0.1\n  transport = call\n  self = send\nall:/
  s/^begin transports/begin transports\ncall:\n  driver = smtp\n  port = CALLED\n  hosts_try_fastopen =/' \
  "$work/exim/exim.conf" >"$work/exim/callout.conf"
mail=$work/exim/mail
# -odi: what is answered with 250 is in the mailbox.
# Exim asks the kernel for the client's address, and sees a socket of greysmtpd's: -oMa tells it.
server=(sh -c 'exec "$0" "$@" -oMa "[$TCPREMOTEIP]:$TCPREMOTEPORT"' "$exim" -C "$work/exim/exim.conf" -odi -bs)
start_daemon
export GREYIP=$daemon GREYTIMEOUT=30
serve grey "$greysmtpd" "${server[@]}"
serve rcpt "$greysmtpd" --stage=rcpt "${server[@]}"
serve direct "${server[@]}"

asked() { grep -cxF "$1" "$work/queries"; }
arrived() { # text: the only message in the mailbox has it
  [ "$(grep -c '^From ' "$mail/box")" = 1 ] && grep -q "$1" "$mail/box"
}
no_mail() { [ -z "$(ls -A "$mail")" ]; }
begin() { rm -f "$mail"/*; : >"$work/queries"; }

test_offers() {
  local port
  for port in "$port_direct" "$port_grey"; do
    swaks_to "$port" good@example.org --quit-after EHLO
    grep '^<-  250[- ]' "$work/swaks.out" | grep -v Hello >"$work/offers.$port"
  done
  ok "the server's offers are unchanged" cmp "$work/offers.$port_direct" "$work/offers.$port_grey"
  ok "and complete" test "$(grep -c -E 'STARTTLS|CHUNKING|AUTH|SMTPUTF8' "$work/offers.$port_grey")" = 4
}

test_starttls() {
  local port
  for port in "$port_grey" "$port_rcpt"; do
    begin
    swaks_to "$port" good@example.org --tls
    ok "STARTTLS: a client that must wait hears 421" heard_by_swaks '421 4.7.1 Greylisted'
    ok "after a question about it alone" test "$(asked 'I127.0.0.1|F*|T*||')" = 1
    ok "STARTTLS: another client delivers, and nobody asks about its envelope" \
      swaks_to "$port" bad@example.org --tls --local-interface 127.0.0.2 --body tls-was-here
    ok "it arrived" arrived tls-was-here
    ok "with no more questions" test "$(cat "$work/queries")" = $'I127.0.0.1|F*|T*||\nI127.0.0.2|F*|T*||'
  done
  begin
  perl -e 'print "Subject: large\r\n\r\n", ("m" x 75 . "\r\n") x 130_000' >"$work/large"
  ok "STARTTLS: 10 MB pass" swaks_to "$port_grey" bad@example.org --tls \
    --local-interface 127.0.0.2 --data "@$work/large"
  ok "and all of it arrived" test "$(grep -c '^mmm' "$mail/box")" = 130000
}

test_auth() {
  begin
  ok "AUTH: an authenticated session is not greylisted" \
    swaks_to "$port_grey" bad@example.org --auth LOGIN --auth-user joe --auth-password secret
  ok "nor asked about" test ! -s "$work/queries"
  begin
  swaks_to "$port_grey" bad@example.org --auth-optional LOGIN --auth-user joe --auth-password wrong
  ok "AUTH: one that failed is greylisted" heard_by_swaks '450 4.7.1 Greylisted'
  ok "no mail came" no_mail
  begin
  ok "AUTH within TLS passes" swaks_to "$port_grey" bad@example.org --tls \
    --local-interface 127.0.0.2 --auth LOGIN --auth-user joe --auth-password secret
}

test_parameters() {
  begin
  dial "$port_grey"
  say 'EHLO me\r\nMAIL FROM:<g\303\266\303\266d-good@x.org> SIZE=100 BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<r\303\244t@example.net>\r\nDATA'
  ok "SIZE, 8BITMIME and SMTPUTF8 pass" hear 220 250 250 250 354
  say 'Subject: \303\244\r\n\r\n\344\r\n.\r\nVRFY r@example.net\r\nHELP\r\nNONSENSE\r\nQUIT'
  ok "VRFY, HELP and nonsense are the server's" hear 250 252 214 500 221
  hang_up
  ok "the addresses are asked about as they are" \
    test "$(asked $'I127.0.0.1|Fg\303\266\303\266d-good@x.org|Tr\303\244t@example.net||')" = 1
}

test_bdat() {
  begin
  dial "$port_grey"
  say 'EHLO me\r\nMAIL FROM:<good@x.org>\r\nRCPT TO:<r@example.net>\r\nBDAT 12\r\nSubject: x\r\nBDAT 18 LAST\r\n\r\n.\r\nQUIT\r\nhello'
  ok "BDAT: an accepted message, pipelined" hear 220 250 250 250 250 250
  ok "arrived" arrived hello
  ok "after one question" test "$(wc -l <"$work/queries")" = 1
  say 'MAIL FROM:<bad@x.org>\r\nRCPT TO:<r@example.net>\r\nBDAT 12\r\nSubject: x\r\nBDAT 0\r\nBDAT 8 LAST\r\nQUIT\r\n'
  ok "BDAT: a deferred message's chunks are swallowed, each with 450" hear 250 250 450 450 450
  say 'MAIL FROM:<good@x.org>\r\nRCPT TO:<s@example.net>\r\nBDAT 0 LAST'
  ok "BDAT: a message of nothing" hear 250 250 250
  say 'MAIL FROM:<good@x.org>\r\nRCPT TO:<s@example.net>\r\nBDAT  12\tLAST \r\nSubject: x'
  ok "BDAT: with blanks too many" hear 250 250 250
  say 'BDAT 8 LAST\r\nQUIT\r\n\r\nMAIL FROM:<good@x.org>\r\nRCPT TO:<s@example.net>\r\nBDAT 3000000000 LAST'
  ok "BDAT: out of turn" hear 503 250 250
  hang_up # in the middle of a huge chunk
  dial "$port_grey"
  say 'EHLO me\r\nBDAT x\r\nMAIL FROM:<good@x.org>'
  ok "BDAT: misspelt" hear 220 250 421
  ok "is the end" nothing_more
  hang_up
  dial "$port_grey"
  ok "BDAT to the server that is there for the next" hear 220
  hang_up
}

test_bdat_large() {
  begin
  perl -MIO::Socket::INET -e '
    my ($port) = @ARGV;
    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $port) or die;
    alarm 100;
    sub hear {
      my ($code, $line) = @_;
      do { $line = <$s> // "nothing" } while $line =~ /^...-/;
      $line =~ /^$code/ or die "$line for $code";
    }
    my @in = ("EHLO me", "MAIL FROM:<good\@x.org>", "RCPT TO:<r\@example.net>");
    print $s join("\r\n", @in, "");
    hear($_) for 220, 250, 250, 250;
    my $chunk = (".\r\n" . "m" x 75 . "\r\n") x 12_500;   # 1 MB
    print $s "BDAT ", length $chunk, "\r\n$chunk" for 1 .. 10;
    print $s "BDAT 0 LAST\r\nQUIT\r\n";
    hear($_) for (250) x 11, 221;' "$port_grey" 2>"$work/large.err"
  ok "BDAT: 10 chunks of 1 MB, sent at once" test $? = 0
  ok "all of it arrived" test "$(grep -c '^mmm' "$mail/box") $(grep -c '^\.$' "$mail/box")" = "125000 125000"
  cat "$work/large.err"
}

test_ipv6() {
  begin
  tcpserver -1 -v -R -H -l 0 ::1 0 "$greysmtpd" "${server[@]}" >"$work/v6.port" 2>"$work/v6.log" &
  pids+=($!)
  until_true test -s "$work/v6.port"
  swaks --server ::1 --port "$(cat "$work/v6.port")" --helo me --from good@x.org --to r@example.net \
    --tls --timeout "$patience" >"$work/swaks.out" 2>&1
  ok "STARTTLS: an IPv6 client that must wait hears 421" heard_by_swaks '421 4.7.1 Greylisted'
  ok "under its address" test "$(asked 'I::1|F*|T*||')" = 1
}

# What ends a message for it: the scanner of ends relies on the list.
test_ends() {
  ok "what ends a message is in tests/data/smtp_ends/exim" perl "$here/smtp_ends.pl" check \
    "$here/../data/smtp_ends/exim" 101 "$exim" -C "$work/exim/ends.conf" -bs -oMa '[127.0.0.1]:1'
}

test_spelling() {
  serve spelling "$greysmtpd" --stage=rcpt "$exim" -C "$work/exim/spelling.conf" -bs -oMa '[127.0.0.1]:1'
  ok "the recipient that is asked about is the one that Exim reads" \
    perl "$here/smtp_spelling.pl" "$port_spelling" "$work/queries" 'took <(.*)>'
}

# Our user's host sends to one that verifies its address here, with a null sender.
test_callout() {
  begin
  serve called "$greysmtpd" --stage=rcpt smtpfront-echo accept
  sed -i "s/CALLED/$port_called/" "$work/exim/callout.conf"
  printf 'EHLO me\r\nMAIL FROM:<user@example.org>\r\nRCPT TO:<r@example.net>\r\nQUIT\r\n' |
    "$exim" -C "$work/exim/callout.conf" -bs -oMa '[127.0.0.1]:1' >"$work/callout.out" 2>&1
  ok "rcpt: an address is verified at the first attempt" \
    test "$(grep -c '^250 ' "$work/callout.out")" = 3
  ok "by a real callout" until_true grep -q 'RCPT TO:<user@example.org>' "$work/called.log"
  ok "and nobody is asked about it" test ! -s "$work/queries"
  dial "$port_called"
  say 'EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<user@example.org>\r\nDATA'
  ok "rcpt: a bounce is asked about at DATA" hear 220 250 250 250 450
  ok "once" test "$(cat "$work/queries")" = 'I127.0.0.1|F|Tuser@example.org||'
  hang_up
}

# Exim takes what is behind the 16384th octet of a line for another command, and says nothing at BDAT:
# the next line was a message that nobody was asked about.
test_hidden_chunk() {
  local port hidden
  for port in "$port_direct" "$port_grey"; do
    begin
    dial "$port"
    say 'EHLO me\r\nMAIL FROM:<bad@x.org>\r\nRCPT TO:<r@example.net>'
    hear 220 250 250 250
    say "NOOP $(printf %16380s x)BDAT 20 LAST"
    hear 500
    say "Hi: $(printf %14s hidden)"
    hear 250 >"$work/heard" && hidden=yes || hidden=no
    if [ "$port" = "$port_direct" ]; then
      ok "Exim by itself takes a chunk that a long line hides" test $hidden = yes
    else
      ok "greysmtpd does not let it through" test $hidden = no
      ok "nothing came" no_mail
    fi
    hang_up
  done
}

test_offers
test_hidden_chunk
test_ends
test_spelling
test_callout
test_starttls
test_auth
test_parameters
test_bdat
test_bdat_large
test_ipv6
echo "# $failures failed"
exit $((failures > 0))
